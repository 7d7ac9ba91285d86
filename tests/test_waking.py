"""A suspended compute wakes up: what Neon's proxy says meanwhile costs a delay, at a start and in a conversation."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from memory import dsn
from memory.migrate import migrate, migrations
from memory.pool import open_database
from tests.conftest import Hathi, Server, bare_environment
from tests.fakes import model as faults
from tests.fakes.model import FakeModel
from tests.fakes.postgres import (
    COULD_NOT_CONNECT,
    PASSWORD,
    QUOTED,
    USER,
    NeonProxy,
    TlsPostgres,
    new_name,
    pgbouncer,
    tls_postgres,
)

ASLEEP = [COULD_NOT_CONNECT] * 3 + ["Control plane request failed", "Console request failed", COULD_NOT_CONNECT]
WAITS = "WARNING memory.pool: waiting for the database"


@pytest.fixture
async def neon(server: Server) -> AsyncIterator[NeonProxy]:
    """Neon's proxy before this run's server."""
    async with NeonProxy(server.socket_file) as proxy:
        yield proxy


@pytest.fixture
def suspended(tmp_path: Path, server: Server, neon: NeonProxy, empty_name: str, fake: FakeModel) -> Hathi:
    """The program on an empty database that sleeps; `-pooler` or not, its address is a plain one."""
    neon.errors = list(ASLEEP)
    url = server.through(neon, empty_name)
    return Hathi(tmp_path, {**bare_environment(tmp_path), "DATABASE_URL": url, "OPENAI_BASE_URL": fake.base_url})


@pytest.mark.parametrize("query", ["", "?pgbouncer=true"], ids=["probed", "pooled"])
@pytest.mark.parametrize("late", [False, True], ids=["before it lets us in", "after"])
async def test_chat_starts_on_a_compute_that_wakes_up(
    suspended: Hathi, neon: NeonProxy, query: str, late: bool
) -> None:
    neon.late = late
    ended = await suspended.but(DATABASE_URL=suspended.environment["DATABASE_URL"] + query)("chat", stdin="hi\n")
    assert (ended.status, ended.out, neon.refused) == (0, "You said: hi\n", len(ASLEEP)), ended.err
    assert ended.err.count(WAITS) == 1
    assert len(ended.err.splitlines()) == 1, ended.err


async def test_migrate_waits_for_a_compute_that_wakes_up(suspended: Hathi, neon: NeonProxy) -> None:
    ended = await suspended("migrate")
    assert (ended.status, ended.err.count("\n"), neon.refused) == (0, 1, len(ASLEEP)), ended.err
    assert ended.out.count("applied ") == len(migrations())


async def test_run_starts_on_a_compute_that_wakes_up(suspended: Hathi, neon: NeonProxy) -> None:
    process = await suspended.but(PORT="0").start("run")
    assert process.stderr
    lines = [(await asyncio.wait_for(process.stderr.readline(), 40)).decode() for _ in range(2)]
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 20) == 0
    assert WAITS in lines[0]
    assert "health checks on" in lines[1]


async def test_doctor_finds_a_compute_that_wakes_up_well(suspended: Hathi) -> None:
    ended = await suspended("doctor")
    found = {line.split()[0]: line.split()[1] for line in ended.out.splitlines()}
    assert found["database"] == "ok", ended.out


@pytest.mark.parametrize("command", ["chat", "migrate", "doctor"])
@pytest.mark.parametrize(
    "text", ["password authentication failed for user 'ana'", "Control plane request failed: endpoint is disabled"]
)
async def test_what_is_final_is_said_at_once(suspended: Hathi, neon: NeonProxy, command: str, text: str) -> None:
    neon.errors = [text] * 3  # one for each time that the doctor looks
    ended = await suspended(command, stdin="hi\n")
    assert ended.status == 1
    assert text in ended.out + ended.err
    assert WAITS not in ended.err


async def test_a_conversation_goes_on_when_the_compute_was_suspended_meanwhile(
    suspended: Hathi, neon: NeonProxy
) -> None:
    process = await suspended.start("chat")
    assert process.stdin
    assert process.stdout
    for number in range(3):
        process.stdin.write(f"{number}\n".encode())
        assert await asyncio.wait_for(process.stdout.readline(), 40) == f"You said: {number}\n".encode()
        await neon.sleep(ASLEEP)  # the next message, its turn and what is left of this one
    process.stdin.close()
    assert await process.wait() == 0


async def test_an_answer_is_kept_when_the_compute_is_suspended_while_the_model_thinks(
    suspended: Hathi, neon: NeonProxy, fake: FakeModel
) -> None:
    fake.otherwise = lambda body: faults.Slow("Yes.", first=1.0)
    process = await suspended.start("chat")
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"Are you there?\n")
    while not fake.asked:
        await asyncio.sleep(0.05)
    await neon.sleep(ASLEEP)
    assert await asyncio.wait_for(process.stdout.readline(), 40) == b"Yes.\n"
    process.stdin.close()
    assert await process.wait() == 0
    assert len(fake.asked) == 1


async def test_migrate_begins_again_when_the_compute_goes_while_it_works(
    server: Server, neon: NeonProxy, empty_name: str
) -> None:
    async with open_database(dsn.parse(server.through(neon, empty_name) + "?pgbouncer=true")) as database:
        working = asyncio.create_task(migrate(database))
        while b"create schema if not exists hathi" not in neon.sent:
            await asyncio.sleep(0)
        await neon.sleep(ASLEEP)
        assert len(await working) == len(migrations())
        assert await migrate(database) == []
    assert neon.refused == len(ASLEEP)


async def test_a_transaction_begins_when_the_compute_has_woken_up(
    server: Server, neon: NeonProxy, database_name: str
) -> None:
    async with open_database(dsn.parse(server.through(neon, database_name))) as database:
        await database.fetch("select 1")
        await neon.sleep(ASLEEP)
        async with database.transaction() as connection:
            assert await connection.fetchval("select 2") == 2
        assert neon.refused == len(ASLEEP)


@pytest.fixture(scope="module")
def postgres() -> Iterator[TlsPostgres]:
    with tls_postgres() as server:
        yield server


async def test_a_compute_wakes_up_behind_its_pooler(postgres: TlsPostgres) -> None:
    name = new_name()
    admin = await asyncpg.connect(
        host="127.0.0.1", port=postgres.port, user=USER, password=PASSWORD, database="postgres"
    )
    await admin.execute(f"create database {name}")
    try:
        with pgbouncer(postgres) as port:
            async with NeonProxy(port) as neon:
                neon.errors = list(ASLEEP)
                async with open_database(
                    dsn.parse(f"postgresql://{USER}:{QUOTED}@127.0.0.1:{neon.port}/{name}")
                ) as found:
                    assert await migrate(found)
                    await neon.sleep(ASLEEP)
                    assert (await found.fetch("select 3 as x"))[0]["x"] == 3
                assert neon.refused == 2 * len(ASLEEP)
    finally:
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()
