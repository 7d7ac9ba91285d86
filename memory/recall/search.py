"""The read path: what may be searched where something is asked, and one statement that finds what matters there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.chat import Thread
from memory.pool import Database, Record
from memory.privacy import Place, may_read, place, stored

BY_WORDS = 80  # messages that the words of a question bring
BY_MEANING = 80  # messages that its vector brings
BY_TIME = 40  # messages of the time that it names
COPIES = 5  # times as many are looked at: what one person says in the same words comes once
ECHOES = 8  # messages that are the question itself, the newest: for what was said to them
LEXEMES = 31  # different words of a question that count
AROUND = 2  # messages before and behind one that is read
AROUND_PART = 4  # parts of it that are read behind the first one
NAMES = 200  # people whose names are looked for in a question


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be searched where something is asked."""

    there: Place
    threads: Sequence[int]
    askers: frozenset[str]  # who asks, under each of their names
    names: Mapping[str, str]  # whose words may be read, of all who speak in these threads, and what they are called


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for."""

    words: str  # of the question, as Postgres can read them
    vector: tuple[int, str] | None = None  # whose and what it is (Index.embed); None: words alone count
    authors: Sequence[str] | None = None  # what was said by them only
    after: datetime | None = None
    before: datetime | None = None
    spans: Sequence[tuple[datetime, datetime]] = ()  # what was said then is worth a look whatever it says
    gists: Sequence[int] = ()  # of the question and its lines (gist.py)


@dataclass(frozen=True, slots=True)
class Passage:
    """A message that may matter, as far as it was found."""

    thread: int
    place: int
    part: int  # of the message, from 0: the one in which most was found
    parts: int  # that the message has
    message: str
    author: str | None  # None: the bot
    name: str
    said: datetime
    text: str
    length: float  # lexemes
    found: bool  # by itself, and not as the neighbour of one that was
    words: int  # a bit for each lexeme of the question that it has
    bm25: float
    distance: float | None  # cosine; None without a vector
    kin: int  # the same for what one person says in the same words; 0: the words of the question


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that one search brings."""

    passages: Sequence[Passage]
    weights: Sequence[float]  # of the question's lexemes: their inverse document frequency


async def scope(database: Database, thread: Thread, *, whole: bool) -> Scope | None:
    """What may be searched by whom the newest waiting message in a thread is from; None when nothing waits.

    `whole`: all threads in which that person takes part, under each of their names, and all of the same room where it
    is not public; else this thread alone. One round trip.
    """
    rows = await database.fetch(
        """
        with newest as (
            select message.audience, message.author, thread.space
            from public.mastra_messages as message join public.mastra_threads as thread on thread.id = thread_id
            where thread_id = $1 and addressed and seq > answered and coalesce(answers, seq) > answered
            order by seq desc limit 1
        ), people as materialized (
            select hathi.identities(author) as person from newest
        ), threads as materialized (
            select thread from hathi.indexed where thread_id = $1
            union
            select thread from hathi.speakers where $2 and author = any(array(select person from people))
            union
            select thread from hathi.indexed join newest using (audience)
            where $2 and not starts_with(newest.audience, 'public:')
        ), speaking as materialized (
            select author, audience, max(name) as name from hathi.speakers
            where thread = any(array(select thread from threads)) and ( -- no more than may be read is told below
                audience = (select audience from newest) or starts_with(audience, 'public:')
                or author = any(array(select person from people)))
            group by author, audience order by count(*) desc, author limit $3
        )
        select newest.audience, newest.space, array(select person from people) as people,
               array(select thread from threads order by thread) as threads,
               array(select author from speaking) as authors, array(select name from speaking) as names,
               array(select audience from speaking) as audiences
        from newest
        """,
        str(thread),
        whole,
        NAMES,
    )
    if not rows:
        return None
    row = rows[0]
    there = place(stored(row["audience"] or ""), row["space"], row["people"])
    names = {
        author: name or author.partition(":")[2]  # in the terminal people are called what they are
        for author, name, label in zip(row["authors"], row["names"], row["audiences"], strict=True)
        if may_read(stored(label) if label is not None else None, author, there)
    }
    return Scope(there, row["threads"], frozenset(row["people"]), names)


async def search(database: Database, where: Scope, wanted: Wanted, language: str, schema: str = "") -> Found:
    """The best of what may be read, by words and by meaning, with neighbours. One statement, exact within the scope.

    `language`: the text search configuration that words were read with. `schema`: where pgvector is.
    """
    statement = _SEARCH
    if wanted.vector is not None and schema:
        for mark, sql in _VECTOR.items():
            statement = statement.replace(mark, sql.replace("SCHEMA", f'"{schema}"'))
    rows = await database.fetch(
        statement,
        list(where.threads),
        where.there.audience,
        where.there.public,
        list(where.there.people),
        language,
        wanted.words,
        None if wanted.authors is None else list(wanted.authors),
        wanted.after,
        wanted.before,
        *(wanted.vector or (None, None)),
        [start for start, _ in wanted.spans],
        [end for _, end in wanted.spans],
        list(wanted.gists),
    )
    return Found([_passage(row) for row in rows], rows[0]["weights"] if rows else ())


async def read(database: Database, where: Scope, at: tuple[int, int, int]) -> list[Passage]:
    """A message from the part before the given one on, then what stands around it; by the same rule. One statement.

    `at`: thread, place and part, as anybody may have written them.
    """
    thread, place, part = at
    rows = await database.fetch(
        """
        select thread, place, part, parts, message, author, said, text, length, true as found, null::float8 as distance,
               0 as words, 0::float8 as bm25, coalesce(gist, 0) as kin,
               coalesce((select name from hathi.speakers as speaker
                         where speaker.author = passage.author and speaker.thread = passage.thread), '') as name
        from hathi.passages as passage
        where thread = $1 and thread = any($2::int[]) and hathi.may_read(audience, author, $3, $4, $5::text[])
          and case when place = $6 then part between $7 - 1 and $7 - 1 + $8
                   else part = 0 and place between $6 - $9 and $6 + $9 end
        order by place <> $6, part < $7, abs(place - $6), part
        """,
        thread,
        list(where.threads),
        where.there.audience,
        where.there.public,
        list(where.there.people),
        place,
        part,
        AROUND_PART,
        AROUND,
    )
    return [_passage(row) for row in rows]


def _passage(row: Record) -> Passage:
    return Passage(
        row["thread"],
        row["place"],
        row["part"],
        row["parts"],
        row["message"],
        row["author"],
        row["name"],
        row["said"],
        row["text"],
        row["length"],
        row["found"],
        row["words"],
        row["bm25"],
        row["distance"],
        row["kin"],
    )


# What makes a search by words one by vectors too.
_VECTOR = {
    "$11::text": "$11::text::SCHEMA.halfvec",
    "null::float8": """case when embedder = (select embedder from question)
             then embedding operator(SCHEMA.<=>) (select vector from question) end""",
}
# One plan has to do for any number of threads: a prepared statement is soon planned for none in particular, and a plan
# for thousands reads the whole table. So the array stands in a subquery, which hides its length, limits are numbers and
# no parameters, and what may be many rows is joined only where a wrong guess does no harm.
_KIN = """case when gist = any($14::bigint[]) then 0
                else coalesce(gist # hashtextextended(author, 0), gist, (thread::bigint << 32) + place) end"""
_SEARCH = rf"""
with spoken as materialized (
    select to_tsvector($5::regconfig, $6) as words
), asked as materialized ( -- words that the language passes over count where a question has no others
    select lexeme, row_number() over (order by positions, lexeme)::int - 1 as number from (
        select lexeme, positions from spoken, unnest(words)
        union all
        select lexeme, null from spoken, unnest(hathi.stop_words($5::regconfig, $6)) where words = ''
    ) as word order by positions, lexeme limit {LEXEMES}
), question as materialized (
    select $10::smallint as embedder, $11::text as vector, (select words = '' from spoken) as only_stops,
           (select string_agg('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''', '|')::tsquery
            from asked) as any_word
), here as materialized ( -- kin: the same for what one person says in the same words; 0: the question itself
    select thread, place, part, length, said, null::float8 as distance,
           {_KIN} as kin,
           ($7::text[] is null or author = any($7)) and ($8::timestamptz is null or said >= $8)
               and ($9::timestamptz is null or said < $9) as wanted,
           cardinality($12::timestamptz[]) > 0 and exists (
               select from unnest($12::timestamptz[], $13::timestamptz[]) as span (start, stop)
               where said between start and stop
           ) as timely,
           case when (select only_stops from question)
                then case when stops @@ (select any_word from question) then stops end
                when words @@ (select any_word from question) then words end as words
    from hathi.passages as passage
    where thread = any((select $1::int[])::int[]) and hathi.may_read(audience, author, $2, $3, $4::text[])
), hits as materialized (
    select thread, place, part, length, said, kin, distance, wanted, timely, number,
           coalesce(cardinality((word).positions), 1) as often
    from (select *, unnest(words) as word from here where words is not null) as here
    join asked on lexeme = (word).lexeme
), size as materialized (
    select count(*)::float8 as passages, greatest(avg(length), 1) as length from here
), weights as materialized (
    select number, ln(1 + (passages - coalesce(often, 0) + 0.5) / (coalesce(often, 0) + 0.5)) as weight
    from size cross join asked left join (
        select number, count(*)::float8 as often from hits group by number
    ) as counted using (number)
), scored as materialized (
    select thread, place, part, min(said) as said, min(kin) as kin, min(distance) as distance,
           bool_and(wanted) as wanted, bool_and(timely) as timely, bit_or(1 << number) as words,
           sum(weight * often * 2.2 / (often + 1.2 * (0.25 + 0.75 * hits.length / size.length))) as bm25
    from hits join weights using (number) cross join size group by thread, place, part
), best as (
    (select thread, place, part from (
        select *, row_number() over (partition by kin order by said desc, part) as copy from (
            select * from scored where wanted and kin <> 0
            order by bm25 desc, thread, place, part limit {COPIES * BY_WORDS}
        ) as best
     ) as single where copy = 1 order by bm25 desc, thread, place, part limit {BY_WORDS})
    union
    (select thread, place, part from (
        select *, row_number() over (partition by kin order by said desc, part) as copy from (
            select * from here where wanted and kin <> 0 and distance is not null
            order by distance, thread, place, part limit {COPIES * BY_MEANING}
        ) as nearest
     ) as single where copy = 1 order by distance, thread, place, part limit {BY_MEANING})
    union
    (select thread, place, part from here where wanted and kin = 0 order by said desc limit {ECHOES})
    union
    (select thread, place, part from (
        (select thread, place, part, distance, bm25 from scored where wanted and timely and kin <> 0
         order by bm25 desc, distance, thread, place, part limit {BY_TIME})
        union all -- what no word was found in comes behind it
        (select thread, place, part, distance, null from here
         where cardinality($12::timestamptz[]) > 0 and wanted and timely and kin <> 0
         order by distance, thread, place, part limit {BY_TIME})
     ) as around group by thread, place, part, distance
     order by max(bm25) desc nulls last, distance, thread, place, part limit {BY_TIME})
), near as (
    select thread, place, part, bool_or(found) as found,
           coalesce(max(words), 0) as words, coalesce(max(bm25), 0) as bm25
    from (
        select thread, place, part, true as found, null::int as words, null::double precision as bm25 from best
        union all
        select thread, place + step, 0::smallint, false, null, null
        from best cross join (values (-1), (1)) as around (step)
        union all
        select thread, place, part, null, words, bm25 from scored
    ) as passage group by thread, place, part having count(found) > 0
), whole as ( -- of the parts of a message that were found, the one with most in it
    select distinct on (thread, place)
           thread, place, part, parts, message, author, said, text, length, found, null::float8 as distance, near.words,
           bm25, {_KIN} as kin
    from near join hathi.passages as passage using (thread, place, part)
    where hathi.may_read(audience, author, $2, $3, $4::text[])
    order by thread, place, found desc, bm25 desc, distance, part
)
select thread, place, part, parts, message, author, said, text, length, found, distance, words, bm25, kin,
       coalesce((select name from hathi.speakers as speaker
                 where speaker.author = whole.author and speaker.thread = whole.thread), '') as name,
       array(select weight from weights order by number) as weights
from whole order by thread, place
"""  # noqa: S608  # numbers of our own
