"""Mastra's process, and a database for it to share with Hathi."""

import os
from collections.abc import Iterator

import pytest

from tests.conftest import Server
from tests.mastra.node import InteropMissing, Mastra, install


@pytest.fixture(scope="session")
def mastra() -> Iterator[Mastra]:
    """One Node process for the whole run: it starts at the first command, in about a second."""
    try:
        install()
    except InteropMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    with Mastra() as process:
        yield process


@pytest.fixture
def empty(server: Server, empty_name: str) -> str:
    """The connection string of a database with nothing in it."""
    return server.database(empty_name)
