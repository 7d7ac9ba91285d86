"""Copies of conversations, written as Mastra's `cloneThread` writes them (@mastra/pg 1.27.1): see tests/mastra/."""

import json
import secrets
from datetime import UTC, datetime

from memory.pool import Connection, Database


async def clone(
    database: Database, source: str, copy: str | None = None, owner: str | None = None, last: int | None = None
) -> str:
    """A copy of a thread, or of the `last` messages of it; its id."""
    async with database.transaction() as connection:
        id_ = await clone_thread(connection, source, copy, owner)
        await clone_messages(connection, source, id_, last)
    return id_


async def clone_thread(
    connection: Connection, source: str, copy: str | None = None, owner: str | None = None, at: datetime | None = None
) -> str:
    """The thread alone; its id."""
    id_, at = copy or secrets.token_hex(16), at or datetime.now(UTC)
    await connection.execute(
        """
        insert into public.mastra_threads (id, "resourceId", title, metadata, "createdAt", "createdAtZ", "updatedAt",
                                           "updatedAtZ")
        select $1, coalesce($3, "resourceId"), '', $4::jsonb, $5::timestamptz at time zone 'utc', $5,
               $5 at time zone 'utc', $5
        from public.mastra_threads where id = $2
        """,
        id_,
        source,
        owner,
        json.dumps({"clone": {"sourceThreadId": source, "clonedAt": at.isoformat()}}),
        at,
    )
    return id_


async def clone_messages(connection: Connection, source: str, copy: str, last: int | None = None) -> None:
    """The messages alone, one statement each."""
    rows = await connection.fetch(
        'select id from public.mastra_messages where thread_id = $1 order by "createdAt" desc limit $2', source, last
    )
    for row in reversed(rows):
        await connection.execute(
            """
            insert into public.mastra_messages
                (id, thread_id, content, "createdAt", "createdAtZ", role, type, "resourceId")
            select $1, $2, content, "createdAt", "createdAtZ", role, type,
                   coalesce((select "resourceId" from public.mastra_threads where id = $2), 'nobody')
            from public.mastra_messages where id = $3
            """,
            secrets.token_hex(16),
            copy,
            row["id"],
        )


async def say_to_mastra(database: Database, thread: str, owner: str, role: str, text: str) -> str:
    """A message that a Mastra agent writes down; its id."""
    id_ = secrets.token_hex(16)
    await database.fetch(
        """
        with thread as (
            insert into public.mastra_threads (id, "resourceId", title, "createdAt", "updatedAt")
            values ($2, $3, '', now() at time zone 'utc', now() at time zone 'utc')
            on conflict (id) do update set "updatedAt" = excluded."updatedAt" returning 1
        )
        insert into public.mastra_messages (id, thread_id, content, role, type, "createdAt", "createdAtZ", "resourceId")
        select $1, $2, $5, $4, 'v2', clock_timestamp() at time zone 'utc', clock_timestamp(), $3 from thread
        """,
        id_,
        thread,
        owner,
        role,
        json.dumps({"format": 2, "parts": [{"type": "text", "text": text}]}),
    )
    return id_
