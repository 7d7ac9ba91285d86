"""File locks: they end with the process that holds them, however it ends."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.errors import DatabaseDown
from memory.embedded.home import open_own

if sys.platform != "win32":
    import fcntl

TICK = 0.05  # seconds between two looks at what nobody announces

_PATIENCE = 135.0  # seconds; who holds start.lock may be waiting two minutes for its server


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Hold this lock alone. Raises DatabaseDown when somebody keeps it for minutes."""
    fd = open_own(path)
    try:
        await _take(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


async def take_shared(fd: int) -> None:
    """Hold this open file together with others, until it is released. Raises DatabaseDown as `locked` does."""
    await _take(fd, fcntl.LOCK_SH)


def take_alone(fd: int) -> None:
    """Hold this open file alone, now. Raises BlockingIOError when somebody else holds it, too."""
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def release(fd: int) -> None:
    """Close the file, and with it the lock."""
    os.close(fd)


async def _take(fd: int, how: int) -> None:
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - begun > _PATIENCE:
                raise DatabaseDown("another Hathi has held the embedded Postgres for minutes: stop it first") from None
            await asyncio.sleep(TICK)
        else:
            return
