"""The connections to Postgres. Waits out a database that is away for a moment, or that wakes up."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import asyncpg
import tenacity

from bot.errors import DatabaseDown, DatabaseRefused
from memory.database_errors import BrokenStatement, Fate, Rule, first_line, rule_of, sqlstate_of
from memory.dsn import Dsn

log = logging.getLogger(__name__)

Record = asyncpg.Record
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Record]"
Found = TypeVar("Found")

PATIENCE = 60.0  # seconds for which a statement is tried again while the database is away
START_PATIENCE = 10.0  # the same at a start, while nothing answers at all: the address may be wrong
MAX_CONNECTIONS = 8  # a bot needs few; Neon's smallest compute allows 97
IDLE_SECONDS = 240.0  # then a connection is closed: a little before Neon suspends after 5 minutes
STATEMENT_SECONDS = 30.0


class DatabaseWaking(DatabaseDown):
    """Somebody answers for the database, and says that it is not ready: it starts, or its compute wakes up."""


class TableMissing(DatabaseRefused):
    """The database was never brought up to date: run `hathi migrate`."""


class ExtensionMissing(DatabaseRefused):
    """A column, type or operator is not there any more: the extension that it was of was dropped."""


@dataclass(frozen=True, slots=True)
class Database:
    """A small pool that lets Neon suspend: no floor of connections, nothing sent while idle, nothing on release.

    Nobody may leave session state behind (`set`, `listen`, session locks): connections go back as they are.
    """

    place: str
    _pool: "asyncpg.Pool[Record]" = field(repr=False)
    patience: float = PATIENCE

    async def fetch(
        self, query: str, *args: object, patience: float | None = None, waking: float | None = None
    ) -> list[Record]:
        """Run one statement that is harmless to run twice; its rows.

        Raises DatabaseDown when the database stays away for `patience` seconds, or is not ready for as long as it may
        take to wake up (`waking`, by default as long); DatabaseRefused at once.
        """

        async def run() -> list[Record]:
            with _translated(self.place):
                return await self._pool.fetch(query, *args)

        return await self._patiently(run, self.patience if patience is None else patience, waking)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one transaction, which waits for the database as `fetch` does until it has begun.

        What is inside runs once: whether a commit whose reply was lost took place is known to the caller alone, who
        may run it all again where that is harmless.
        """
        connection, ends = await self._patiently(self._begin, self.patience)
        with _translated(self.place):
            async with ends:
                yield connection

    async def reaches_server_directly(self) -> bool:
        """Whether statements run on the very server process that greeted us; behind a pooler they run on any."""

        async def look() -> bool:
            with _translated(self.place):
                async with self._pool.acquire() as connection:
                    return bool(await connection.fetchval("select pg_backend_pid()") == connection.get_server_pid())

        return await self._patiently(look, min(self.patience, START_PATIENCE), self.patience)

    async def again(self, run: Callable[[], Awaitable[Found]]) -> Found:
        """What `run` returns; it is run again, whole, when the database goes away meanwhile. Harmless to run twice."""
        return await self._patiently(run, self.patience)

    async def _begin(self) -> tuple[Connection, AsyncExitStack]:
        """A transaction that has begun, and what ends it."""
        with _translated(self.place):
            async with AsyncExitStack() as stack:
                connection = await stack.enter_async_context(self._pool.acquire())
                await stack.enter_async_context(connection.transaction())
                return connection, stack.pop_all()

    async def _patiently(
        self, run: Callable[[], Awaitable[Found]], patience: float, waking: float | None = None
    ) -> Found:
        begun = time.monotonic()

        def enough(error: BaseException | None) -> bool:
            longest = waking if waking is not None and isinstance(error, DatabaseWaking) else patience
            return time.monotonic() - begun >= longest

        try:
            return await run()
        except DatabaseDown as error:
            if enough(error):
                raise
            log.warning("waiting for the database: %s", error)

        async def once() -> Found:  # tenacity awaits what coroutine functions return, and nothing else
            return await run()

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(DatabaseDown),
            stop=lambda state: enough(state.outcome.exception() if state.outcome else None),
            wait=tenacity.wait_exponential(multiplier=0.05, max=1.0),
            reraise=True,
        )
        return await retrying(once)


@asynccontextmanager
async def open_database(
    dsn: Dsn, before_connect: Callable[[], Awaitable[None]] | None = None, patience: float = PATIENCE
) -> AsyncIterator[Database]:
    """Open the database at `dsn`; nothing is sent before it is first used, unless we have to look for a pooler.

    `before_connect` runs before each new connection (the embedded server is brought back there).
    Raises DatabaseError.
    """
    for warning in dsn.warnings:
        log.warning("%s", warning)
    pooled = dsn.pooled
    if pooled is None:
        async with _pool(dsn, before_connect, cache=0) as probe:
            pooled = not await Database(dsn.place, probe, patience).reaches_server_directly()
    async with _pool(dsn, before_connect, cache=0 if pooled else 100) as pool:
        yield Database(dsn.place, pool, patience)


@asynccontextmanager
async def _pool(
    dsn: Dsn, before_connect: Callable[[], Awaitable[None]] | None, cache: int
) -> AsyncIterator["asyncpg.Pool[Record]"]:
    async def connect(*args: Any, **kwargs: Any) -> "asyncpg.Connection[Record]":  # asyncpg's own arguments, passed on
        if before_connect is not None:
            await before_connect()
        with _translated(dsn.place, connecting=True):
            connection: asyncpg.Connection[Record] = await asyncpg.connect(*args, **kwargs)
        return connection

    async def leave_as_it_is(connection: object) -> None:
        """Instead of asyncpg's reset on release, which costs a round trip."""

    try:
        pool = asyncpg.create_pool(
            dsn.url,
            min_size=0,
            max_size=MAX_CONNECTIONS,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            connect=connect,
            reset=leave_as_it_is,
            ssl=dsn.tls,
            timeout=dsn.connect_timeout,
            command_timeout=STATEMENT_SECONDS,
            statement_cache_size=cache,
            server_settings={"application_name": "hathi"},
        )
    except ValueError as error:  # asyncpg reads the rest of the URL itself
        raise DatabaseRefused("DATABASE_URL is not understood: look at what follows the host in it") from error
    await pool
    try:
        yield pool
    finally:
        await _close(pool)


async def _close(pool: "asyncpg.Pool[Record]") -> None:
    try:
        async with asyncio.timeout(3):
            await pool.close()
    except TimeoutError:  # a statement hangs on a dead network
        pool.terminate()


@contextmanager
def _translated(place: str, *, connecting: bool = False) -> Iterator[None]:
    """The driver's exceptions → ours, with what to do about them. What is not the database's stays as it is."""
    try:
        yield
    except Exception as error:
        rule = rule_of(error, connecting=connecting)
        if rule is None:
            raise
        if rule.fate is Fate.BUG:
            kind = type(error).__name__
            raise BrokenStatement(f"{kind} (SQLSTATE {sqlstate_of(error) or 'none'}): {rule.reason}") from None
        if rule.fate is Fate.COMES_BACK:
            raise _down(error, rule, place, connecting=connecting) from error
        raise _refused(error, rule, place, connecting=connecting) from error


def _said(error: Exception, rule: Rule, *, connecting: bool) -> str:
    """What is shown of an error: the server's message to a statement may hold values, and with them people's words."""
    if connecting or not sqlstate_of(error):
        return first_line(error)
    return f"{rule.reason} ({type(error).__name__}, SQLSTATE {sqlstate_of(error)})"


def _down(error: Exception, rule: Rule, place: str, *, connecting: bool) -> DatabaseDown:
    if isinstance(error, socket.gaierror):
        return DatabaseDown(f"the database host {place} does not resolve: check DATABASE_URL")
    if connecting and isinstance(error, asyncpg.PostgresError):
        return DatabaseWaking(f"the database at {place} is not ready: {first_line(error)}")
    return DatabaseDown(f"the database at {place} is not reachable: {_said(error, rule, connecting=connecting)}")


def _refused(error: Exception, rule: Rule, place: str, *, connecting: bool) -> DatabaseRefused:
    said = _said(error, rule, connecting=connecting)
    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message
        return DatabaseRefused(f"the certificate of the database at {place} does not verify ({said}): {rule.advice}")
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.InvalidSchemaNameError):
        return TableMissing(f"the database at {place} has no tables of ours: {rule.advice}")
    if isinstance(error, EXTENSION_GONE) and not connecting:
        return ExtensionMissing(f"the database at {place} lacks an extension: {said}")
    advice = f" ({rule.advice})" if rule.advice else ""
    return DatabaseRefused(f"the database at {place} refuses{' to connect' if connecting else ''}: {said}{advice}")


EXTENSION_GONE = (
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedObjectError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedFileError,
)
