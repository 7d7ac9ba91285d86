"""Brings the database up to date: numbered SQL files, forward only, in one transaction under an advisory lock."""

import re
from importlib.resources import files

from bot.errors import DatabaseRefused
from memory.pool import PATIENCE, START_PATIENCE, Connection, Database, TableMissing

LOCK = 0x6861746869  # "hathi": the key of our transaction-level advisory lock
TIMEOUT = 600.0  # seconds: another process may be adopting a large database of Mastra's


async def migrate(database: Database) -> list[str]:
    """Apply what is missing and return its names; on a database that is up to date this is one statement.

    Safe from many processes at once. Raises DatabaseError; DatabaseRefused when a newer Hathi was here.
    """
    known = migrations()
    reached = await _reached(database)
    if reached > len(known):
        raise DatabaseRefused(
            f"the database was brought up to version {reached} by a newer Hathi; this one knows {len(known)}: update it"
        )
    if reached == len(known):
        return []
    return await database.again(lambda: _catch_up(database, known))


async def _catch_up(database: Database, known: list[tuple[str, str]]) -> list[str]:
    """Apply what is missing, all of it or nothing: harmless to begin again when the connection is lost on the way."""
    async with database.transaction() as connection:
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK, timeout=TIMEOUT)
        await connection.execute("create schema if not exists hathi")
        await connection.execute(
            "create table if not exists hathi.migrations"
            " (version int primary key, name text not null, applied_at timestamptz not null default now())"
        )
        return await _apply_missing(connection, known)


async def state(database: Database) -> str:
    """In a few words, for `hathi doctor`: how far the database is. Changes nothing."""
    reached, known = await _reached(database), len(migrations())
    if reached == known:
        return "up to date"
    return "newer than this Hathi: update it" if reached > known else "brought up to date at the next start"


def migrations() -> list[tuple[str, str]]:
    """All migrations as (name, SQL), in order; number n is at index n - 1."""
    found = sorted(
        (entry for entry in (files("memory") / "migrations").iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", entry.name)),
        key=lambda entry: entry.name,
    )
    return [(entry.name.removesuffix(".sql"), entry.read_text(encoding="utf-8")) for entry in found]


async def _reached(database: Database) -> int:
    """The version that the database is at; 0 when it never saw Hathi."""
    try:
        rows = await database.fetch(
            "select coalesce(max(version), 0) as version from hathi.migrations",
            patience=START_PATIENCE,
            waking=PATIENCE,
        )
    except TableMissing:
        return 0
    return int(rows[0]["version"])


async def _apply_missing(connection: Connection, known: list[tuple[str, str]]) -> list[str]:
    reached = await connection.fetchval("select coalesce(max(version), 0) from hathi.migrations")
    applied = []
    for version, (name, sql) in enumerate(known, start=1):
        if version > reached:
            await connection.execute(sql, timeout=TIMEOUT)
            await connection.execute("insert into hathi.migrations (version, name) values ($1, $2)", version, name)
            applied.append(name)
    return applied
