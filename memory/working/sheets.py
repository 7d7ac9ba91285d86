"""Pages as they stand in the database: their lines, their text as Mastra reads it, and Mastra's changes of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from bot.zones import day_in
from memory.pool import Connection, Database
from memory.privacy import stored
from memory.working.days import Span, dated, span
from memory.working.learning import Learned, replaced
from memory.working.page import Fact, Template, current
from memory.working.sameness import Sayings

THREAD = "thread "  # begins the name of a thread's page: a thread and a resource may have one id


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page as it stands in the database."""

    text: str  # as Mastra reads it, and may have changed it
    facts: tuple[Fact, ...]


async def load(connection: "Connection | Database", pages: Iterable[str]) -> dict[str, Sheet]:
    """These pages, by name."""
    rows = await connection.fetch(
        """
        select page, hathi.page_text(page) as text,
               (select json_agg(fact order by id) from hathi.facts as fact where fact.page = name.page) as facts
        from unnest($1::text[]) as name (page)
        """,
        list(pages),
    )
    return {row["page"]: Sheet(row["text"] or "", facts_in(row["facts"])) for row in rows}


def text_of(template: Template, facts: Sequence[Fact]) -> str:
    """The page as Mastra reads it: the lines that hold, and of those that say the same the first."""
    seen: dict[str, Sayings] = {}
    kept = []
    for fact in current(facts):
        if seen.setdefault(fact.field, Sayings()).add(fact.value):
            kept.append(fact)
    return template.render(kept)


def changed(template: Template, sheet: Sheet) -> tuple[list[tuple[str, str]], set[int]]:
    """What Mastra has changed: (field, value) of lines that it added, and the ids of those that it took away.

    A line that it only put into other words of the same meaning is neither.
    """
    ours = text_of(template, sheet.facts)
    if sheet.text == ours:
        return [], set()
    now = template.lines(sheet.text)
    before, left = Sayings(value for _, value in template.lines(ours)), Sayings(value for _, value in now)
    added = [(field, value) for field, value in dict.fromkeys(now) if value not in before]
    gone = {fact.id for fact in current(sheet.facts) if fact.value in before and fact.value not in left}
    return added, gone


async def take_over(connection: Connection, sheets: Mapping[str, Sheet], template: Template, timezone: str) -> bool:
    """Make Mastra's changes ours, and name the days in lines that were written without; whether there were any."""
    today = day_in(datetime.now(UTC), timezone)
    anything = False
    for page, sheet in sheets.items():
        added, gone = changed(template, sheet)
        if gone:
            await connection.execute("delete from hathi.facts where id = any($1)", list(gone))
        facts = [fact for fact in sheet.facts if fact.id not in gone]
        for field, value in added:
            whole = template.reworded(field, value, lambda text: dated(text, today))
            learned = Learned(page, field, whole, stored(""), "", frozenset(), about=span(template.typed(whole), today))
            olds = [] if page.startswith(THREAD) else sorted(replaced(learned, facts, template))  # there of whom?
            await _add(connection, page, learned, olds)
        named = await _name_days(connection, facts, template, timezone)
        anything = anything or bool(added or gone or named)
    return anything


async def _add(connection: Connection, page: str, learned: Learned, replaces: Sequence[int]) -> None:
    """A line that Mastra wrote: on a thread's page for those who read there, else for its person alone."""
    about = learned.about
    await connection.execute(
        """
        insert into hathi.facts (page, person, field, value, replaces, first_day, last_day, days_named, audience)
        select $1, case when not $4 then $1 end, $2, $3, $6::bigint[], $7, $8, true, case when $4 then (
            select audience from public.mastra_messages where thread_id = substr($1, $5)
            and audience is not null order by seq desc limit 1) end
        """,
        page,
        learned.field,
        learned.value,
        page.startswith(THREAD),
        len(THREAD) + 1,
        list(replaces),
        about and about.first,
        about and about.last,
    )


async def _name_days(connection: Connection, facts: Sequence[Fact], template: Template, timezone: str) -> bool:
    """Name the days in lines of earlier versions, which had `tomorrow` in them; whether there were such lines."""
    older = [fact for fact in facts if not fact.days_named]
    for fact in older:
        named = with_days(fact, template, timezone)
        await connection.execute(
            "update hathi.facts set value = $2, first_day = $3, last_day = $4, days_named = true where id = $1",
            fact.id,
            named.value,
            named.about and named.about.first,
            named.about and named.about.last,
        )
    return bool(older)


def with_days(fact: Fact, template: Template, timezone: str) -> Fact:
    """A line that names the days that it is about; only those of earlier versions may not."""
    if fact.days_named or not fact.value:
        return fact
    said = day_in(fact.at, timezone)
    value = template.reworded(fact.field, fact.value, lambda text: dated(text, said))
    return replace(fact, value=value, about=span(template.typed(value), said))


async def write_text(connection: Connection, page: str, text: str) -> None:
    """A page's text, where Mastra reads it."""
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


def facts_in(rows: str | None) -> tuple[Fact, ...]:
    """Lines, from JSON as Postgres writes it."""
    return tuple(
        fact_of(
            row
            | {"at": datetime.fromisoformat(row["at"])}
            | {name: row[name] and date.fromisoformat(row[name]) for name in ("first_day", "last_day")}
        )
        for row in json.loads(rows or "[]")
    )


def fact_of(row: Mapping[str, Any]) -> Fact:
    """A line, from its row."""
    about = None if row["last_day"] is None else Span(row["first_day"] or row["last_day"], row["last_day"])
    return Fact(
        id=row["id"],
        person=row["person"],
        field=row["field"],
        value=row["value"],
        audience=None if row["audience"] is None else stored(row["audience"]),
        sources=tuple(row["sources"]),
        replaces=frozenset(row["replaces"]),
        at=row["at"],
        about=about,
        used=row["used"],
        days_named=row["days_named"],
    )


async def facts_of(connection: Connection, people: Sequence[str]) -> list[Fact]:
    """All that was learned from these people, holding or not."""
    rows = await connection.fetch(
        "select * from hathi.facts where person = any($1) or page = any($1) order by id", list(people)
    )
    return [fact_of(dict(row)) for row in rows]
