"""One person on several platforms: a code that is shown in one place and typed in the other makes both one.

Nothing is moved: what each identity said stays its own, so that parting them needs no decision.
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
        """A code that links whoever types it with this person, once, within ten minutes; None after too many."""
        if not await self._may(person, "offer"):
            return None
        code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        await self.database.fetch(
            """
            insert into hathi.link_codes (resource, code, expires) values ($1, $2, now() + make_interval(mins => $3))
            on conflict (resource) do update set code = excluded.code, expires = excluded.expires
            """,
            str(person),
            _hashed(code),
            MINUTES,
        )
        return f"{code[:4]}-{code[4:]}"

    async def offered(self, person: Resource, code: str) -> Resource | None:
        """Whose code it is; None when it is wrong or too old, or this person's own, or there were too many tries."""
        if not await self._may(person, "try"):
            return None
        rows = await self.database.fetch(
            """
            select resource from hathi.link_codes where code = $1 and expires > now()
            and resource not in (select hathi.identities($2))
            """,
            _hashed(code),
            str(person),
        )
        return Resource.parse(rows[0]["resource"]) if rows else None

    async def link(self, person: Resource, code: str) -> Resource | None:
        """Use a code up: from now on both, and all that they are linked with, are one person. Whose it was; or None."""
        if not await self._may(person, "try"):
            return None
        async with self.database.transaction() as connection:
            await connection.execute("lock table hathi.links in share row exclusive mode")
            other = await connection.fetchval(
                """
                delete from hathi.link_codes where code = $1 and expires > now()
                and resource not in (select hathi.identities($2)) returning resource
                """,
                _hashed(code),
                str(person),
            )
            if other is None:
                return None
            await connection.execute(
                """
                with everybody as (select hathi.identities($1) as resource union select hathi.identities($2))
                insert into hathi.links (resource, person)
                select resource, $3 from everybody where (select count(*) from everybody) <= $4
                on conflict (resource) do update set person = excluded.person
                """,
                str(person),
                other,
                secrets.token_hex(16),
                MOST,
            )
        return Resource.parse(other)

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
            str(person),
            what,
        )
        return int(rows[0]["before"]) < TRIES


def _hashed(code: str) -> str:
    """As it is stored: spaces, dashes and small letters do no harm."""
    plain = "".join(character for character in code.upper() if character in ALPHABET)
    return hashlib.sha256(plain.encode()).hexdigest()
