"""Pages in Postgres: what is on them, and the one way in which they are changed.

Whoever changes a page locks it first, so that no update is lost, whichever process makes it; and the text that Mastra
reads is written in the same transaction. What Mastra has changed meanwhile is taken over before.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.chat import Resource, Thread
from bot.ports import Page, Remembered
from memory.pool import Connection, Database
from memory.privacy import Audience, Place, place, stored
from memory.working.page import Fact, Template, current

THREAD = "thread "  # begins the name of a thread's page: a thread and a resource may have one id
SPEAKERS = 5  # people of a conversation whose pages are looked at
RECENT = 20  # messages of it in which they are looked for


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as it stands in the database."""

    text: str  # as Mastra reads it, and may have changed it
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody in a conversation, with their pages: one for each of their identities."""

    resource: str
    name: str
    sheets: Mapping[str, Sheet]


@dataclass(frozen=True, slots=True)
class Learned:
    """Something to be written on a page."""

    person: str
    field: str
    value: str  # empty: what it replaces does not hold any more
    audience: Audience
    source: str  # id of the message that says so
    replaces: frozenset[int]


@dataclass(frozen=True, slots=True)
class Pages:
    """All pages. Everything may raise DatabaseError."""

    database: Database
    template: Template
    by_thread: bool = False  # a page for each thread in place of each person

    def of(self, person: str, thread: Thread | str) -> str:
        """The name of the page on which something that a person said in a thread is written."""
        return f"{THREAD}{thread}" if self.by_thread else person

    # Reading

    async def speakers(self, thread: Thread) -> tuple[Place | None, list[Speaker]]:
        """Where the answer to what waits in a thread will be read, and who speaks there, the latest first.

        Who is off the record is left out. One round trip.
        """
        rows = await self.database.fetch(
            """
            with newest as (
                select message.audience, message.author, thread.space
                from public.mastra_messages as message join public.mastra_threads as thread on thread.id = thread_id
                where thread_id = $1 and addressed and seq > answered and coalesce(answers, seq) > answered
                order by seq desc limit 1
            ), speaking as (
                select author, (array_agg(name order by seq desc))[1] as name, max(seq) as seq
                from (
                    select author, name, seq from public.mastra_messages where thread_id = $1 and copy_of is null
                    order by coalesce(answers, seq) desc, seq desc limit $2
                ) as line
                where author is not null and not exists (select from hathi.paused where person = author)
                group by author order by seq desc limit $3
            )
            select newest.audience, newest.space, array(select hathi.identities(newest.author)) as people,
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
        )
        if not rows:
            return None, []
        sheets: dict[tuple[str, str], dict[str, Sheet]] = {}
        for row in rows:
            if row["author"] is not None:
                sheet = Sheet(row["text"] or "", _facts(row["facts"]))
                sheets.setdefault((row["author"], row["name"]), {})[row["page"]] = sheet
        there = place(stored(rows[0]["audience"] or ""), rows[0]["space"], rows[0]["people"])
        return there, [Speaker(author, name, found) for (author, name), found in sheets.items()]

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
        return {row["author"]: (row["people"], list(_facts(row["facts"]))) for row in rows}

    def view(self, sheets: Mapping[str, Sheet], there: Place) -> tuple[list[Fact], list[tuple[str, str]]]:
        """What may be known of somebody in a place: the lines that hold, and (field, value) of what Mastra has added.

        The latter only where the whole page may be read.
        """
        facts: list[Fact] = []
        added: list[tuple[str, str]] = []
        for page, sheet in sheets.items():
            more, gone = self._changed(sheet)
            facts += [fact for fact in sheet.facts if fact.id not in gone]
            if page in there.people or page.startswith(THREAD):
                added += more
        return current(facts, there), added

    async def page(self, person: Resource) -> Page:
        """All that is on a person's pages, under each of their identities, with where each line was learned."""
        identities = await self.identities(person)
        async with self.database.transaction() as connection, self.changing(connection, identities):
            rows = await connection.fetch(
                """
                select fact.id, fact.field, fact.value, fact.audience, fact.at, fact.replaces, fact.person,
                       fact.sources, source.id as source, source.thread_id
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
        holding = {fact.id for fact in current(_fact(dict(row)) for row in rows)}
        lines = tuple(self._remembered(row) for row in rows if row["id"] in holding)
        others = tuple(Resource.parse(other) for other in identities if other != str(person))
        return Page(lines, bool(paused), others)

    def _remembered(self, row: Any) -> Remembered:
        kind = "" if row["audience"] is None else row["audience"].partition(":")[0]
        return Remembered(
            id=row["id"],
            text=self.template.told(row["field"], row["value"]),
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
        before = await self._load(connection, names)
        if await self._take_over(connection, before):
            before = await self._load(connection, names)
        yield before
        after = await self._load(connection, names)
        for name, sheet in after.items():
            if sheet.facts == before[name].facts:  # Mastra's page stays as it wrote it
                continue
            text = self.template.render(current(sheet.facts))
            if text != sheet.text:
                await self._write(connection, name, text)

    async def learn(self, thread: Thread, since: int, upto: int, learned: Sequence[Learned]) -> list[int]:
        """Write down what was learned from a thread's messages behind `since` up to `upto`; the ids of new lines.

        Nothing if somebody else has read these messages meanwhile; and nothing of a message that was deleted.
        """
        if not learned:
            await self.database.fetch(_READ, str(thread), since, upto)
            return []
        names = {self.of(fact.person, thread) for fact in learned}
        async with self.database.transaction() as connection, self.changing(connection, names) as sheets:
            if not await connection.fetch(_READ, str(thread), since, upto):
                return []
            fresh = []
            for fact in learned:
                known = _same(fact, sheets[self.of(fact.person, thread)])
                if known is None or fact.replaces - {known.id}:
                    fresh.append(fact)
                else:
                    await connection.execute(
                        "update hathi.facts set sources = sources || $2 where id = $1 and sources <> '{}'"
                        " and not $2 = any(sources) and exists (select from public.mastra_messages where id = $2)",
                        known.id,
                        fact.source,
                    )
            return await self._insert(connection, thread, fresh)

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
        if value is None:
            return False
        async with self.database.transaction() as connection, self.changing(connection, [rows[0]["page"]]):
            changed = await connection.fetch(
                "update hathi.facts set value = $2 where id = $1 and value <> '' returning 1", line, value
            )
        return bool(changed)

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

    async def _load(self, connection: "Connection | Database", pages: Iterable[str]) -> dict[str, Sheet]:
        rows = await connection.fetch(
            """
            select page, hathi.page_text(page) as text,
                   (select json_agg(fact order by id) from hathi.facts as fact where fact.page = name.page) as facts
            from unnest($1::text[]) as name (page)
            """,
            list(pages),
        )
        return {row["page"]: Sheet(row["text"] or "", _facts(row["facts"])) for row in rows}

    def _changed(self, sheet: Sheet) -> tuple[list[tuple[str, str]], set[int]]:
        """What Mastra has changed: (field, value) of lines that it added, and the ids of those that it took away."""
        holding = current(sheet.facts)
        ours = self.template.render(holding)
        if sheet.text == ours:
            return [], set()
        before = {value for _, value in self.template.lines(ours)}
        now = self.template.lines(sheet.text)
        left = {value for _, value in now}
        added = [(field, value) for field, value in dict.fromkeys(now) if value not in before]
        return added, {fact.id for fact in holding if fact.value in before and fact.value not in left}

    async def _take_over(self, connection: Connection, sheets: Mapping[str, Sheet]) -> bool:
        """Make what Mastra has changed ours; whether there was anything."""
        changed = False
        for page, sheet in sheets.items():
            added, gone = self._changed(sheet)
            if gone:
                await connection.execute("delete from hathi.facts where id = any($1)", list(gone))
            if added:
                await connection.execute(
                    """
                    insert into hathi.facts (page, person, field, value, audience)
                    select $1, case when not $4 then $1 end, field, value, case when $4 then (
                        select audience from public.mastra_messages where thread_id = substr($1, $5)
                        and audience is not null order by seq desc limit 1) end
                    from unnest($2::text[], $3::text[]) as line (field, value)
                    """,
                    page,
                    [field for field, _ in added],
                    [value for _, value in added],
                    page.startswith(THREAD),
                    len(THREAD) + 1,
                )
            changed = changed or bool(added or gone)
        return changed

    async def _insert(self, connection: Connection, thread: Thread, learned: Sequence[Learned]) -> list[int]:
        rows = await connection.fetch(
            """
            insert into hathi.facts (page, person, field, value, audience, sources, replaces)
            select page, person, field, value, audience, array[source],
                   learned.replaces || array(
                       select unnest(fact.replaces) from hathi.facts as fact where fact.id = any(learned.replaces))
            from jsonb_to_recordset($1::jsonb) as learned
                (page text, person text, field text, value text, audience text, source text, replaces bigint[])
            where exists (select from public.mastra_messages where id = source and not off_record)
            returning id
            """,
            json.dumps(
                [
                    {
                        "page": self.of(fact.person, thread),
                        "person": fact.person,
                        "field": fact.field,
                        "value": fact.value,
                        "audience": fact.audience,
                        "source": fact.source,
                        "replaces": sorted(fact.replaces),
                    }
                    for fact in learned
                ]
            ),
        )
        return [row["id"] for row in rows]

    async def _write(self, connection: Connection, page: str, text: str) -> None:
        if page.startswith(THREAD):
            await connection.execute(
                """
                update public.mastra_threads set metadata = jsonb_set(
                    case when jsonb_typeof(metadata::text::jsonb) = 'object' then metadata::text::jsonb else '{}' end,
                    '{workingMemory}', to_jsonb($2::text))
                where id = substr($1, $3)
                """,
                page,
                text,
                len(THREAD) + 1,
            )
        elif text:
            await connection.execute(
                """
                insert into public.mastra_resources as resource
                    (id, "workingMemory", metadata, "createdAt", "updatedAt", "createdAtZ", "updatedAtZ")
                select $1, $2, '{}', now, now, now at time zone 'utc', now at time zone 'utc'
                from (select date_trunc('milliseconds', clock_timestamp() at time zone 'utc') as now) as clock
                on conflict (id) do update set "workingMemory" = excluded."workingMemory",
                    "updatedAt" = excluded."updatedAt", "updatedAtZ" = excluded."updatedAtZ"
                """,
                page,
                text,
            )
        else:
            await connection.execute('update public.mastra_resources set "workingMemory" = null where id = $1', page)


# The watermark moves only for whoever read from where it stood.
_READ = "update public.mastra_threads set digested = $3 where id = $1 and digested = $2 returning 1"


def _same(fact: Learned, sheet: Sheet) -> Fact | None:
    """The line that says this already, to the same people."""
    if not fact.value:
        return None
    return next(
        (
            known
            for known in current(sheet.facts)
            if (known.field, known.audience) == (fact.field, fact.audience)
            and known.value.casefold() == fact.value.casefold()
        ),
        None,
    )


async def facts_of(connection: Connection, people: Sequence[str]) -> list[Fact]:
    """All that was learned from these people, holding or not."""
    rows = await connection.fetch(
        "select * from hathi.facts where person = any($1) or page = any($1) order by id", list(people)
    )
    return [_fact(dict(row)) for row in rows]


def _facts(rows: str | None) -> tuple[Fact, ...]:
    return tuple(_fact(row | {"at": datetime.fromisoformat(row["at"])}) for row in json.loads(rows or "[]"))


def _fact(row: Mapping[str, Any]) -> Fact:
    return Fact(
        id=row["id"],
        person=row["person"],
        field=row["field"],
        value=row["value"],
        audience=None if row["audience"] is None else stored(row["audience"]),
        sources=tuple(row["sources"]),
        replaces=frozenset(row["replaces"]),
        at=row["at"],
    )
