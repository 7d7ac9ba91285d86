"""What platforms entrust us with, encrypted at rest: the only file that imports cryptography.

The key is not in the database. Each value holds its own name, so that rows cannot be put in each other's place.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.errors import SettingsError
from memory.pool import Connection, Database

WRONG_KEY = (
    "ENCRYPTION_KEY is not the one that {name} was encrypted with: set that one, "
    "behind the new one and a comma if you have changed it"
)
NO_KEY = "ENCRYPTION_KEY must be 32 random bytes in base64: make one with `openssl rand -base64 32`"
WEAK_KEY = (
    "ENCRYPTION_KEY can be guessed, it is not random: make one with `openssl rand -base64 32`, set it before the old "
    "one and a comma, and run `hathi rotate-key`"
)


class Vault:
    """Secrets by name. All may raise DatabaseError; reading may raise SettingsError."""

    def __init__(self, database: Database, keys: Sequence[str]) -> None:
        """`keys`: each 32 bytes in base64; the first, a random one, encrypts, all decrypt. Raises SettingsError."""
        self._database = database
        safe = [key.strip().replace("+", "-").replace("/", "_") for key in keys]
        try:
            self._box = MultiFernet([Fernet(key) for key in safe])
        except ValueError as error:
            raise SettingsError(NO_KEY) from error
        if is_weak(urlsafe_b64decode(safe[0])):
            raise SettingsError(WEAK_KEY)

    async def put(self, name: str, value: str, seconds: float | None = None) -> None:
        """Keep a value under a name, for as long as given, or until it is deleted; what has expired goes."""
        await self._database.fetch(
            """
            with old as (delete from hathi.secrets where expires < now() and name <> $1)
            insert into hathi.secrets (name, value, expires) values ($1, $2, now() + make_interval(secs => $3))
            on conflict (name) do update set value = excluded.value, expires = excluded.expires
            """,
            name,
            self._closed(name, value),
            seconds,
        )

    async def get(self, name: str) -> str | None:
        """What is kept under a name."""
        rows = await self._database.fetch(
            "select value from hathi.secrets where name = $1 and (expires is null or expires > now())", name
        )
        return self._opened(name, rows[0]["value"]) if rows else None

    async def take(self, name: str) -> str | None:
        """What was kept under a name, once: it is gone then. Not tried again: the first try may have had it."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(
                "delete from hathi.secrets where name = $1 returning value, expires > now() as fresh", name
            )
        return self._opened(name, row["value"]) if row and row["fresh"] is not False else None

    async def rotate(self) -> int:
        """Encrypt all that is kept with the first key; how many values that were. Raises SettingsError.

        All or nothing: when one of them cannot be read, none is changed.
        """
        async with self._database.transaction() as connection:
            rows = await connection.fetch("select name, value from hathi.secrets order by name for update")
            fresh = [self._closed(row["name"], self._opened(row["name"], row["value"])) for row in rows]
            await connection.execute(
                """
                update hathi.secrets as kept set value = fresh.value
                from unnest($1::text[], $2::text[]) as fresh (name, value) where kept.name = fresh.name
                """,
                [row["name"] for row in rows],
                fresh,
            )
        return len(rows)

    async def check(self) -> None:
        """Whether all that is kept for good can be read. Raises SettingsError, with what to do."""
        for row in await self._database.fetch("select name, value from hathi.secrets where expires is null"):
            self._opened(row["name"], row["value"])

    async def delete(self, name: str) -> bool:
        """Forget it; False when there was nothing."""
        return bool(await self._database.fetch("delete from hathi.secrets where name = $1 returning 1", name))

    @asynccontextmanager
    async def changing(self, name: str) -> AsyncIterator["Secret | None"]:
        """What is kept under a name, locked for all processes while the block runs; None when there is nothing."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow("select value from hathi.secrets where name = $1 for update", name)
            yield Secret(name, self._opened(name, row["value"]), self, connection) if row else None

    def _closed(self, name: str, value: str) -> str:
        return self._box.encrypt(json.dumps([name, value]).encode()).decode()

    def _opened(self, name: str, value: str) -> str:
        try:
            inside, opened = json.loads(self._box.decrypt(value.encode()))
        except InvalidToken as error:
            raise SettingsError(WRONG_KEY.format(name=name)) from error
        if inside != name:
            raise SettingsError(f"the secret kept as {name} is another one's: somebody has changed the table")
        return str(opened)


def is_weak(key: bytes) -> bool:
    """Tell whether 32 bytes are plainly not random: few different ones, a sequence, or a typed text.

    Fewer than one of 10^13 random keys is taken for such a one: C(256, 16) / 16^32, and (95 / 256)^32.
    """
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    return len(set(key)) <= 16 or len(steps) <= 8 or all(32 <= byte < 127 for byte in key)


@dataclass(slots=True)
class Secret:
    """One value, locked."""

    name: str
    value: str
    _vault: Vault
    _connection: Connection

    async def replace(self, value: str) -> None:
        """Keep another value instead."""
        await self._connection.execute(
            "update hathi.secrets set value = $2 where name = $1", self.name, self._vault._closed(self.name, value)
        )
        self.value = value
