"""The connections to Postgres: the only file that imports asyncpg. Waits out a database that is away for a moment."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import asyncpg
import tenacity

from bot.errors import DatabaseDown, DatabaseRefused
from memory.dsn import Dsn

log = logging.getLogger(__name__)

Record = asyncpg.Record
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Record]"

PATIENCE = 60.0  # seconds for which a statement is tried again while the database is away
MAX_CONNECTIONS = 8  # a bot needs few; Neon's smallest compute allows 97
IDLE_SECONDS = 240.0  # then a connection is closed: a little before Neon suspends after 5 minutes
STATEMENT_SECONDS = 30.0

AWAY = (  # it may come back by itself
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that was told to go, and is used before its end is seen
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DeadlockDetectedError,  # the other one has gone on
    OSError,
    TimeoutError,
    ssl.SSLError,
)
REFUSED = (  # reachable, and trying again changes nothing
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,
)


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

    async def fetch(self, query: str, *args: object, patience: float | None = None) -> list[Record]:
        """Run one statement that is harmless to run twice; its rows.

        Raises DatabaseDown when the database stays away for `patience` seconds, DatabaseRefused at once.
        """
        try:
            return await self._fetch(query, *args)
        except DatabaseDown as error:
            log.warning("waiting for the database: %s", error)
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(DatabaseDown),
            stop=tenacity.stop_after_delay(self.patience if patience is None else patience),
            wait=tenacity.wait_exponential(multiplier=0.05, max=1.0),
            reraise=True,
        )
        return await retrying(self._fetch, query, *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection inside one transaction; not tried again."""
        with _translated(self.place):
            async with self._pool.acquire() as connection, connection.transaction():
                yield connection

    async def reaches_server_directly(self) -> bool:
        """Whether statements run on the very server process that greeted us; behind a pooler they run on any."""
        with _translated(self.place):
            async with self._pool.acquire() as connection:
                return bool(await connection.fetchval("select pg_backend_pid()") == connection.get_server_pid())

    async def _fetch(self, query: str, *args: object) -> list[Record]:
        with _translated(self.place):
            return await self._pool.fetch(query, *args)


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
            pooled = not await Database(dsn.place, probe).reaches_server_directly()
    async with _pool(dsn, before_connect, cache=0 if pooled else 100) as pool:
        yield Database(dsn.place, pool, patience)


@asynccontextmanager
async def _pool(
    dsn: Dsn, before_connect: Callable[[], Awaitable[None]] | None, cache: int
) -> AsyncIterator["asyncpg.Pool[Record]"]:
    async def connect(*args: Any, **kwargs: Any) -> "asyncpg.Connection[Record]":  # asyncpg's own arguments, passed on
        if before_connect is not None:
            await before_connect()
        try:
            connection: asyncpg.Connection[Record] = await asyncpg.connect(*args, **kwargs)
        except (*AWAY, *REFUSED):
            raise
        except asyncpg.PostgresError as error:  # such as a setting in the URL that it does not know
            raise DatabaseRefused(f"the database at {dsn.place} refuses to connect: {_first_line(error)}") from error
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
        raise DatabaseRefused(f"DATABASE_URL is not understood: {_first_line(error)}") from error
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
def _translated(place: str) -> Iterator[None]:
    """The driver's exceptions → ours, with what to do about them. What is not listed is a bug and stays as it is."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise DatabaseRefused(
            f"the certificate of the database at {place} does not verify ({error.verify_message}): "
            "check the host name in DATABASE_URL, or name the authority with sslrootcert="
        ) from error
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
        raise TableMissing(f"the database at {place} has no tables of ours: run `hathi migrate`") from error
    except (asyncpg.UndefinedColumnError, asyncpg.UndefinedObjectError, asyncpg.UndefinedFunctionError) as error:
        raise ExtensionMissing(f"the database at {place} lacks an extension: {_first_line(error)}") from error
    except REFUSED as error:
        raise DatabaseRefused(f"the database at {place} refuses: {_first_line(error)}{_advice(error)}") from error
    except socket.gaierror as error:
        raise DatabaseDown(f"the database host {place} does not resolve: check DATABASE_URL") from error
    except AWAY as error:
        if isinstance(error, asyncpg.DataError):  # a value of ours that does not fit: a bug
            raise
        raise DatabaseDown(f"the database at {place} is not reachable: {_first_line(error)}") from error


def _advice(error: Exception) -> str:
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return " (check user and password in DATABASE_URL)"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return " (grant it to the role in DATABASE_URL)"
    if isinstance(error, asyncpg.DiskFullError):
        return " (make room on its disk)"
    return ""


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
