"""A long message is read to its end, found by any of its parts, and shown around what was found."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.minilm import wordpiece
from memory.privacy import may_read, stored
from memory.recall import batches
from memory.recall.excerpt import excerpt
from memory.recall.parts import split
from memory.recall.search import read
from memory.recall.terms import terms
from tests.memory.recall.conftest import ANA, BOB, BOBS_DM, DM, PUBLIC, STAFF, World, thread_in

HERE = thread_in(DM)
PADDING = [f"Sentence number {number} says nothing of any use to anybody." for number in range(200)]
TEXTS = {
    "english": "The kiln cracked, and all of the forty plates that we had made for the fair are lost. ",
    "german": "Die Donaudampfschifffahrtsgesellschaft übernimmt selbstverständlich die Rechnungen. ",
    "russian": "Вчера мы были в зоопарке и видели там слона. ",
    "chinese": "我昨天在北京买了一本关于大象的书。",
    "numbers": "1234 5678 90.12, 345-678-9012; ",
    "code": "def f(x): return {k: v for k, v in x.items() if v != 0}\n",
    "emoji": "🎉👍 ",
    "one word": "abcdefghij",
}


def story(at: int, secret: str = "The spare key lies under the elephant.") -> str:
    """A long message in which one sentence matters."""
    return " ".join([*PADDING[:at], secret, *PADDING[at:]])


@pytest.mark.parametrize("kind", TEXTS)
def test_a_part_is_no_longer_than_an_embedder_reads(kind: str) -> None:
    text = (TEXTS[kind] * 400)[:12_000]
    parts = split(text)
    assert len(parts) > 1
    assert max(len(wordpiece.ids_of(part)) for part in parts) < 256  # where it would be cut
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(st.text(max_size=3000))
def test_parts_are_all_of_a_text(text: str) -> None:
    assert "".join("".join(split(text)).split()) == "".join(text.split())


def test_parts_end_with_sentences_where_they_can() -> None:
    assert all(part.endswith(".") for part in split(story(100)))


@pytest.mark.parametrize("at", [0, 77, 150, 200])
def test_what_was_asked_for_is_in_the_excerpt_and_cut_ends_are_marked(at: int) -> None:
    text = story(at)
    shown = excerpt(text, ["where", "is", "the", "spare", "key"], 500)
    assert "The spare key lies under the elephant." in shown
    assert len(shown) <= 500
    assert shown.startswith("…") is (at > 0)
    assert shown.endswith("…") is (at < 200)


def test_what_fits_is_left_as_it_is_and_what_names_nothing_begins_at_the_beginning() -> None:
    assert excerpt("a\nb", ["b"], 10) == "a b"
    assert excerpt("a b", ["b"], 10, before=True, after=True) == "…a b…"
    assert excerpt(story(9), [], 100).startswith("Sentence number 0")
    assert excerpt("x" * 1000, ["x"], 100).strip("…") == "x" * 98


QUESTION = "What is the code name of my boat?"
FILLING = "the is of my name what it was and code a tide boat wind rope very green under which sails harbour".split()


def _long_text(chance: random.Random, answer: str, words: int = 1500) -> str:
    """A long text of words, many of them the question's own, with the answer somewhere in it."""
    filling = chance.sample(FILLING, 12) + [f"word{number}" for number in range(chance.randrange(20, 400))]
    said = chance.choices(filling, k=words)
    at = chance.choice([0, words, chance.randrange(words)])
    return " ".join([*said[:at], answer, *said[at:]])


@pytest.mark.parametrize("answer", ["the code name of my boat is Quetzal.", "Quetzal is the code name of my boat."])
def test_an_answer_beside_the_asked_words_is_not_cut_off(answer: str) -> None:
    chance = random.Random(7)
    lost = [n for n in range(200) if "Quetzal" not in excerpt(_long_text(chance, answer), terms(QUESTION), 500)]
    assert not lost


def test_of_a_story_that_asks_for_much_of_the_same_the_answer_is_shown() -> None:
    story_ = " ".join(["What is it that the wind does to my hair, the sea is of no help."] * 640)
    assert "Quetzal" in excerpt(f"{story_} the code name of my boat is Quetzal.", terms(QUESTION), 500)


@given(st.text(max_size=400), st.lists(st.text(min_size=1, max_size=9), max_size=4), st.integers(10, 200))
def test_an_excerpt_is_never_longer_than_it_may_be(text: str, asked: list[str], most: int) -> None:
    assert len(excerpt(text, asked, most)) <= most


@pytest.mark.parametrize("at", [0, 100, 200])
async def test_a_long_message_is_found_by_what_stands_anywhere_in_it(world: World, at: int) -> None:
    await world.say("before", story(at), "after")
    assert await world.index.digest(HERE) == 3
    assert await world.index.size() == 3
    assert await world.missing() == 0
    found = {passage.message: passage for passage in (await world.search("spare key")).passages if passage.words}
    assert list(found) == ["m2"]
    assert "The spare key lies under the elephant." in found["m2"].text
    assert found["m2"].parts == len(split(story(at)))
    assert {passage.message for passage in (await world.search("spare key")).passages} == {"m1", "m2", "m3"}


async def test_the_counts_of_what_is_deleted_are_messages(world: World) -> None:
    await world.say("before", story(100))
    await world.index.digest(HERE)
    assert (await world.forgetting.about(ANA))["passages"] == 2
    assert (await world.forgetting.delete(["m2"]))["passages"] == 1
    assert await world.texts() == ["before"]


async def test_an_edit_may_make_a_message_shorter_or_longer(world: World) -> None:
    await world.say("before", story(100), "after")
    await world.index.digest(HERE)
    await world.edit("m2", "a lion")
    await world.index.digest(HERE)
    assert await world.passages() == [(1, "before"), (2, "a lion"), (3, "after")]
    await world.edit("m2", story(50))
    await world.index.digest(HERE)
    assert await world.passages() == [(1, "before"), *((2, part) for part in split(story(50))), (3, "after")]


async def test_long_messages_are_indexed_few_at_once_and_none_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PARTS", 10)
    await world.say("one", story(10), "two", story(20), story(30), "three")
    await world.ask("a question")
    await world.answer(story(40), HERE)
    assert await world.index.digest(HERE) == 8
    assert await world.index.unindexed() == []
    assert len({place for place, _ in await world.passages()}) == 8


async def test_a_message_can_be_read_on_with_what_stands_around_it(world: World) -> None:
    await world.say("far", "zero", "before", story(100), "after", "next", "farther")
    await world.index.digest(HERE)
    where = await world.scope()
    (found,) = [one for one in (await world.search("spare key", where)).passages if one.words]
    shown = await read(world.database, where, (found.thread, found.place, found.part))
    assert [one.part for one in shown if one.message == found.message] == [
        *range(found.part, found.part + 4),
        found.part - 1,
    ]
    assert {one.text for one in shown if one.message != found.message} == {"zero", "before", "after", "next"}
    assert await read(world.database, where, (found.thread, 999, 0)) == []


async def test_nobody_reads_on_in_what_they_may_not_read(world: World) -> None:
    for room, who in ((DM, ANA), (BOBS_DM, BOB), (PUBLIC, BOB), (STAFF, BOB)):
        await world.say(f"zebra {room.id}", story(100, "The zebra is mine."), room=room, who=who)
        await world.index.digest(thread_in(room))
    rows = await world.database.fetch("select thread, place, part, author, audience from hathi.passages")
    for room, who in ((DM, ANA), (BOBS_DM, BOB), (PUBLIC, ANA), (STAFF, ANA)):
        where = await world.scope(room, who)
        may = {
            (row["thread"], row["place"])
            for row in rows
            if may_read(stored(row["audience"]), row["author"], where.there)
        }
        for row in rows:
            shown = await read(world.database, where, (row["thread"], row["place"], row["part"]))
            assert {(one.thread, one.place) for one in shown} <= may
            assert bool(shown) is (row["thread"] in where.threads and (row["thread"], row["place"]) in may)
