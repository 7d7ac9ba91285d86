"""Whether Postgres can hold vectors here, and the column for them."""

import logging
import re
from dataclasses import dataclass

from bot.errors import DatabaseRefused
from memory.migrate import LOCK
from memory.pool import Database

log = logging.getLogger(__name__)

NEEDED = (0, 7)  # the first pgvector with halfvec


@dataclass(frozen=True, slots=True)
class Vectors:
    """What there is of pgvector."""

    schema: str = ""  # where its types and operators are; empty: there are no vectors
    lack: str = ""  # what to do about it, in one line

    def __bool__(self) -> bool:
        return bool(self.schema)


async def look(database: Database) -> Vectors:
    """What there is of pgvector; changes nothing. One statement."""
    return await _look(database)


async def prepare(database: Database) -> Vectors:
    """Make the column for vectors where it can be made. One statement where it is there. Raises DatabaseError."""
    found = await _look(database)
    if found or not found.lack.startswith(_CAN):
        return found
    try:
        async with database.transaction() as connection:
            await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
            await connection.execute("create extension if not exists vector")
            schema = await connection.fetchval(
                "select nspname from pg_extension join pg_namespace as schema on schema.oid = extnamespace"
                " where extname = 'vector'"
            )
            await connection.execute(
                f'alter table hathi.passages add column if not exists embedding "{schema}".halfvec'
            )
            # In the row itself, also where it is large: a search reads them all.
            await connection.execute("alter table hathi.passages alter column embedding set storage main")
            await connection.execute("update hathi.passages set embedder = null where embedder is not null")
    except DatabaseRefused as error:
        lack = "pgvector is not switched on, and may not be by this role: run `create extension vector` as its owner"
        log.info("messages are found by their words alone: %s (%s)", lack, error)
        return Vectors(lack=lack)
    return await _look(database)


_CAN = "pgvector is switched on at the next start"


async def _look(database: Database) -> Vectors:
    rows = await database.fetch(
        """
        select exists (select from pg_attribute where attrelid = to_regclass('hathi.passages')
                       and attname = 'embedding' and not attisdropped) as ready,
               extension.extversion as version, schema.nspname as schema
        from (select 1) as one left join pg_extension as extension on extname = 'vector'
        left join pg_namespace as schema on schema.oid = extnamespace
        """
    )
    (row,) = rows
    if row["ready"]:
        return Vectors(row["schema"])
    version = row["version"]
    if version is None:
        rows = await database.fetch("select default_version from pg_available_extensions where name = 'vector'")
        if not rows:
            return Vectors(lack="this Postgres has no pgvector: install it, then start again")
        version = rows[0]["default_version"]
    if _number(version) < NEEDED:
        return Vectors(lack=f"pgvector {version} is too old: version 0.7 or newer is needed")
    return Vectors(lack=_CAN)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
