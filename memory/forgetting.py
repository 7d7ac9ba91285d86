"""What a person, a platform or an operator wants gone is gone: everywhere, for good, with counts; and what there is.

What is deleted does not come back with a redelivery: `hathi.deleted` knows its ids for two days.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.chat import Resource, Thread
from bot.ports import Counts, Kept
from memory.content import text_of
from memory.pool import Database


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Deletes from the transcript and all that was derived from it. Harmless to repeat; all raise DatabaseError."""

    database: Database

    async def about(self, resource: Resource, thread: Thread | None = None) -> Counts:
        """How many rows there are about a person, by table: what `forget`, or `reset` in this thread, would delete."""
        rows = await self.database.fetch(
            """
            with about as materialized (
                select id, thread_id from hathi.messages_about($1) where $2::text is null or thread_id = $2
            )
            select (select count(*) from about) as mastra_messages,
                   (select count(*) from public.mastra_threads as thread
                    where ((thread."resourceId" = $1 and $2::text is null)
                           or thread.id in (select thread_id from about))
                      and not exists (select from public.mastra_messages as message where message.thread_id = thread.id
                                      and message.id not in (select id from about))) as mastra_threads,
                   (select count(*) from public.mastra_resources where id = $1 and $2::text is null) as mastra_resources
            """,
            str(resource),
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
            from hathi.messages_about($1) group by thread_id order by at desc limit $2
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
        rows = await self.database.fetch(
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
            ), gone as materialized (
                select id, thread_id, turn from target
                union
                select id, thread_id, turn from answer
                where exists (select from target where target.thread_id = answer.thread_id
                              and target.seq > since and target.seq <= upto)
                  and not exists (select from public.mastra_messages as message
                                  where message.thread_id = answer.thread_id and addressed
                                    and message.seq > since and message.seq <= upto
                                    and message.id not in (select id from target))
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
            select (select count(*) from messages) as mastra_messages, (select count(*) from threads) as mastra_threads
            """,
            list(ids),
        )
        return dict(rows[0])

    async def reset(self, thread: Thread, person: Resource | None = None) -> Counts:
        """Delete a conversation, its messages and its thread; or what is about one person in it."""
        if person is not None:
            return await self._forget(person, thread)
        async with self.database.transaction() as connection:
            # Locked first: a message that is being heard is then either gone with the rest, or begins the thread anew.
            await connection.execute("select from public.mastra_threads where id = $1 for update", str(thread))
            row = await connection.fetchrow(
                """
                with thread as (delete from public.mastra_threads where id = $1 returning 1),
                     messages as (delete from public.mastra_messages where thread_id = $1 returning id, author),
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
                       (select count(*) from thread) as mastra_threads
                """,
                str(thread),
            )
        return dict(row or {})

    async def leave(self, space: str) -> Counts:
        """Delete all conversations of a guild or workspace, one after the other: harmless to begin again."""
        rows = await self.database.fetch("select id from public.mastra_threads where space = $1", space)
        counts = Counter(mastra_messages=0, mastra_threads=0)
        for row in rows:
            counts.update(await self.reset(Thread.parse(row["id"])))
        return counts

    async def forget(self, resource: Resource) -> Counts:
        """Delete all that is stored about a person, with the conversations of which nothing is left."""
        return await self._forget(resource, None)

    async def _forget(self, resource: Resource, thread: Thread | None) -> Counts:
        rows = await self.database.fetch(
            """
            with about as materialized (
                select id, thread_id from hathi.messages_about($1) where $2::text is null or thread_id = $2
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
                   (select count(*) from resources) as mastra_resources
            """,
            str(resource),
            None if thread is None else str(thread),
        )
        return dict(rows[0])

    async def export(self, resource: Resource) -> dict[str, Any]:
        """All that is stored about a person, as values that JSON can hold."""
        rows = await self.database.fetch(
            """
            select jsonb_build_object(
                'resource', $1::text,
                'working_memory', (select "workingMemory" from public.mastra_resources where id = $1),
                'messages', coalesce((
                    select jsonb_agg(jsonb_build_object(
                        'id', id, 'thread', thread_id, 'role', role, 'author', author, 'audience', audience,
                        'at', to_char("createdAtZ" at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                        'type', type, 'content', content) order by seq)
                    from hathi.messages_about($1)), '[]'))::text as export
            """,
            str(resource),
        )
        export: dict[str, Any] = json.loads(rows[0]["export"])
        for message in export["messages"]:
            message["text"] = text_of(message.pop("content"), message.pop("type"))
        return export
