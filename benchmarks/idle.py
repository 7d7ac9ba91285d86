"""What Hathi sends to the database while nobody talks: nothing, so that Neon may suspend.

`python -m benchmarks.idle [--seconds 60] [--json]` has one conversation through a door that counts, then waits.
"""

import argparse
import asyncio
import json
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bot.chat import Answer, Message, Resource, Room, Thread, Turn
from bot.models.minilm import MiniLM, installed
from memory import dsn
from memory.embedded import EmbeddedPostgres
from memory.history import History
from memory.memories import Memories
from memory.migrate import migrate
from memory.pool import Database, open_database
from memory.recall.index import Index
from memory.recall.remembering import SemanticRecall
from memory.transcript import PostgresTranscript
from tests.fakes.proxy import Proxy


@dataclass(frozen=True)
class Idle:
    """What passed while nobody talked."""

    seconds: float
    round_trips: int
    bytes_sent: int
    new_connections: int


async def measure(seconds: float) -> Idle:
    """Talk once, then wait `seconds` and count."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with EmbeddedPostgres(Path(folder) / "home") as server:
            url = urlsplit(server.dsn)
            socket_file = parse_qs(url.query)["host"][0] + "/.s.PGSQL.5432"
            async with Proxy(socket_file) as proxy:
                through = f"postgresql://{url.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}{url.path}"
                async with open_database(dsn.parse(through)) as database:
                    index = Index(database, MiniLM() if installed() else None)
                    filling = asyncio.create_task(index.run())
                    await _talk(database, index)
                    before = proxy.requests, len(proxy.sent), proxy.connections
                    await asyncio.sleep(seconds)
                    after = proxy.requests, len(proxy.sent), proxy.connections
                    filling.cancel()
    return Idle(seconds, *(late - early for early, late in zip(before, after, strict=True)))


async def _talk(database: Database, index: Index) -> None:
    """One message is answered, and indexed."""
    await migrate(database)
    transcript, thread = PostgresTranscript(database), Thread("console", "idle")
    said = Message(
        "console:idle:1", thread, Resource("console", "ana"), Room("direct", "idle"), "hi", datetime.now(UTC)
    )
    await transcript.hear(said)
    (job,) = await database.fetch(
        "select id, attempts from public.procrastinate_fetch_job_v2(array['console']::varchar[], null)"
    )
    turn = Turn(job["id"], thread, job["attempts"])
    history = History(transcript, 10)
    memory = Memories([history, SemanticRecall(index, history, top_k=4, neighbours=1, budget=1000)])
    await transcript.answer(turn, await memory.recall(turn), Answer("ho", "local/none"))
    await database.fetch("select public.procrastinate_finish_job_v1($1, 'succeeded', true)", turn.id)
    await memory.digest(thread)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments.seconds))
    if arguments.json:
        print(json.dumps(asdict(found)))
    else:
        print(f"{found.seconds:.0f} s idle: {found.round_trips} round trips, {found.new_connections} new connections")


if __name__ == "__main__":
    main()
