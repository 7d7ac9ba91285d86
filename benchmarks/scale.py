"""What a recall costs in a database of a million messages, by how much somebody has said; what indexing costs a write.

`python -m benchmarks.scale [--messages N] [--people N] [--largest N] [--direct SHARE] [--queries N] [--writes N]
[--json]` fills a database of its own (benchmarks/crowd.py) on DATABASE_URL's server, else on an embedded one, and asks
as a turn does: what may be searched, the search, the ranking. The embedder answers at once; what the real one adds is
measured beside it.
"""

import argparse
import asyncio
import json
import math
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.crowd import EMBEDDER, FILLED, PLATFORM, SPACE, Crowd, direction, fill
from benchmarks.database import own_database
from bot.chat import Answer, Message, Resource, Room, Thread, Turn
from bot.errors import HathiError
from bot.models.embedders import default_embedder, open_embedder
from bot.settings import Settings
from bot.wiring import keys_of
from memory import dsn
from memory.history import History
from memory.migrate import migrate
from memory.pool import Database, open_database
from memory.recall.index import Index
from memory.recall.remembering import SemanticRecall
from memory.recall.search import Scope, scope
from memory.transcript import PostgresTranscript

WARM_UPS = 3
GROUPS = (100, 500, 1000, 5000, 10_000)  # messages of a person
ASKERS = 8  # people of a group who ask in turn
BLOCK = 25  # writes, then as many of the other kind
PAUSE = 0.05  # seconds between two writes: 20 a second


class Instant:
    """An embedder that answers at once: some direction, the same for the same text."""

    name = EMBEDDER

    def __init__(self) -> None:
        chance = random.Random(11)
        self._vectors = [direction(chance) for _ in range(64)]

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One of few."""
        return [self._vectors[sum(text.encode()) % len(self._vectors)] for text in texts]

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to let go of."""


@dataclass(frozen=True)
class Reading:
    """What recalls cost a group of people, in milliseconds."""

    asked: str
    people: int
    messages: int  # of each of them, in the middle
    threads: int  # that are searched
    searched: int  # messages in those
    readable: int  # of them
    p50: float  # asked one after the other
    p95: float
    most: float
    mixed_p50: float  # asked in turn with all other groups: nothing of theirs is in a processor's cache
    mixed_p95: float
    scope_p50: float  # what may be searched, a part of it


@dataclass(frozen=True)
class Writing:
    """What a write costs while its thread is indexed behind it, and while nothing is, in milliseconds."""

    what: str
    alone: float
    indexed: float
    alone_p95: float
    indexed_p95: float

    @property
    def ratio(self) -> float:
        return self.indexed / self.alone


@dataclass(frozen=True)
class House:
    """What is measured, put together as the program does it."""

    database: Database
    transcript: PostgresTranscript
    recall: SemanticRecall


def house(database: Database) -> House:
    """Recall as it is without settings, but for the embedder."""
    transcript = PostgresTranscript(database)
    return House(database, transcript, SemanticRecall(Index(database, Instant()), History(transcript, 10), 4, 1, 2000))


async def read(house: House, crowd: Crowd, queries: int, show: Progress) -> list[Reading]:
    """All groups, each by itself, then all in turn; the people of a group take turns."""
    groups = {f"about {size:,}": _near(crowd.sizes, size) for size in GROUPS}
    groups = {name: people for name, people in groups.items() if people}
    groups[f"{crowd.sizes[0]:,}"] = [0]
    spots = {name: [await _direct(house, person) for person in people] for name, people in groups.items()}
    room = await _in_room(house, 0)
    if room is not None:
        spots[f"{crowd.sizes[0]:,}, in a private room"] = [room]
        groups[f"{crowd.sizes[0]:,}, in a private room"] = [0]
    task = show.add_task("questions", total=2 * len(spots) * (WARM_UPS + queries))
    rounds = range(WARM_UPS + queries)

    async def ask(order: Sequence[tuple[str, int]]) -> dict[str, list[tuple[float, float]]]:
        """What each question took, and its scope alone, by group."""
        chance = random.Random(5)
        spent: dict[str, list[tuple[float, float]]] = {name: [] for name in spots}
        for name, number in order:
            threads = spots[name]
            found = await _recall(house, threads[number % len(threads)], crowd.question(chance))
            if number >= WARM_UPS:
                spent[name].append(found)
            show.advance(task)
        return spent

    alone = await ask([(name, number) for name in spots for number in rounds])
    mixed = await ask([(name, number) for number in rounds for name in spots])
    readings = []
    for name, threads in spots.items():
        counts = [await _counts(house, await _scope(house, thread)) for thread in threads]
        whole, turns = ([total for total, _ in spent[name]] for spent in (alone, mixed))
        counted, searched, readable = (round(median(each)) for each in zip(*counts, strict=True))
        readings.append(
            Reading(
                asked=name,
                people=len(threads),
                messages=round(median(crowd.sizes[person] for person in groups[name])),
                threads=counted,
                searched=searched,
                readable=readable,
                p50=_at(whole, 0.5),
                p95=_at(whole, 0.95),
                most=max(whole),
                mixed_p50=_at(turns, 0.5),
                mixed_p95=_at(turns, 0.95),
                scope_p50=_at([scoped for _, scoped in alone[name]], 0.5),
            )
        )
    return readings


def _near(sizes: Sequence[int], size: int) -> list[int]:
    """Who has about so many messages, and not more than the name of the group says."""
    people = [person for person, has in enumerate(sizes) if 0.7 * size <= has <= 1.1 * size]
    return sorted(people, key=lambda person: abs(sizes[person] - size))[:ASKERS]


async def _recall(house: House, thread: Thread, question: str) -> tuple[float, float]:
    started = time.perf_counter()
    where = await _scope(house, thread)
    scoped = time.perf_counter()
    hits = await house.recall.find(where, question, datetime.now(UTC))
    house.recall.chosen(hits, set())
    return 1000 * (time.perf_counter() - started), 1000 * (scoped - started)


async def _scope(house: House, thread: Thread) -> Scope:
    where = await scope(house.database, thread, whole=True)
    assert where is not None
    return where


async def _counts(house: House, where: Scope) -> tuple[int, int, int]:
    rows = await house.database.fetch(
        """
        select count(*) as searched,
               count(*) filter (where hathi.may_read(audience, author, $2, $3, $4::text[])) as readable
        from hathi.passages where thread = any($1::int[])
        """,
        list(where.threads), where.there.audience, where.there.public, list(where.there.people),
    )  # fmt: skip
    return len(where.threads), rows[0]["searched"], rows[0]["readable"]


async def _direct(house: House, person: int) -> Thread:
    """Somebody's direct message, in which they have asked something."""
    thread = Thread(PLATFORM, f"D{person}")
    await house.transcript.hear(_message(thread, person, Room("direct", str(thread), SPACE), "asked", "what was it?"))
    return thread


async def _in_room(house: House, person: int) -> Thread | None:
    """A private room where somebody has asked something."""
    rows = await house.database.fetch(
        """
        select substr(audience, 9) as room from hathi.indexed join hathi.speakers using (thread)
        where author = $1 and starts_with(audience, 'private:') group by audience order by count(*) desc limit 1
        """,
        f"{PLATFORM}:U{person}",
    )
    if not rows:
        return None
    thread = Thread(PLATFORM, "asked-in-a-room")
    await house.transcript.hear(
        _message(thread, person, Room("private", rows[0]["room"], SPACE), "room", "what was it?")
    )
    return thread


def _message(thread: Thread, person: int, room: Room, id_: str, text: str) -> Message:
    author = Resource(PLATFORM, f"U{person}")
    at = datetime.now(UTC) - timedelta(seconds=1)
    return Message(f"{PLATFORM}:{thread.id}:{person}:{id_}", thread, author, room, text, at, f"P{person} Doe")


async def write(house: House, crowd: Crowd, writes: int, pause: float, show: Progress) -> list[Writing]:
    """Somebody writes, and the bot answers; the thread is indexed afterwards, or is not."""
    chance = random.Random(3)
    spent: dict[tuple[str, bool], list[float]] = {}
    task = show.add_task(f"writes, {pause:.2f} s apart", total=2 * writes)
    behind: set[asyncio.Task[int]] = set()
    for number in range(-BLOCK, 2 * writes):
        indexed = number // BLOCK % 2 == 1
        if number % BLOCK == 0 and behind:
            await asyncio.gather(*behind)
        person = chance.choice(range(len(crowd.sizes)))
        thread = Thread(PLATFORM, f"D{person}")
        text = " ".join(crowd.word(chance) for _ in range(12))
        heard, answered = await _exchange(house, person, thread, f"{pause}:{number}", text)
        if indexed:
            digest = asyncio.create_task(house.recall.index.digest(thread))
            behind.add(digest)
            digest.add_done_callback(behind.discard)
        if number >= 0:
            spent.setdefault(("hear", indexed), []).append(heard)
            spent.setdefault(("answer", indexed), []).append(answered)
            show.advance(task)
        await asyncio.sleep(pause)
    await asyncio.gather(*behind)
    rhythm = f"{1 / pause:.0f} a second" if pause else "without a pause"
    return [
        Writing(
            f"{what}, {rhythm}", *(median(spent[what, indexed]) for indexed in (False, True)),
            *(_at(spent[what, indexed], 0.95) for indexed in (False, True)),
        )
        for what in ("hear", "answer")
    ]  # fmt: skip


async def _exchange(house: House, person: int, thread: Thread, id_: str, text: str) -> tuple[float, float]:
    message = _message(thread, person, Room("direct", str(thread), SPACE), id_, text)
    started = time.perf_counter()
    number = await house.transcript.hear(message)
    heard = time.perf_counter() - started
    assert number is not None
    await house.database.fetch(
        "update public.procrastinate_jobs set status = 'doing', attempts = 1 where id = $1", number
    )
    turn = Turn(number, thread, attempt=1)
    recollection = await house.recall.history.recall(turn)
    started = time.perf_counter()
    assert await house.transcript.answer(turn, recollection, Answer(text[::-1], "bench/none"))
    answered = time.perf_counter() - started
    await house.database.fetch("select hathi.end_turn($1, 1, 'succeeded', true, $2)", number, PLATFORM)
    return 1000 * heard, 1000 * answered


async def sizes(database: Database) -> dict[str, dict[str, float]]:
    """Bytes for each message: of the tables, and of each of their indexes."""
    rows = await database.fetch(
        """
        select given.name, pg_relation_size(given.name::regclass)::float8 as table,
               pg_table_size(given.name::regclass)::float8 - pg_relation_size(given.name::regclass) as beside,
               indexed.name as index, pg_relation_size(indexed.oid)::float8 as bytes,
               (select count(*) from public.mastra_messages)::float8 as messages
        from unnest($1::text[]) as given (name) join lateral (
            select indexrelid as oid, indexrelid::regclass::text as name from pg_index
            where indrelid = given.name::regclass
        ) as indexed on true
        """,
        list(FILLED),
    )
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        table = found.setdefault(row["name"], {"table": (row["table"] + row["beside"]) / row["messages"]})
        table[row["index"]] = row["bytes"] / row["messages"]
    return found


async def embedding(crowd: Crowd, queries: int) -> float | None:
    """Milliseconds that the embedded embedder takes for a question, in the middle; None where there is none."""
    keys = keys_of(Settings())
    if default_embedder("", keys) != "local/minilm":
        return None
    embedder = open_embedder("local/minilm", keys)
    chance = random.Random(5)
    spent = []
    try:
        await embedder.warm_up()
        for _ in range(WARM_UPS + queries):
            started = time.perf_counter()
            await embedder.embed([crowd.question(chance)])
            spent.append(1000 * (time.perf_counter() - started))
    finally:
        await embedder.close()
    return median(spent[WARM_UPS:])


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Fill, ask, write."""
    given = Settings().database_url
    shown = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    async with (
        own_database(given.get_secret_value() if given else None) as url,
        open_database(dsn.parse(url)) as database,
    ):
        with Progress(*columns, console=shown, disable=not sys.stderr.isatty()) as show:
            await migrate(database)
            it = house(database)
            vectors = await it.recall.index.ready()
            if not vectors:
                raise SystemExit(f"vectors are part of what is measured: {vectors.lack}")
            steps: dict[str, Any] = {}

            def progress(step: str, share: float) -> None:
                steps.setdefault(step, show.add_task(step, total=1.0) if step not in steps else None)
                show.update(steps[step], completed=share)

            started = time.perf_counter()
            crowd = await fill(
                database,
                vectors.schema,
                progress,
                messages=arguments.messages,
                people=arguments.people,
                largest=arguments.largest,
                direct=arguments.direct,
            )
            filled = time.perf_counter() - started
            return {"fill_seconds": round(filled), **await measured(it, crowd, arguments, show)}


async def measured(it: House, crowd: Crowd, arguments: argparse.Namespace, show: Progress) -> dict[str, Any]:
    """What is found on a filled database."""
    before = os.getloadavg()[0]
    readings = await read(it, crowd, arguments.queries, show)
    bytes_ = await sizes(it.database)
    writings = [writing for pause in (PAUSE, 0.0) for writing in await write(it, crowd, arguments.writes, pause, show)]
    return {
        "messages": sum(crowd.sizes),
        "people": len(crowd.sizes),
        "direct": arguments.direct,
        "queries": arguments.queries,
        "recall": [asdict(reading) for reading in readings],
        "embedding_p50": await embedding(crowd, arguments.queries),
        "writes": [{**asdict(writing), "ratio": writing.ratio} for writing in writings],
        "bytes_per_message": bytes_,
        "load": [before, os.getloadavg()[0]],
    }


def told(report: dict[str, Any]) -> str:
    """The report, for people."""
    lines = [
        f"{report['messages']:,} messages of {report['people']:,} people, load average {report['load'][0]:.1f} before, "
        f"{report['load'][1]:.1f} after",
        "",
        "| messages of who asks | searched, in threads | may be read | a recall, p50 / p95 / most "
        "| in turn with the others, p50 / p95 | for the scope, p50 |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one['asked']} | {one['searched']:,} in {one['threads']:,} | {one['readable']:,} "
        f"| {one['p50']:.0f} / {one['p95']:.0f} / {one['most']:.0f} ms "
        f"| {one['mixed_p50']:.0f} / {one['mixed_p95']:.0f} ms | {one['scope_p50']:.1f} ms |"
        for one in report["recall"]
    ]
    if report["embedding_p50"] is not None:
        lines += ["", f"the embedded embedder adds {report['embedding_p50']:.1f} ms"]
    lines += ["", "| a write, p50 (p95) | nothing is indexed | its thread is, behind it | ratio |", "|---|---|---|---|"]
    lines += [
        f"| {one['what']} | {one['alone']:.2f} ({one['alone_p95']:.2f}) ms "
        f"| {one['indexed']:.2f} ({one['indexed_p95']:.2f}) ms | {one['ratio']:.2f} |"
        for one in report["writes"]
    ]
    lines += ["", "| bytes for each message | all | of it the table | indexes |", "|---|---|---|---|"]
    for name, parts in report["bytes_per_message"].items():
        indexes = ", ".join(f"{index} {size:.0f}" for index, size in parts.items() if index != "table")
        lines.append(f"| {name} | {sum(parts.values()):.0f} | {parts['table']:.0f} | {indexes} |")
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--largest", type=int, default=50_000, help="messages of one person")
    parser.add_argument("--direct", type=float, default=0.5, help="the share of direct messages")
    parser.add_argument("--queries", type=int, default=40, help="of each group")
    parser.add_argument("--writes", type=int, default=300, help="of each kind")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        arguments = _parse()
        report = asyncio.run(measure(arguments))
        print(json.dumps(report, indent=1) if arguments.json else told(report))
    except (HathiError, ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
