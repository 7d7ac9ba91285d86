"""The write path: every message is read for its words and embedded once, in batches, behind the answers' back.

The rows themselves say what is missing: messages behind the thread's watermark `hathi.indexed.upto`, those in
`hathi.edited`, and passages without a vector of the present embedder. Harmless to run twice, and from many processes.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from bot.chat import Thread, storable
from bot.errors import DatabaseDown, HathiError, ModelError, ModelSilent, SettingsError
from bot.ports import Embedder
from memory.content import text_of
from memory.pool import Database, ExtensionMissing, Record
from memory.recall.vectors import Vectors, prepare
from memory.recall.words import searchable

log = logging.getLogger(__name__)

BATCH = 64  # messages in one statement, and texts given to the embedder at once
SHOWN = 1000  # characters of a message that are kept to be shown
READ = 20_000  # characters of a message that are read for words; to_tsvector takes a megabyte
LARGEST = 16_000  # numbers that a halfvec may have
TRIES = 8  # times that a batch gives way to who deletes or edits, five seconds in all
AGAIN = 3600.0  # seconds after which it is looked again whether pgvector has appeared

Progress = Callable[[int, int], None]  # done, of how many


@dataclass(frozen=True, slots=True)
class Unread:
    """A message that is not indexed yet."""

    id: str
    hash: int  # of its content
    place: int | None  # that it had before it was edited
    text: str
    author: str | None
    name: str
    audience: str | None
    said: datetime


@dataclass(frozen=True, slots=True)
class Embedding:
    """The model that vectors are made with, as the database knows it."""

    id: int
    dimension: int


class Index:
    """Passages, their words and their vectors. All raises DatabaseError; a failing embedder costs vectors only."""

    def __init__(self, database: Database, embedder: Embedder | None, language: str = "english") -> None:
        """`embedder`: None where there is none. `language`: a text search configuration of Postgres."""
        self.database = database
        self.embedder = embedder
        self.language = language
        self.vectors = Vectors(lack="it was not looked for")
        self._looked_at = -math.inf
        self._embedding: Embedding | None = None
        self._behind = asyncio.Event()  # there may be passages without a vector
        self._behind.set()
        self._failed = False  # the embedder, when it was last asked
        self._left = True  # there may be threads that nobody has digested
        self._filling = asyncio.Lock()

    async def check(self) -> None:
        """Whether words can be read in this language here. Raises SettingsError."""
        rows = await self.database.fetch("select cfgname from pg_ts_config order by cfgname")
        known = [row["cfgname"] for row in rows]
        if self.language not in known:
            raise SettingsError(f"RECALL_LANGUAGE: {self.language!r} is none of {', '.join(known)}")

    async def warm_up(self) -> None:
        """Load the embedder before somebody waits for it; one that fails then is found out later."""
        if self.embedder is not None:
            with suppress(HathiError):
                await self.embedder.warm_up()

    async def run(self) -> None:
        """Give vectors to what has none of the present embedder, at the start and after failures, until cancelled."""
        while True:
            await self._behind.wait()
            await self.caught_up()

    async def caught_up(self) -> None:
        """Fill in the vectors that a failing embedder, or another one, has left out; what fails comes later."""
        self._behind.clear()
        try:
            if done := await self.fill():
                log.info("%d messages have a vector of %s now", done, self.embedder.name if self.embedder else "")
        except ExtensionMissing:
            self.lost()
        except HathiError as error:
            log.info("vectors are filled in later: %s", error)

    async def ready(self) -> Vectors:
        """What there is of pgvector; looked for once, and again after a while where it is not there."""
        now = asyncio.get_running_loop().time()
        if not self.vectors and now - self._looked_at > AGAIN:
            self._looked_at = now
            self.vectors = await prepare(self.database)
        return self.vectors

    def lost(self) -> None:
        """pgvector was dropped while we run: it is looked for anew."""
        self.vectors = Vectors(lack="it was dropped")
        self._looked_at = -math.inf
        self._behind.set()

    async def digest(self, thread: Thread) -> int:
        """Index what is not in the index yet; how many messages that were."""
        await self.ready()
        done, disturbed = 0, 0
        while (batch := await self._unread(thread)) is not None:
            vectors = await self._embedded([message.text for message in batch.messages])
            try:
                fresh = await self._write(thread, batch, vectors)
                if fresh is None:
                    await self._give_way(disturbed)
                    disturbed += 1
                else:
                    done, disturbed = done + fresh, 0
            except ExtensionMissing:
                if vectors is None:
                    raise
                self.lost()
                await self.ready()
            if vectors is not None and self._failed:
                self._failed = False
                self._behind.set()
        return done

    async def _give_way(self, times: int) -> None:
        """Let whoever deletes or edits come to an end. Raises DatabaseDown when that takes too long."""
        if times == TRIES:
            raise DatabaseDown("what is to be indexed is being changed: it is indexed later")
        await asyncio.sleep(0.02 * 2**times)

    async def left(self, platforms: Sequence[str]) -> list[Thread]:
        """Some of the threads that were there before recall was, until none is left."""
        found = await self.unindexed(platforms) if self._left else []
        self._left = bool(found)
        return found

    async def unindexed(self, platforms: Sequence[str] | None = None, most: int | None = 20) -> list[Thread]:
        """Threads in which something is not indexed; those that were last talked in come first."""
        rows = await self.database.fetch(
            """
            select thread.id from public.mastra_threads as thread
            left join hathi.indexed on indexed.thread_id = thread.id
            where ((thread.answered > coalesce(indexed.upto, 0) and exists ( -- what was answered may be deleted
                       select from public.mastra_messages as message where message.thread_id = thread.id
                       and coalesce(answers, seq) > coalesce(indexed.upto, 0)
                       and coalesce(answers, seq) <= thread.answered))
                   or indexed.language <> $3
                   or exists (select from hathi.edited where edited.thread_id = thread.id)
                   or (indexed.upto is null and exists (
                       select from public.mastra_messages as message where message.thread_id = thread.id
                       and role in ('user', 'assistant') and not addressed and not off_record)))
              and ($1::text[] is null or split_part(thread.id, ':', 1) = any($1))
              and thread.id ~ '^[^:]+:.' -- Mastra's may have any
            order by "updatedAtZ" desc limit $2
            """,
            None if platforms is None else list(platforms),
            most,
            self.language,
        )
        return [Thread.parse(row["id"]) for row in rows]

    async def size(self) -> int:
        """How many messages are in the index."""
        rows = await self.database.fetch("select count(*) as passages from hathi.passages")
        return int(rows[0]["passages"])

    async def missing(self) -> int:
        """How many of them have no vector of the present embedder."""
        rows = await self.database.fetch(
            """
            with current as (
                select coalesce(max(id), 0) as id from (
                    select id from hathi.embedders where name = $1 order by since desc limit 1
                ) as last
            )
            select count(*) as missing from hathi.passages, current
            where embedder is null or embedder < current.id or embedder > current.id
            """,
            self.embedder.name if self.embedder else "",
        )
        return int(rows[0]["missing"])

    async def fill(self, progress: Progress = lambda done, of: None) -> int:
        """Give a vector of the present embedder to every passage that has none; how many that were.

        Stops when another process was begun with another embedder meanwhile. Raises ModelError.
        """
        if self.embedder is None or not await self.ready() or not await self.missing():
            return 0
        async with self._filling:
            done, of, disturbed = 0, 0, 0
            while True:
                embedding = self._embedding or await self._probed()
                rows = await self.database.fetch(
                    """
                    select message, text from hathi.passages
                    where (embedder is null or embedder < $1 or embedder > $1)
                      and $1 = (select id from hathi.embedders order by since desc limit 1) limit $2
                    """,
                    embedding.id,
                    BATCH,
                )
                if not rows:
                    return done
                of = of or await self.missing()
                found = await self._vectors([row["text"] for row in rows])
                filled = await self.database.fetch(
                    f"""
                    with free as materialized ( -- those that are being deleted are left alone
                        select passage.message, vector from hathi.passages as passage
                        join unnest($2::text[], $3::text[], $4::text[]) as given (message, text, vector)
                          on passage.message = given.message and passage.text = given.text
                        for update of passage skip locked
                    )
                    update hathi.passages as passage
                    set embedder = $1, embedding = free.vector::"{self.vectors.schema}".halfvec
                    from free where passage.message = free.message returning 1
                    """,  # noqa: S608  # a schema's name, from the catalogue
                    embedding.id,
                    [row["message"] for row in rows],
                    [row["text"] for row in rows],
                    [written(vector) for vector in found],
                )
                if not filled:
                    await self._give_way(disturbed)
                disturbed = 0 if filled else disturbed + 1
                done += len(filled)
                progress(done, max(of, done))

    async def embed(self, text: str) -> tuple[int, str] | None:
        """A question's vector as Postgres reads it, and whose it is; None without vectors. Raises ModelError."""
        if self.embedder is None or not await self.ready():
            return None
        (vector,) = await self._vectors([text])
        return (await self._known(len(vector))).id, written(vector)

    async def _unread(self, thread: Thread) -> "Batch | None":
        """What is not indexed up to some place; None when nothing is left.

        What waits for an answer is left alone until it has one.
        """
        rows = await self.database.fetch(
            """
            with known as (
                select coalesce(max(upto), 0) as upto, max(language) as language
                from hathi.indexed where thread_id = $1
            ), waiting as (
                select min(seq) as seq
                from public.mastra_messages as message join public.mastra_threads as thread on thread.id = thread_id
                where thread_id = $1 and coalesce(answers, seq) > answered and seq > answered and addressed
            ), behind as (
                select message.*, null::int as place
                from public.mastra_messages as message, known, waiting
                where thread_id = $1 and exists (select from public.mastra_threads where id = $1)
                  and coalesce(answers, message.seq) > upto
                  and (waiting.seq is null or coalesce(answers, message.seq) < waiting.seq)
                order by coalesce(answers, message.seq), message.seq limit $2
            ), edited as (
                select message.*, edited.place
                from hathi.edited join public.mastra_messages as message on message.id = edited.message, known
                where edited.thread_id = $1 and coalesce(answers, seq) <= upto limit $2
            )
            select known.upto as since, known.language,
                   coalesce((select answered from public.mastra_threads where id = $1), 0) as answered,
                   line.id, hashtextextended(line.content, 0) as hash, line.place,
                   line.content, line.type, line.name, line.audience, line."createdAtZ" as said,
                   coalesce(line.author, case line.role when 'user' then line."resourceId" end) as author,
                   coalesce(line.answers, line.seq) as upto,
                   line.role in ('user', 'assistant') and not line.off_record and line.copy_of is null as kept
            from known left join (select * from behind union all select * from edited) as line on true
            order by coalesce(line.answers, line.seq), line.seq
            """,
            str(thread),
            BATCH,
        )
        if rows[0]["language"] not in (None, self.language):
            await self._clear(thread)
            return await self._unread(thread)
        return _batch(rows)

    async def _clear(self, thread: Thread) -> None:
        """Out of the index with a thread: its words are read anew, in another language."""
        async with self.database.transaction() as connection:
            number = await connection.fetchval(
                "update hathi.indexed set upto = 0, places = 0, language = $2 where thread_id = $1 returning thread",
                str(thread),
                self.language,
            )
            await connection.execute("delete from hathi.edited where thread_id = $1", str(thread))
            for table in ("passages", "speakers"):
                await connection.execute(f"delete from hathi.{table} where thread = $1", number)  # noqa: S608

    async def _write(self, thread: Thread, batch: "Batch", vectors: "Vectored | None") -> int | None:
        """Index a batch, unless another process has done it meanwhile; how many messages are in the index then.

        All messages are locked, and must read as they did; None when one of them is being deleted or edited, or was.
        """
        messages = batch.messages
        column, value = ("", "")
        if vectors is not None:
            column, value = ", embedding", f', given.vector::"{self.vectors.schema}".halfvec'
        rows = await self.database.fetch(
            _WRITE.replace("/* column */", column).replace("/* value */", value),
            str(thread),
            [message.id for message in messages],
            [message.hash for message in messages],
            batch.since,
            batch.upto,
            [message.place for message in messages],
            [message.author for message in messages],
            [storable(message.name) for message in messages],
            [message.audience for message in messages],
            [message.said for message in messages],
            [message.text[:SHOWN] for message in messages],
            [searchable(message.text[:READ], self.language) for message in messages],
            self.language,
            batch.edited,
            vectors.embedder if vectors else None,
            vectors.texts if vectors else [None] * len(messages),
        )
        return int(rows[0]["written"]) if rows[0]["whole"] else None

    async def _embedded(self, texts: Sequence[str]) -> "Vectored | None":
        """Vectors of texts; None where there are none to be had now: they are filled in later."""
        if self.embedder is None or not self.vectors or not texts:
            return None
        try:
            found = await self._vectors([text[:SHOWN] for text in texts])
        except ModelError as error:
            log.warning("%d messages are found by their words alone for now: %s", len(texts), error)
            self._failed = True
            return None
        embedding = await self._known(len(found[0]))
        return Vectored(embedding.id, [written(vector) for vector in found])

    async def _vectors(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """What the embedder makes of texts, checked: one each, all alike, and finite. Raises ModelError."""
        assert self.embedder is not None
        found = await self.embedder.embed(texts)
        dimension = self._embedding.dimension if self._embedding else len(found[0]) if found else 0
        if len(found) != len(texts) or not 0 < dimension <= LARGEST:
            raise ModelSilent(f"{self.embedder.name} gave {len(found)} vectors for {len(texts)} texts: choose another")
        for vector in found:
            if len(vector) != dimension:
                raise ModelSilent(
                    f"{self.embedder.name} gave a vector of {len(vector)} numbers in place of {dimension}: "
                    "restart if it was changed"
                )
            if not 0.01 < sum(number * number for number in vector) < 100:  # a unit vector, about; NaN fails both
                raise ModelSilent(f"{self.embedder.name} gave a vector that is none: choose another EMBEDDER")
        return found

    async def _probed(self) -> Embedding:
        """The embedder, as the database knows it. Raises ModelError."""
        return await self._known(len((await self._vectors(["?"]))[0]))

    async def _known(self, dimension: int) -> Embedding:
        """The embedder as the database knows it: from now on it is the one that counts."""
        if self._embedding is None:
            rows = await self.database.fetch(
                """
                with known as (
                    update hathi.embedders set since = clock_timestamp() where (name, dimension) = ($1, $2) returning id
                ), new as ( -- a conflict would use up one of the few numbers at each start
                    insert into hathi.embedders (name, dimension) select $1, $2 where not exists (select from known)
                    on conflict (name, dimension) do update set since = clock_timestamp() returning id
                )
                select id from known union all select id from new
                """,
                self.embedder.name if self.embedder else "",
                dimension,
            )
            self._embedding = Embedding(rows[0]["id"], dimension)
            self._behind.set()  # what was made with another one does not count any more
        return self._embedding


@dataclass(frozen=True, slots=True)
class Batch:
    """What is not indexed yet in a thread, up to a place in it."""

    since: int
    upto: int
    edited: Sequence[str]  # ids of those that were indexed before
    messages: Sequence[Unread]


@dataclass(frozen=True, slots=True)
class Vectored:
    """Vectors as Postgres reads them, and whose they are."""

    embedder: int
    texts: Sequence[str]


def _batch(rows: Sequence[Record]) -> Batch | None:
    """What was found to be not indexed, as far as it is whole: a question and its answer share a place."""
    since: int = rows[0]["since"]
    lines = [row for row in rows if row["id"] is not None]
    behind = [row for row in lines if row["upto"] > since]
    upto = max(since, rows[0]["answered"], *(row["upto"] for row in behind))  # what is gone leaves a gap
    if len(behind) == BATCH:
        upto = behind[-1]["upto"]
        if behind[0]["upto"] < upto:  # an answer may have been cut off
            lines = [row for row in lines if row["upto"] < upto]
            upto = lines[-1]["upto"]
    if not lines and upto == since:
        return None
    messages = [
        Unread(
            row["id"],
            row["hash"],
            row["place"],
            storable(text_of(row["content"], row["type"])).strip(),
            row["author"],
            row["name"] or "",
            row["audience"],
            row["said"],
        )
        for row in lines
        if row["kept"]
    ]
    edited = [row["id"] for row in lines if row["upto"] <= since]
    return Batch(since, upto, edited, [message for message in messages if message.text])


def written(vector: Sequence[float]) -> str:
    """A vector as Postgres reads it; five digits are more than a halfvec holds."""
    return f"[{','.join(f'{number:.5f}' for number in vector)}]"


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
    select id, ($9::text[])[cardinality($9::text[])], $13, $5, cardinality($2::text[])
    from public.mastra_threads, whole where id = $1 and whole -- it may go meanwhile
    on conflict (thread_id) do update set
        audience = coalesce(excluded.audience, thread.audience), upto = excluded.upto,
        places = thread.places + excluded.places
        where thread.upto = $4
    returning thread, places - cardinality($2::text[]) as places
), given as materialized (
    select thread.thread, coalesce(given.place, thread.places + nth)::int as place, message, author, name, audience,
           said, text, to_tsvector($13::regconfig, words) as words, vector
    from unnest($2::text[], $6::int[], $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::text[],
                $12::text[], $16::text[])
         with ordinality as given (message, place, author, name, audience, said, text, words, vector, nth)
    join locked on locked.id = message cross join thread
), passage as (
    insert into hathi.passages
        (thread, place, message, author, audience, said, text, words, length, embedder/* column */)
    select thread, place, message, author, audience, said, text, words,
           coalesce((select sum(coalesce(cardinality(positions), 1)) from unnest(words)), 0), $15::smallint/* value */
    from given on conflict do nothing returning 1
), speaker as (
    insert into hathi.speakers as known (author, thread, name)
    select distinct on (author) author, thread, name from given where author is not null
    order by author, (name <> '') desc, place desc
    on conflict (author, thread) do update set name = excluded.name
        where excluded.name <> '' and known.name <> excluded.name
), edited as (
    delete from hathi.edited using thread where message = any($14::text[])
)
select (select count(*) from passage) as written, (select whole from whole) as whole
"""
