"""Messages that are not indexed yet, batch by batch, and the statement that writes a batch down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.chat import Thread, storable
from memory.content import text_of
from memory.pool import Database, Record
from memory.recall.gist import gist
from memory.recall.parts import split
from memory.recall.terms import READER
from memory.recall.words import searchable

BATCH = 64  # messages in one statement
PARTS = 512  # of messages in one statement, unless one alone has more


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that is not indexed yet, or not by this version."""

    id: str
    hash: int  # of its content
    place: int | None  # that it has or had
    parts: Sequence[str]  # none: it is to be in the index no longer
    author: str | None
    name: str
    audience: str | None
    said: datetime
    upto: int  # its place in the conversation: coalesce(answers, seq)
    fresh: bool  # was never indexed, or reads differently now; else its words alone are read anew


@dataclass(frozen=True, slots=True)
class Batch:
    """What is not indexed yet in a thread, up to a place in it."""

    since: int
    upto: int
    messages: Sequence[Unread]

    @property
    def texts(self) -> list[str]:
        """The parts of all messages, in order."""
        return [part for message in self.messages for part in message.parts]

    @property
    def fresh(self) -> list[str]:
        """The parts that need vectors at once; what is only read anew has one, or gets it later."""
        return [part for message in self.messages if message.fresh for part in message.parts]


@dataclass(frozen=True, slots=True)
class Vectored:
    """Vectors as Postgres reads them, and whose they are."""

    embedder: int
    texts: Sequence[str]


async def read(database: Database, thread: Thread, language: str) -> Batch | str | None:
    """What is not indexed up to some place; None when nothing is left, a language where words were read in another.

    What waits for an answer is left alone until it has one.
    """
    rows = await database.fetch(
        """
        with known as (
            select coalesce(max(upto), 0) as upto, max(language) as language, max(thread) as thread
            from hathi.indexed where thread_id = $1
        ), waiting as (
            select min(seq) as seq
            from public.mastra_messages as message join public.mastra_threads as thread on thread.id = thread_id
            where thread_id = $1 and coalesce(answers, seq) > answered and seq > answered and addressed
        ), behind as (
            select message.*, null::int as place, true as fresh
            from public.mastra_messages as message, known, waiting
            where thread_id = $1 and exists (select from public.mastra_threads where id = $1)
              and coalesce(answers, message.seq) > upto
              and (waiting.seq is null or coalesce(answers, message.seq) < waiting.seq)
            order by coalesce(answers, message.seq), message.seq limit $2
        ), edited as (
            select message.*, edited.place, true as fresh
            from hathi.edited join public.mastra_messages as message on message.id = edited.message, known
            where edited.thread_id = $1 and coalesce(answers, seq) <= upto limit $2
        ), outdated as (
            select message.*, passage.place, false as fresh
            from known join hathi.passages as passage on passage.thread = known.thread and reader < $3 and part = 0
            join public.mastra_messages as message on message.id = passage.message
            where coalesce(answers, seq) <= upto limit $2
        )
        select known.upto as since, known.language,
               coalesce((select answered from public.mastra_threads where id = $1), 0) as answered,
               line.id, hashtextextended(line.content, 0) as hash, line.place, line.fresh,
               line.content, line.type, line.name, line.audience, line."createdAtZ" as said,
               coalesce(line.author, case line.role when 'user' then line."resourceId" end) as author,
               coalesce(line.answers, line.seq) as upto,
               line.role in ('user', 'assistant') and not line.off_record and line.copy_of is null as kept
        from known left join (
            select * from behind union all select * from edited union all select * from outdated
        ) as line on true
        order by coalesce(line.answers, line.seq), line.seq
        """,
        str(thread),
        BATCH,
        READER,
    )
    if rows[0]["language"] not in (None, language):
        return str(rows[0]["language"])
    return _batch(rows)


def _batch(rows: Sequence[Record]) -> Batch | None:
    """What was found to be not indexed, as far as it is whole: a question and its answer share a place."""
    since: int = rows[0]["since"]
    lines = [_unread(row) for row in rows if row["id"] is not None]
    behind = [line for line in lines if line.upto > since]
    upto = max(since, rows[0]["answered"], *(line.upto for line in behind))  # what is gone leaves a gap
    if len(behind) == BATCH:
        upto = behind[-1].upto
        if behind[0].upto < upto:  # an answer may have been cut off
            lines = [line for line in lines if line.upto < upto]
            upto = lines[-1].upto
    if len(few := _few(lines)) < len(lines):
        lines = few
        upto = max(since, lines[-1].upto)
    if not lines and upto == since:
        return None
    return Batch(since, upto, lines)


def _few(lines: list[Unread]) -> list[Unread]:
    """As many of them as have few enough parts, with all that share a place; at least the first of these."""
    parts = 0
    for line in lines:
        parts += len(line.parts)
        if parts > PARTS and line.upto > lines[0].upto:
            return [other for other in lines if other.upto < line.upto]
    return lines


def _unread(row: Record) -> Unread:
    text = text_of(row["content"], row["type"], row["id"]).strip() if row["kept"] else ""
    return Unread(
        row["id"],
        row["hash"],
        row["place"],
        split(text),
        row["author"],
        storable(row["name"] or ""),
        row["audience"],
        row["said"],
        row["upto"],
        row["fresh"],
    )


async def write(
    database: Database, thread: Thread, language: str, batch: Batch, vectors: Vectored | None, *, schema: str
) -> int | None:
    """Index a batch, unless another process has done it meanwhile; how many messages are in the index then.

    All messages are locked, and must read as they did; None when one of them is being deleted or edited, or was.
    `vectors`: of `batch.fresh`. `schema`: where pgvector is.
    """
    kept = [message for message in batch.messages if message.parts]
    column, value, change = "", "", ""
    if vectors is not None:
        column, value = ", embedding", f', part.vector::"{schema}".halfvec'
        change = (
            ", embedding = case when passage.text = excluded.text then passage.embedding else excluded.embedding end"
        )
    made = iter(vectors.texts if vectors else ())
    rows = await database.fetch(
        _WRITE.replace("/* column */", column).replace("/* value */", value).replace("/* change */", change),
        str(thread),
        [message.id for message in kept],
        [message.hash for message in kept],
        batch.since,
        batch.upto,
        [message.place for message in kept],
        [message.author for message in kept],
        [message.name for message in kept],
        [message.audience for message in kept],
        [message.said for message in kept],
        language,
        READER,
        vectors.embedder if vectors else None,
        [nth for nth, message in enumerate(kept, 1) for _ in message.parts],
        [number for message in kept for number in range(len(message.parts))],
        batch.texts,
        [searchable(text, language) for text in batch.texts],
        [gist(text) for text in batch.texts],
        [next(made, None) if message.fresh else None for message in kept for _ in message.parts],
        [message.id for message in batch.messages if message.upto <= batch.since],
        [len(message.parts) for message in batch.messages if message.upto <= batch.since],
    )
    return int(rows[0]["written"]) if rows[0]["whole"] else None


_WRITE = """
with locked as materialized ( -- waits for nobody: who deletes or edits several of them may wait for us
    select message.id from public.mastra_messages as message
    join unnest($2::text[], $3::bigint[]) as read (id, hash)
      on read.id = message.id and read.hash = hashtextextended(message.content, 0)
    for share of message skip locked
), whole as materialized (
    select count(*) = cardinality($2::text[]) as whole from locked
), thread as (
    insert into hathi.indexed as thread (thread_id, audience, language, upto, places)
    select id, ($9::text[])[cardinality($9::text[])], $11, $5, cardinality($2::text[])
    from public.mastra_threads, whole where id = $1 and whole -- it may go meanwhile
    on conflict (thread_id) do update set
        audience = coalesce(excluded.audience, thread.audience), upto = excluded.upto,
        places = thread.places + excluded.places
        where thread.upto = $4
    returning thread, places - cardinality($2::text[]) as places
), given as materialized (
    select thread.thread, coalesce(given.place, thread.places + nth)::int as place, nth,
           message, author, name, audience, said
    from unnest($2::text[], $6::int[], $7::text[], $8::text[], $9::text[], $10::timestamptz[])
         with ordinality as given (message, place, author, name, audience, said, nth)
    join locked on locked.id = message cross join thread
), part as materialized (
    select nth, part, text, gist, vector, count(*) over (partition by nth) as parts,
           to_tsvector($11::regconfig, words) as words, hathi.stop_words($11::regconfig, words) as stops
    from unnest($14::bigint[], $15::smallint[], $16::text[], $17::text[], $18::bigint[], $19::text[])
         as part (nth, part, text, words, gist, vector)
), passage as (
    insert into hathi.passages as passage
        (thread, place, part, parts, message, author, audience, said, text, words, stops, gist, length, reader,
         embedder/* column */)
    select thread, place, part, parts, message, author, audience, said, text, words, stops, gist,
           coalesce((select sum(coalesce(cardinality(positions), 1)) from unnest(words)), 0), $12::smallint,
           case when vector is not null then $13::smallint end/* value */
    from given join part using (nth)
    on conflict (message, part) do update set
        parts = excluded.parts, text = excluded.text, words = excluded.words, stops = excluded.stops,
        gist = excluded.gist, length = excluded.length, reader = excluded.reader,
        embedder = case when passage.text = excluded.text then passage.embedder else excluded.embedder end/* change */
    returning part
), gone as ( -- parts that a message has no longer
    delete from hathi.passages as passage using thread, unnest($20::text[], $21::int[]) as kept (message, parts)
    where passage.message = kept.message and part >= kept.parts
), speaker as (
    insert into hathi.speakers as known (author, thread, name, audience)
    select distinct on (author) author, thread, name, audience from given where author is not null
    order by author, (name <> '') desc, place desc
    on conflict (author, thread) do update set
        name = coalesce(nullif(excluded.name, ''), known.name), audience = excluded.audience
        where (excluded.name <> '' and known.name <> excluded.name)
           or excluded.audience is distinct from known.audience
), edited as (
    delete from hathi.edited using thread where message = any($2::text[] || $20::text[])
)
select (select count(*) from passage where part = 0) as written, (select whole from whole) as whole
"""
