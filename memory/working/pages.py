"""Pages in Postgres: what is on them, and the one way in which they are changed.

Whoever changes a page locks it first, so that no update is lost, whichever process makes it; and the text that Mastra
reads is written in the same transaction. What Mastra has changed meanwhile is taken over before.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from bot.chat import Resource, Thread
from bot.ports import Page, Remembered
from bot.zones import day_in
from memory import content
from memory.pool import Connection, Database
from memory.privacy import Place, place, stored
from memory.working import learning, whereabouts
from memory.working.days import dated, span
from memory.working.evidence.secrets import tells_secret
from memory.working.learning import Learned
from memory.working.page import Fact, Template, current
from memory.working.sheets import (
    THREAD,
    Sheet,
    changed,
    fact_of,
    facts_in,
    facts_of,
    load,
    take_over,
    text_of,
    with_days,
    write_text,
)
from memory.working.writing import count_as_read, count_as_used, write_down

__all__ = ["SPEAKERS", "THREAD", "Asked", "Learned", "Pages", "Sheet", "Speaker", "facts_of"]

SPEAKERS = 5  # people of a conversation whose pages are looked at
RECENT = 20  # messages of it in which they are looked for
WORDS = 20_000  # characters of a question; a longer one is not looked through for what it is about


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody in a conversation, with their pages: one for each of their identities."""

    resource: str
    name: str
    sheets: Mapping[str, Sheet]


@dataclass(frozen=True, slots=True)
class Asked:
    """What waits for an answer in a thread."""

    there: Place  # where the answer will be read
    author: str  # of the newest message
    zone: str  # the author's time zone, where the platform told
    words: str  # of all that waits


@dataclass(frozen=True, slots=True)
class Pages:
    """All pages. Everything may raise DatabaseError."""

    database: Database
    template: Template
    by_thread: bool = False  # a page for each thread in place of each person
    timezone: str = "UTC"  # of people whose own is not known

    def of(self, person: str, thread: Thread | str) -> str:
        """The name of the page on which something that a person said in a thread is written."""
        return f"{THREAD}{thread}" if self.by_thread else person

    # Reading

    async def speakers(self, thread: Thread) -> tuple[Asked | None, list[Speaker]]:
        """What waits for an answer in a thread, and who speaks there, the latest first.

        Who is off the record is left out. One round trip.
        """
        rows = await self.database.fetch(
            """
            with waiting as (
                select message.audience, message.author, message.zone, message.content, message.type, seq, thread.space
                from public.mastra_messages as message join public.mastra_threads as thread on thread.id = thread_id
                where thread_id = $1 and addressed and seq > answered and coalesce(answers, seq) > answered
                order by seq desc limit $6
            ), newest as (
                select *, (
                    select json_agg(json_build_array(content, type)) from waiting where length(content) < $7
                ) as words
                from waiting order by seq desc limit 1
            ), speaking as (
                select author, (array_agg(name order by seq desc))[1] as name, max(seq) as seq
                from (
                    select author, name, seq from public.mastra_messages where thread_id = $1 and copy_of is null
                    order by coalesce(answers, seq) desc, seq desc limit $2
                ) as line
                where author is not null and not exists (select from hathi.paused where person = author)
                group by author order by seq desc limit $3
            )
            select newest.audience, newest.space, newest.author as asker, newest.zone, newest.words,
                   array(select hathi.identities(newest.author)) as people,
                   speaking.author, coalesce(speaking.name, '') as name, page.page, hathi.page_text(page.page) as text,
                   (select json_agg(fact order by id) from hathi.facts as fact where fact.page = page.page) as facts
            from newest left join (
                speaking cross join lateral (
                    select case when $4 then $5 || $1 else identity end as page
                    from hathi.identities(speaking.author) as identity where not $4 or identity = speaking.author
                ) as page
            ) on true
            order by speaking.seq desc
            """,
            str(thread),
            RECENT,
            SPEAKERS,
            self.by_thread,
            THREAD,
            SPEAKERS,
            WORDS,
        )
        if not rows:
            return None, []
        sheets: dict[tuple[str, str], dict[str, Sheet]] = {}
        for row in rows:
            if row["author"] is not None:
                sheet = Sheet(row["text"] or "", facts_in(row["facts"]))
                sheets.setdefault((row["author"], row["name"]), {})[row["page"]] = sheet
        first = rows[0]
        there = place(stored(first["audience"] or ""), first["space"], first["people"])
        words = " ".join(content.text_of(text, type_) for text, type_ in json.loads(first["words"] or "[]"))
        asked = Asked(there, first["asker"] or "", first["zone"] or "", words)
        return asked, [Speaker(author, name, found) for (author, name), found in sheets.items()]

    async def learned_from(self, authors: Sequence[str], thread: Thread) -> dict[str, tuple[list[str], list[Fact]]]:
        """By author: their identities, and what was learned from them and stands on pages that count in a thread."""
        rows = await self.database.fetch(
            """
            select author, array_agg(identity) as people,
                   (select json_agg(fact order by id) from hathi.facts as fact
                    where fact.person = any(array_agg(identity)) and fact.page = any(
                        case when $2::text is null then array_agg(identity) else array[$2] end)) as facts
            from unnest($1::text[]) as author, hathi.identities(author) as identity group by author
            """,
            list(authors),
            f"{THREAD}{thread}" if self.by_thread else None,
        )
        return {row["author"]: (row["people"], list(facts_in(row["facts"]))) for row in rows}

    def view(self, sheets: Mapping[str, Sheet], there: Place) -> tuple[list[Fact], list[tuple[str, str]]]:
        """What may be known of somebody in a place: the lines that hold, and (field, value) of what Mastra has added.

        The latter only where the whole page may be read.
        """
        facts: list[Fact] = []
        added: list[tuple[str, str]] = []
        for page, sheet in sheets.items():
            more, gone = changed(self.template, sheet)
            facts += [with_days(fact, self.template, self.timezone) for fact in sheet.facts if fact.id not in gone]
            if page in there.people or page.startswith(THREAD):
                added += more
        return current(facts, there), added

    def zone(self, facts: Iterable[Fact], platform: str = "") -> str:
        """Somebody's time zone: what they say it is, what the platform says, that of their city, the operator's.

        `facts`: lines about them, as far as they may be known where it is asked for.
        """
        lines = [(self.template.label(fact.field), self.template.typed(fact.value)) for fact in facts]
        named, lives = whereabouts.told(lines)
        return named or platform or lives or self.timezone

    def told(self, fact: Fact, today: date) -> str:
        """A line as people and models read it; marked as past after the days that it was about."""
        line = self.template.told(fact.field, fact.value)
        return f"{line} (past)" if fact.about is not None and fact.about.last < today else line

    async def page(self, person: Resource) -> Page:
        """All that is on a person's pages, under each of their identities, with where each line was learned."""
        identities = await self.identities(person)
        async with self.database.transaction() as connection, self.changing(connection, identities):
            rows = await connection.fetch(
                """
                select fact.*, source.id as source, source.thread_id
                from hathi.facts as fact left join lateral (
                    select id, thread_id from public.mastra_messages
                    where id = any(fact.sources) order by seq desc limit 1
                ) as source on true
                where fact.page = any($1) or fact.person = any($1) order by fact.id
                """,
                identities,
            )
            paused = await connection.fetchval(
                "select exists (select from hathi.paused where person = $1)", str(person)
            )
            platform = await self._zone_of(connection, identities)
        holding = {fact.id: fact for fact in current(fact_of(dict(row)) for row in rows)}
        today = day_in(datetime.now(UTC), self.zone(holding.values(), platform), self.timezone)
        lines = tuple(
            self._remembered(row, self.told(holding[row["id"]], today)) for row in rows if row["id"] in holding
        )
        others = tuple(Resource.parse(other) for other in identities if other != str(person))
        return Page(lines, bool(paused), others)

    async def _zone_of(self, connection: Connection, identities: Sequence[str]) -> str:
        """A person's time zone, as a platform told last."""
        return (
            await connection.fetchval(
                "select zone from public.mastra_messages where author = any($1) and zone is not null"
                " order by seq desc limit 1",
                identities,
            )
            or ""
        )

    def _remembered(self, row: Any, text: str) -> Remembered:
        kind = "" if row["audience"] is None else row["audience"].partition(":")[0]
        return Remembered(
            id=row["id"],
            text=text,
            value=self.template.typed(row["value"]),
            at=row["at"],
            kind=kind,
            message=row["source"] or "",
            thread=None if row["thread_id"] is None else Thread.parse(row["thread_id"]),
        )

    # Changing

    @asynccontextmanager
    async def changing(self, connection: Connection, pages: Iterable[str]) -> AsyncIterator[Mapping[str, Sheet]]:
        """These pages, for nobody else to change until the transaction ends; then their text is written anew.

        Comes before any other lock: whoever deletes messages holds their pages first.
        """
        names = sorted(set(pages))
        if not names:
            yield {}
            return
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended(page, 7)) from unnest($1::text[]) as page", names
        )
        before = await load(connection, names)
        if await take_over(connection, before, self.template, self.timezone):
            before = await load(connection, names)
        yield before
        after = await load(connection, names)
        for name, sheet in after.items():
            if sheet.facts == before[name].facts:  # Mastra's page stays as it wrote it
                continue
            text = text_of(self.template, sheet.facts)
            if text != sheet.text:
                await write_text(connection, name, text)

    async def learn(
        self, thread: Thread, since: int, upto: int | None, learned: Sequence[Learned], used: Iterable[int] = ()
    ) -> list[int]:
        """Write down what was learned from a thread's messages behind `since` up to `upto`; the ids of new lines.

        Nothing if somebody else has read these messages meanwhile; and nothing of a message that was deleted. Without
        `upto` the messages are not read to their end yet, and count as unread. `used`: lines that they were about.
        """
        if not learned:
            if await count_as_read(self.database, thread, since, upto):
                await count_as_used(self.database, used)
            return []
        people = {person: await self.identities(Resource.parse(person)) for person in {fact.person for fact in learned}}
        names = {name for fact in learned for name in self._pages_of(fact.person, people[fact.person], thread)}
        async with self.database.transaction() as connection, self.changing(connection, names) as sheets:
            if not await count_as_read(connection, thread, since, upto):
                return []
            await count_as_used(connection, used)
            before = [fact for sheet in sheets.values() for fact in sheet.facts]
            written: list[Fact] = []
            for fact in learned:
                theirs = [one for one in (*before, *written) if one.person in people[fact.person]]
                page = self.of(fact.person, thread)
                better = learning.reworded(fact, current(before))
                if (
                    new := await write_down(connection, page, fact, self.template, theirs=theirs, better=better)
                ) is not None:
                    written.append(new)
            return [fact.id for fact in written]

    def _pages_of(self, person: str, identities: Sequence[str], thread: Thread) -> list[str]:
        """The pages on which lines of a person stand that count in a thread."""
        return [self.of(person, thread)] if self.by_thread else list(identities)

    async def skip(self, thread: Thread) -> None:
        """Count a thread's messages as read."""
        await self.database.fetch(
            "update public.mastra_threads set digested = answered where id = $1 and digested < answered", str(thread)
        )

    async def unlearn(self, connection: Connection, message: str) -> None:
        """Take back what was learned from a message alone; its page is being changed."""
        await connection.execute("delete from hathi.facts where sources = array[$1]", message)
        await connection.execute(
            "update hathi.facts set sources = array_remove(sources, $1) where sources @> array[$1]", message
        )

    async def correct(self, person: Resource, line: int, text: str) -> bool:
        """A line reads like this now, and may be known where it could be before; False when it is not this person's."""
        identities = await self.identities(person)
        rows = await self.database.fetch(
            "select page, field from hathi.facts where id = $1 and person = any($2)", line, identities
        )
        if not rows:
            return False
        value = self.template.value(rows[0]["field"], text)
        if value is None or tells_secret(self.template.typed(value)):
            return False
        async with self.database.transaction() as connection, self.changing(connection, [rows[0]["page"]]):
            today = day_in(datetime.now(UTC), await self._zone_of(connection, identities), self.timezone)
            value = self.template.reworded(rows[0]["field"], value, lambda text: dated(text, today))
            about = span(self.template.typed(value), today)
            corrected = await connection.fetch(
                "update hathi.facts set value = $2, first_day = $3, last_day = $4"
                " where id = $1 and value <> '' returning 1",
                line,
                value,
                about and about.first,
                about and about.last,
            )
        return bool(corrected)

    async def undo(self, person: Resource, lines: Sequence[int]) -> int:
        """Take back what was written; what it replaced holds again. How many lines that were."""
        rows = await self.database.fetch(
            "select distinct page from hathi.facts where id = any($1) and person = any($2)",
            list(lines),
            identities := await self.identities(person),
        )
        async with (
            self.database.transaction() as connection,
            self.changing(connection, [row["page"] for row in rows]),
        ):
            gone = await connection.fetch(
                "delete from hathi.facts where id = any($1) and person = any($2) returning 1", list(lines), identities
            )
        return len(gone)

    async def pause(self, person: Resource, paused: bool) -> None:
        """Off the record, or on it again, under each of the person's identities."""
        identities = await self.identities(person)
        if paused:
            await self.database.fetch(
                "insert into hathi.paused (person) select unnest($1::text[]) on conflict (person) do nothing",
                identities,
            )
        else:
            await self.database.fetch("delete from hathi.paused where person = any($1)", identities)

    # Within

    async def identities(self, person: Resource) -> list[str]:
        """A person's names on all platforms that they have linked, this one among them."""
        rows = await self.database.fetch("select id from hathi.identities($1) as id order by id", str(person))
        return [row["id"] for row in rows]
