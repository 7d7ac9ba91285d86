"""Writing down what was learned: a line of a page, what was read for it, and what was asked about."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.chat import Thread
from memory.pool import Connection, Database
from memory.working import learning
from memory.working.learning import Learned
from memory.working.page import Fact, Template, current
from memory.working.sheets import fact_of


async def write_down(
    connection: Connection,
    page: str,
    fact: Learned,
    template: Template,
    *,
    theirs: Sequence[Fact],
    better: frozenset[int],
) -> Fact | None:
    """A new line, if there is none that says this already: that one has one more source.

    `theirs`: the person's lines; `better`: those of them that this one puts better.
    """
    same = learning.known(fact, theirs, template)
    old = fact.replaces & {one.id for one in current(theirs)} | better
    if same is not None and old <= {same.id} - better:
        await connection.execute(
            "update hathi.facts set sources = sources || $2 where id = $1 and sources <> '{}'"
            " and not $2 = any(sources) and exists (select from public.mastra_messages where id = $2)",
            same.id,
            fact.source,
        )
        return None
    more = better | ({same.id} if same is not None else set())
    replaces = learning.replaced(fact, theirs, template) | more
    return await _insert(connection, page, replace(fact, replaces=replaces))


async def _insert(connection: Connection, page: str, fact: Learned) -> Fact | None:
    """A new line; None if the message that says it is gone."""
    rows = await connection.fetch(
        """
        insert into hathi.facts
            (page, person, field, value, audience, sources, replaces, at, first_day, last_day, days_named)
        select $1, $2, $3, $4, $5, array[$6], $7::bigint[] || array(
                   select unnest(fact.replaces) from hathi.facts as fact where fact.id = any($7)),
               coalesce($8, now()), $9, $10, true
        where exists (select from public.mastra_messages where id = $6 and not off_record)
        returning *
        """,
        page,
        fact.person,
        fact.field,
        fact.value,
        fact.audience,
        fact.source,
        sorted(fact.replaces),
        fact.at,
        fact.about and fact.about.first,
        fact.about and fact.about.last,
    )
    return fact_of(dict(rows[0])) if rows else None


async def count_as_read(connection: "Connection | Database", thread: Thread, since: int, upto: int | None) -> bool:
    """Move the watermark from where whoever reads has found it; False if somebody else has moved it."""
    rows = await connection.fetch(
        """
        update public.mastra_threads set digested = coalesce($3, digested),
            digest_tries = case when $3 is null then digest_tries else 0 end
        where id = $1 and digested = $2 returning 1
        """,
        str(thread),
        since,
        upto,
    )
    return bool(rows)


async def count_as_used(connection: "Connection | Database", used: Iterable[int]) -> None:
    """Count one more question that lines were about."""
    if lines := list(used):
        await connection.fetch("update hathi.facts set used = used + 1 where id = any($1) returning 1", lines)
