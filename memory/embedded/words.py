"""What went wrong on disk or in the server, in one line that says what to do."""

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import DatabaseRefused


@contextmanager
def plain_words(home: Path) -> Iterator[None]:
    """Raise every OSError from inside as DatabaseRefused."""
    try:
        yield
    except OSError as error:
        raise DatabaseRefused(of_files(home, error)) from error


def of_files(home: Path, error: OSError) -> str:
    """Why a file of this home could not be used."""
    where = error.filename or home
    match error.errno:
        case errno.EEXIST | errno.ENOTDIR if not home.is_dir():
            return f"{where} is a file, or lies below one: choose another home for Hathi"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"cannot write to {where} ({error.strerror}): choose another home for Hathi, or set DATABASE_URL"
        case errno.ENOSPC | errno.EDQUOT:
            return _disk_full(home)
        case _:
            return f"the embedded Postgres cannot use {where}: {error.strerror or error}"


def of_postgres(home: Path, what: str, said: str) -> str:
    """What happened, and the one line that explains it among all that one of Postgres' programs said."""
    full = "No space left" in said or "quota exceeded" in said
    if full or shutil.disk_usage(home).free < 1_000_000:  # a full disk leaves no room for the log either
        return _disk_full(home)
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it gave no reason"]
    errors = [line for line in lines if re.search(r"\b(ERROR|FATAL|PANIC|error):", line)]
    reason = re.sub(r"^.*?\b(ERROR|FATAL|PANIC|error): +", "", (errors or lines)[-1])
    return f"{what}: {reason} (see {home / 'postgres.log'})".replace("/proc/self/cwd", str(home / "data"))


def _disk_full(home: Path) -> str:
    return f"the disk that holds {home} is full: make room, then start again"
