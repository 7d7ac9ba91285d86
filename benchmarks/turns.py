"""What a turn costs: round trips, latency, throughput, CPU and memory of the real agent on a real Postgres.

`python -m benchmarks.turns [--json] [--turns N] [--delays 0,5,25] [--threads 1,16,64]` puts the house together with a
model that answers at once and a platform that does nothing, and has people talk: with the history alone, and with all
memories, when each turn is indexed and read for a page behind its answer. Postgres is DATABASE_URL's (a database of its
own is made there, and dropped), else an embedded one; it stands behind a door that delays and counts.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import math
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import fmean, median
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.database import own_database
from benchmarks.outside import ANSWER, Gauge, Gauges, outside
from bot.agent import Agent
from bot.chat import Image, Message, Resource, Room, Thread, Turn
from bot.digests import Digests
from bot.jobs import DurableJobs
from bot.models import Keys, open_model
from bot.models.minilm import MiniLM, installed
from bot.ports import Lease, Memory, Noted, Outbox
from bot.settings import read_persona
from memory import dsn
from memory.forgetting import Forgetting
from memory.history import History
from memory.memories import Memories
from memory.migrate import migrate
from memory.pool import Database, open_database
from memory.recall.index import Index
from memory.recall.remembering import SemanticRecall
from memory.transcript import PostgresTranscript
from memory.working.loading import read_template
from memory.working.pages import Pages
from memory.working.remembering import WorkingMemory

PLATFORM = "bench"
LAST_MESSAGES = 10  # as the settings have it
PAGE_TOKENS = 600  # likewise
RECALL = (4, 1, 1000)  # messages, neighbours, tokens; likewise
LONGEST = 30.0  # seconds for which threads keep talking, and for which anybody waits for an answer
IDLE_SECONDS = 10.0
STUCK = 2.0  # seconds; when nothing was answered for so long, what waits is woken by hand, and counted
MORE = 10  # times as many turns are measured side by side as one after the other


@dataclass(frozen=True)
class Latency:
    """Milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True)
class Count:
    """Of one turn."""

    median: float
    mean: float
    most: int


@dataclass(frozen=True)
class Alone:
    """Turns one after the other in one thread, nothing else going on."""

    delay_ms: float  # of a round trip, as asked for
    round_trip_ms: float  # as measured, p50
    turns: int
    trips_to_model: Count
    trips_to_reader: Count  # from the model's last word on
    trips: Count
    statements_to_model: Count
    statements: Count
    to_model: Latency  # from the event to the model's reading the request
    to_reader: Latency  # from the event to the call that posts the answer
    whole: Latency  # from the event to the end of the agent's work; what ends the job comes after


@dataclass(frozen=True)
class Beside:
    """Turns of several threads side by side; each says its next message when it has read the answer."""

    threads: int
    turns: int
    seconds: float
    turns_per_second: float
    cpu_ms: float  # of this process, a turn
    trips: float
    statements: float
    to_reader: Latency
    stuck: int  # turns that nobody began until they were woken by hand, after two seconds
    load: float  # of the machine in the last minute, afterwards


@dataclass(frozen=True)
class Idle:
    """What passes when everything is answered."""

    seconds: float
    statements_per_minute: float
    new_connections_per_minute: float
    cpu_percent: float  # of one core, this process


@dataclass(frozen=True)
class Machine:
    """Where it was measured."""

    cores: int
    cpu: str
    system: str
    python: str
    postgres: str
    fsync: str
    synchronous_commit: str
    load_before: float
    load_after: float


@dataclass(frozen=True)
class Target:
    """What was promised; `found` is None where it was not measured."""

    name: str
    limit: float
    found: float | None
    met: bool


@dataclass(frozen=True)
class Remembering:
    """The same with recall and working memory: both are asked before an answer, and kept up behind it."""

    alone: list[Alone]
    beside: list[Beside]
    to_model_ratio: float  # of the time to the model at the longest delay, p50, to that without
    turns_per_second_ratio: float  # with the most threads, to that without


@dataclass(frozen=True)
class Report:
    """All of it."""

    machine: Machine
    alone: list[Alone]
    beside: list[Beside]
    remembering: Remembering
    idle: Idle
    rss_mb: float
    peak_rss_mb: float
    targets: list[Target]


@dataclass(frozen=True)
class _Plan:
    turns: int
    delays: list[float]  # milliseconds, a round trip
    threads: list[int]


async def measure(plan: _Plan) -> Report:
    """Put the house together and measure everything."""
    load = os.getloadavg()[0]
    async with _house(remembers=False) as house:
        alone = [await _alone(house, delay, plan.turns) for delay in plan.delays]
        house.gauges[Gauge.DELAY] = 0
        beside = [await _beside(house, threads, plan.turns * MORE) for threads in plan.threads]
        idle = await _idle(house)
        machine = await _machine(house.database, load)
        rss, peak = _memory()
    async with _house(remembers=True) as house:
        later = [await _alone(house, delay, plan.turns) for delay in plan.delays]
        house.gauges[Gauge.DELAY] = 0
        crowd = [await _beside(house, threads, plan.turns * MORE) for threads in plan.threads]
    remembering = Remembering(
        later,
        crowd,
        later[-1].to_model.p50 / alone[-1].to_model.p50,
        crowd[-1].turns_per_second / beside[-1].turns_per_second,
    )
    return Report(machine, alone, beside, remembering, idle, rss, peak, _targets(alone, beside, rss))


async def _alone(house: "_House", delay: float, turns: int) -> Alone:
    gauges = house.gauges
    gauges[Gauge.DELAY] = round(delay * 1e6 / 2)
    thread = Thread(PLATFORM, f"alone-{delay:g}")
    for _ in range(5):  # statements are prepared, connections open
        await house.say(thread)
        await house.settled()
    found = []
    for number in range(turns):
        _progress(f"{delay:g} ms: turn {number + 1} of {turns}")
        begun = gauges[Gauge.TRIPS], gauges[Gauge.STATEMENTS], gauges[Gauge.ASKED]
        spoken = await house.say(thread)
        await spoken.over.wait()
        await house.settled()
        if gauges[Gauge.ASKED] != begun[2] + 1:
            raise RuntimeError("a turn asked the model more or less than once")
        found.append(_sample(gauges, begun[0], begun[1], spoken))
    return Alone(
        delay_ms=delay,
        round_trip_ms=await house.round_trip(),
        turns=turns,
        trips_to_model=_count([sample.trips_to_model for sample in found]),
        trips_to_reader=_count([sample.trips_to_reader for sample in found]),
        trips=_count([sample.trips for sample in found]),
        statements_to_model=_count([sample.statements_to_model for sample in found]),
        statements=_count([sample.statements for sample in found]),
        to_model=_latency([sample.to_model for sample in found]),
        to_reader=_latency([sample.to_reader for sample in found]),
        whole=_latency([sample.whole for sample in found]),
    )


@dataclass(frozen=True)
class _Sample:
    trips_to_model: int
    trips_to_reader: int
    trips: int
    statements_to_model: int
    statements: int
    to_model: int  # nanoseconds
    to_reader: int
    whole: int


def _sample(gauges: Gauges, trips: int, statements: int, spoken: "_Spoken") -> _Sample:
    return _Sample(
        trips_to_model=gauges[Gauge.ASKED_TRIPS] - trips,
        trips_to_reader=spoken.posted_trips - gauges[Gauge.ASKED_TRIPS],
        trips=gauges[Gauge.TRIPS] - trips,
        statements_to_model=gauges[Gauge.ASKED_STATEMENTS] - statements,
        statements=gauges[Gauge.STATEMENTS] - statements,
        to_model=gauges[Gauge.ASKED_AT] - spoken.said_at,
        to_reader=spoken.posted_at - spoken.said_at,
        whole=spoken.over_at - spoken.said_at,
    )


async def _beside(house: "_House", threads: int, turns: int) -> Beside:
    names = [Thread(PLATFORM, f"beside-{threads}-{number}") for number in range(threads)]
    for _ in range(2):
        await asyncio.gather(*(house.say(name) for name in names))
        await house.settled()
    left = itertools.count(turns - 1, -1)
    latencies: list[int] = []
    before = house.gauges[Gauge.TRIPS], house.gauges[Gauge.STATEMENTS]
    stuck = sum(house.platform.stuck.values())
    begun, cpu = time.monotonic(), time.process_time()

    async def talk(name: Thread) -> None:
        while time.monotonic() < begun + LONGEST and next(left) >= 0:
            spoken = await house.say(name)
            latencies.append(spoken.posted_at - spoken.said_at)
            if len(latencies) % 50 == 0:
                _progress(f"{threads} threads: turn {len(latencies)} of {turns}")

    await asyncio.gather(*(talk(name) for name in names))
    seconds = time.monotonic() - begun
    await house.settled()  # what ends the last turns counts as theirs
    cpu = time.process_time() - cpu
    done = len(latencies)
    return Beside(
        threads=threads,
        turns=done,
        seconds=seconds,
        turns_per_second=done / seconds,
        cpu_ms=cpu * 1000 / done,
        trips=(house.gauges[Gauge.TRIPS] - before[0]) / done,
        statements=(house.gauges[Gauge.STATEMENTS] - before[1]) / done,
        to_reader=_latency(latencies),
        stuck=sum(house.platform.stuck.values()) - stuck,
        load=os.getloadavg()[0],
    )


async def _idle(house: "_House") -> Idle:
    _progress(f"{IDLE_SECONDS:g} s of silence")
    gauges = house.gauges
    before, cpu = (gauges[Gauge.STATEMENTS], gauges[Gauge.CONNECTIONS]), time.process_time()
    await asyncio.sleep(IDLE_SECONDS)
    scale = 60 / IDLE_SECONDS
    return Idle(
        IDLE_SECONDS,
        (gauges[Gauge.STATEMENTS] - before[0]) * scale,
        (gauges[Gauge.CONNECTIONS] - before[1]) * scale,
        (time.process_time() - cpu) / IDLE_SECONDS * 100,
    )


def _targets(alone: Sequence[Alone], beside: Sequence[Beside], rss: float) -> list[Target]:
    def at_most(name: str, limit: float, found: Sequence[float]) -> Target:
        worst = max(found, default=None)
        return Target(name, limit, worst, worst is not None and worst <= limit)

    far = [each.to_model.p50 for each in alone if each.delay_ms == 25]
    busy = [each for each in beside if each.threads == 16]
    speed = min((each.turns_per_second for each in busy), default=None)
    return [
        at_most("round trips from the event to the model, median", 3, [each.trips_to_model.median for each in alone]),
        at_most("round trips of a turn, median", 6, [each.trips.median for each in alone]),
        at_most("round trips from the last word to the reader", 1, [each.trips_to_reader.median for each in alone]),
        at_most("ms to the model at 25 ms, p50", 100, far),
        Target("turns/s of 16 threads, at least", 150, speed, speed is not None and speed >= 150),
        at_most("ms of CPU a turn, 16 threads", 8, [each.cpu_ms for each in busy]),
        at_most("MB of memory, resident", 150, [rss]),
        at_most("turns that nobody began", 0, [each.stuck for each in beside]),
    ]


@dataclass(eq=False)
class _Spoken:
    """One message on its way to its answer. Times on the monotonic clock, in nanoseconds."""

    said_at: int
    answered: "asyncio.Future[None]"
    over: asyncio.Event = field(default_factory=asyncio.Event)
    posted_at: int = 0
    posted_trips: int = 0
    over_at: int = 0


@dataclass(frozen=True)
class _House:
    """The bot, and people who talk to it."""

    database: Database
    agent: Agent
    gauges: Gauges
    platform: "_Platform"

    async def say(self, thread: Thread) -> _Spoken:
        """Say something, and wait until the answer can be read."""
        number = next(self.platform.numbers)
        message = Message(
            id=f"{PLATFORM}:{thread.id}:{number}",
            thread=thread,
            author=Resource(PLATFORM, thread.id),
            room=Room("direct", thread.id),
            text=f"This is message {number}: what does the fox do, and how often?",
            at=datetime.now(UTC),
        )
        spoken = _Spoken(time.monotonic_ns(), asyncio.get_running_loop().create_future())
        self.platform.waiting[thread] = self.platform.latest[thread] = spoken
        async with asyncio.timeout(LONGEST):
            await self.agent.accept(message)
            while not (await asyncio.wait([spoken.answered], timeout=STUCK))[0]:
                last = max(each.posted_at for each in self.platform.latest.values())
                if time.monotonic_ns() - last > STUCK * 1e9:  # not just slow: nothing is answered anywhere
                    self.platform.stuck[thread] += 1
                    self.agent.jobs.wake(0)
        return spoken

    async def settled(self) -> None:
        """Until everything that was to be sent to the database is sent."""
        pause = self.gauges[Gauge.DELAY] / 1e9 * 2 + 0.03
        seen = -1
        while seen != (seen := self.gauges[Gauge.TRIPS]):  # noqa: ASYNC110  # another process counts
            await asyncio.sleep(pause)

    async def round_trip(self) -> float:
        """Milliseconds that a statement takes which costs the server nothing."""
        taken = []
        for _ in range(20):
            begun = time.monotonic_ns()
            await self.database.fetch("select 1")
            taken.append(time.monotonic_ns() - begun)
        return _latency(taken).p50

    async def work(self, turn: Turn, lease: Lease) -> None:
        """The agent's turn, with its end noted."""
        spoken = self.platform.waiting.get(turn.thread)
        await self.agent.turn(turn, lease)
        if spoken is not None:
            spoken.over_at = time.monotonic_ns()
            spoken.over.set()


@dataclass(frozen=True)
class _Platform:
    """An adapter whose posts arrive at once; it holds the answers against what was asked."""

    gauges: Gauges
    name: str = PLATFORM
    trouble: str | None = None
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    waiting: dict[Thread, _Spoken] = field(default_factory=dict)
    latest: dict[Thread, _Spoken] = field(default_factory=dict)
    stuck: "Counter[Thread]" = field(default_factory=Counter)

    async def run(self, accept: object) -> None:
        """Nobody is out there."""

    def reply(self, thread: Thread, outbox: Outbox) -> AbstractAsyncContextManager["_Reply"]:
        return contextlib.nullcontext(_Reply(self, thread, outbox))

    def typing(self, thread: Thread) -> AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()

    def routes(self) -> tuple[()]:
        """Nobody asks over HTTP."""
        return ()

    async def download(self, image: Image, thread: Thread) -> None:
        """There are no pictures."""

    async def noted(self, noted: Noted) -> None:
        """Nobody is told."""


@dataclass(frozen=True)
class _Reply:
    platform: _Platform
    thread: Thread
    outbox: Outbox

    async def show(self, text: str) -> None:
        """Nobody looks."""

    async def show_notice(self, text: str) -> None:
        """Nobody looks."""

    async def finish(self, text: str) -> None:
        """One piece, as an adapter posts it."""
        await self.outbox.allow()
        spoken = self.platform.latest[self.thread]
        if text != ANSWER or spoken.answered.done():
            raise RuntimeError(f"in {self.thread} the bot said, unasked or wrongly: {text}")
        spoken.posted_at = time.monotonic_ns()
        spoken.posted_trips = self.platform.gauges[Gauge.TRIPS]
        spoken.answered.set_result(None)
        await self.outbox.record(f"{self.outbox.key}-0", 0)

    async def withdraw(self) -> None:
        """Nothing was shown."""


@asynccontextmanager
async def _house(*, remembers: bool) -> AsyncIterator[_House]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        gauges = Gauges.create(Path(folder) / "gauges")
        file = str(Path(folder) / "gauges")
        async with (
            own_database(os.environ.get("DATABASE_URL") or None) as url,
            outside("postgres", file, _address(url)) as port,
            outside("model", file) as model_port,
            open_database(dsn.parse(_through(url, port))) as database,
        ):
            _progress("bringing the database up to date")
            await migrate(database)
            pages, adapter = Pages(database, read_template(None)), _Platform(gauges)
            transcript, forgetting = PostgresTranscript(database, pages), Forgetting(pages)
            jobs = DurableJobs(database, [PLATFORM])
            model = open_model("openai/bench", Keys(openai_base_url=f"http://127.0.0.1:{model_port}/v1"))
            history = History(transcript, LAST_MESSAGES)
            memory: Memory = history
            embedder = MiniLM() if remembers and installed() else None
            if remembers:
                recall = SemanticRecall(Index(database, embedder), history, *RECALL)
                memory = Memories([history, recall, WorkingMemory(pages, forgetting, [model], PAGE_TOKENS)])
            digests = Digests(memory, partial(transcript.undigested, [PLATFORM]), adapter.noted)
            agent = Agent(
                transcript=transcript,
                forgetting=forgetting,
                memory=memory,
                models=[model],
                jobs=jobs,
                adapters={PLATFORM: adapter},
                persona=read_persona(None),
                digested=digests.due if remembers else lambda thread: None,
            )
            house = _House(database, agent, gauges, adapter)
            worker = asyncio.create_task(_work(jobs, house, digests))
            try:
                yield house
            finally:
                gauges[Gauge.DELAY] = 0
                worker.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await worker
                await model.close()
                if embedder is not None:
                    await embedder.close()


async def _work(jobs: DurableJobs, house: _House, digests: Digests) -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(jobs.run(house.work))
        tasks.create_task(digests.run())


def _address(url: str) -> str:
    """Where a database listens: a socket file, or host:port."""
    parts = urlsplit(url)
    host = parts.hostname or parse_qs(parts.query).get("host", ["/var/run/postgresql"])[0]
    return f"{host}/.s.PGSQL.{parts.port or 5432}" if host.startswith("/") else f"{unquote(host)}:{parts.port or 5432}"


def _through(url: str, port: int) -> str:
    """The same database by way of the door, which reads what is said and so needs it in the clear."""
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}{parts.path}"


async def _machine(database: Database, load_before: float) -> Machine:
    (row,) = await database.fetch(
        """
        select current_setting('server_version') as version, current_setting('fsync') as fsync,
               current_setting('synchronous_commit') as synchronous_commit
        """
    )
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        cpu=_line(Path("/proc/cpuinfo"), "model name"),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        postgres=row["version"],
        fsync=row["fsync"],
        synchronous_commit=row["synchronous_commit"],
        load_before=load_before,
        load_after=os.getloadavg()[0],
    )


def _memory() -> tuple[float, float]:
    """MB that this process has in memory now, and had at most."""
    status = Path("/proc/self/status")
    now, most = (int(_line(status, name).split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return now, most


def _line(file: Path, name: str) -> str:
    lines = (line.partition(":") for line in file.read_text(encoding="utf-8").splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "0")


def _count(values: Sequence[int]) -> Count:
    return Count(median(values), fmean(values), max(values))


def _latency(nanoseconds: Sequence[int]) -> Latency:
    """Nearest rank: a value that was measured."""
    ranked = sorted(nanoseconds)

    def at(share: float) -> float:
        return ranked[math.ceil(share * len(ranked)) - 1] / 1e6

    return Latency(at(0.5), at(0.95))


def _progress(text: str) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    if sys.stderr.isatty() or "turn" not in text:
        print(f"{text:<60}", end=end, file=sys.stderr, flush=True)


def _print(report: Report) -> None:
    machine = report.machine
    print(f"{machine.cores} cores, {machine.cpu}, {machine.system}, Python {machine.python}")
    print(f"Postgres {machine.postgres}, fsync {machine.fsync}, synchronous_commit {machine.synchronous_commit}")
    print(f"load average {machine.load_before:.2f} before, {machine.load_after:.2f} after\n")
    print("one turn after the other; ms p50/p95; round trips and statements median (mean, most)")
    print("delay  as measured  trips to model      trips of a turn     statements          to the model    "
          "to the reader   whole")  # fmt: skip
    for each in (*report.alone, *report.remembering.alone):
        print(
            f"{each.delay_ms:>5g}{each.round_trip_ms:>13.2f}  {_counted(each.trips_to_model)}{_counted(each.trips)}"
            f"{_counted(each.statements)}{_timed(each.to_model)}{_timed(each.to_reader)}{_timed(each.whole)}"
        )
    print("\nthreads  turns  seconds  turns/s  CPU ms/turn  trips/turn  statements/turn  to the reader   stuck  load")
    for busy in (*report.beside, *report.remembering.beside):
        print(
            f"{busy.threads:>7}{busy.turns:>7}{busy.seconds:>9.2f}{busy.turns_per_second:>9.2f}{busy.cpu_ms:>13.2f}"
            f"{busy.trips:>12.2f}{busy.statements:>17.2f}  {_timed(busy.to_reader)}{busy.stuck:>5}{busy.load:>6.2f}"
        )
    with_pages = report.remembering
    print(
        f"the lower half with recall and working memory; it has {with_pages.to_model_ratio:.2f} times the time to the "
        "model, and "
        f"{with_pages.turns_per_second_ratio:.2f} times the turns a second"
    )
    idle = report.idle
    print(f"\nidle: {idle.statements_per_minute:g} statements and {idle.new_connections_per_minute:g} new connections "
          f"a minute, {idle.cpu_percent:.2f} % of a core (measured for {idle.seconds:g} s)")  # fmt: skip
    print(f"memory: {report.rss_mb:.1f} MB resident, {report.peak_rss_mb:.1f} MB at most\n")
    for target in report.targets:
        found = "not measured" if target.found is None else f"{target.found:.2f}"
        print(f"{'met   ' if target.met else 'MISSED'}  {target.name}: {found} (target {target.limit:g})")


def _counted(count: Count) -> str:
    return f"{f'{count.median:g} ({count.mean:.2f}, {count.most})':<20}"


def _timed(latency: Latency) -> str:
    return f"{f'{latency.p50:.1f} / {latency.p95:.1f}':<16}"


def _plan(arguments: argparse.Namespace) -> _Plan:
    return _Plan(
        turns=arguments.turns,
        delays=[float(part) for part in arguments.delays.split(",") if part],
        threads=[int(part) for part in arguments.threads.split(",") if part],
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turns", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=100, help=f"for each delay; {MORE} times as many side by side")
    parser.add_argument("--delays", default="0,5,25", help="ms, a round trip")
    parser.add_argument("--threads", default="1,16,64")
    arguments = parser.parse_args()
    report = asyncio.run(measure(_plan(arguments)))
    if arguments.json:
        print(json.dumps(asdict(report)))
    else:
        _print(report)


if __name__ == "__main__":
    main()
