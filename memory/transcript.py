"""What was said, in order: the one log, in Mastra's tables. Every other memory is a reading of it.

Per thread, writes queue on the thread's row, so that `seq` grows in the order in which they are committed, and
times are at least a millisecond apart (Mastra orders by time).
"""

import json
from collections.abc import Sequence
from typing import Any

from bot.chat import Answer, Line, Message, Resource, Thread, Turn, storable
from bot.ports import Counts, Recollection
from memory.pool import Database
from memory.privacy import audience


class PostgresTranscript:
    """The transcript in Postgres. All statements are harmless to run twice; all raise DatabaseError."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def hear(self, message: Message) -> int | None:
        """Write a person's message down and enqueue a turn for it; the turn's id.

        Where a turn of the thread is enqueued and not begun, that one will do: it is locked, so it cannot begin
        before this message is there to be read. A message that was there already changes nothing; None if no turn
        waits for it any more.
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
                    (id, "resourceId", title, "createdAt", "updatedAt", "createdAtZ", "updatedAtZ")
                select $2, $3, '', said, said, said at time zone 'utc', said at time zone 'utc' from clock
                where not exists (select from public.mastra_messages where id = $1)
                on conflict (id) do update set
                    "updatedAt" = greatest(excluded."updatedAt", thread."updatedAt" + interval '1 ms'),
                    "updatedAtZ" =
                        greatest(excluded."updatedAt", thread."updatedAt" + interval '1 ms') at time zone 'utc'
                returning id, "resourceId", "updatedAt", "updatedAtZ"
            ), message as (
                insert into public.mastra_messages
                    (id, thread_id, content, role, type, "createdAt", "createdAtZ", "resourceId",
                     author, audience, addressed)
                select $1, id, $4, 'user', 'v2', "updatedAt", "updatedAtZ", "resourceId", $3, $5, true from thread
                on conflict (id) do nothing
                returning seq
            ), enqueued as (
                select job.id from public.procrastinate_jobs as job
                where (select count(*) from message) >= 0 -- first the thread's lock, then the job's
                  and job.lock = $2 and job.status = 'todo' and job.scheduled_at is null
                order by job.id limit 1 for update
            ), deferred as (
                select (public.procrastinate_defer_jobs_v1(array[row(
                    $7::text, 'turn', 0, $2, null, jsonb_build_object('thread', $2::text), null
                )::public.procrastinate_job_to_defer_v1]))[1] as id
                from message where not exists (select from enqueued)
            )
            select coalesce((select id from enqueued), (select id from deferred)) as turn
            """,
            message.id,
            str(message.thread),
            str(message.author),
            _content(message.text),
            audience(message.room),
            message.at,
            message.queue or message.thread.platform,
        )
        turn: int | None = rows[0]["turn"]
        return turn

    async def answer(self, turn: Turn, recollection: Recollection, answer: Answer) -> bool:
        """Write the answer to what waited; False if that was deleted, or if somebody else holds the turn now.

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
            )
            insert into public.mastra_messages as message
                (id, thread_id, content, role, type, "createdAt", "createdAtZ", "resourceId", audience, answers, turn)
            select question || ':answer', id, $3, 'assistant', 'v2', "updatedAt", "updatedAtZ", "resourceId",
                   audience, seq, $4
            from thread
            on conflict (id) do update set turn = excluded.turn -- ours from a first run whose reply got lost
                where (message.turn, message.content) = (excluded.turn, excluded.content)
            returning seq
            """,
            str(turn.thread),
            _newest_waiting(recollection),
            _content(answer.text, metadata={"provider": provider, "modelId": model}),
            turn.id,
            turn.attempt,
        )
        return bool(rows)

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

    async def reset(self, thread: Thread) -> Counts:
        """Delete a conversation: its messages and its thread."""
        async with self.database.transaction() as connection:
            # Locked first: a message that is being heard is then either gone with the rest, or begins the thread anew.
            await connection.execute("select from public.mastra_threads where id = $1 for update", str(thread))
            row = await connection.fetchrow(
                """
                with thread as (delete from public.mastra_threads where id = $1 returning 1),
                     messages as (delete from public.mastra_messages where thread_id = $1 returning 1),
                     posts as (delete from hathi.posts where thread_id = $1),
                     given_up as (delete from hathi.given_up where thread_id = $1)
                select (select count(*) from messages) as mastra_messages,
                       (select count(*) from thread) as mastra_threads
                """,
                str(thread),
            )
        return dict(row or {})

    async def about(self, resource: Resource) -> Counts:
        """How many rows there are about a person, by table: what `forget` would delete."""
        rows = await self.database.fetch(
            """
            with about as materialized (select id, thread_id from hathi.messages_about($1))
            select (select count(*) from about) as mastra_messages,
                   (select count(*) from public.mastra_threads as thread
                    where (thread."resourceId" = $1 or thread.id in (select thread_id from about))
                      and not exists (select from public.mastra_messages as message where message.thread_id = thread.id
                                      and message.id not in (select id from about))) as mastra_threads,
                   (select count(*) from public.mastra_resources where id = $1) as mastra_resources
            """,
            str(resource),
        )
        return dict(rows[0])

    async def forget(self, resource: Resource) -> Counts:
        """Delete all that is stored about a person, with the conversations of which nothing is left."""
        rows = await self.database.fetch(
            """
            with about as materialized (select id, thread_id from hathi.messages_about($1)),
                 messages as (delete from public.mastra_messages where id in (select id from about) returning 1, turn),
                 posts as (delete from hathi.posts where turn in (select turn from messages)),
                 threads as (
                     delete from public.mastra_threads as thread
                     where (thread."resourceId" = $1 or thread.id in (select thread_id from about))
                       and not exists (select from public.mastra_messages as message where message.thread_id = thread.id
                                       and message.id not in (select id from about))
                     returning 1, id),
                 given_up as (delete from hathi.given_up where thread_id in (select id from threads)),
                 resources as (delete from public.mastra_resources where id = $1 returning 1)
            select (select count(*) from messages) as mastra_messages,
                   (select count(*) from threads) as mastra_threads,
                   (select count(*) from resources) as mastra_resources
            """,
            str(resource),
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

    async def read(self, thread: Thread, last: int) -> list[Line]:
        """What waits for an answer, and the `last` messages besides, oldest first. One round trip."""
        rows = await self.database.fetch(
            """
            with answered as (
                select coalesce((select answered from public.mastra_threads where id = $1), 0) as upto
            ), waiting as (
                select message.*, true as waiting from public.mastra_messages as message, answered
                where thread_id = $1 and coalesce(answers, seq) > upto and seq > upto and addressed
            ), earlier as (
                select message.*, false as waiting from public.mastra_messages as message, answered
                where thread_id = $1 and role in ('user', 'assistant') and not (addressed and seq > upto)
                order by coalesce(answers, seq) desc, seq desc limit $2
            )
            select role, type, content, coalesce(author, "resourceId") as author, waiting, seq
            from (select * from earlier union all select * from waiting) as line
            order by coalesce(answers, seq), seq
            """,
            str(thread),
            last,
        )
        return [
            Line(
                role=row["role"],
                text=text_of(row["content"], row["type"]),
                author=row["author"] if row["role"] == "user" else None,
                waiting=row["waiting"],
                seq=row["seq"],
            )
            for row in rows
        ]


def text_of(content: str, type_: str) -> str:
    """The words in a stored message, as Mastra and its older versions wrote it: `{"format": 2, "parts": […]}`, a list
    of parts, or plain text. Parts that are not text (tool calls, errors, files) have none.
    """
    try:
        parsed = json.loads(content)
    except ValueError:
        return content
    if isinstance(parsed, dict):
        parts = parsed.get("parts")
        if isinstance(parts, list):
            return _join(parts)
        return parsed["content"] if isinstance(parsed.get("content"), str) else content
    if isinstance(parsed, list) and all(isinstance(part, dict) and "type" in part for part in parsed):
        return _join(parsed)
    return parsed if isinstance(parsed, str) and type_ == "v2" else content


def _join(parts: Sequence[object]) -> str:
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))


def _content(text: str, metadata: dict[str, str] | None = None) -> str:
    text = storable(text)
    content: dict[str, Any] = {"format": 2, "parts": [{"type": "text", "text": text}], "content": text}
    if metadata:
        content["metadata"] = metadata
    return json.dumps(content, ensure_ascii=False)


def _newest_waiting(recollection: Recollection) -> int:
    return max(line.seq for line in recollection.lines if line.waiting)
