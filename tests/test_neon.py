"""Neon's way in: its connection string unchanged, TLS that is verified, SCRAM, and PgBouncer in transaction mode."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from bot.errors import DatabaseRefused
from memory import dsn
from memory.migrate import migrate
from memory.pool import open_database
from memory.transcript import PostgresTranscript
from tests.conftest import Hathi, bare_environment
from tests.fakes.model import FakeModel
from tests.fakes.postgres import PASSWORD, USER, TlsPostgres, new_name, pgbouncer, tls_postgres
from tests.memory.test_transcript import converse

NEON = "&channel_binding=require"


@pytest.fixture(scope="module")
def postgres() -> Iterator[TlsPostgres]:
    with tls_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def pooler(postgres: TlsPostgres) -> Iterator[int]:
    with pgbouncer(postgres) as port:
        yield port


@pytest.fixture
async def name(postgres: TlsPostgres) -> AsyncIterator[str]:
    """A database of this test's own, empty."""
    name = new_name()
    admin = await asyncpg.connect(
        host="127.0.0.1", port=postgres.port, user=USER, password=PASSWORD, database="postgres"
    )
    await admin.execute(f"create database {name}")
    yield name
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


async def test_neons_form_is_verified_against_the_systems_store(
    postgres: TlsPostgres, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(postgres.authority))  # how OpenSSL is told where the store is
    async with open_database(dsn.parse(postgres.url(name, query=NEON))) as database:
        (row,) = await database.fetch("select ssl, version from pg_stat_ssl where pid = pg_backend_pid()")
    assert (row["ssl"], row["version"]) == (True, "TLSv1.3")


@pytest.mark.parametrize(
    ("query", "host"),
    [
        (NEON, "localhost"),  # the authority is not in the store
        (NEON + "&sslrootcert={authority}", "127.0.0.1"),  # the certificate is for another name
    ],
)
async def test_a_server_that_does_not_verify_is_refused(
    postgres: TlsPostgres, name: str, query: str, host: str
) -> None:
    url = postgres.url(name, host=host, query=query.format(authority=postgres.authority))
    with pytest.raises(DatabaseRefused, match=r"does not verify .*sslrootcert="):
        async with open_database(dsn.parse(url)) as database:
            await database.fetch("select 1")


async def test_without_channel_binding_it_is_encrypted_as_asked(postgres: TlsPostgres, name: str) -> None:
    async with open_database(dsn.parse(postgres.url(name))) as database:
        (row,) = await database.fetch("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
    assert row["ssl"]


async def test_a_pooler_is_noticed_and_statements_work_through_it(name: str, pooler: int) -> None:
    plain = f"postgresql://{USER}:p%40ss%2Fword%231@127.0.0.1:{pooler}/{name}"
    async with open_database(dsn.parse(plain)) as database:
        await migrate(database)
        transcript = PostgresTranscript(database)
        await converse(transcript, "one", "two")
        read = await asyncio.gather(*(database.fetch("select $1::int + $2::int as x", n, 1) for n in range(500)))
    assert [rows[0]["x"] for rows in read] == list(range(1, 501))


@pytest.mark.parametrize("way", ["tls", "pooler"])
async def test_the_program_remembers_after_kill_9(
    postgres: TlsPostgres, name: str, way: str, tmp_path: Path, fake: FakeModel, request: pytest.FixtureRequest
) -> None:
    if way == "tls":
        url = postgres.url(name, query=NEON)
    else:
        url = f"postgresql://{USER}:p%40ss%2Fword%231@127.0.0.1:{request.getfixturevalue('pooler')}/{name}"
    hathi = Hathi(
        tmp_path,
        {
            **bare_environment(tmp_path),
            "DATABASE_URL": url,
            "OPENAI_BASE_URL": fake.base_url,
            "SSL_CERT_FILE": str(postgres.authority),
        },
    )
    process = await hathi.start("chat", "--as", "ana")
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"My favourite colour is Blue.\n")
    assert await process.stdout.readline() == b"You said: My favourite colour is Blue.\n"
    process.kill()
    await process.wait()
    ended = await hathi("chat", "--as", "ana", stdin="What is it?\n")
    assert (ended.status, ended.out) == (0, "You said: What is it?\n"), ended.err
    assert [m["content"] for m in fake.asked[-1]["messages"] if m["role"] != "system"] == [
        "My favourite colour is Blue.", "You said: My favourite colour is Blue.", "What is it?",
    ]  # fmt: skip
