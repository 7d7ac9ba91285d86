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
from memory import dsn
from memory.embedded import EmbeddedPostgres
from memory.history import History
from memory.migrate import migrate
from memory.pool import Database, open_database
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
                    await _talk(database)
                    before = proxy.requests, len(proxy.sent), proxy.connections
                    await asyncio.sleep(seconds)
                    after = proxy.requests, len(proxy.sent), proxy.connections
    return Idle(seconds, *(late - early for early, late in zip(before, after, strict=True)))


async def _talk(database: Database) -> None:
    await migrate(database)
    transcript, thread = PostgresTranscript(database), Thread("console", "idle")
    turn = Turn(1, thread)
    said = Message(
        "console:idle:1", thread, Resource("console", "ana"), Room("direct", "idle"), "hi", datetime.now(UTC)
    )
    await transcript.hear(said)
    await transcript.answer(turn, await History(transcript, 10).recall(turn), Answer("ho", "local/none"))


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
