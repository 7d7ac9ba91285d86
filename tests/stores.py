"""What is kept in a database, put together as the program does it, with the built-in template."""

from bot.chat import Resource
from bot.commands import Commands
from memory.forgetting import Forgetting
from memory.links import Links
from memory.pool import Database
from memory.transcript import PostgresTranscript
from memory.working.loading import read_template
from memory.working.pages import Pages


def pages_in(database: Database) -> Pages:
    return Pages(database, read_template(None))


def forgetting_in(database: Database) -> Forgetting:
    return Forgetting(pages_in(database))


def transcript_in(database: Database) -> PostgresTranscript:
    return PostgresTranscript(database, pages_in(database))


def commands_in(database: Database, last_messages: int = 10) -> Commands:
    return Commands(forgetting_in(database), pages_in(database), Links(database), last_messages)


async def link(links: Links, offerer: Resource, claimer: Resource) -> None:
    """Make two identities one person, as both would."""
    code = await links.offer(offerer)
    assert code is not None
    assert await links.claim(claimer, code.lower(), sure=True) == offerer
    assert await links.link(offerer, claimer)


async def tables_of(database: Database) -> str:
    """Every row of every table, as text behind the table's name."""
    names = await database.fetch(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    found = ""
    for row in names:
        rows = await database.fetch(f"select to_jsonb(t)::text as row from {row['name']} as t")
        found += "\n".join(f"{row['name']} {one['row']}" for one in rows)
    return found
