"""Replicas in trouble: Postgres stopped or cut off, a process frozen or told to stop. Nothing is lost or doubled.

`python -m tests.test_outage NAME` does the full version of one of them and says what it saw; without NAME, which.
"""

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from memory.embedded import EmbeddedPostgres
from memory.embedded.presence import alive
from tests.conftest import Server, bare_environment
from tests.fakes import model as faults
from tests.fakes.model import Body, FakeModel
from tests.fakes.proxy import Proxy
from tests.fakes.stage import PART, Stage

QUICK = {"HEARTBEAT_SECONDS": "0.2", "STALLED_SECONDS": "0.6"}
PATIENT = 40.0  # seconds for which anything is waited for

Process = asyncio.subprocess.Process
Progress = Callable[[str], None]
Trouble = Callable[[], Awaitable[None]]


@dataclass
class House:
    """A platform, a model, and the replicas between them."""

    stage: Stage
    model: FakeModel
    url: str  # of the database, as the test reaches it
    environment: dict[str, str]
    folder: Path
    replicas: list[Process] = field(default_factory=list)

    async def start(self, number: int = 1, **environment: str) -> Process:
        """Start replicas; returns the last one when all of them listen to the platform."""
        for _ in range(number):
            with self._log(len(self.replicas)).open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.fakes.stage",
                    cwd=self.folder, env={**self.environment, **environment}, stderr=log,
                )  # fmt: skip
            self.replicas.append(process)
        started = {process.pid for process in self.replicas[-number:]}
        await until(lambda: started <= self.stage.replicas)
        return process

    def _log(self, replica: int) -> Path:
        return self.folder / f"replica {replica}.log"

    @property
    def logs(self) -> str:
        return "".join(self._log(replica).read_text() for replica in range(len(self.replicas)))

    async def end(self) -> None:
        for process in self.replicas:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def say(self, threads: int, number: int) -> None:
        """In each of the threads, message number so and so."""
        for thread in range(threads):
            self.stage.say(f"{thread}/{number}", f"thread {thread}", str(number))

    async def answered(self, threads: int, messages: int) -> None:
        """Wait until nothing is left to do; everything was heard and answered once and in order."""
        expected = {f"thread {thread}": " ".join(map(str, range(messages))) for thread in range(threads)}
        async with _connection(self.url) as database:
            try:
                async with asyncio.timeout(PATIENT):
                    while {thread: " ".join(self.stage.answers(thread)) for thread in expected} != expected:
                        await asyncio.sleep(0.05)
                    while await database.fetchval("select count(*) from public.procrastinate_jobs"):
                        await asyncio.sleep(0.05)
            except TimeoutError:
                rows = await database.fetch("select * from public.procrastinate_jobs")
                wrong = {thread: self.stage.answers(thread) for thread in expected}
                wrong = {thread: posts for thread, posts in wrong.items() if " ".join(posts) != expected[thread]}
                raise AssertionError(f"{wrong}\n{rows}\n{self.logs[-5000:]}") from None
            said: dict[tuple[str, str], list[str]] = defaultdict(list)
            for row in await database.fetch(
                "select thread_id, role, content::jsonb ->> 'content' as text from public.mastra_messages order by seq"
            ):
                said[row["thread_id"].removeprefix("stage:"), row["role"]].append(row["text"])
        for thread, messages_ in expected.items():
            assert " ".join(said[thread, "user"]) == messages_
            assert said[thread, "assistant"] == self.stage.answers(thread)
            turns = [step.turn for step in self.stage.steps if step.thread == thread]
            assert turns == sorted(turns), "two turns of a thread overlapped"
        assert "Traceback" not in self.logs, self.logs


@asynccontextmanager
async def house(url: str, folder: Path, *, replicas_url: str = "", **environment: str) -> AsyncIterator[House]:
    """`replicas_url`: the database's URL for replicas, when they go another way than the test."""
    async with Stage() as stage, FakeModel() as model:
        model.otherwise = said_back
        environment = {
            **bare_environment(folder),
            "DATABASE_URL": replicas_url or url,
            "OPENAI_BASE_URL": model.base_url,
            "STAGE_URL": stage.url,
            **environment,
        }
        home = House(stage, model, url, environment, folder)
        try:
            yield home
        finally:
            await home.end()


def said_back(body: Body) -> faults.Answer:
    """All that waits for an answer, word for word: what stands after the last answer."""
    words: list[str] = []
    for message in reversed(body["messages"]):
        if message["role"] != "user":
            break
        words.insert(0, message["content"])
    return faults.Slow(" ".join(words), first=0.02, each=0.002)


async def until(true: Callable[[], bool], seconds: float = PATIENT) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def crowd(url: str, folder: Path, threads: int, messages: int) -> str:
    """Three replicas, everything said at once, and every event delivered to several of them, again and again."""
    async with house(url, folder) as home:
        await home.start(3)
        home.stage.again = 0.2
        began = time.monotonic()
        for number in range(messages):
            home.say(threads, number)
        await home.answered(threads, messages)
        took = time.monotonic() - began
        by = [sum(step.replica == process.pid for step in home.stage.steps) for process in home.replicas]
        turns = len(home.stage.posts)
        assert len(home.model.asked) == turns, "a turn was taken twice"
        assert home.stage.deliveries > threads * messages
    return (
        f"3 replicas, {threads} threads x {messages} messages: {home.stage.deliveries} deliveries,"
        f" {turns} turns, posts and edits by replica {by}, {took:.1f} s"
    )


async def test_every_message_to_three_replicas_is_answered_once_and_in_order(database_url: str, tmp_path: Path) -> None:
    await crowd(database_url, tmp_path, 12, 10)


async def troubled(home: House, trouble: Trouble, times: int, threads: int, pause: float) -> int:
    """People go on talking while there is trouble, so many times; the messages in each thread."""
    await home.start(2)
    messages = 0

    async def talk() -> None:
        nonlocal messages
        while True:
            home.say(threads, messages)
            messages += 1
            await asyncio.sleep(pause)

    talking = asyncio.create_task(talk())
    try:
        for _ in range(times):
            await asyncio.sleep(random.uniform(0.1, 0.4))
            await trouble()
    finally:
        talking.cancel()
    await home.answered(threads, messages)
    return messages


def stopping(server: EmbeddedPostgres, home: Path, how: signal.Signals, away: float = 0.3) -> Trouble:
    """The server stops and is started again."""

    async def stop() -> None:
        postmaster = int((home / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, how)
        await until(lambda: not alive(postmaster, None))
        await asyncio.sleep(away)
        await server.ensure()

    return stop


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_a_stopped_and_restarted_postgres_costs_a_delay_and_no_message(
    how: signal.Signals, tmp_path: Path
) -> None:
    postgres = tmp_path / "home"
    async with EmbeddedPostgres(postgres) as server, house(server.dsn, tmp_path, **QUICK) as home:
        await troubled(home, stopping(server, postgres, how), 2, 5, 0.1)


def cutting(url: str) -> Trouble:
    """Some of the connections are terminated."""

    async def cut() -> None:
        async with _connection(url) as database:
            await database.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and application_name = 'hathi' and random() < 0.7"
            )

    return cut


async def test_connections_killed_at_random_lose_and_double_nothing(database_url: str, tmp_path: Path) -> None:
    async with house(database_url, tmp_path) as home:
        await troubled(home, cutting(database_url), 12, 5, 0.1)


def losing(proxy: Proxy) -> Trouble:
    """For a while it often happens that a statement is carried out and nobody hears of it."""

    async def lose() -> None:
        proxy.loses = 0.1
        await asyncio.sleep(0.2)
        proxy.loses = 0

    return lose


async def test_lost_replies_of_the_database_lose_and_double_nothing(
    server: Server, database_name: str, tmp_path: Path
) -> None:
    url = server.database(database_name)
    async with (
        Proxy(server.socket_file) as proxy,
        house(url, tmp_path, replicas_url=server.through(proxy, database_name), **QUICK) as home,
    ):
        await troubled(home, losing(proxy), 6, 5, 0.1)


async def outage(server: Server, name: str, folder: Path, away: float, patience: str = "") -> str:
    """The database is out of reach when something is said; the platform delivers until it was heard."""
    url = server.database(name)
    async with (
        Proxy(server.socket_file) as proxy,
        house(url, folder, replicas_url=server.through(proxy, name), **QUICK) as home,
    ):
        if patience:
            home.environment["STAGE_PATIENCE"] = patience
        await home.start(2)
        home.say(3, 0)
        await home.answered(3, 1)
        await proxy.shut()
        began = time.monotonic()
        home.say(3, 1)
        await asyncio.sleep(away)
        assert home.stage.waiting, "acknowledged what was not written down"
        home.say(3, 2)
        await proxy.open()
        back = time.monotonic()
        await home.answered(3, 3)
        refused = home.logs.count("not acknowledged")
        assert all(process.returncode is None for process in home.replicas)
    return (
        f"the database away for {back - began:.0f} s: accept() gave up {refused} times,"
        f" all answered {time.monotonic() - back:.1f} s after it was back"
    )


async def test_what_is_said_while_the_database_is_away_is_not_acknowledged_and_answered_once_it_is_back(
    server: Server, database_name: str, tmp_path: Path
) -> None:
    said = await outage(server, database_name, tmp_path, 1.5, patience="0.3")
    assert "gave up 0 times" not in said


ALARMS = (
    "model",  # the model is asked, and has not said a word
    "posted 0",  # the first post is there, and not recorded; the answer is not written down
    "edit",  # the answer is written down, its first post on its way
    "post 1",  # between two posts: the second is on its way
    "posted 1",  # the last post is there, and not recorded
)


async def false_alarms(home: House, progress: Progress = lambda line: None) -> None:
    """At each point of a turn its replica is frozen until another one has taken the turn over; then it goes on."""
    first, second = await home.start(), await home.start()
    for point in ALARMS:
        await _false_alarm(home, first, second, point)
        progress(f"frozen at {point!r}, taken over, answered once")
        first, second = second, first
    assert "Traceback" not in home.logs, home.logs


async def _false_alarm(home: House, first: Process, second: Process, point: str) -> None:
    thread, model_is_asked, frozen, go_on = f"porch {point}", len(home.model.asked), asyncio.Event(), asyncio.Event()
    answers = f"first one{PART}first two", f"second one{PART}second two"
    home.model.answers = [faults.Held(answers[0], go_on) if point == "model" else answers[0]]
    home.model.otherwise = lambda body: answers[1] if body["messages"][-1]["content"] == "hello" else said_back(body)

    def freeze() -> None:
        first.send_signal(signal.SIGSTOP)
        frozen.set()

    async def reached(step: str) -> None:
        if step == point and not frozen.is_set():
            freeze()
            await go_on.wait()

    home.stage.reached = reached
    second.send_signal(signal.SIGSTOP)  # so that the first one takes the turn
    home.stage.say(f"question {point}", thread, "hello")
    if point == "model":
        await until(lambda: len(home.model.asked) > model_is_asked)
        freeze()
    await frozen.wait()
    steps = home.stage.steps_of(first.pid, thread)
    expected = answers[point in {"model", "posted 0"}].split(PART)  # whose answer was written down
    second.send_signal(signal.SIGCONT)
    home.stage.say(f"poke {point}", "elsewhere", "0")  # nothing else would make it look around
    await until(lambda: home.stage.answers(thread) == expected)
    first.send_signal(signal.SIGCONT)
    await asyncio.sleep(0.5)  # some heartbeats: it feels young again
    go_on.set()
    await asyncio.sleep(0.3)
    assert home.stage.steps_of(first.pid, thread) == steps
    home.stage.say(f"again {point}", thread, "and now?")
    await until(lambda: home.stage.answers(thread) == [*expected, "and now?"])
    async with _connection(home.url) as database:
        texts = await database.fetch(
            "select content::jsonb ->> 'content' as text from public.mastra_messages where thread_id = $1 order by seq",
            f"stage:{thread}",
        )
    assert [row["text"] for row in texts] == ["hello", PART.join(expected), "and now?", "and now?"]


async def test_a_frozen_replica_that_comes_back_neither_posts_nor_writes_for_a_turn_that_was_taken_over(
    database_url: str, tmp_path: Path
) -> None:
    async with house(database_url, tmp_path, **QUICK) as home:
        await false_alarms(home)


ENDS = (
    "in time",  # the answer comes while it is told to stop
    "too late",  # it does not
    "told twice",  # nor is there time to wait for it
    "killed",
    "database away",
)


async def drain(
    server: Server, name: str, folder: Path, grace: str = "", progress: Progress = lambda line: None
) -> None:
    """A replica is told to stop in the middle of an answer, another one is started then; in each of the ways to end."""
    async with (
        Proxy(server.socket_file) as proxy,
        house(server.database(name), folder, replicas_url=server.through(proxy, name), **QUICK) as home,
    ):
        if grace:
            home.environment["STAGE_GRACE"] = grace
        replica = await home.start()
        for number, end in enumerate(ENDS):
            asked, go_on = len(home.model.asked), asyncio.Event()
            home.model.answers = [faults.Held(str(number), go_on)]
            home.say(1, number)
            await until(lambda asked=asked: len(home.model.asked) > asked)  # type: ignore[misc]  # its default
            if end == "database away":
                await proxy.shut()
            replica.terminate()
            began = time.monotonic()
            await asyncio.sleep(0.2)
            match end:
                case "in time":
                    go_on.set()
                case "told twice":
                    replica.terminate()
                case "killed":
                    replica.kill()
            async with asyncio.timeout(10):  # then a platform kills it
                status = await replica.wait()
            assert status == (-signal.SIGKILL if end == "killed" else 0), home.logs
            progress(f"told to stop, {end}: ended with {status} after {time.monotonic() - began:.1f} s")
            if end == "database away":
                await proxy.open()
            replica = await home.start()
            await home.answered(1, number + 1)
            assert len(home.model.asked) == asked + 1 + (end != "in time")


async def test_a_replica_told_to_stop_in_the_middle_of_an_answer_loses_and_doubles_nothing(
    server: Server, database_name: str, tmp_path: Path
) -> None:
    await drain(server, database_name, tmp_path, grace="0.5")


async def other_machine(url: str, folder: Path) -> str:
    """With the heartbeats that people have: killed, and started again where nobody can see that it was."""
    async with house(url, folder) as home:
        first = await home.start()
        home.model.answers = [faults.Silence()]
        home.say(1, 0)
        await until(lambda: bool(home.model.asked))
        async with _connection(url) as database:
            await database.execute("update hathi.workers set process = 'another machine 1/1'")
        await asyncio.sleep(random.uniform(0, 5))
        first.kill()
        await first.wait()
        began = time.monotonic()
        await home.start()
        await home.answered(1, 1)
    return f"killed on another machine: answered {time.monotonic() - began:.1f} s after the restart"


FULL = ("replicas", "stop", "kill", "cut", "lose", "outage-30", "outage-75", "alarm", "drain", "machine")


async def main(name: str) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        async with EmbeddedPostgres(folder / "home") as postgres:
            server = Server(postgres.dsn)
            match name:
                case "replicas":
                    print(await crowd(postgres.dsn, folder, 50, 20))
                case "stop" | "kill":
                    how = signal.SIGINT if name == "stop" else signal.SIGKILL
                    async with house(postgres.dsn, folder, **QUICK) as home:
                        said = await troubled(home, stopping(postgres, folder / "home", how, 1.0), 10, 10, 0.2)
                    print(f"Postgres ended with {how.name} 10 times, 10 threads x {said} messages")
                case "cut":
                    async with house(postgres.dsn, folder) as home:
                        said = await troubled(home, cutting(postgres.dsn), 100, 20, 0.2)
                    print(f"connections killed 100 times, 20 threads x {said} messages")
                case "lose":
                    async with (
                        Proxy(server.socket_file) as proxy,
                        house(postgres.dsn, folder, replicas_url=server.through(proxy, "hathi"), **QUICK) as home,
                    ):
                        said = await troubled(home, losing(proxy), 60, 10, 0.1)
                    print(f"a tenth of the replies lost, 60 times 0.2 s, 10 threads x {said} messages")
                case "outage-30" | "outage-75":
                    print(await outage(server, "hathi", folder, float(name.removeprefix("outage-"))))
                case "alarm":
                    async with house(postgres.dsn, folder, **QUICK) as home:
                        await false_alarms(home, print)
                case "drain":
                    await drain(server, "hathi", folder, progress=print)
                case "machine":
                    print(await other_machine(postgres.dsn, folder))
    print("0 lost, 0 doubled")


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] in FULL:
        asyncio.run(main(sys.argv[1]))
    else:
        sys.exit(f"one of: {' '.join(FULL)}")
