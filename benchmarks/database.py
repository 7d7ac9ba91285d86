"""A database of a benchmark's own, which is dropped afterwards."""

import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from memory import dsn
from memory.embedded import EmbeddedPostgres
from memory.pool import open_database


@asynccontextmanager
async def own_database(url: str | None) -> AsyncIterator[str]:
    """The URL of a new, empty database on the server at `url`, else on an embedded one."""
    async with AsyncExitStack() as stack:
        if url is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
            url = (await stack.enter_async_context(EmbeddedPostgres(folder / "home"))).dsn
        admin = await stack.enter_async_context(open_database(dsn.parse(url)))
        name = f"hathi_bench_{secrets.token_hex(6)}"
        await admin.fetch(f"create database {name}")
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            await admin.fetch(f"drop database {name} with (force)")
