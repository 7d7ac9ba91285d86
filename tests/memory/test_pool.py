"""The pool against a real Postgres behind a door that counts and can be shut."""

import asyncio
import time
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.chat import Answer, Message, Resource, Room, Thread
from bot.errors import DatabaseDown, DatabaseRefused
from memory import dsn
from memory.database_errors import BrokenStatement
from memory.history import History
from memory.pool import Database, TableMissing, open_database
from memory.transcript import PostgresTranscript
from tests.conftest import Server
from tests.fakes.proxy import Proxy
from tests.memory.test_transcript import begin, end


@pytest.fixture
async def proxy(server: Server) -> AsyncIterator[Proxy]:
    async with Proxy(server.socket_file) as door:
        yield door


@pytest.fixture
async def remote(server: Server, proxy: Proxy, database_name: str) -> AsyncIterator[Database]:
    """This test's database, by way of the proxy."""
    async with open_database(dsn.parse(server.through(proxy, database_name))) as database:
        yield database


async def test_a_turns_statements_are_one_round_trip_each(remote: Database, proxy: Proxy) -> None:
    transcript = PostgresTranscript(remote)
    history, thread = History(transcript, 10), Thread("console", "t")
    trips = []
    for number in range(3):  # a statement's first run on a connection is prepared and costs one more
        before = proxy.requests
        await transcript.hear(
            Message(f"m{number}", thread, Resource("console", "a"), Room("direct", "t"), "hi", datetime.now(UTC))
        )
        heard = proxy.requests
        turn = await begin(transcript, thread)
        begun = proxy.requests
        recollection = await history.recall(turn)
        recalled = proxy.requests
        await transcript.answer(turn, recollection, Answer("ho", "a/b"))
        trips.append((heard - before, recalled - begun, proxy.requests - recalled))
        await end(transcript, turn)
    assert trips[-1] == (1, 1, 1)


async def test_connecting_looks_nothing_up(remote: Database, proxy: Proxy) -> None:
    await remote.fetch("select 1")
    assert b"pg_type" not in proxy.sent


async def test_nothing_is_sent_while_nobody_asks(remote: Database, proxy: Proxy) -> None:
    await asyncio.gather(*(remote.fetch("select 1") for _ in range(4)))
    sent, connections = len(proxy.sent), proxy.connections
    await asyncio.sleep(2)
    assert (len(proxy.sent), proxy.connections) == (sent, connections)


async def test_dropped_idle_connections_are_replaced_without_a_word(remote: Database, proxy: Proxy) -> None:
    for _ in range(5):
        await asyncio.gather(*(remote.fetch("select 1") for _ in range(4)))
        await proxy.cut()
    assert (await remote.fetch("select 2 as x"))[0]["x"] == 2


async def test_a_statement_waits_for_a_database_that_comes_back(remote: Database, proxy: Proxy) -> None:
    await remote.fetch("select 1")
    await proxy.shut()
    waiting = asyncio.create_task(remote.fetch("select 2 as x"))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await proxy.open()
    assert (await waiting)[0]["x"] == 2


async def test_a_database_that_stays_away_is_one_clear_line(remote: Database, proxy: Proxy) -> None:
    await proxy.shut()
    began = time.monotonic()
    with pytest.raises(DatabaseDown, match=r"the database at 127.0.0.1:\d+ is not reachable: .*"):
        await remote.fetch("select 1", patience=0.5)
    assert time.monotonic() - began < 10
    await proxy.open()


async def test_a_connection_killed_in_a_transaction_is_a_database_that_is_down(remote: Database, proxy: Proxy) -> None:
    async def killed() -> None:
        async with remote.transaction() as connection:
            await proxy.cut()
            await connection.execute("select 1")

    with pytest.raises(DatabaseDown):
        await killed()


@pytest.mark.parametrize(
    ("user", "name", "line"),
    [
        ("hathi:wrong", "hathi", "password authentication failed .* \\(check user and password in DATABASE_URL\\)"),
        ("nobody:x", "hathi", "password authentication failed"),
        (None, "no_such_database", 'database "no_such_database" does not exist'),
    ],
)
async def test_what_the_server_refuses_is_one_clear_line_at_once(
    server: Server, proxy: Proxy, user: str | None, name: str, line: str
) -> None:
    url = server.through(proxy, name)
    if user:
        url = f"postgresql://{user}@{url.rpartition('@')[2]}"
    with pytest.raises(DatabaseRefused, match=line) as raised:
        async with open_database(dsn.parse(url)) as database:
            await database.fetch("select 1")
    assert "\n" not in str(raised.value)


async def test_a_host_that_does_not_resolve_is_named() -> None:
    with pytest.raises(DatabaseDown, match=r"no-such-host\.invalid:5432 does not resolve"):
        async with open_database(dsn.parse("postgresql://u:p@no-such-host.invalid/db?pgbouncer=true")) as database:
            await database.fetch("select 1", patience=0.1)


async def test_a_setting_that_the_server_does_not_know_is_refused(server: Server, proxy: Proxy) -> None:
    with pytest.raises(DatabaseRefused, match="frobnicate"):
        async with open_database(dsn.parse(server.through(proxy, "hathi") + "?frobnicate=1")) as database:
            await database.fetch("select 1")


async def test_a_database_without_our_tables_says_what_to_run(server: Server, empty_name: str) -> None:
    async with open_database(dsn.parse(server.database(empty_name))) as database:
        with pytest.raises(TableMissing, match="hathi migrate"):
            await PostgresTranscript(database).read(Thread("console", "x"), 1)


@pytest.mark.parametrize(
    ("query", "values", "kind"),
    [
        ("selekt 1", (), "PostgresSyntaxError (SQLSTATE 42601)"),
        ("select $1::int", ("my secret",), "DataError (SQLSTATE 22000)"),
        (
            "insert into public.mastra_messages (id, content) values ('x', $1)",
            ("my secret",),
            "NotNullViolationError (SQLSTATE 23502)",
        ),
        ("select $1::text::int", ("my secret",), "InvalidTextRepresentationError (SQLSTATE 22P02)"),
    ],
)
async def test_a_bug_of_ours_says_nothing_of_what_people_said(
    database: Database, query: str, values: tuple[str, ...], kind: str
) -> None:
    with pytest.raises(BrokenStatement) as raised:
        await database.fetch(query, *values)
    assert str(raised.value).startswith(kind)
    assert "my secret" not in "".join(traceback.format_exception(raised.value))
