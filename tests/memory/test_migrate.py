"""Migrations: from nothing, from Mastra's tables, from many processes at once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from bot.errors import DatabaseRefused
from memory import dsn, migrate
from memory.pool import Database, open_database
from memory.transcript import PostgresTranscript
from tests.conftest import Server
from tests.fakes.proxy import Proxy
from tests.memory.test_transcript import PORCH, converse, read
from tests.stores import forgetting_in

LATEST = len(migrate.migrations())


@pytest.fixture
async def empty(server: Server, empty_name: str) -> AsyncIterator[Database]:
    async with open_database(dsn.parse(server.database(empty_name))) as database:
        yield database


async def test_from_nothing_and_then_nothing_more(empty: Database) -> None:
    assert "brought up to date" in await migrate.state(empty)
    assert await migrate.migrate(empty) == [name for name, _ in migrate.migrations()]
    assert await migrate.migrate(empty) == []
    assert await migrate.state(empty) == "up to date"
    await converse(PostgresTranscript(empty), "works")


async def test_eight_at_once_on_an_empty_database(server: Server, empty_name: str) -> None:
    async def start() -> list[str]:
        async with open_database(dsn.parse(server.database(empty_name))) as database:
            return await migrate.migrate(database)

    applied = await asyncio.gather(*(start() for _ in range(8)))
    assert sorted(map(len, applied)) == [0] * 7 + [LATEST]


async def test_a_warm_start_is_one_statement(server: Server, database_name: str) -> None:
    async with (
        Proxy(server.socket_file) as proxy,
        open_database(dsn.parse(server.through(proxy, database_name) + "?pgbouncer=true")) as database,
    ):
        await database.fetch("select 1")
        before = proxy.requests
        await migrate.migrate(database)
        assert proxy.requests - before == 2  # without a statement cache one statement is two round trips


async def test_a_database_of_a_newer_hathi_is_refused_in_one_line(database: Database) -> None:
    await database.fetch("insert into hathi.migrations (version, name) values ($1, 'from the future')", LATEST + 1)
    assert "newer" in await migrate.state(database)
    with pytest.raises(DatabaseRefused, match="newer Hathi"):
        await migrate.migrate(database)


async def test_a_role_that_may_not_create_tables_is_told_so(server: Server, empty_name: str) -> None:
    admin = await asyncpg.connect(server.database(empty_name))
    await admin.execute("create role weak login password 'weak'")
    try:
        _, _, rest = server.database(empty_name).rpartition("@")
        async with open_database(dsn.parse(f"postgresql://weak:weak@{rest}")) as database:
            with pytest.raises(DatabaseRefused, match=r"permission denied for .*grant it"):
                await migrate.migrate(database)
    finally:
        await admin.execute("drop role weak")
        await admin.close()


async def test_a_role_with_its_own_search_path_means_the_same_tables(server: Server, empty_name: str) -> None:
    async with open_database(dsn.parse(server.database(empty_name))) as database:
        await database.fetch("create schema elsewhere")
        await database.fetch("create table elsewhere.mastra_messages (nothing int)")
        await database.fetch(f"alter database {empty_name} set search_path to elsewhere")
    async with open_database(dsn.parse(server.database(empty_name))) as database:
        await migrate.migrate(database)
        await converse(PostgresTranscript(database), "found")
        assert (await database.fetch("select count(*) as n from public.mastra_messages"))[0]["n"] == 2
        assert (await database.fetch("select count(*) as n from elsewhere.mastra_messages"))[0]["n"] == 0


async def test_tables_that_an_older_mastra_made_are_adopted_in_their_order(empty: Database) -> None:
    await empty.fetch(
        """create table public.mastra_messages (id text primary key, thread_id text not null, content text not null,
           role text not null, type text not null, "createdAt" timestamp not null)"""
    )
    await empty.fetch(
        """create table public.mastra_threads (id text primary key, "resourceId" text not null, title text not null,
           metadata text, "createdAt" timestamp not null, "updatedAt" timestamp not null)"""
    )
    await empty.fetch(
        """insert into public.mastra_messages values
           ('c', 'console:porch', 'third', 'user', 'text', '2026-01-03'),
           ('a', 'console:porch', 'first', 'user', 'text', '2026-01-01'),
           ('b', 'console:porch', 'second', 'assistant', 'text', '2026-01-02')"""
    )
    await migrate.migrate(empty)
    transcript = PostgresTranscript(empty)
    assert [line.text for line in await read(transcript)] == ["first", "second", "third"]
    await converse(transcript, "fourth")
    assert [line.text for line in await read(transcript)] == ["first", "second", "third", "fourth", "re fourth"]
    assert await forgetting_in(transcript.database).reset(PORCH) == {
        "mastra_messages": 5,
        "mastra_threads": 1,
        "facts": 0,
        "passages": 0,
    }
