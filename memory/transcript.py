"""What was said, in order: the one log, in Mastra's tables. Every other memory is a reading of it.

Per thread, writes queue on the thread's row, so that `seq` grows in the order in which they are committed, and
times are at least a millisecond apart (Mastra orders by time).
"""

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import datetime

from bot.chat import Answer, Image, Line, Message, Quote, Resource, Thread, Turn, storable
from bot.errors import TurnLost
from bot.ports import Conversation, Recollection
from memory.content import content_of, text_of
from memory.pool import Database
from memory.privacy import audience, narrowed, stored
from memory.working.pages import Pages


class PostgresTranscript:
    """The transcript in Postgres. All statements are harmless to run twice; all raise DatabaseError."""

    def __init__(self, database: Database, pages: Pages | None = None) -> None:
        """`pages`: where what was learned from a message stands, which goes when the message is changed."""
        self.database = database
        self._pages = pages

    async def hear(self, message: Message) -> int | None:
        """Write a person's message down and enqueue a turn for it; the turn's id.

        Where a turn of the thread is enqueued and not begun, that one will do: it is locked, so it cannot begin
        before this message is there to be read. One that was put back with its answer written will not do: it only
        posts that. A message that was there already, or was deleted, changes nothing; None if no turn waits for it
        any more.
        """
        rows = await self.database.fetch(
            """
            with clock as (
                select greatest(
                    date_trunc('milliseconds', least($6::timestamptz, clock_timestamp()) at time zone 'utc'),
                    (select max("createdAt") from public.mastra_messages where thread_id = $2) + interval '1 ms'
                ) as said
            ), thread as (
                insert into public.mastra_threads as thread
                    (id, "resourceId", title, "createdAt", "updatedAt", "createdAtZ", "updatedAtZ", space)
                select $2, $3, '', said, said, said at time zone 'utc', said at time zone 'utc', $11 from clock
                where not exists (select from public.mastra_messages where id = $1)
                  and not exists (select from hathi.deleted where id = $1)
                on conflict (id) do update set
                    "updatedAt" = greatest(excluded."updatedAt", thread."updatedAt" + interval '1 ms'),
                    "updatedAtZ" =
                        greatest(excluded."updatedAt", thread."updatedAt" + interval '1 ms') at time zone 'utc',
                    space = coalesce(excluded.space, thread.space)
                returning id, "resourceId", "updatedAt", "updatedAtZ"
            ), message as (
                insert into public.mastra_messages
                    (id, thread_id, content, role, type, "createdAt", "createdAtZ", "resourceId",
                     author, audience, addressed, name, replies_to, images, zone, off_record)
                select $1, id, $4, 'user', 'v2', "updatedAt", "updatedAtZ", "resourceId",
                       $3, $5, true, $8, $9, $10::jsonb, $12, $13 or exists (select from hathi.paused where person = $3)
                from thread
                on conflict (id) do nothing
                returning seq
            ), enqueued as (
                select job.id from public.procrastinate_jobs as job
                where (select count(*) from message) >= 0 -- first the thread's lock, then the job's
                  and job.lock = $2 and job.status = 'todo' and job.scheduled_at is null
                  and not exists (select from public.mastra_messages where turn = job.id)
                order by job.id limit 1 for update
            ), deferred as (
                select (public.procrastinate_defer_jobs_v1(array[row(
                    $7::text, 'turn', 0, $2, null, jsonb_build_object('thread', $2::text, 'message', $1::text), null
                )::public.procrastinate_job_to_defer_v1]))[1] as id
                from message where not exists (select from enqueued)
            )
            select coalesce((select id from enqueued), (select id from deferred)) as turn
            """,
            message.id,
            str(message.thread),
            str(message.author),
            content_of(message.text),
            audience(message.room),
            message.at,
            message.queue or message.thread.platform,
            _name(message),
            message.replies_to,
            _images(message),
            message.room.space or None,
            message.zone or None,
            message.off_record,
        )
        turn: int | None = rows[0]["turn"]
        return turn

    async def overhear(self, messages: Sequence[Message], owner: Resource) -> None:
        """Write down what others said in a thread before somebody, its `owner`, brought the bot in.

        All are of one thread, oldest first; those that are there already, or were deleted, or come from somebody who
        is off the record, change nothing. What waits for an answer comes behind them.
        """
        await self.database.again(lambda: self._overhear(messages, owner))

    async def _overhear(self, messages: Sequence[Message], owner: Resource) -> None:
        thread = messages[0].thread
        async with self.database.transaction() as connection:
            written = await connection.fetch(
                """
                with given as (
                    select * from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                                         $9::timestamptz[])
                        with ordinality as given (id, author, name, content, audience, replies_to, at, place)
                    where not exists (select from public.mastra_messages as message where message.id = given.id)
                      and not exists (select from hathi.deleted where deleted.id = given.id)
                      and not exists (select from hathi.paused where person = given.author)
                ), timed as (
                    select *, greatest(
                        max(date_trunc('milliseconds', least(at, clock_timestamp()) at time zone 'utc')
                            - place * interval '1 ms') over (order by place),
                        (select max("createdAt") from public.mastra_messages where thread_id = $1)
                    ) + place * interval '1 ms' as said
                    from given
                ), thread as (
                    insert into public.mastra_threads as thread
                        (id, "resourceId", title, "createdAt", "updatedAt", "createdAtZ", "updatedAtZ", space)
                    select $1, $2, '', min(said), max(said),
                           min(said) at time zone 'utc', max(said) at time zone 'utc', $10
                    from timed having count(*) > 0
                    on conflict (id) do update set
                        "updatedAt" = greatest(excluded."updatedAt", thread."updatedAt"),
                        "updatedAtZ" = greatest(excluded."updatedAt", thread."updatedAt") at time zone 'utc'
                    returning id, "resourceId"
                )
                insert into public.mastra_messages
                    (id, thread_id, content, role, type, "createdAt", "createdAtZ", "resourceId",
                     author, audience, name, replies_to)
                select timed.id, thread.id, content, 'user', 'v2', said, said at time zone 'utc', "resourceId",
                       author, audience, name, replies_to
                from timed, thread order by place
                on conflict (id) do nothing
                returning 1
                """,
                str(thread),
                str(owner),
                [message.id for message in messages],
                [str(message.author) for message in messages],
                [_name(message) for message in messages],
                [content_of(message.text) for message in messages],
                [audience(message.room) for message in messages],
                [message.replies_to for message in messages],
                [message.at for message in messages],
                messages[0].room.space or None,
            )
            if not written:
                return
            await connection.execute(
                """
                update public.mastra_messages as message set
                    seq = later.seq, "createdAt" = newest + place * interval '1 ms',
                    "createdAtZ" = (newest + place * interval '1 ms') at time zone 'utc'
                from (
                    select id, place, nextval('hathi.message_seq') as seq,
                           (select max("createdAt") from public.mastra_messages where thread_id = $1) as newest
                    from (
                        select message.id, row_number() over (order by seq) as place
                        from public.mastra_messages as message, public.mastra_threads as thread
                        where thread.id = $1 and thread_id = $1 and addressed and seq > answered order by seq
                    ) as waiting
                ) as later
                where message.id = later.id
                """,
                str(thread),
            )

    async def edit(self, message: Message) -> bool:
        """What somebody said now reads like this; False when it is not known, or reads like this already.

        What was learned from it is forgotten, and learned anew from what it says now. Fewer may know it from then on
        where the room has become narrower, never more.
        """
        new = (message.id, content_of(message.text), _name(message), _images(message), message.zone or None)
        rows = await self.database.fetch(
            """
            select author, thread_id, audience,
                   (content, name, images, zone)
                       is distinct from ($2, coalesce($3, name), $4::jsonb, coalesce($5, zone)) as differs
            from public.mastra_messages where id = $1 and author is not null
            """,
            *new,
        )
        if not rows:
            return False
        row, now = rows[0], audience(message.room)
        label = now if row["audience"] is None else narrowed(stored(row["audience"]), now)
        fewer = label if label != row["audience"] else None
        if not row["differs"] and fewer is None:
            return False
        await self.database.again(lambda: self._edit((*new, fewer), row["author"], row["thread_id"]))
        return True

    async def _edit(self, new: tuple[str | None, ...], author: str, thread: str) -> None:
        async with self.database.transaction() as connection, AsyncExitStack() as stack:
            if self._pages is not None:
                page = self._pages.of(author, thread)
                await stack.enter_async_context(self._pages.changing(connection, [page]))
                await self._pages.unlearn(connection, str(new[0]))
            await connection.execute(
                """
                with message as (
                    update public.mastra_messages set
                        content = $2, name = coalesce($3, name), images = $4::jsonb, zone = coalesce($5, zone),
                        audience = coalesce($6, audience)
                    where id = $1 returning thread_id, seq
                )
                update public.mastra_threads as thread set digested = least(digested, seq - 1)
                from message where thread.id = thread_id
                """,
                *new,
            )

    async def knows(self, thread: Thread, post: str) -> bool:
        """Whether the bot takes part in a thread: it was spoken to there, or the thread grew out of this post."""
        rows = await self.database.fetch(
            """
            select exists (select from public.mastra_threads where id = $1)
                or exists (select from hathi.resets where thread_id = $1)
                or exists (select from hathi.posts where post = $2) as known
            """,
            str(thread),
            post,
        )
        return bool(rows[0]["known"])

    async def ours(self, posts: Sequence[str]) -> set[str]:
        """Those of these posts that a turn has recorded."""
        rows = await self.database.fetch("select post from hathi.posts where post = any($1)", list(posts))
        return {row["post"] for row in rows}

    async def rate(self, post: str, person: Resource, good: bool) -> bool:
        """Note what somebody says of the answer that a post belongs to; False when it is not known."""
        rows = await self.database.fetch(
            """
            insert into hathi.feedback (turn, person, good, thread_id)
            select turn, $2, $3, thread_id from hathi.posts where post = $1 limit 1
            on conflict (turn, person) do update set good = excluded.good, at = now()
            returning 1
            """,
            post,
            str(person),
            good,
        )
        return bool(rows)

    async def reset_at(self, thread: Thread) -> datetime | None:
        """When a conversation was last reset."""
        rows = await self.database.fetch("select at from hathi.resets where thread_id = $1", str(thread))
        return rows[0]["at"] if rows else None

    async def conversations(self, platform: str, days: float, most: int) -> list[Conversation]:
        """The conversations of the last `days` on a platform, newest first, and what was last said to the bot there."""
        rows = await self.database.fetch(
            """
            select id, newest, at from (
                select thread.id, newest.id as newest, thread."updatedAtZ" as at
                from public.mastra_threads as thread left join lateral (
                    select id from public.mastra_messages
                    where thread_id = thread.id and author is not null and addressed order by seq desc limit 1
                ) as newest on true
                union all
                select thread_id, null, at from hathi.resets
                where not exists (select from public.mastra_threads as thread where thread.id = thread_id)
            ) as conversation
            where starts_with(id, $1 || ':') and at > now() - make_interval(secs => $2::float8 * 86400)
            order by at desc limit $3
            """,
            platform,
            days,
            most,
        )
        return [Conversation(Thread.parse(row["id"]), row["newest"], row["at"]) for row in rows]

    async def look_back(self, platform: str, since: datetime) -> datetime:
        """Note that a platform is looked through for what was missed; since when, with what was not ended before."""
        rows = await self.database.fetch(
            """
            insert into hathi.looking_back as before (platform, since) values ($1, $2)
            on conflict (platform) do update set since = least(before.since, excluded.since) returning since
            """,
            platform,
            since,
        )
        begun: datetime = rows[0]["since"]
        return begun

    async def looked_back(self, platform: str, since: datetime) -> None:
        """A look back is done; one that began earlier is not."""
        await self.database.fetch("delete from hathi.looking_back where platform = $1 and since >= $2", platform, since)

    async def undigested(self, platforms: Sequence[str], seconds: float, most: int = 20) -> list[Thread]:
        """Threads of these platforms in which something waits to be digested for longer than this, the oldest first."""
        rows = await self.database.fetch(
            """
            select id from public.mastra_threads
            where digested < answered and "updatedAtZ" < now() - make_interval(secs => $2)
              and split_part(id, ':', 1) = any($1)
            order by "updatedAtZ" limit $3
            """,
            list(platforms),
            seconds,
            most,
        )
        return [Thread.parse(row["id"]) for row in rows]

    async def answer(self, turn: Turn, recollection: Recollection, answer: Answer) -> bool:
        """Write the answer to what waited; False if that was deleted meanwhile. Raises TurnLost.

        The id is made from the question's, so that two answers to one question cannot both be written.
        """
        provider, _, model = answer.model.partition("/")
        rows = await self.database.fetch(
            """
            with held as (
                select id from public.procrastinate_jobs
                where id = $4 and status = 'doing' and attempts = $5 for share
            ), question as (
                select message.id, seq, audience from public.mastra_messages as message, held
                where thread_id = $1 and seq = $2
            ), clock as (
                select greatest(
                    date_trunc('milliseconds', clock_timestamp() at time zone 'utc'),
                    (select max("createdAt") from public.mastra_messages where thread_id = $1) + interval '1 ms'
                ) as now
            ), thread as (
                update public.mastra_threads as thread set
                    answered = greatest(answered, $2),
                    "updatedAt" = greatest(now, "updatedAt" + interval '1 ms'),
                    "updatedAtZ" = greatest(now, "updatedAt" + interval '1 ms') at time zone 'utc'
                from question, clock
                where thread.id = $1
                returning thread.id, thread."resourceId", thread."updatedAt", thread."updatedAtZ",
                          question.id as question, question.seq, question.audience
            ), written as (
                insert into public.mastra_messages as message
                    (id, thread_id, content, role, type, "createdAt", "createdAtZ", "resourceId",
                     audience, answers, turn)
                select question || ':answer', id, $3, 'assistant', 'v2', "updatedAt", "updatedAtZ", "resourceId",
                       audience, seq, $4
                from thread
                on conflict (id) do update set turn = excluded.turn -- ours from a first run whose reply got lost
                    where (message.turn, message.content) = (excluded.turn, excluded.content)
                returning seq
            )
            select (select count(*) from held) as held, (select count(*) from written) as written
            """,
            str(turn.thread),
            _newest_waiting(recollection),
            content_of(answer.text, metadata={"provider": provider, "modelId": model}),
            turn.id,
            turn.attempt,
        )
        if not rows[0]["held"]:
            raise TurnLost(f"turn {turn.id} is somebody else's now")
        return bool(rows[0]["written"])

    async def give_up(self, turn: Turn, recollection: Recollection, reason: str) -> None:
        """Close the turn without an answer: what waited stays in the conversation, but waits no longer."""
        await self.database.fetch(
            """
            with thread as (
                update public.mastra_threads set answered = greatest(answered, $2) where id = $1 returning id
            )
            insert into hathi.given_up (turn, thread_id, reason) select $3, id, $4 from thread
            on conflict (turn) do nothing
            """,
            str(turn.thread),
            _newest_waiting(recollection),
            turn.id,
            reason,
        )

    async def given_up(self, last: int = 10) -> list[tuple[str, str, str]]:
        """The last turns that ended without an answer: when, where, why."""
        rows = await self.database.fetch(
            """
            select to_char(at at time zone 'utc', 'YYYY-MM-DD HH24:MI') as at, thread_id, reason
            from hathi.given_up order by at desc limit $1
            """,
            last,
        )
        return [(row["at"], row["thread_id"], row["reason"]) for row in rows]

    async def given_up_because(self, turn: Turn) -> str | None:
        """The reason for which an earlier attempt has given this turn up; None when none has."""
        rows = await self.database.fetch("select reason from hathi.given_up where turn = $1", turn.id)
        return rows[0]["reason"] if rows else None

    async def record(self, turn: Turn, piece: int, post: str) -> None:
        """Note the platform's id of a posted piece, so that nobody posts it again."""
        await self.database.fetch(
            """
            insert into hathi.posts (turn, piece, thread_id, post) values ($1, $2, $3, $4)
            on conflict (turn, piece) do update set post = excluded.post
            """,
            turn.id,
            piece,
            str(turn.thread),
            post,
        )

    async def answer_to(self, message_id: str) -> str | None:
        """The answer that covers a message; empty while it waits, None when there will be none."""
        rows = await self.database.fetch(
            """
            select answer.content, answer.type, thread.answered < message.seq as waits
            from public.mastra_messages as message
            join public.mastra_threads as thread on thread.id = message.thread_id
            left join lateral (
                select content, type from public.mastra_messages as answer
                where answer.thread_id = message.thread_id and answer.answers >= message.seq
                order by answer.answers limit 1
            ) as answer on true
            where message.id = $1
            """,
            message_id,
        )
        if not rows:
            return None
        if rows[0]["content"] is not None:
            return text_of(rows[0]["content"], rows[0]["type"])
        return "" if rows[0]["waits"] else None

    async def read(self, thread: Thread, last: int) -> list[Line]:
        """What waits for an answer, and the `last` messages besides, oldest first. One round trip.

        A thread that grew out of a message of another conversation has that message's id: it begins with it, and
        with what was answered to it there, as long as they are remembered and the thread was not reset.

        A copy of Mastra's counts as the message that was copied, and is left out where that may not be read.
        """
        rows = await self.database.fetch(
            """
            with answered as (
                select coalesce((select answered from public.mastra_threads where id = $1), 0) as upto
            ), waiting as (
                select message.*, true as waiting from public.mastra_messages as message, answered
                where thread_id = $1 and coalesce(answers, seq) > upto and seq > upto and addressed
            ), root as (
                select * from public.mastra_messages
                where id = $1 and thread_id <> $1 and author is not null
                  and not exists (select from hathi.resets where thread_id = $1)
            ), earlier as (
                select *, false as waiting from (
                    (select message.* from public.mastra_messages as message, answered
                     where thread_id = $1 and role in ('user', 'assistant') and not (addressed and seq > upto)
                       and case when copy_of is null then true else hathi.may_read_copy(message) end
                     order by coalesce(answers, seq) desc, seq desc limit $2)
                    union all
                    select * from root
                    union all
                    select answer.* from root cross join lateral (
                        select * from public.mastra_messages as message
                        where message.thread_id = root.thread_id and message.answers >= root.seq
                        order by message.answers limit 1
                    ) as answer
                ) as line
                order by coalesce(answers, seq) desc, seq desc limit $2
            )
            select line.id, line.role, line.type, line.content, coalesce(line.author, line."resourceId") as author,
                   line.waiting, line.seq, line.name, line.images, line.off_record, line.zone,
                   quoted.name as quoted_name, quoted.content as quoted, quoted.type as quoted_type,
                   line.copy_of
            from (select * from earlier union all select * from waiting) as line
            left join lateral (
                select name, content, type from public.mastra_messages as message
                where line.replies_to is not null and message.thread_id = $1
                  and (message.id = line.replies_to
                       or message.turn = (select turn from hathi.posts where post = line.replies_to limit 1))
                limit 1
            ) as quoted on true
            order by coalesce(line.answers, line.seq), line.seq
            """,
            str(thread),
            last,
        )
        return [
            Line(
                role=row["role"],
                text=text_of(row["content"], row["type"], row["id"]),
                author=row["author"] if row["role"] == "user" else None,
                waiting=row["waiting"],
                seq=row["seq"],
                id=row["copy_of"] or row["id"],
                name=row["name"] or "",
                quote=None
                if row["quoted"] is None
                else Quote(row["quoted_name"] or "", text_of(row["quoted"], row["quoted_type"])),
                images=tuple(Image(**image) for image in json.loads(row["images"] or "[]")),
                off_record=row["off_record"],
                zone=row["zone"] or "",
            )
            for row in rows
        ]


def _name(message: Message) -> str | None:
    return storable(message.name) or None


def _images(message: Message) -> str | None:
    return json.dumps([asdict(image) for image in message.images]) if message.images else None


def _newest_waiting(recollection: Recollection) -> int:
    return max(line.seq for line in recollection.lines if line.waiting)
