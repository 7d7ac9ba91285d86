"""Messages that are not read for the page yet: which are read next, and what comes of it when that fails."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.chat import Thread
from bot.errors import ModelError, PromptTooLong
from memory.content import text_of
from memory.pool import Database
from memory.privacy import Audience, stored
from memory.working.upkeep import Heard

log = logging.getLogger(__name__)

BATCH = 20  # messages that are read for the page at a time
BEFORE = 4  # messages before them, so that "yes, that one" can be understood
TOGETHER = 2  # failures of several messages before each is read alone
ALONE = 5  # failures of one message before it is left out
# Seconds after a failure before the next one counts: who talks on meanwhile uses up no attempt.
DELAYS = (4.0, 25.0, 110.0, 580.0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that are read at a time, which the same people may read."""

    thread: Thread
    since: int
    upto: int
    audience: Audience
    space: str | None
    more: bool  # has been said behind it
    heard: Sequence[Heard]
    failures: list[ModelError] = field(default_factory=list)  # why some of it could not be read

    @property
    def new(self) -> list[Heard]:
        return [heard for heard in self.heard if heard.new]


async def next_batch(database: Database, thread: Thread) -> Batch | None:
    """Returns the messages to be read next; None if there are none."""
    rows = await database.fetch(
        """
        with thread as (
            select digested, answered, space, digest_singly from public.mastra_threads where id = $1
        ), unread as (
            select message.*, true as unread from public.mastra_messages as message, thread
            where thread_id = $1 and coalesce(answers, seq) > digested and coalesce(answers, seq) <= answered
              and copy_of is null
            order by coalesce(answers, seq), seq limit $2
        ), before as (
            select message.*, false as unread from public.mastra_messages as message, thread
            where thread_id = $1 and coalesce(answers, seq) <= digested and role in ('user', 'assistant')
              and copy_of is null
            order by coalesce(answers, seq) desc, seq desc limit $3
        )
        select thread.digested, thread.answered, thread.space, line.id, line.role, line.author, line.name,
               line.content, line.type, line.audience, line.zone, coalesce(line.answers, line.seq) as place,
               coalesce(line."createdAtZ", line."createdAt" at time zone 'utc') as said,
               thread.digested < thread.digest_singly as singly,
               line.unread and line.addressed and line.author is not null and not line.off_record
               and not exists (select from hathi.paused where person = line.author) as new
        from thread left join (select * from unread union all select * from before) as line on true
        where thread.digested < thread.answered
        order by coalesce(line.answers, line.seq), line.seq
        """,
        str(thread),
        2 * BATCH,
        BEFORE,
    )
    if not rows:
        return None
    # Those who may read it are the same for all that is read together.
    new = [row for row in rows if row["new"]]
    audience = new[0]["audience"] if new else None
    others = [row["place"] for row in new if row["audience"] != audience]
    end = min([*others[:1], *(row["place"] for row in new[1:2] if rows[0]["singly"])], default=None)
    taken = [row for row in rows if row["place"] is not None and (end is None or row["place"] < end)]
    full = len(taken) >= 2 * BATCH
    upto = taken[-1]["place"] if taken and (full or end is not None) else rows[0]["answered"]
    heard = [_heard(row) for row in taken if row["new"] or row["audience"] in (None, audience)]
    more = upto < rows[0]["answered"]
    return Batch(thread, rows[0]["digested"], upto, stored(audience or ""), rows[0]["space"], more, heard)


def _heard(row: Any) -> Heard:
    said: datetime | None = row["said"]
    return Heard(
        row["id"],
        row["role"],
        row["author"] or "",
        row["name"] or "",
        text_of(row["content"], row["type"], row["id"]),
        row["new"],
        said,
        row["zone"] or "",
    )


async def go_on(database: Database, batch: Batch, *, hopeless: bool = False) -> bool:
    """Note that a batch could not be read; whether there is something else to be read now.

    Several messages are read one by one then, so that only the one that cannot be read is left out at last. `hopeless`:
    these models never read anything; it is left out at once.
    """
    rows = await database.fetch(
        """
        update public.mastra_threads set digest_tries = digest_tries + 1, digest_tried_at = now()
        where id = $1 and digested = $2
          and (digest_tries = 0 or digest_tried_at <= now() - make_interval(secs => ($3::float8[])[
                least(digest_tries, cardinality($3::float8[]))]))
        returning digest_tries
        """,
        str(batch.thread),
        batch.since,
        list(DELAYS),
    )
    tries = rows[0]["digest_tries"] if rows else 0
    several = len(batch.new) > 1
    if hopeless or (not several and tries >= ALONE):
        log.warning(
            "%s: left out of the page, since no model could read it (%s): message %s",
            batch.thread,
            type(batch.failures[0]).__name__,
            ", ".join(heard.id for heard in batch.new),
        )
        await _move(database, batch, read=batch.upto)
        return True
    if several and (tries >= TOGETHER or isinstance(batch.failures[0], PromptTooLong)):
        await _move(database, batch, singly=batch.upto)
        return True
    return False


async def _move(database: Database, batch: Batch, *, read: int | None = None, singly: int | None = None) -> None:
    """Count a batch as read, or have each message of it read alone."""
    await database.fetch(
        """
        update public.mastra_threads set digest_tries = 0,
            digested = coalesce($3, digested), digest_singly = coalesce($4, digest_singly)
        where id = $1 and digested = $2
        """,
        str(batch.thread),
        batch.since,
        read,
        singly,
    )
