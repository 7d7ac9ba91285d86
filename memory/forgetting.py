"""What a person, a platform or an operator wants gone is gone: everywhere, for good, with counts; and what there is.

What is deleted does not come back with a redelivery: `hathi.deleted` knows its ids for two days. What was derived from
a message goes with it in the same transaction: the database sees to that, and the pages are written anew.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence, Set
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from bot.chat import Resource, Thread
from bot.ports import Counts, Forgettable, Kept
from memory.export import export
from memory.matters import messages as matters
from memory.pool import Connection, Database
from memory.working.pages import THREAD, Pages, facts_of

AT_ONCE = 500  # messages that are deleted in one transaction when they are too old


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Deletes from the transcript and all that was derived from it. Harmless to repeat; all raise DatabaseError."""

    pages: Pages

    @property
    def database(self) -> Database:
        """Where all of it is."""
        return self.pages.database

    async def about(self, resource: Resource, thread: Thread | None = None) -> Counts:
        """How many rows there are about a person, by table: what `forget`, or `reset` in this thread, would delete.

        Everywhere means under each of the person's identities.
        """
        counts: Counter[str] = Counter()
        people = [str(resource)] if thread is not None else await self.pages.identities(resource)
        if thread is None:  # what Mastra has written on a page counts too
            async with self.database.transaction() as connection, self.pages.changing(connection, people):
                pass
        for person in people:
            counts.update(await self._about(person, thread))
        return counts

    async def _about(self, person: str, thread: Thread | None) -> Counts:
        rows = await self.database.fetch(
            """
            with about as materialized (
                select id, thread_id from hathi.messages_to_forget($1, $2)
            )
            select (select count(*) from about) as mastra_messages,
                   (select count(*) from public.mastra_threads as thread
                    where ((thread."resourceId" = $1 and $2::text is null)
                           or thread.id in (select thread_id from about))
                      and not exists (select from public.mastra_messages as message where message.thread_id = thread.id
                                      and message.id not in (select id from about))) as mastra_threads,
                   (select count(*) from public.mastra_resources
                    where id = $1 and $2::text is null) as mastra_resources,
                   (select count(*) from hathi.facts
                    where ((person = $1 or page = $1) and $2::text is null)
                       or (cardinality(sources) > 0 and sources <@ array(select id from about))) as facts,
                   (select count(*) from hathi.passages
                    where part = 0 and message in (select id from about)) as passages
            """,
            person,
            None if thread is None else str(thread),
        )
        return dict(rows[0])

    async def within(self, place: Thread) -> list[Thread]:
        """The conversations in a place that holds several: the one that has its name, and those in threads of it."""
        rows = await self.database.fetch(
            "select id from public.mastra_threads where id = $1 or starts_with(id, $1 || ':')", str(place)
        )
        return [Thread.parse(row["id"]) for row in rows]

    async def kept(self, resource: Resource, most: int) -> list[Kept]:
        """The conversations in which something is about a person, the latest first."""
        rows = await self.database.fetch(
            """
            select thread_id, count(*) as messages, max("createdAtZ") as at
            from hathi.messages_about($1) where thread_id ~ '^[^:]+:.' -- a copy of Mastra's may have any id
            group by thread_id order by at desc limit $2
            """,
            str(resource),
            most,
        )
        return [Kept(Thread.parse(row["thread_id"]), row["messages"], row["at"]) for row in rows]

    async def owners(self, message: str) -> set[str]:
        """Whose a message, or an answer by the id of one of its posts, is: its author, or those whom it answers."""
        rows = await self.database.fetch(
            """
            with message as (
                select * from public.mastra_messages
                where id = $1 or turn = (select turn from hathi.posts where post = $1 limit 1)
            )
            select coalesce(question.author, message.author) as author
            from message left join lateral (
                select author from public.mastra_messages as question
                where question.thread_id = message.thread_id and addressed and question.seq <= message.answers
                  and question.seq > coalesce(
                      (select max(earlier.answers) from public.mastra_messages as earlier
                       where earlier.thread_id = message.thread_id and earlier.answers < message.answers), 0)
            ) as question on true
            """,
            message,
        )
        return {row["author"] for row in rows if row["author"]}

    async def delete(self, ids: Sequence[str]) -> Counts:
        """Delete messages, or answers by the ids of their posts, and the answers to nothing but them; for good.

        A message that comes to us only after its deletion is not written down either.
        """
        pages = await self._pages(
            """
            select author, thread_id from public.mastra_messages
            where id = any($1) or turn in (select turn from hathi.posts where post = any($1))
            """,
            list(ids),
        )
        async with self._deleting(pages) as (connection, counts):
            counts.update(await self._delete(connection, ids))
        return counts

    async def _delete(self, connection: Connection, ids: Iterable[str]) -> Counts:
        row = await connection.fetchrow(
            """
            with target as materialized (
                select id, thread_id, seq, turn from public.mastra_messages where id = any($1)
                union
                select message.id, message.thread_id, message.seq, message.turn
                from hathi.posts as post join public.mastra_messages as message on message.turn = post.turn
                where post.post = any($1)
            ), answer as (
                select id, turn, thread_id, answers as upto,
                       lag(answers, 1, 0::bigint) over (partition by thread_id order by answers) as since
                from public.mastra_messages
                where thread_id in (select thread_id from target) and answers is not null
            ), without_copies as materialized (
                select id, thread_id, turn from target
                union
                select id, thread_id, turn from answer
                where exists (select from target where target.thread_id = answer.thread_id
                              and target.seq > since and target.seq <= upto)
                  and not exists (select from public.mastra_messages as message
                                  where message.thread_id = answer.thread_id and addressed
                                    and message.seq > since and message.seq <= upto
                                    and message.id not in (select id from target))
            ), gone as materialized (
                select id, thread_id, turn from without_copies
                union
                select id, thread_id, null from public.mastra_messages
                where copy_of in (select id from without_copies)
            ), messages as (
                delete from public.mastra_messages where id in (select id from gone) returning 1
            ), posts as (
                delete from hathi.posts where turn in (select turn from gone)
            ), feedback as (
                delete from hathi.feedback where turn in (select turn from gone)
            ), threads as (
                delete from public.mastra_threads as thread
                where id in (select thread_id from gone)
                  and not exists (select from public.mastra_messages as message where message.thread_id = thread.id
                                  and message.id not in (select id from gone))
                returning 1
            ), old as (
                delete from hathi.deleted where at < now() - interval '2 days'
            ), remembered as (
                insert into hathi.deleted (id) select unnest($1) on conflict (id) do nothing
            )
            select (select count(*) from messages) as mastra_messages, (select count(*) from threads) as mastra_threads,
                   (select count(*) from hathi.passages
                    where part = 0 and message in (select id from gone)) as passages
            """,
            list(ids),
        )
        return dict(row or {})

    async def reset(self, thread: Thread, person: Resource | None = None) -> Counts:
        """Delete a conversation, its messages and its thread; or what is about one person in it."""
        if person is not None:
            return await self._forget([str(person)], thread)
        pages = await self._pages(
            "select author, thread_id from public.mastra_messages where thread_id = $1", str(thread)
        )
        async with self._deleting([*pages, f"{THREAD}{thread}"]) as (connection, counts):
            # Locked first: a message that is being heard is then either gone with the rest, or begins the thread anew.
            await connection.execute("select from public.mastra_threads where id = $1 for update", str(thread))
            row = await connection.fetchrow(
                """
                with gone as materialized (
                         select id, thread_id from public.mastra_messages where thread_id = $1
                         union
                         select copy.id, copy.thread_id from public.mastra_messages as message
                         join public.mastra_messages as copy on copy.copy_of = message.id where message.thread_id = $1),
                     thread as (
                         delete from public.mastra_threads as thread
                         where id = $1 or (id in (select thread_id from gone) and not exists (
                             select from public.mastra_messages as message where message.thread_id = thread.id
                             and message.id not in (select id from gone)))
                         returning 1),
                     page as (delete from hathi.facts where page = $2),
                     messages as (
                         delete from public.mastra_messages where id in (select id from gone) returning id, author),
                     posts as (delete from hathi.posts where thread_id = $1),
                     feedback as (delete from hathi.feedback where thread_id = $1),
                     given_up as (delete from hathi.given_up where thread_id = $1),
                     old as (delete from hathi.deleted where at < now() - interval '2 days'),
                     remembered as (
                         insert into hathi.deleted (id) select id from messages where author is not null
                         on conflict (id) do nothing),
                     noted as (
                         insert into hathi.resets (thread_id) values ($1)
                         on conflict (thread_id) do update set at = now())
                select (select count(*) from messages) as mastra_messages,
                       (select count(*) from thread) as mastra_threads,
                       (select count(*) from hathi.passages
                        where part = 0 and message in (select id from messages)) as passages
                """,
                str(thread),
                f"{THREAD}{thread}",
            )
            counts.update(dict(row or {}))
        return counts

    async def leave(self, space: str) -> Counts:
        """Delete all conversations of a guild or workspace, one after the other: harmless to begin again.

        Those of an organisation that has the bot as a whole stand under its id, their spaces are its workspaces.
        """
        rows = await self.database.fetch(
            "select id from public.mastra_threads where space = $1 or starts_with(id, $1 || ':')", space
        )
        counts = Counter(mastra_messages=0, mastra_threads=0, facts=0, passages=0)
        for row in rows:
            counts.update(await self.reset(Thread.parse(row["id"])))
        return counts

    async def forget(self, resource: Resource) -> Counts:
        """Delete all that is stored about a person, under each of their identities, with what is left empty then."""
        return await self._forget(await self.pages.identities(resource), None)

    async def _forget(self, people: Sequence[str], thread: Thread | None) -> Counts:
        async with self._deleting(await self._pages_about(people)) as (connection, counts):
            for person in people:
                counts.update(await self._forget_one(connection, person, thread))
        return counts

    async def _forget_one(self, connection: Connection, person: str, thread: Thread | None) -> Counts:
        if thread is None:
            await connection.execute("delete from hathi.facts where person = $1 or page = $1", person)
            await connection.execute("delete from hathi.paused where person = $1", person)
            await connection.execute("delete from hathi.links where resource = $1", person)
            await connection.execute("delete from hathi.link_codes where resource = $1 or claimer = $1", person)
        row = await connection.fetchrow(
            """
            with about as materialized (
                select id, thread_id from hathi.messages_to_forget($1, $2)
            ),
                 messages as (
                     delete from public.mastra_messages where id in (select id from about)
                     returning 1, id, turn, author),
                 posts as (delete from hathi.posts where turn in (select turn from messages)),
                 feedback as (
                     delete from hathi.feedback where turn in (select turn from messages)
                     or (person = $1 and ($2::text is null or thread_id = $2))),
                 threads as (
                     delete from public.mastra_threads as thread
                     where ((thread."resourceId" = $1 and $2::text is null)
                            or thread.id in (select thread_id from about))
                       and not exists (select from public.mastra_messages as message where message.thread_id = thread.id
                                       and message.id not in (select id from about))
                     returning 1, id),
                 given_up as (delete from hathi.given_up where thread_id in (select id from threads)),
                 resources as (delete from public.mastra_resources where id = $1 and $2::text is null returning 1),
                 old as (delete from hathi.deleted where at < now() - interval '2 days'),
                 remembered as (
                     insert into hathi.deleted (id) select id from messages where author is not null
                     on conflict (id) do nothing),
                 noted as (
                     insert into hathi.resets (thread_id) select id from threads
                     on conflict (thread_id) do update set at = now())
            select (select count(*) from messages) as mastra_messages,
                   (select count(*) from threads) as mastra_threads,
                   (select count(*) from resources) as mastra_resources,
                   (select count(*) from hathi.passages
                    where part = 0 and message in (select id from messages)) as passages
            """,
            person,
            None if thread is None else str(thread),
        )
        return dict(row or {})

    async def forget_matter(
        self, person: Resource, lines: Set[int], what: str = "", keep: Sequence[str] = ()
    ) -> Counts:
        """Delete lines of a person's page, and all messages of theirs, and answers to them, that say the same.

        `what`: the matter in the person's words, for what stands on no page. `keep`: ids of messages that stay. Other
        lines that came from such a message stay too, unless they say the same.
        """
        return (await self.forget_and_tell(person, lines, what, keep)).counts

    async def would_forget(self, person: Resource, lines: Set[int], what: str = "") -> Forgettable:
        """What `forget_matter` would delete now: all of it is done, and undone."""
        return await self.forget_and_tell(person, lines, what, rehearse=True)

    async def forget_and_tell(
        self, person: Resource, lines: Set[int], what: str = "", keep: Sequence[str] = (), *, rehearse: bool = False
    ) -> Forgettable:
        """Do as `forget_matter` and tell what went; with `rehearse` undo it at the end.

        All messages of a person are read and matched before their pages are locked, and off the event loop.
        """
        people = await self.pages.identities(person)
        pages = await self._pages_about(people)
        async with self.database.transaction() as connection, self.pages.changing(connection, pages):
            facts = await facts_of(connection, people)  # with what Mastra has changed
        messages = await matters.said(self.database, people, keep)
        scope = await asyncio.to_thread(matters.scope, self.pages.template, what, lines, facts, messages)
        with suppress(_Rehearsed):
            async with self._deleting(pages) as (connection, counts):
                held = await facts_of(connection, people)
                if held != facts:  # somebody has changed the page meanwhile
                    facts = held
                    scope = await asyncio.to_thread(matters.scope, self.pages.template, what, lines, facts, messages)
                gone = list(scope.messages)
                await connection.execute("delete from hathi.facts where id = any($1)", list(scope.lines))
                await connection.execute("update hathi.facts set sources = '{}' where sources <@ $1", gone)
                counts.update(await self._delete(connection, gone))
                went = await matters.went(connection, messages, scope)
                if rehearse:
                    counts["facts"] = len(scope.lines)
                    raise _Rehearsed
        return matters.forgettable(self.pages.template, facts, scope, went, counts)

    async def strike(self, thread: Thread) -> Counts:
        """Delete what was said off the record in a thread and is answered, with the answers to it."""
        rows = await self.database.fetch(
            """
            with struck as (
                select message.id, seq from public.mastra_messages as message
                join public.mastra_threads as thread on thread.id = thread_id
                where thread_id = $1 and off_record and seq <= answered
            )
            select id from struck
            union
            select answer.id from struck, lateral (
                select id from public.mastra_messages as answer where thread_id = $1 and answers >= struck.seq
                order by answers limit 1
            ) as answer
            """,
            str(thread),
        )
        return await self.delete([row["id"] for row in rows]) if rows else {}

    async def expire(self, days: float) -> Counts:
        """Delete what was said longer ago, and what was learned from it."""
        counts = Counter(mastra_messages=0, mastra_threads=0, facts=0, passages=0)
        while rows := await self.database.fetch(
            """
            select id from public.mastra_messages
            where "createdAtZ" < now() - make_interval(secs => $1::float8 * 86400) limit $2
            """,
            days,
            AT_ONCE,
        ):
            counts.update(await self.delete([row["id"] for row in rows]))
        return counts

    @asynccontextmanager
    async def _deleting(self, pages: Iterable[str]) -> AsyncIterator[tuple[Connection, Counter[str]]]:
        """A transaction in which messages may be deleted: it holds their pages, and counts their lines."""
        counts = Counter(mastra_messages=0, mastra_threads=0, facts=0)
        async with self.database.transaction() as connection, self.pages.changing(connection, pages) as before:
            yield connection, counts
            left = await connection.fetchval("select count(*) from hathi.facts where page = any($1)", list(before))
            counts["facts"] = sum(len(sheet.facts) for sheet in before.values()) - left

    async def _pages(self, messages: str, *args: object) -> set[str]:
        """The pages on which something may stand that was learned from messages; a query for author and thread_id."""
        rows = await self.database.fetch(messages, *args)
        return {self.pages.of(row["author"], row["thread_id"]) for row in rows if row["author"]}

    async def _pages_about(self, people: Sequence[str]) -> set[str]:
        """The pages of people, and those on which something stands that they said."""
        rows = await self.database.fetch("select distinct page from hathi.facts where person = any($1)", list(people))
        return {*people, *(row["page"] for row in rows)}

    async def export(self, resource: Resource) -> dict[str, Any]:
        """All that is stored about a person, under each of their identities, as values that JSON can hold."""
        return await export(self.database, resource, await self.pages.identities(resource))


class _Rehearsed(Exception):
    """Everything was done as it would be, and is to be undone."""
