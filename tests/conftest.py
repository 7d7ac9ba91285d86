"""A real Postgres for the whole run, a database of its own for each test, and the whole program as a process."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from memory import dsn
from memory.embedded import EmbeddedPostgres
from memory.migrate import migrate
from memory.pool import Database, open_database
from memory.transcript import PostgresTranscript
from tests.fakes.model import FakeModel
from tests.fakes.proxy import Proxy

TEMPLATE = "hathi_template"


@dataclass(frozen=True)
class Server:
    """The embedded Postgres of this test run."""

    url: str

    def database(self, name: str) -> str:
        """The URL of one of its databases."""
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

    @property
    def socket_file(self) -> str:
        return parse_qs(urlsplit(self.url).query)["host"][0] + "/.s.PGSQL.5432"

    def through(self, proxy: Proxy, name: str) -> str:
        """The URL of one of its databases, by way of a proxy."""
        user = urlsplit(self.url).netloc.rpartition("@")[0]
        return f"postgresql://{user}@127.0.0.1:{proxy.port}/{name}"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One embedded server for the run, with a template database that is up to date."""
    with asyncio.Runner() as runner:
        embedded = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "home")
        runner.run(embedded.__aenter__())
        try:
            found = Server(embedded.dsn)
            runner.run(_make_template(found))
            yield found
        finally:
            runner.run(embedded.__aexit__(None, None, None))


async def _make_template(server: Server) -> None:
    admin = await asyncpg.connect(server.url)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # what is lost with the power is a test's
        await admin.execute(f"alter system set {setting} = off")
    await admin.execute("select pg_reload_conf()")
    await admin.execute(f"create database {TEMPLATE}")
    await admin.close()
    async with open_database(dsn.parse(server.database(TEMPLATE))) as database:
        await migrate(database)


@pytest.fixture
async def database_name(server: Server) -> AsyncIterator[str]:
    """A database of this test's own, up to date and empty."""
    async with _new_database(server, TEMPLATE) as name:
        yield name


@pytest.fixture
async def empty_name(server: Server) -> AsyncIterator[str]:
    """A database of this test's own that never saw Hathi."""
    async with _new_database(server, "template1") as name:
        yield name


class _new_database:  # noqa: N801  # used as a function
    def __init__(self, server: Server, template: str) -> None:
        self._server = server
        self._template = template
        self._name = f"test_{secrets.token_hex(6)}"

    async def __aenter__(self) -> str:
        await self._execute(f"create database {self._name} template {self._template}")
        return self._name

    async def __aexit__(self, *_: object) -> None:
        await self._execute(f"drop database {self._name} with (force)")

    async def _execute(self, statement: str) -> None:
        admin = await asyncpg.connect(self._server.url)
        await admin.execute(statement)
        await admin.close()


@pytest.fixture
def database_url(server: Server, database_name: str) -> str:
    """Its connection string."""
    return server.database(database_name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same, open."""
    async with open_database(dsn.parse(database_url)) as opened:
        yield opened


@pytest.fixture
def transcript(database: Database) -> PostgresTranscript:
    return PostgresTranscript(database)


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    """An OpenAI-compatible server."""
    async with FakeModel() as model:
        yield model


@dataclass(frozen=True)
class Ended:
    """What a run of the program left behind."""

    status: int | None
    out: str
    err: str


@dataclass(frozen=True)
class Hathi:
    """The program as its users start it, in a process and an empty folder of its own."""

    folder: Path
    environment: Mapping[str, str]

    def but(self, **environment: str) -> "Hathi":
        """The same with other settings."""
        return Hathi(self.folder, {**self.environment, **environment})

    def watched(self) -> "Hathi":
        """The same, counted in the coverage; it then needs twice the time."""
        return self.but(**{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")})

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start it and leave it running."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments,
            cwd=self.folder, env=self.environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def __call__(self, *arguments: str, stdin: str | bytes = "", timeout: float = 60) -> Ended:
        """Run it to its end."""
        process = await self.start(*arguments)
        try:
            given = stdin.encode() if isinstance(stdin, str) else stdin
            out, err = await asyncio.wait_for(process.communicate(given), timeout)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        return Ended(process.returncode, out.decode(), err.decode())


@pytest.fixture
def hathi(tmp_path: Path, database_url: str, fake: FakeModel) -> Hathi:
    """The program on this test's database and model."""
    return Hathi(
        tmp_path, {**bare_environment(tmp_path), "DATABASE_URL": database_url, "OPENAI_BASE_URL": fake.base_url}
    )


def bare_environment(folder: Path) -> dict[str, str]:
    """What a process needs, and no setting of ours but a home of its own."""
    return {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
        "HOME": str(folder),
        "HATHI_HOME": str(folder / "hathi"),
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "PYTHONWARNINGS": "error,ignore:'audioop' is deprecated:DeprecationWarning",  # discord.py's, for voice
    }
