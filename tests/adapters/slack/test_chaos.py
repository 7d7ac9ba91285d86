"""Many people in many threads while everything fails at random, and a bot that is killed at every step of a turn.

The suite does a small version; `python -m tests.adapters.slack.test_chaos [EVENTS THREADS [SEED]]` does the full one
with the program as a process of its own that is killed again and again: each message gets exactly one right answer.
"""

import asyncio
import contextlib
import logging
import random
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.markup.slack import pieces
from bot.waiting import STILL_TRYING
from memory import dsn
from memory.embedded import EmbeddedPostgres
from memory.pool import open_database
from memory.transcript import PostgresTranscript
from tests.adapters.moody import PROGRAM, moody
from tests.adapters.numbering import numbers
from tests.conftest import Hathi, bare_environment
from tests.fakes import model as faults
from tests.fakes.model import FakeModel
from tests.fakes.slack_api import FakeSlack

PATIENCE = 180.0  # seconds in which everything must be answered once nothing fails any more


@dataclass
class World:
    """A fake Slack, a fake model, a database, and the program between them."""

    slack: FakeSlack
    model: FakeModel
    program: Hathi
    url: str
    process: asyncio.subprocess.Process | None = None
    kills: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    log: int = asyncio.subprocess.DEVNULL  # of the program
    saying: "set[asyncio.Task[str]]" = field(default_factory=set)

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, "run", "slack",
            cwd=self.program.folder, env=self.program.environment, stderr=self.log,
        )  # fmt: skip
        await self.slack.until(lambda: self.slack.sockets >= 2, 30)

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()
            self.kills += 1
        await self.slack.until(lambda: not self.slack.sockets)

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    def say(self, user: str, channel: str, text: str, thread_ts: str | None) -> "asyncio.Task[str]":
        """Without waiting until it is acknowledged, as people do."""
        task = asyncio.create_task(self.slack.say(user, channel, text, thread_ts=thread_ts))
        self.saying.add(task)
        task.add_done_callback(self.saying.discard)
        return task


@asynccontextmanager
async def world(url: str, folder: Path, *, rate_limited: bool) -> AsyncIterator[World]:
    async with FakeSlack(rate_limited=rate_limited) as slack, FakeModel() as model:
        slack.retry_delays = [0.5, 2.0, 6.0]
        environment = {
            **bare_environment(folder), "DATABASE_URL": url, "OPENAI_BASE_URL": model.base_url, "PORT": "0",
            "SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url,
            "HEARTBEAT_SECONDS": "0.5", "STALLED_SECONDS": "2",
        }  # fmt: skip
        built = World(slack, model, Hathi(folder, environment), url)
        try:
            yield built
        finally:
            await built.kill()
            for task in built.saying:
                task.cancel()
        assert slack.pings == []
        assert slack.unexpected == []


async def chaos(there: World, events: int, threads: int, seed: int, kills: int) -> None:
    """Let people talk while things fail, then wait until everything is answered, and look at every answer."""
    dice = random.Random(seed)
    slack, model = there.slack, there.model
    model.otherwise = moody(dice, there.troubles)
    people = [slack.person(f"Person{number}") for number in range(10)]
    channels = [slack.channel(f"room-{number}") for number in range(max(1, threads // 5))]
    await there.start()
    at = f"<@{slack.bot_user}>"
    roots = []
    for number in range(threads):
        channel = dice.choice(channels)
        roots.append((channel, await slack.say(dice.choice(people), channel, f"{at} #{events + number}")))
    said: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, root in enumerate(roots):
        said[root].append(events + number)
    dying = sorted(dice.sample(range(events), kills))
    for number in range(events):
        place, thread = dice.choice(roots)
        call = f"{at} " if dice.random() < 0.3 else ""
        there.say(dice.choice(people), place, f"{call}#{number}", thread)
        said[place, thread].append(number)
        await _trouble(there, dice)
        if number in dying:
            there.troubles["killed"] += 1
            await there.restart()
        await asyncio.sleep(dice.random() * 0.02)
    slack.faults.clear()
    slack.twice = slack.reordered = False
    await slack.flush()
    await asyncio.gather(*there.saying)
    if slack.given_up:  # all its deliveries failed: only a look back finds it
        there.troubles["given up"] += len(slack.given_up)
        await there.restart()
    await _answered(there, said)
    await _check(there, said)


async def _trouble(there: World, dice: random.Random) -> None:
    """Now and then something fails."""
    slack = there.slack
    failures: list[dict[str, Any]] = [
        {"status": 429, "headers": {"Retry-After": "1"}}, {"status": 500}, {"status": 503, "after": True},
        {}, {"after": True}, {"error": "internal_error"}, {"seconds": 0.3},
    ]  # fmt: skip
    slack.twice = dice.random() < 0.2
    slack.mention_first = dice.random() < 0.5
    slack.close_streams_after = dice.choice([None, None, 1])
    roll = dice.random()
    if roll < 0.15:
        failure = dice.choice(failures)
        slack.fail(r"chat\.(postMessage|update|\w+Stream)", **failure)
        there.troubles[" ".join(f"{name} {failure[name]}" for name in failure if name != "headers") or "reset"] += 1
    elif roll < 0.17:
        there.troubles["dropped"] += 1
        await slack.drop()
    elif roll < 0.18:
        there.troubles["refresh"] += 1
        await slack.refresh()
    elif roll < 0.20:
        there.troubles["database"] += 1
        await _cut(there.url)


async def _cut(url: str) -> None:
    admin = await asyncpg.connect(url)
    await admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where pid <> pg_backend_pid() and datname = current_database() and application_name = 'hathi'"
    )
    await admin.close()


async def _answered(there: World, said: dict[tuple[str, str], list[int]]) -> None:
    """Until each number stands in an answer, and nothing changes any more."""

    def all_there() -> bool:
        return all(
            set(wanted) <= {number for text in there.slack.texts(*root) for number in numbers(text)}
            for root, wanted in said.items()
        )

    with contextlib.suppress(TimeoutError):  # the check says what is missing
        await there.slack.until(all_there, PATIENCE)
    await asyncio.sleep(3)


async def _check(there: World, said: dict[tuple[str, str], list[int]]) -> None:
    lost, doubled, wrong = [], [], []
    async with open_database(dsn.parse(there.url)) as database:
        transcript = PostgresTranscript(database)
        for (channel, root), told in said.items():
            texts = there.slack.texts(channel, root)
            answered = Counter(number for text in texts for number in numbers(text))
            lost += [number for number in told if not answered[number]]
            doubled += [number for number, times in answered.items() if times > 1]
            expected: list[str] = []
            for ts, message in sorted(there.slack.messages[channel].items()):
                if message.get("bot_id") or root not in {ts, message.get("thread_ts")}:
                    continue
                answer = await transcript.answer_to(f"slack:{there.slack.team}:{channel}:{ts}")
                if answer and answer not in expected:
                    expected.append(answer)
            shown = [piece for answer in expected for piece in pieces(answer)]
            if sorted(texts) != sorted(shown):
                wrong.append((channel, root, texts, shown))
    assert (lost, doubled, wrong) == ([], [], []), (lost, doubled, wrong[:2], there.troubles)


@pytest.mark.parametrize("seed", [3])
async def test_messages_survive_random_faults_and_kills_with_one_right_answer_each(
    database_url: str, tmp_path: Path, seed: int
) -> None:
    async with world(database_url, tmp_path, rate_limited=False) as there:
        await chaos(there, events=50, threads=6, seed=seed, kills=1)


LONG = "\n\n".join(f"Paragraph {number} of a long answer, which fills more than one message." for number in range(220))
POINTS = ("posted 1", "model", "noticed", "posted 0", "last", "heard")


async def crash(there: World, rounds: int, progress: Callable[[str], None] = lambda line: None) -> None:
    """Kill the program once in each round, at the next step of a turn each time: exact texts, nothing twice."""
    slack, model = there.slack, there.model
    channel, ana = slack.channel("porch"), slack.person("Ana")
    await there.start()
    for number in range(rounds):
        point = POINTS[number % len(POINTS)]
        text = f"#{number} {LONG}"
        model.answers = [
            faults.Silence() if point in {"model", "noticed"} else faults.Slow(text, first=0.1, each=0.0003)
        ]
        model.otherwise = text
        asked = len(model.asked)
        ts = await slack.say(ana, channel, f"<@{slack.bot_user}> #{number}")
        await _reached(there, point, channel, ts, asked)
        await there.restart()
        wanted = pieces(text)
        await slack.until(lambda ts=ts, wanted=wanted: slack.texts(channel, ts) == wanted, 60)  # type: ignore[misc]
        progress(f"{number + 1}/{rounds}: killed at {point!r}, answered once")
    await asyncio.sleep(1)
    wanted = [piece for number in range(rounds) for piece in pieces(f"#{number} {LONG}")]
    assert slack.texts(channel) == wanted


async def _reached(there: World, point: str, channel: str, ts: str, asked: int) -> None:
    slack = there.slack
    steps: dict[str, Callable[[], object]] = {
        "heard": lambda: True,
        "model": lambda: len(there.model.asked) > asked,
        "noticed": lambda: slack.texts(channel, ts) == [STILL_TRYING],
        "posted 0": lambda: len(slack.posts(channel, ts)) >= 1,
        "posted 1": lambda: len(slack.posts(channel, ts)) >= 2,
        "last": lambda: "".join(slack.texts(channel, ts)).endswith("message."),
    }
    if point == "heard":
        await asyncio.sleep(0.05)
    await slack.until(steps[point], 40)


async def test_a_program_killed_at_every_step_of_a_turn_shows_each_answer_once(
    database_url: str, tmp_path: Path
) -> None:
    async with world(database_url, tmp_path, rate_limited=False) as there:
        await crash(there, 2)


async def main(arguments: list[str]) -> None:
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # the fake's resets
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with (
            EmbeddedPostgres(Path(folder) / "home") as server,
            world(server.dsn, Path(folder), rate_limited=arguments[:1] != ["crash"]) as there,
        ):
            there.log = sys.stderr.fileno()
            if arguments[:1] == ["crash"]:
                rounds = int(arguments[1]) if arguments[1:] else 50
                await crash(there, rounds, lambda line: print(line, file=sys.stderr))
                print(f"{rounds} rounds: 0 lost, 0 doubled")
                return
            events, threads = (int(argument) for argument in (arguments or ["1000", "50"])[:2])
            seed = int(arguments[2]) if arguments[2:] else random.randrange(1_000_000)
            print(f"seed {seed}", file=sys.stderr)
            await chaos(there, events, threads, seed, kills=max(1, events // 100))
            print(f"{events} events in {threads} threads: 0 lost, 0 doubled; {dict(there.troubles)}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
