"""How well recall finds what holds the answer: the project's own write and read path on a real Postgres.

`python -m benchmarks.recall --dialogs FILE --queries FILE --out FILE` reads conversations and questions and writes what
was found; `python -m benchmarks.recall --data locomo.json [--conversations a,b] [--json]` makes the files, runs and
scores in one go, beside the baseline `--strategy dense`: the bare message embedded, the nearest ones, the best four
with a neighbour on each side. Postgres is DATABASE_URL's (a database of its own is made there, and dropped), else an
embedded one.

A conversation is a room of its own, each of its threads a thread there; every question is asked in one more thread, by
the speaker called `user` where there is one, else by somebody who has said nothing there.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.database import own_database
from benchmarks.locomo import Answered, Data, Query, Said, load, read, time_of, write
from benchmarks.scoring import score
from bot.chat import Message, Resource, Room, Thread
from bot.errors import HathiError
from bot.models.embedders import default_embedder, open_embedder
from bot.ports import Embedder
from bot.settings import Settings
from bot.wiring import keys_of
from memory import dsn
from memory.history import History
from memory.migrate import migrate
from memory.pool import Database, open_database
from memory.recall.index import Index
from memory.recall.remembering import SemanticRecall
from memory.recall.search import scope
from memory.transcript import PostgresTranscript

PLATFORM = "bench"
RANKED = 30  # ids that a run names for each question
TOKENS = 10_000  # of what is recalled: the number of messages is the bound here
USERS = {"user", "human", "me"}


@dataclass(frozen=True)
class House:
    """What is measured, put together as the program does it."""

    database: Database
    transcript: PostgresTranscript
    recall: SemanticRecall

    @property
    def index(self) -> Index:
        return self.recall.index


@asynccontextmanager
async def open_house(embedder: Embedder | None, most: int = 12, language: str = "english") -> AsyncIterator[House]:
    """An empty database, and recall on it."""
    settings = Settings()
    given = settings.database_url
    async with (
        own_database(given.get_secret_value() if given else None) as url,
        open_database(dsn.parse(url)) as database,
    ):
        await migrate(database)
        transcript = PostgresTranscript(database)
        index = Index(database, embedder, language)
        top_k, neighbours = (most // 3, 1) if most >= 3 else (most, 0)
        recall = SemanticRecall(index, History(transcript, 10), top_k, neighbours, TOKENS)
        yield House(database, transcript, recall)


async def ingest(house: House, dialogs: Sequence[Said], progress: Progress | None = None) -> float:
    """Write conversations down and index them, thread by thread; the seconds that it took."""
    started = time.perf_counter()
    threads: dict[tuple[str, str], list[Said]] = {}
    for said in dialogs:
        threads.setdefault((said.conv, said.thread), []).append(said)
    task = progress.add_task("indexing", total=len(dialogs)) if progress else None
    for (conv, thread), lines in threads.items():
        place = _thread(conv, thread)
        messages = [_message(said, place) for said in sorted(lines, key=lambda said: said.seq)]
        await house.transcript.overhear(messages, _person(conv, messages[0].name))
        await house.recall.digest(place)
        if progress and task is not None:
            progress.advance(task, len(lines))
    return time.perf_counter() - started


async def ask(house: House, data: Data, strategy: str, progress: Progress | None = None) -> list[Answered]:
    """Put all questions, one after the other."""
    askers = _askers(data)
    task = progress.add_task(strategy, total=len(data.queries)) if progress else None
    answered = []
    for query in data.queries:
        asker = _person(query.conv, askers.get(query.conv, "asker"))
        thread = _thread(query.conv, "questions")
        await house.transcript.hear(_question(query, thread, asker))
        answer = _dense if strategy == "dense" else _hybrid
        answered.append(await answer(house, query, thread))
        if progress and task is not None:
            progress.advance(task)
    return answered


async def _hybrid(house: House, query: Query, thread: Thread) -> Answered:
    """As a turn does it."""
    started = time.perf_counter()
    where = await scope(house.database, thread, whole=True)
    assert where is not None
    hits = await house.recall.find(where, query.question, time_of(query.asked_at))
    chosen = house.recall.chosen(hits, set())
    spent = time.perf_counter() - started
    ranked = [_id(passage.message) for passage in hits.ranked[:RANKED]]
    return Answered(query.qid, ranked, [_id(passage.message) for passage in chosen], 1000 * spent)


async def _dense(house: House, query: Query, thread: Thread) -> Answered:
    """The baseline: the nearest vectors of bare messages; the best four with one neighbour on each side."""
    started = time.perf_counter()
    where = await scope(house.database, thread, whole=True)
    assert where is not None
    vector = await house.index.embed(query.question)
    if vector is None:
        raise SystemExit("--strategy dense needs an embedder and pgvector")
    rows = await house.database.fetch(
        f"""
        with question as materialized (select $3::text::{house.index.vectors.schema}.halfvec as vector),
        nearest as (
            select thread, place, message, row_number() over (order by distance, thread, place) as rank from (
                select thread, place, message, embedding <=> vector as distance
                from hathi.passages, question where thread = any($1::int[]) and embedder = $2
            ) as passage order by rank limit $4
        ), context as (
            select distinct thread, place + step as place
            from nearest, (values (-1), (0), (1)) as around (step) where rank <= 4
        )
        select (select array_agg(message order by rank) from nearest) as ranked,
               (select array_agg(message) from hathi.passages join context using (thread, place)) as context
        """,
        list(where.threads),
        *vector,
        RANKED,
    )
    spent = time.perf_counter() - started
    return Answered(query.qid, list(map(_id, rows[0]["ranked"])), list(map(_id, rows[0]["context"])), 1000 * spent)


def _message(said: Said, thread: Thread) -> Message:
    text = said.text + (f"\n[image: {said.image_caption}]" if said.image_caption else "")
    return Message(
        f"{said.conv}\t{said.id}",
        thread,
        _person(said.conv, said.speaker),
        _room(said.conv),
        text,
        time_of(said.ts),
        said.speaker,
    )


def _question(query: Query, thread: Thread, asker: Resource) -> Message:
    return Message(f"question\t{query.qid}", thread, asker, _room(query.conv), query.question, time_of(query.asked_at))


def _askers(data: Data) -> dict[str, str]:
    return {said.conv: said.speaker for said in data.dialogs if said.speaker.casefold() in USERS}


def _thread(conv: str, thread: str) -> Thread:
    return Thread(PLATFORM, f"{conv}:{thread}")


def _person(conv: str, name: str) -> Resource:
    return Resource(PLATFORM, f"{conv}:{name}")


def _room(conv: str) -> Room:
    return Room("private", f"{PLATFORM}:{conv}")


def _id(message: str) -> str:
    return message.partition("\t")[2]


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else 0.0


def _latency(answered: Sequence[Answered]) -> dict[str, float]:
    spent = [one.latency_ms for one in answered]
    return {"p50": _percentile(spent, 0.5), "p95": _percentile(spent, 0.95)}


def embedder_of(kind: str) -> Embedder | None:
    """`local`, `fake` (hashed words: for plumbing), `api` (as the settings say), `none` (words alone)."""
    settings = Settings()
    keys = keys_of(settings)
    match kind:
        case "none":
            return None
        case "fake":
            from tests.fakes.embeddings import Hashed

            return Hashed()
        case "api":
            spec = settings.embedder or default_embedder(settings.model or "", keys)
            if spec is None or spec.startswith("local/"):
                raise SystemExit("--embedder api needs EMBEDDER, or the key of a provider that has embeddings")
            return open_embedder(spec, keys)
    return open_embedder("local/minilm", keys)


async def main(arguments: argparse.Namespace) -> None:
    """Run what the command line asks for."""
    if arguments.data:
        data = load(arguments.data, filter(None, arguments.conversations.split(",")))
    else:
        data = read(arguments.dialogs, arguments.queries)
    embedder = embedder_of(arguments.embedder)
    shown = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    strategies = [arguments.strategy]
    if data.gold and arguments.strategy == "hybrid" and embedder is not None:
        strategies.append("dense")  # in the same run
    async with open_house(embedder, arguments.max_context_messages) as house:
        with Progress(*columns, console=shown, disable=not sys.stderr.isatty()) as progress:
            seconds = await ingest(house, data.dialogs, progress)
            runs = {strategy: await ask(house, data, strategy, progress) for strategy in strategies}
    if embedder is not None:
        await embedder.close()
    run = runs[arguments.strategy]
    if arguments.out:
        write(arguments.out, run)
    report: dict[str, Any] = {
        "dataset_sha256": data.sha256,
        "strategy": arguments.strategy,
        "embedder": embedder.name if embedder else "none",
        **(score(data, run) if data.gold else {"n": len(run)}),
        "latency_ms": _latency(run),
        "ingest": {"messages": len(data.dialogs), "seconds": round(seconds, 2)},
    }
    if len(runs) > 1:
        baseline = {**score(data, runs["dense"]), "latency_ms": _latency(runs["dense"])}
        report["baseline"] = {"strategy": "dense", **baseline}
    print(json.dumps(report, indent=1) if arguments.json else _told(report))


def _told(report: dict[str, Any]) -> str:
    """The report, for people."""
    lines = [f"{report['n']} questions, {report['ingest']['messages']} messages, {report['embedder']}"]
    for name, found in ((report["strategy"], report), ("dense", report.get("baseline"))):
        if found is None or "overall" not in found:
            continue
        overall, latency = found["overall"], found["latency_ms"]
        lines.append(
            f"{name:>7}: recall@4 {overall['recall@4']:.1%}, recall@10 {overall['recall@10']:.1%}, "
            f"in the prompt {overall['context_recall']:.1%} ({overall['context_messages']:.1f} messages, "
            f"{overall['context_tokens']:.0f} tokens), p50 {latency['p50']} ms, p95 {latency['p95']} ms"
        )
        lines += [
            f"         {category}: recall@10 {scores['recall@10']:.1%}"
            for category, scores in found["by_category"].items()
        ]
    if "baseline" in report:
        ratio = report["overall"]["recall@10"] / max(report["baseline"]["overall"]["recall@10"], 1e-9)
        lines.append(f"recall@10 is {ratio:.2f} times that of dense, in the same run")
    return "\n".join(lines)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recall", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dialogs", type=Path)
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--out", type=Path, help="where what was found is written: run.jsonl")
    parser.add_argument("--data", type=Path, help="LoCoMo's own JSON, in place of the two files")
    parser.add_argument("--conversations", default="", help="comma separated; without it all in --data")
    parser.add_argument("--embedder", choices=["local", "fake", "api", "none"], default="local")
    parser.add_argument("--strategy", choices=["hybrid", "dense"], default="hybrid")
    parser.add_argument("--max-context-messages", type=int, default=12)
    parser.add_argument("--k", type=int, choices=[4, 10, 20], default=10, help="which recall@k matters to you")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if not arguments.data and not (arguments.dialogs and arguments.queries):
        parser.error("give --data, or --dialogs and --queries")
    return arguments


if __name__ == "__main__":
    try:
        asyncio.run(main(_parse()))
    except (HathiError, ValueError, OSError) as error:
        raise SystemExit(str(error)) from error
