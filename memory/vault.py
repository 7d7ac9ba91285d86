"""What platforms entrust us with, encrypted at rest: the only file that imports cryptography.

The key is not in the database. Each value holds its own name, so that rows cannot be put in each other's place.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bot.errors import SettingsError
from memory.pool import Connection, Database

WRONG_KEY = (
    "ENCRYPTION_KEY is not the one that {name} was encrypted with: set that one, "
    "behind the new one and a comma if you have changed it"
)
NO_KEY = "ENCRYPTION_KEY must be 32 random bytes in base64: make one with `openssl rand -base64 32`"


class Vault:
    """Secrets by name. All may raise DatabaseError; reading may raise SettingsError."""

    def __init__(self, database: Database, keys: Sequence[str]) -> None:
        """`keys`: each 32 bytes in base64; the first encrypts, all decrypt. Raises SettingsError."""
        self._database = database
        try:
            self._box = MultiFernet([Fernet(key.strip().replace("+", "-").replace("/", "_")) for key in keys])
        except ValueError as error:
            raise SettingsError(NO_KEY) from error

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
