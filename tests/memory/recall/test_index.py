"""Every message is indexed once, at its place, and is gone from the index with itself; embedders may fail."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from bot.chat import Thread
from bot.errors import ModelBusy, ModelError
from memory.pool import Database
from memory.recall import batches
from memory.recall import index as indexing
from memory.recall.index import Index
from memory.recall.parts import split
from memory.recall.words import searchable
from tests.fakes.embeddings import Hashed
from tests.memory.recall.conftest import ANA, BOB, DM, PUBLIC, STAFF, Chosen, Faulty, World, thread_in, world_on
from tests.stores import pages_in

HERE = thread_in(DM)


async def test_a_message_is_indexed_once(world: World) -> None:
    await world.say("I like tea", "and cake")
    assert await world.index.digest(HERE) == 2
    assert await world.index.digest(HERE) == 0
    await world.say("and pie")
    assert await world.index.digest(HERE) == 1
    assert await world.passages() == [(1, "I like tea"), (2, "and cake"), (3, "and pie")]
    assert await world.missing() == 0


async def test_two_that_index_a_thread_at_once_do_it_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 3)
    texts = [f"message {number}" for number in range(10)]
    await world.say(*texts)
    others = [Index(world.database, Hashed()) for _ in range(3)]
    done = await asyncio.gather(*(index.digest(HERE) for index in (world.index, *others)))
    assert sum(done) == 10
    assert await world.passages() == list(enumerate(texts, 1))
    (row,) = await world.database.fetch("select sum(length(words)) as n, sum(length) as often from hathi.passages")
    assert (row["n"], row["often"]) == (20, 20)


async def test_what_waits_for_an_answer_is_indexed_with_it(world: World) -> None:
    await world.say("hello", who=BOB)
    await world.ask("Which tea?")
    await world.index.digest(HERE)
    assert await world.texts() == ["hello"]
    assert await world.index.unindexed() == []
    await world.say("while it is answered")
    await world.answer("Green tea.", HERE)
    assert await world.index.unindexed() == [HERE]
    await world.index.digest(HERE)
    texts = await world.texts()
    assert texts.index("Green tea.") == texts.index("Which tea?") + 1
    assert sorted(texts) == ["Green tea.", "Which tea?", "hello", "while it is answered"]
    assert await world.index.unindexed() == []


async def test_an_answer_stands_behind_its_question_also_where_a_batch_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    for number in range(4):
        await world.say(f"remark {number}")
        await world.ask(f"question {number}")
        await world.answer(f"answer {number}", HERE)
    await world.index.digest(HERE)
    assert await world.texts() == [
        f"{what} {number}" for number in range(4) for what in ("remark", "question", "answer")
    ]


async def test_what_is_off_the_record_is_never_indexed(world: World) -> None:
    await pages_in(world.database).pause(ANA, paused=True)
    await world.say("secret one")
    await world.ask("secret two")
    await world.answer("secret answer", HERE)
    await world.forgetting.strike(HERE)
    await world.index.digest(HERE)
    assert await world.texts() == []
    assert await world.index.unindexed() == []


async def test_a_thread_is_done_when_nothing_is_left_to_read(world: World) -> None:
    await world.say("hello")
    await world.ask("a question")
    await world.index.digest(HERE)
    await world.answer("an answer", HERE)
    await world.forgetting.delete([f"m{world.said}"])
    await world.index.digest(HERE)
    assert await world.texts() == ["hello"]
    assert await world.index.unindexed() == []


async def test_threads_of_some_platforms_can_be_asked_for(world: World) -> None:
    await world.say("hello")
    await world.say("hello", room=PUBLIC)
    assert await world.index.unindexed(["slack"]) == []
    assert len(await world.index.unindexed(["discord"], most=1)) == 1
    assert set(await world.index.unindexed(most=None)) == {HERE, thread_in(PUBLIC)}


async def left(world: World, *words: str) -> list[str]:
    """The rows of any table in which one of these words, or a vector, is left."""
    lexemes = [*words, *searchable(" ".join(words), "english").split()]
    rows = [row for row in (await world.tables()).splitlines() if any(lexeme in row.casefold() for lexeme in lexemes)]
    (vectors,) = await world.database.fetch("select count(*) as n from hathi.passages where embedding is not null")
    return rows + ["a vector"] * vectors["n"]


async def test_an_edited_message_is_gone_at_once_and_there_anew_at_its_place(world: World) -> None:
    first, _ = await world.say("zebra crossing", "hello")
    await world.index.digest(HERE)
    await world.edit(first, "giraffes")
    assert await left(world, "zebra", "cross") == ["a vector"]  # of hello
    assert await world.passages() == [(2, "hello")]
    assert await world.index.unindexed() == [HERE]
    await world.edit(first, "a lion")
    assert await world.index.digest(HERE) == 1
    assert await world.passages() == [(1, "a lion"), (2, "hello")]
    assert await world.index.digest(HERE) == 0
    assert await world.by_words("lion") == {"a lion"}
    assert await world.by_words("giraffe zebra") == set()
    assert await world.database.fetch("select from hathi.edited") == []


async def test_a_message_that_is_edited_while_it_waits_is_indexed_once(world: World) -> None:
    asked = await world.ask("zebra?")
    await world.say("hello", who=BOB)
    await world.edit(asked, "lion?")
    await world.answer("Yes.", HERE)
    await world.index.digest(HERE)
    assert await world.texts() == ["hello", "lion?", "Yes."]
    assert await world.database.fetch("select from hathi.edited") == []


async def test_a_message_that_is_edited_to_nothing_is_gone(world: World) -> None:
    (first,) = await world.say("zebra")
    await world.index.digest(HERE)
    await world.edit(first, "  ")
    await world.index.digest(HERE)
    assert await world.passages() == []
    assert await world.index.unindexed() == []


async def by_delete(world: World, ids: Sequence[str]) -> None:
    await world.forgetting.delete(ids)


async def by_reset(world: World, _: Sequence[str]) -> None:
    await world.forgetting.reset(HERE)


async def by_forget(world: World, _: Sequence[str]) -> None:
    await world.forgetting.forget(ANA)


async def by_expire(world: World, _: Sequence[str]) -> None:
    await world.forgetting.expire(30)


async def by_mastra(world: World, ids: Sequence[str]) -> None:
    await world.database.fetch("delete from public.mastra_messages where id = any($1)", list(ids))
    await world.database.fetch("delete from public.mastra_threads where id = $1", str(HERE))


Forget = Callable[[World, Sequence[str]], Awaitable[None]]
ALL_WAYS = pytest.mark.parametrize("forget", [by_delete, by_reset, by_forget, by_expire, by_mastra])


@ALL_WAYS
async def test_what_is_deleted_leaves_no_word_no_vector_and_no_place(world: World, forget: Forget) -> None:
    ids = await world.say("zebra crossings", "zebra stripes")
    await world.index.digest(HERE)
    await world.edit(ids[1], "zebra hooves")
    assert await left(world, "zebra", "cross", "hooves") != []
    await forget(world, ids)
    assert await left(world, "zebra", "cross", "hooves") == []
    for table in ("passages", "speakers", "edited", "indexed"):
        assert await world.database.fetch(f"select from hathi.{table}") == [], table


@ALL_WAYS
async def test_a_thread_that_held_nothing_to_index_leaves_nothing_either(world: World, forget: Forget) -> None:
    ids = await world.say("  ")
    await world.index.digest(HERE)
    await forget(world, ids)
    assert await world.database.fetch("select from hathi.indexed") == []


async def test_others_stay_when_somebody_is_forgotten(world: World) -> None:
    await world.say("zebra", room=PUBLIC)
    await world.say("lion", room=PUBLIC, who=BOB)
    await world.index.digest(thread_in(PUBLIC))
    await world.forgetting.forget(ANA)
    assert await world.texts() == ["lion"]
    rows = await world.database.fetch("select author from hathi.speakers")
    assert [row["author"] for row in rows] == [str(BOB)]


async def test_a_thread_that_begins_again_is_indexed_again(world: World) -> None:
    await world.say("zebra")
    await world.index.digest(HERE)
    await world.forgetting.reset(HERE)
    await world.say("lion")
    await world.index.digest(HERE)
    assert await world.passages() == [(1, "lion")]


class Meanwhile(Hashed):
    """Something happens while texts are embedded, once."""

    def __init__(self, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._happens: Callable[[], Awaitable[object]] | None = happens

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        if self._happens is not None:
            happens, self._happens = self._happens, None
            await happens()
        return await super().embed(texts)


@ALL_WAYS
async def test_what_is_deleted_while_it_is_indexed_leaves_nothing(world: World, forget: Forget) -> None:
    ids = await world.say("zebra", "lion")
    world.index.embedder = Meanwhile(lambda: forget(world, ids))
    assert await world.index.digest(HERE) == 0
    assert await left(world, "zebra", "lion") == []
    for table in ("passages", "speakers", "edited", "indexed"):
        assert await world.database.fetch(f"select from hathi.{table}") == [], table


async def test_what_is_edited_while_it_is_indexed_is_indexed_as_it_reads_now(world: World) -> None:
    _, middle, _ = await world.say("hello", "zebra", "bye")
    world.index.embedder = Meanwhile(lambda: world.edit(middle, "lion"))
    assert await world.index.digest(HERE) == 3
    assert await world.passages() == [(1, "hello"), (2, "lion"), (3, "bye")]
    assert await world.by_words("zebra lion") == {"lion"}
    assert await world.index.unindexed() == []


async def test_an_edit_while_an_edit_is_indexed_is_not_lost(world: World) -> None:
    first, _ = await world.say("zebra", "bye")
    await world.index.digest(HERE)
    await world.edit(first, "lion")
    world.index.embedder = Meanwhile(lambda: world.edit(first, "hare"))
    await world.index.digest(HERE)
    assert await world.passages() == [(1, "hare"), (2, "bye")]
    assert await left(world, "lion") == ["a vector"] * 2


async def test_what_is_about_to_be_deleted_is_waited_for(world: World) -> None:
    await world.say("zebra", "lion")
    await world.index.ready()
    async with world.database.transaction() as connection:
        await connection.execute("delete from public.mastra_messages")
        await connection.execute("delete from public.mastra_threads")
        indexed = asyncio.create_task(world.index.digest(HERE))
        await asyncio.sleep(0.1)
        assert not indexed.done()
    assert await indexed == 0
    for table in ("passages", "speakers", "edited", "indexed"):
        assert await world.database.fetch(f"select from hathi.{table}") == [], table


async def test_what_is_about_to_be_edited_is_waited_for(world: World) -> None:
    await world.say("zebra", "bye")
    await world.index.ready()
    async with world.database.transaction() as connection:
        await connection.execute("update public.mastra_messages set content = 'lion' where id = 'm1'")
        indexed = asyncio.create_task(world.index.digest(HERE))
        await asyncio.sleep(0.1)
        assert not indexed.done()
    assert await indexed == 2
    assert sorted(await world.texts()) == ["bye", "lion"]
    assert await world.by_words("zebra") == set()


async def test_digests_beside_deletions_of_the_same_messages_end(world: World) -> None:
    await world.say(*(f"number{number}" for number in range(40)))
    ids = [row["id"] for row in await world.database.fetch("select id from public.mastra_messages order by seq")]
    for _ in range(10):
        some, ids = ids[:4], ids[4:]
        await asyncio.gather(
            world.index.digest(HERE), world.forgetting.delete(some[::-1]), Index(world.database, None).digest(HERE)
        )
    assert await world.passages() == []


async def test_threads_of_any_length_are_indexed(world: World) -> None:
    texts = [f"number{number}" for number in range(2 * batches.BATCH + 1)]
    await world.say(*texts)
    assert await world.index.digest(HERE) == len(texts)
    assert await world.passages() == list(enumerate(texts, 1))


async def mastra(database: Database, thread: str, *said: tuple[str, str]) -> None:
    """Rows as Mastra writes them."""
    await database.fetch(
        """insert into public.mastra_threads (id, "resourceId", title, "createdAt", "updatedAt")
           values ($1, 'discord:1', '', now(), now())""",
        thread,
    )
    for number, (role, content) in enumerate(said):
        await database.fetch(
            """insert into public.mastra_messages (id, thread_id, content, role, type, "createdAt", "resourceId")
               values ($1, $2, $3, $4, 'v2', now(), 'discord:1')""",
            f"{thread} {number}",
            thread,
            content,
            role,
        )


async def test_what_mastra_wrote_is_indexed_for_whose_it_is(world: World) -> None:
    parts = '{"format": 2, "parts": [{"type": "text", "text": "zebra"}]}'
    await mastra(world.database, "discord:m", ("user", parts), ("assistant", "hooves"), ("system", "x"), ("tool", "y"))
    assert await world.index.unindexed() == [Thread("discord", "m")]
    await world.index.digest(Thread("discord", "m"))
    rows = await world.database.fetch("select text, author, audience from hathi.passages order by place")
    assert [tuple(row) for row in rows] == [("zebra", "discord:1", None), ("hooves", None, None)]
    assert await world.by_words("zebra hooves") == {"zebra"}
    assert await world.index.unindexed() == []


async def test_what_mastra_can_write_and_postgres_cannot_hold_is_indexed_too(world: World) -> None:
    odd = r'{"format": 2, "parts": [{"type": "text", "text": "zebra \u0000 \ud800 lion"}]}'
    await mastra(world.database, "discord:m", ("user", odd))
    await world.index.digest(Thread("discord", "m"))
    assert await world.by_words("lion") == {"zebra \ufffd ? lion"}


async def test_threads_of_mastra_may_have_any_name(world: World) -> None:
    for name in ("plain", "odd:", ":odd", "discord:\n"):
        await mastra(world.database, name, ("user", "hello"))
    assert await world.index.unindexed() == [Thread("discord", "\n")]


async def test_another_language_reads_everything_anew(world: World) -> None:
    ids = await world.say("she goes swimming", "swimmers", "bye")
    await world.index.digest(HERE)
    assert await world.by_words("swim") == {"she goes swimming"}
    await world.edit(ids[2], "good bye")
    other = world_on(world.database, Hashed(), "simple")
    other.said = 100
    assert await other.index.unindexed() == [HERE]
    assert await other.index.digest(HERE) == 3
    assert await other.passages() == [(1, "she goes swimming"), (2, "swimmers"), (3, "good bye")]
    assert await other.by_words("swim") == set()
    assert await other.by_words("swimming") == {"she goes swimming"}
    await world.edit(ids[2], "good night")
    await other.index.digest(HERE)
    assert await other.passages() == [(1, "she goes swimming"), (2, "swimmers"), (3, "good night")]
    assert await other.index.unindexed() == []


@pytest.mark.parametrize(
    "text",
    [
        "word " * 20_000,
        " ".join(f"word{number}" for number in range(100_000)),
        "x" * 100_000,
        "東" * 100_000,
        "the of and",
        "🎉",
        "\x01\x7f\u200b\u202e ﷽",
        "\\ ' \" $1 %s {} </p> &amp;",
    ],
)
async def test_texts_may_be_long_or_odd(world: World, text: str) -> None:
    await world.say(text, "", " \n ", "bye")
    assert await world.index.digest(HERE) == 2
    assert await world.passages() == [*((1, part) for part in split(text.strip())), (2, "bye")]
    assert await world.missing() == 0
    assert await world.index.digest(HERE) == 0


# --- embedders


def busy(_: list[list[float]]) -> list[list[float]]:
    raise ModelBusy("too much")


FAULTS: dict[str, Callable[[list[list[float]]], list[list[float]]]] = {
    "an error": busy,
    "one too few": lambda found: found[1:],
    "one too many": lambda found: [*found, found[0]],
    "no vectors": lambda _: [],
    "empty vectors": lambda found: [[] for _ in found],
    "another dimension": lambda found: [vector[:-1] for vector in found],
    "mixed dimensions": lambda found: [found[0], *(vector[:-1] for vector in found[1:])],
    "not a number": lambda found: [[math.nan] * len(vector) for vector in found],
    "infinity": lambda found: [[math.inf, *vector[1:]] for vector in found],
    "far too large": lambda found: [[1e200] * len(vector) for vector in found],
    "zeros": lambda found: [[0.0] * len(vector) for vector in found],
    "next to zero": lambda found: [[1e-9] * len(vector) for vector in found],
    "too many numbers": lambda found: [[1.0] * 20_000 for _ in found],
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_embedder_that_fails_costs_vectors_until_it_works_again(database: Database, fault: str) -> None:
    embedder = Faulty()
    world = world_on(database, embedder)
    await world.say("a zebra", "a lion")
    await world.index.digest(HERE)
    await world.say("a hare", "a fox")
    embedder.fault = FAULTS[fault]
    assert await world.index.digest(HERE) == 2
    await world.index.caught_up()
    assert await world.missing() == 2
    with pytest.raises(ModelError):
        await world.index.fill()
    embedder.fault = None
    assert await world.by_words("fox") == {"a fox"}
    await world.index.caught_up()
    assert await world.missing() == 0
    assert await world.index.fill() == 0


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"another dimension"}))
async def test_an_embedder_may_fail_from_the_start(database: Database, fault: str) -> None:
    embedder = Faulty()
    embedder.fault = FAULTS[fault]
    world = world_on(database, embedder)
    await world.say("a zebra", "a lion")
    assert await world.index.digest(HERE) == 2
    await world.index.caught_up()
    embedder.fault = None
    await world.index.caught_up()
    assert await world.missing() == 0


async def test_vectors_that_are_filled_in_tell_how_far_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    await world.say("one", "two", "three", "four", "five")
    await Index(world.database, None).digest(HERE)
    assert await world.index.missing() == 5
    told: list[tuple[int, int]] = []
    assert await world.index.fill(lambda done, of: told.append((done, of))) == 5
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert await world.index.missing() == 0


async def test_where_there_is_no_embedder_words_do(database: Database) -> None:
    world = world_on(database, None)
    await world.say("a zebra")
    await world.index.digest(HERE)
    await world.index.caught_up()
    assert await world.index.embed("zebra") is None
    assert await world.index.fill() == 0
    assert await world.by_words("zebra") == {"a zebra"}


async def test_another_embedder_makes_all_vectors_anew_and_old_ones_do_not_count(database: Database) -> None:
    old = world_on(database, Chosen({"a zebra": (1.0, 0.0, 0.0), "stripes": (1.0, 0.0, 0.0)}))
    await old.say("a zebra", "a lion")
    await old.index.digest(HERE)
    assert {passage.distance for passage in (await old.search("stripes")).passages} == {0.0, 1.0}
    new = world_on(database, Hashed(dimension=64))
    new.said = old.said
    found = await new.search("stripes zebra")
    assert {passage.text for passage in found.passages} == {"a zebra", "a lion"}  # by words, and its neighbour
    assert all(passage.distance is None for passage in found.passages)
    assert await new.index.missing() == 2
    await new.index.caught_up()
    assert await new.index.missing() == 0
    assert all(passage.distance is not None for passage in (await new.search("stripes")).passages)
    assert all(passage.distance is None for passage in (await old.search("stripes")).passages)


async def test_an_embedder_that_changes_its_dimension_counts_as_another_after_a_restart(database: Database) -> None:
    world = world_on(database, Hashed(dimension=64))
    await world.say("a zebra")
    await world.index.digest(HERE)
    again = Index(database, Hashed(dimension=32))
    assert await again.embed("a question") is not None
    assert await again.fill() == 1
    assert await again.missing() == 0


async def test_of_two_embedders_the_one_begun_last_wins(world: World) -> None:
    await world.say("a zebra", "a lion")
    await world.index.digest(HERE)
    other = Index(world.database, Hashed(name="fake/other"))
    assert await other.fill() == 2
    assert await world.index.fill() == 0
    assert await other.fill() == 0
    again = Index(world.database, Hashed())
    assert await again.fill() == 2
    assert await other.fill() == 0


async def test_a_start_uses_up_none_of_the_few_numbers_of_embedders(world: World) -> None:
    ids = set()
    for _ in range(3):
        found = await Index(world.database, Hashed()).embed("hello")
        assert found
        ids.add(found[0])
    found = await Index(world.database, Hashed(name="fake/other")).embed("hello")
    assert found
    assert (ids, found[0]) == ({1}, 2)


async def test_nothing_is_learned_of_a_private_room_from_its_place_in_the_index(world: World) -> None:
    await world.say("hello", room=STAFF)
    await world.index.digest(thread_in(STAFF))
    where = await world.scope(STAFF, BOB, thread_in(STAFF, "2"))
    outside = replace(where, there=(await world.scope(PUBLIC, BOB)).there)
    assert await world.by_words("hello", where) == {"hello"}
    assert await world.by_words("hello", outside) == set()
