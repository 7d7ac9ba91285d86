"""A database as it is after two years: many people's conversations, written down and indexed; no word of sense.

The rows are those that the transcript and the index write, made by Postgres itself, in the order in which they would
have come: what one person said lies scattered over the whole table. A person's messages are those that they said and
those that the bot answered to them; a part of them in their direct message, the rest in threads of 25 that they share
with somebody else.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memory.pool import Connection, Database
from memory.recall.index import written
from memory.recall.terms import READER

PLATFORM = SPACE = "bench"
EMBEDDER, DIMENSION = "bench/instant", 384
VOCABULARY = 30_000  # different words
FLAT = 27.0  # how flat their distribution begins: with it the most frequent is in 6 % of the messages
CENTRES, NOISES = 300, 1000  # a message's vector is one of the ones and one of the others
THREAD = 25  # messages in a room's thread
BATCH = 50_000  # messages in one transaction
SECONDS = 3600.0  # that one statement may take here
FILLED = ("public.mastra_messages", "hathi.passages")

Progress = Callable[[str, float], None]  # what is done, and how far


@dataclass(frozen=True)
class Crowd:
    """What the database holds."""

    sizes: Sequence[int]  # messages of each person, the largest first
    words: Sequence[str]  # the most frequent first

    def question(self, chance: random.Random) -> str:
        """Three to ten words, as frequent as in what is said; some name a month or are about who asks."""
        words = [self.word(chance) for _ in range(chance.randint(3, 10))]
        start = chance.choice(["what about", "did I say", "who told us of", "where is", "in March 2025:"])
        return f"{start} {' '.join(words)}?"

    def word(self, chance: random.Random) -> str:
        """As SQL draws one."""
        return self.words[int(FLAT * ((len(self.words) / FLAT + 1) ** chance.random() - 1))]


def sizes(messages: int, people: int, largest: int) -> list[int]:
    """How many messages each person has: one has the most, a few have thousands, most have a few dozen."""
    head = [largest]
    for size in (9900, 9900, 9800, 9000, 5000, 5000, 5000):
        if size < largest and sum(head) + size < messages / 2 and len(head) < people / 2:
            head.append(size)
    weights = [(number + 100) ** -1.5 for number in range(people - len(head))]
    share = (messages - sum(head)) / sum(weights)
    return sorted([*head, *(max(10, round(share * weight)) for weight in weights)], reverse=True)


def direction(chance: random.Random) -> list[float]:
    """A unit vector, somewhere."""
    vector = [chance.gauss(0, 1) for _ in range(DIMENSION)]
    length = math.hypot(*vector)
    return [number / length for number in vector]


async def fill(
    database: Database, schema: str, progress: Progress, *, messages: int, people: int, largest: int, direct: float
) -> Crowd:
    """Into an empty, migrated database. `schema`: pgvector's. `direct`: the share of direct messages."""
    chance = random.Random(7)
    crowd = Crowd(sizes(messages, people, largest), await _vocabulary(database, chance))
    async with database.transaction() as connection:
        await _plan(connection, crowd, schema, progress, chance=chance, direct=direct)
        total = int(await connection.fetchval("select count(*) from crowd.log", timeout=SECONDS))
    again = await _without_indexes(database)
    for start in range(1, total + 1, BATCH):
        async with database.transaction() as connection:
            await connection.execute("set local synchronous_commit = off")
            await connection.execute("set local work_mem = '128MB'")
            await connection.execute(_FILL, start, start + BATCH, timeout=SECONDS)
        progress("messages", min(1.0, (start + BATCH) / total))
    for number, statement in enumerate(again, start=1):
        async with database.transaction() as connection:
            await connection.execute("set local maintenance_work_mem = '1GB'")
            await connection.execute(statement, timeout=SECONDS)
        progress("indexes", number / len(again))
    async with database.transaction() as connection:
        for statement in _REST:
            await connection.execute(statement, timeout=SECONDS)
    tables = [*FILLED, "public.mastra_threads", "hathi.indexed", "hathi.speakers", "hathi.embedders"]
    for number, table in enumerate(tables, start=1):
        await database.fetch(f"vacuum analyze {table}")
        progress("vacuum analyze", number / len(tables))
    return crowd


async def _vocabulary(database: Database, chance: random.Random) -> list[str]:
    """Made-up words that the stemmer leaves as they are."""
    made: dict[str, None] = {}
    while len(made) < 1.2 * VOCABULARY:
        made[
            "".join(chance.choice("bdfgklmnprtvz") + chance.choice("aou") for _ in range(chance.randint(2, 3))) + "k"
        ] = None
    rows = await database.fetch(
        "select word from unnest($1::text[]) with ordinality as given (word, nth)"
        " where tsvector_to_array(to_tsvector('english', word)) = array[word] order by nth",
        list(made),
    )
    return [row["word"] for row in rows][:VOCABULARY]


async def _plan(
    connection: Connection, crowd: Crowd, schema: str, progress: Progress, *, chance: random.Random, direct: float
) -> None:
    """Who says something where, when, and in which order."""
    await connection.execute("set local work_mem = '256MB'")
    for statement in _TABLES:
        await connection.execute(statement.replace("SCHEMA", f'"{schema}"'))
    await connection.executemany(
        "insert into crowd.people values ($1, $2, $3)",
        [(number, size, sum(crowd.sizes[: number + 1])) for number, size in enumerate(crowd.sizes)],
    )
    await connection.executemany("insert into crowd.words values ($1, $2)", list(enumerate(crowd.words)))
    for table, count, width in (("centres", CENTRES, 1.0), ("noises", NOISES, 0.6)):
        vectors = [[width * number for number in direction(chance)] for _ in range(count)]
        await connection.executemany(
            f'insert into crowd.{table} values ($1, $2::text::"{schema}".halfvec)',
            [(number, written(vector)) for number, vector in enumerate(vectors)],
        )
    await connection.execute("select setseed(0.5)")
    rooms = max(2, len(crowd.sizes) // 20)
    progress("threads", 0.1)
    await connection.execute(_DIRECT, direct, timeout=SECONDS)
    await connection.execute(_ROOMS, 1 - direct, rooms, sum(crowd.sizes), timeout=SECONDS)
    progress("threads", 0.3)
    await connection.execute(_LOG, timeout=SECONDS)
    progress("threads", 0.8)
    for statement in (*_NAMED, "create index on crowd.log (seq)", "analyze crowd.log", "analyze crowd.threads"):
        await connection.execute(statement, timeout=SECONDS)
    progress("threads", 1.0)


async def _without_indexes(database: Database) -> list[str]:
    """Take the indexes from the tables that are filled; the statements that bring them back."""
    rows = await database.fetch(
        """
        select index.indexrelid::regclass::text as name, index.indrelid::regclass::text as on_table, conname as rule,
               case when conname is null then pg_get_indexdef(index.indexrelid)
                    else format('alter table %s add constraint %s %s', index.indrelid::regclass, conname,
                                pg_get_constraintdef(rule.oid)) end as statement
        from pg_index as index left join pg_constraint as rule on conindid = index.indexrelid
        where indrelid = any($1::text[]::regclass[]) order by index.indexrelid
        """,
        list(FILLED),
    )
    for row in rows:
        if row["rule"]:
            await database.fetch(f'alter table {row["on_table"]} drop constraint "{row["rule"]}"')
        else:
            await database.fetch(f"drop index {row['name']}")
    return [row["statement"] for row in rows]


_TABLES = (
    "create schema crowd",
    "create table crowd.people (person int primary key, size int, upto bigint unique)",
    "create table crowd.words (word int primary key, lexeme text)",
    "create table crowd.centres (centre int primary key, vector SCHEMA.halfvec)",
    "create table crowd.noises (noise int primary key, vector SCHEMA.halfvec)",
    """
    create table crowd.threads (
        thread int generated always as identity primary key, direct boolean, room int, starter int, guest int,
        messages int, id text, audience text, owner text
    )
    """,
)
_DIRECT = """
insert into crowd.threads (direct, starter, messages)
select true, person, greatest(2, 2 * round(size * $1::float8 / 2)::int) from crowd.people order by person
"""
_ROOMS = f"""
with started as (
    select person, (person * 7 + nth * 13) % $2::int as room, floor(random() * $3::bigint)::bigint as lot
    from crowd.people, generate_series(1, 1 + (size * $1::float8 / {THREAD})::int) as nth
    where nth - 1 + random() < size * $1::float8 / {THREAD}
)
insert into crowd.threads (direct, room, starter, guest, messages)
select false, room, started.person, guest.person, {THREAD}
from started, lateral (select person from crowd.people where upto > lot order by upto limit 1) as guest
order by random()
"""
# Direct messages come in sessions of ten, spread over two years; a room's thread within an hour.
_LOG = """
create table crowd.log as
with line as (
    select thread, place, direct,
           case when place % 2 = 0 then null
                when not direct and (place + 1) / 2 % 5 in (2, 4) then guest else starter end as author,
           timestamptz '2024-07-01' + case
               when direct then (floor((place - 1) / 10) + 0.9 * random()) / ceil(messages / 10.0) * interval '730 days'
               else begun * interval '730 days' end as begun
    from (select *, random() as begun from crowd.threads) as thread, generate_series(1, messages) as place
), timed as (
    select thread, place, author,
           first_value(begun) over (partition by thread, (place - 1) / 10 order by place)
           + case when direct then (place - 1) % 10 else place end * interval '50 s' as said
    from line
), ordered as (
    select thread, place, author, greatest(max(said) over (partition by thread order by place), said) as said from timed
), numbered as (
    select *, row_number() over (order by said, thread, place) as seq from ordered
)
select seq, thread, place, author, said,
       case when author is null then lag(seq) over (partition by thread order by place) end as answers,
       4 + floor(random() * 17)::int as words,
       floor(random() * CENTRES)::int as centre, floor(random() * NOISES)::int as noise
from numbered
""".replace("CENTRES", str(CENTRES)).replace("NOISES", str(NOISES))
_NAMED = (
    f"""
    update crowd.threads set
        id = case when direct then '{PLATFORM}:D' || starter else '{PLATFORM}:R' || room || ':' || thread end,
        owner = '{PLATFORM}:U' || starter,
        audience = case when direct then 'direct:{PLATFORM}:D' || starter when room % 2 = 0 then 'public:{SPACE}'
                        else 'private:{PLATFORM}:R' || room end
    """,
    f"""
    insert into hathi.embedders (name, dimension) values ('{EMBEDDER}', {DIMENSION})
    """,
)
_FILL = f"""
with line as materialized (
    select log.*, thread.id as thread_id, thread.audience, thread.owner, '{PLATFORM}:m' || seq
           || case when log.answers is null then '' else ':answer' end as id,
           '{PLATFORM}:U' || log.author as person
    from crowd.log as log join crowd.threads as thread using (thread) where seq >= $1 and seq < $2
), drawn as materialized (
    select seq, floor({FLAT} * (({VOCABULARY / FLAT} + 1) ^ random() - 1))::int as word
    from line, generate_series(1, words)
), counted as materialized (
    select seq, lexeme, count(*)::int as often from drawn join crowd.words using (word)
    group by seq, lexeme
), told as materialized (
    select seq, string_agg(repeat(lexeme || ' the ', often), '') as text from counted group by seq
), message as (
    insert into public.mastra_messages (id, thread_id, content, role, type, "createdAt", "createdAtZ", "resourceId",
                                        seq, author, audience, addressed, answers, name, turn)
    select id, thread_id, json_build_object(
               'format', 2, 'parts', json_build_array(json_build_object('type', 'text', 'text', text)),
               'content', text),
           case when answers is null then 'user' else 'assistant' end, 'v2', said at time zone 'utc', said, owner, seq,
           person, audience, answers is null, answers, 'P' || author || ' Doe',
           case when answers is not null then seq end
    from line join told using (seq) order by seq
)
insert into hathi.passages (thread, place, message, author, audience, said, text, words, stops, gist, length, reader,
                            embedder, embedding)
select thread, place, id, person, audience, said, text, to_tsvector('english', text), array_to_tsvector(array['the']),
       hashtextextended(text, 0), line.words, {READER}, 1, centres.vector + noises.vector
from line join told using (seq) join crowd.centres using (centre) join crowd.noises using (noise) order by seq
"""
_REST = (
    f"""
    insert into public.mastra_threads (id, "resourceId", title, "createdAt", "updatedAt", "createdAtZ", "updatedAtZ",
                                       space, answered, digested)
    select id, owner, '', since at time zone 'utc', until at time zone 'utc', since, until, '{SPACE}', upto, upto
    from crowd.threads join (
        select thread, min(said) as since, max(said) as until, max(seq) as upto from crowd.log group by thread
    ) as log using (thread)
    """,
    """
    insert into hathi.indexed (thread, thread_id, audience, language, upto, places) overriding system value
    select thread, id, audience, 'english', upto, messages
    from crowd.threads join (
        select thread, max(coalesce(answers, seq)) as upto from crowd.log group by thread
    ) as log using (thread)
    """,
    f"""
    insert into hathi.speakers (author, thread, name)
    select distinct '{PLATFORM}:U' || author, thread, 'P' || author || ' Doe' from crowd.log where author is not null
    """,
    "select setval('hathi.message_seq', (select max(seq) from crowd.log))",
    "select setval(pg_get_serial_sequence('hathi.indexed', 'thread'), (select max(thread) from crowd.threads))",
    "drop schema crowd cascade",
)
