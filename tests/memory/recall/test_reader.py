"""What an earlier version indexed is found as before, and read anew in the background; two versions do not fight."""

from collections.abc import AsyncIterator

import pytest

from memory import dsn, migrate
from memory.pool import Database, open_database
from memory.recall.index import Index
from memory.recall.parts import split
from memory.recall.terms import READER
from tests.conftest import Server
from tests.fakes.embeddings import Hashed
from tests.memory.recall.conftest import DM, World, thread_in, world_on

HERE = thread_in(DM)
LONG = f"{'Nothing to see here, move along. ' * 60}The spare key lies under the elephant."
SAID = ["Our cat is Mr.Whiskers.", "Our flight is LH-454.", LONG]


async def index_as_before(database: Database, *texts: str) -> None:
    """Messages of somebody, and what the version before this one wrote of them."""
    await database.fetch(
        """insert into public.mastra_threads (id, "resourceId", title, "createdAt", "updatedAt")
           values ($1, 'discord:1', '', now(), now()) on conflict do nothing""",
        str(HERE),
    )
    await database.fetch(
        "insert into hathi.indexed (thread_id, audience, language) values ($1, $2, 'english') on conflict do nothing",
        str(HERE),
        f"direct:{DM.id}",
    )
    (row,) = await database.fetch("select places from hathi.indexed")
    for place, text in enumerate(texts, row["places"] + 1):
        await database.fetch(
            """
            with message as (
                insert into public.mastra_messages
                    (id, thread_id, content, role, type, "createdAt", "resourceId", author, audience)
                values ($1, $2, $3, 'user', 'v2', now(), 'discord:1', 'discord:1', $4) returning *
            ), thread as (
                update hathi.indexed set upto = seq, places = $5 from message returning thread
            ), speaker as (
                insert into hathi.speakers select 'discord:1', thread, 'Ana' from thread on conflict do nothing
            )
            insert into hathi.passages (thread, place, message, author, audience, said, text, words, length, embedder)
            select thread, $5, id, author, audience, now(), left($3, 1000), to_tsvector('english', left($3, 20000)),
                   length(to_tsvector('english', left($3, 20000))), 7
            from message, thread on conflict do nothing
            """,
            f"before {place}",
            str(HERE),
            text,
            f"direct:{DM.id}",
            place,
        )


@pytest.fixture
async def before(server: Server, empty_name: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database that the version before this one has indexed, and this one brought up to date."""
    everything = migrate.migrations()
    async with open_database(dsn.parse(server.database(empty_name))) as database:
        with monkeypatch.context() as patch:
            patch.setattr(migrate, "migrations", lambda: [one for one in everything if one[0] < "0010"])
            await migrate.migrate(database)
        await index_as_before(database, *SAID)
        assert "0010_parts" in await migrate.migrate(database)
        yield database


async def readers(world: World) -> set[int]:
    return {row["reader"] for row in await world.database.fetch("select reader from hathi.passages")}


async def test_what_was_indexed_before_is_found_by_new_words_after_a_run_in_the_background(before: Database) -> None:
    world = world_on(before, None)
    assert await readers(world) == {1}
    assert await world.by_words("cat") == {SAID[0]}
    assert await world.by_words("Whiskers 454") == set()
    while left := await world.index.left(["discord"]):
        for thread in left:
            await world.index.digest(thread)
    assert await readers(world) == {READER}
    assert await world.by_words("Whiskers 454") == set(SAID[:2])
    assert await world.by_words("key") == {split(LONG)[-1]}
    assert await world.texts() == [*SAID[:2], *split(LONG)]
    assert await world.index.digest(HERE) == 0


async def test_what_reads_as_before_keeps_its_vector_and_new_parts_get_one(before: Database) -> None:
    world = world_on(before, Hashed())
    await world.index.ready()
    await before.fetch("update hathi.passages set embedder = 7")
    await world.index.digest(HERE)
    rows = await before.fetch("select embedder from hathi.passages order by place, part")
    assert [row["embedder"] for row in rows] == [7, 7, *[None] * len(split(LONG))]
    await world.index.caught_up()
    assert await world.index.missing() == 0


async def test_beside_an_older_version_everything_comes_to_an_end(before: Database) -> None:
    world = world_on(before, None)
    await world.index.digest(HERE)
    await index_as_before(before, "The site runs on Node.js.")  # by a process of the version before
    assert await readers(world) == {1, READER}
    assert await world.index.unindexed() == [HERE]
    assert await world.index.digest(HERE) == 1
    assert await world.by_words("node") == {"The site runs on Node.js."}
    assert await world.index.unindexed() == []
    assert await Index(before, None).digest(HERE) == 0


async def test_what_may_not_be_indexed_any_more_goes_when_it_is_read_anew(before: Database) -> None:
    world = world_on(before, None)
    await before.fetch("update public.mastra_messages set off_record = true where id = 'before 1'")
    await world.index.digest(HERE)
    assert await world.texts() == [SAID[1], *split(LONG)]
    assert await world.index.unindexed() == []


async def test_a_later_version_is_left_alone(before: Database) -> None:
    world = world_on(before, None)
    await before.fetch(f"update hathi.passages set reader = {READER + 1}")
    assert await world.index.unindexed() == []
    assert await world.index.digest(HERE) == 0


async def test_an_edited_message_of_before_is_read_as_it_reads_now(before: Database) -> None:
    world = world_on(before, None)
    await before.fetch("update public.mastra_messages set content = 'a lion' where id = 'before 3'")
    await world.index.digest(HERE)
    assert await world.texts() == [*SAID[:2], "a lion"]
    assert await world.index.unindexed() == []
