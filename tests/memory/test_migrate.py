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
            with pytest.raises(DatabaseRefused, match=r"lacks a right .*grant it"):
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


async def test_labels_that_all_workspaces_of_an_organisation_shared_are_narrowed(empty: Database) -> None:
    await _bring_up_to(empty, "0012_rooms")
    await empty.fetch(
        """insert into public.mastra_threads (id, "resourceId", title, "createdAt", "updatedAt", space)
           select id, 'slack:E1:U1', '', now(), now(), 'slack:E1' from unnest(array[
               'slack:E1:C1:1.1', 'slack:E1:C2:2.2', 'slack:T1:C3:3.3', 'slack:E1:D1']) as id"""
    )
    await empty.fetch(
        """insert into public.mastra_messages (id, thread_id, content, role, type, "createdAt", author, audience)
           values ('a', 'slack:E1:C1:1.1', '', 'user', 'text', now(), 'slack:E1:U1', 'public:slack:E1'),
                  ('b', 'slack:E1:C2:2.2', '', 'user', 'text', now(), 'slack:E1:U1', 'public:slack:E1'),
                  ('c', 'slack:T1:C3:3.3', '', 'user', 'text', now(), 'slack:E1:U1', 'public:slack:E1'),
                  ('d', 'slack:E1:D1', '', 'user', 'text', now(), 'slack:E1:U1', 'direct:slack:E1:D1'),
                  ('e', 'discord:1', '', 'user', 'text', now(), 'discord:1', 'public:discord:7')"""
    )
    await empty.fetch(
        """with thread as (
               insert into hathi.indexed (thread_id, audience, language)
               values ('slack:E1:C2:2.2', 'public:slack:E1', 'english') returning thread
           ) insert into hathi.passages (thread, place, message, author, audience, said, text, words, length)
           select thread, 1, 'b', 'slack:E1:U1', 'public:slack:E1', now(), '', '', 0 from thread"""
    )
    await empty.fetch(
        """insert into hathi.facts (page, person, field, value, audience, sources) values
           ('slack:E1:U1', 'slack:E1:U1', 'Likes', 'tea', 'public:slack:E1', array['a', 'b']),
           ('slack:E1:U1', 'slack:E1:U1', 'Likes', 'sun', 'public:slack:E1', array['gone']),
           ('thread slack:E1:C1:1.1', null, 'Likes', 'rain', 'public:slack:E1', '{}')"""
    )
    assert "0012_rooms" in await migrate.migrate(empty)
    assert await _column(empty, "select audience from public.mastra_messages order by id") == [
        "private:slack:E1:C1", "private:slack:E1:C2", "public:slack:T1", "direct:slack:E1:D1", "public:discord:7",
    ]  # fmt: skip
    assert await _column(empty, "select audience from hathi.facts order by id") == [
        "private:slack:E1:C2", None, "private:slack:E1:C1",
    ]  # fmt: skip
    assert await _column(empty, "select audience from hathi.passages") == ["private:slack:E1:C2"]
    assert await _column(empty, "select audience from hathi.indexed") == ["private:slack:E1:C2"]
    assert await _column(empty, "select message from hathi.edited") == []  # nothing has to be read anew


async def _column(database: Database, sql: str) -> list[str | None]:
    return [row[0] for row in await database.fetch(sql)]


async def _bring_up_to(database: Database, last: str) -> None:
    """The database as it was before a migration."""
    await database.fetch("create schema hathi")
    async with database.transaction() as connection:
        await connection.execute(
            "create table hathi.migrations"
            " (version int primary key, name text not null, applied_at timestamptz not null default now())"
        )
        for version, (name, sql) in enumerate(migrate.migrations(), start=1):
            if name == last:
                break
            await connection.execute(sql)
            await connection.execute("insert into hathi.migrations values ($1, $2)", version, name)
