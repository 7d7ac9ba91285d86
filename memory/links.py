"""One person on several platforms: a code that is shown in one place and typed in the other makes both one.

It belongs to whoever types it first; both have to be sure, each with the other's name before them. Nothing is moved:
what each identity said stays its own, so that parting them needs no decision.
"""

import hashlib
import secrets
from dataclasses import dataclass

from bot.chat import Resource
from memory.pool import Database

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no two look alike
LENGTH = 8  # characters: 39 bits, of which a guesser may try TRIES an hour
MINUTES = 10
TRIES = 10  # codes made and codes tried, each, by one identity within an hour
MOST = 10  # identities of one person


@dataclass(frozen=True, slots=True)
class Links:
    """Links in Postgres. Everything may raise DatabaseError."""

    database: Database

    async def offer(self, person: Resource) -> str | None:
        """A code for whoever types it first within ten minutes; it replaces the one before. None after too many."""
        if not await self._may(person, "offer"):
            return None
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        await self.database.fetch(
            """
            insert into hathi.link_codes (resource, code, expires) values ($1, $2, now() + make_interval(mins => $3))
            on conflict (resource) do update
            set code = excluded.code, expires = excluded.expires, claimer = null, agreed = false
            """,
            str(person),
            _hashed(code),
            MINUTES,
        )
        return f"{code[:4]}-{code[4:]}"

    async def claim(self, person: Resource, code: str, *, sure: bool = False) -> Resource | None:
        """Whose code it is: it is this person's to use now, who is `sure`, or has only looked; None when it is wrong,
        too old, somebody else's by now or this person's own, or there were too many tries.
        """
        if not await self._may(person, "try"):
            return None
        rows = await self.database.fetch(
            """
            update hathi.link_codes set claimer = $2, agreed = agreed or $3
            where code = $1 and expires > now() and coalesce(claimer, $2) = $2
            and resource not in (select hathi.identities($2)) returning resource
            """,
            _hashed(code),
            str(person),
            sure,
        )
        return Resource.parse(rows[0]["resource"]) if rows else None

    async def burn(self, person: Resource, code: str) -> None:
        """Make a code worthless that others could read; a guess that is wrong counts as a try."""
        if await self._may(person, "try"):
            await self.database.fetch("delete from hathi.link_codes where code = $1", _hashed(code))

    async def claimed(self, person: Resource) -> tuple[Resource, str] | None:
        """Who has typed this person's code and is sure, and what they are called; None when nobody has."""
        rows = await self.database.fetch(
            """
            select claimer, coalesce((select max(name) from hathi.speakers where author = claimer), '') as name
            from hathi.link_codes where resource = $1 and agreed and expires > now()
            """,
            str(person),
        )
        return (Resource.parse(rows[0]["claimer"]), rows[0]["name"]) if rows else None

    async def link(self, person: Resource, claimer: Resource) -> bool:
        """Use this person's code up: from now on both, and all that they are linked with, are one person.

        False when it was not this claimer who typed it, when it is too old, or when they would be too many.
        """
        async with self.database.transaction() as connection:
            await connection.execute("lock table hathi.links in share row exclusive mode")
            found = await connection.fetchval(
                """
                delete from hathi.link_codes where resource = $1 and claimer = $2 and agreed and expires > now()
                returning true
                """,
                str(person),
                str(claimer),
            )
            if not found:
                return False
            linked = await connection.fetch(
                """
                with everybody as (select hathi.identities($1) as resource union select hathi.identities($2))
                insert into hathi.links (resource, person)
                select resource, $3 from everybody where (select count(*) from everybody) <= $4
                on conflict (resource) do update set person = excluded.person returning 1
                """,
                str(person),
                str(claimer),
                secrets.token_hex(16),
                MOST,
            )
        return bool(linked)

    async def unlink(self, person: Resource) -> bool:
        """This identity stands alone again, with what was learned from it; False when it did already."""
        rows = await self.database.fetch("delete from hathi.links where resource = $1 returning 1", str(person))
        return bool(rows)

    async def _may(self, person: Resource, what: str) -> bool:
        """Whether somebody has not done this too often within the last hour; it counts as done."""
        rows = await self.database.fetch(
            """
            with old as (delete from hathi.link_tries where at < now() - interval '1 hour'),
                 this as (insert into hathi.link_tries (person, what) values ($1, $2))
            select count(*) as before from hathi.link_tries
            where (person, what) = ($1, $2) and at >= now() - interval '1 hour'
            """,
            _nameless(person),
            what,
        )
        return int(rows[0]["before"]) < TRIES


def _nameless(person: Resource) -> str:
    """As a try is counted: it is kept for an hour, also when all else about a person is forgotten."""
    return hashlib.sha256(str(person).encode()).hexdigest()


def _hashed(code: str) -> str:
    """As it is stored: spaces, dashes and small letters do no harm."""
    plain = "".join(character for character in code.upper() if character in ALPHABET)
    return hashlib.sha256(plain.encode()).hexdigest()
