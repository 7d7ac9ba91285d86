"""Makes the cluster: aside, and moved into place when it is whole, so that a kill never leaves half of one."""

import asyncio
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

from bot.errors import DatabaseRefused
from memory.embedded import programs
from memory.embedded.home import hand_over, open_own
from memory.embedded.programs import User
from memory.embedded.words import of_postgres


async def make(home: Path, binaries: Path, user: User) -> None:
    """A new data/ with the database `hathi`, and its password. Raises DatabaseRefused when Postgres says no."""
    build, password = await asyncio.to_thread(_prepare, home, user)
    data = build / "data"
    try:
        here = programs.here(data, user)
        initdb = ["initdb", "-D", here, "-U", "hathi", "-A", "scram-sha-256", "--pwfile=../password"]
        initdb += ["-E", "UTF8", "--locale=C.UTF-8"]
        code, said = await programs.run(programs.command(binaries, initdb), data, user)
        if code == 0:
            single = programs.command(binaries, ["postgres", "--single", "-D", here, "postgres"])
            code, said = await programs.run(single, data, user, b"create database hathi\n")
        if code != 0 or re.search(r"\b(ERROR|FATAL|PANIC):", said):
            raise DatabaseRefused(of_postgres(home, "the embedded Postgres could not be set up", said))
        await asyncio.to_thread(_move_in, data, home, password)
    finally:
        await asyncio.to_thread(shutil.rmtree, build, ignore_errors=True)


def _prepare(home: Path, user: User) -> tuple[Path, str]:
    build = Path(tempfile.mkdtemp(prefix="new-", dir=home))
    password = secrets.token_urlsafe(32)
    (build / "data").mkdir(mode=0o700)
    (build / "password").touch(mode=0o600)
    (build / "password").write_text(password)
    if user.uid is not None:
        hand_over(build, user)
    return build, password


def _move_in(built: Path, home: Path, password: str) -> None:
    """The password first: data without its password would be a locked door."""
    kept = home / "password"
    kept.unlink(missing_ok=True)
    fd = open_own(kept)
    try:
        os.write(fd, password.encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    built.rename(home / "data")
    fd = os.open(home, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
