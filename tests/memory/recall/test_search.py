"""What is found, by words and by meaning, and who may find it."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from bot.chat import Resource, Room, Thread
from memory.pool import Database
from memory.privacy import Place, audience, may_read, stored
from memory.recall.search import Wanted, scope
from memory.recall.words import searchable
from memory.transcript import PostgresTranscript
from tests.memory.recall.conftest import (
    ANA,
    BOB,
    BOBS_DM,
    DM,
    LONG_AGO,
    OTHER,
    PUBLIC,
    STAFF,
    Chosen,
    World,
    thread_in,
    world_on,
)

HERE = thread_in(DM)
SLACK = Resource("slack", "T1:U1")


async def test_words_find_what_has_them_in_any_form(world: World) -> None:
    await world.say("We went swimming", "the cat sleeps", "I bought a bike")
    await world.index.digest(HERE)
    assert await world.by_words("swim") == {"We went swimming"}
    assert await world.by_words("When did I buy the bicycle?") == {"I bought a bike"}
    assert await world.by_words("elephants") == set()


async def test_meaning_finds_what_shares_no_word(database: Database) -> None:
    near, question, far = (0.8, 0.6, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    world = world_on(database, Chosen({"a puppy": near, "taxes": far, "my dog": question}))
    await world.say("a puppy")
    await world.say("taxes", thread=thread_in(DM, "2"))
    for thread in (HERE, thread_in(DM, "2")):
        await world.index.digest(thread)
    found = {passage.text: passage for passage in (await world.search("my dog")).passages}
    assert found["a puppy"].distance == pytest.approx(0.2, abs=0.01)
    assert found["taxes"].distance == pytest.approx(1.0, abs=0.01)
    assert {passage.words for passage in found.values()} == {0}


async def test_what_is_found_by_both_comes_once_with_all_that_is_known_of_it(world: World) -> None:
    await world.say("green tea tea", "coffee")
    await world.index.digest(HERE)
    found = await world.search("green tea")
    (tea,) = [passage for passage in found.passages if passage.text == "green tea tea"]
    assert (tea.found, tea.words, tea.length, tea.author, tea.name) == (True, 0b11, 3.0, str(ANA), "Ana")
    assert tea.distance == pytest.approx(0.051, abs=0.01)
    assert tea.bm25 > 0
    assert len(found.passages) == 2
    assert len(found.weights) == 2
    assert found.weights[0] > 0


async def test_neighbours_come_along_and_none_of_another_thread(world: World) -> None:
    await world.say("one", "two", "zebra", "four", "five")
    await world.say("other", thread=thread_in(DM, "2"))
    for thread in (HERE, thread_in(DM, "2")):
        await world.index.digest(thread)
    found = await world.search("", wanted=Wanted("zebra"))
    assert [(passage.text, passage.found) for passage in sorted(found.passages, key=lambda one: one.place)] == [
        ("two", False),
        ("zebra", True),
        ("four", False),
    ]


@pytest.mark.parametrize(
    ("said", "part"),
    [
        ("明日は東京都美術館に行きます", "美術館"),
        ("我昨天在北京买了一本书", "北京"),
        ("ฉันชอบกินข้าวผัด", "ข้าวผัด"),
        ("한국어를 배우고 있어요", "한국어"),
        ("Вчера мы были в зоопарке", "ЗООПАРКЕ"),
        ("naïve café", "CAFÉ"),
    ],
)
async def test_every_script_is_found_by_a_part(world: World, said: str, part: str) -> None:
    await world.say(said, "something else")
    await world.index.digest(HERE)
    assert await world.by_words(part) == {said}


async def test_authors_and_times_narrow_it_down_and_neighbours_stay(world: World) -> None:
    await world.say("zebra one", room=PUBLIC, who=ANA)
    await world.say("zebra two", room=PUBLIC, who=BOB)
    await world.say("zebra three", room=PUBLIC, who=ANA)
    await world.index.digest(thread_in(PUBLIC))
    where = await world.scope(PUBLIC)

    async def found(wanted: Wanted) -> set[str]:
        return {passage.text for passage in (await world.search("zebra", where, wanted)).passages if passage.found}

    vector = await world.index.embed("zebra")
    for wanted in (Wanted("zebra"), Wanted("", vector), Wanted("zebra", vector)):
        everything = [(LONG_AGO, LONG_AGO + timedelta(days=1))]
        for some in (wanted, replace(wanted, spans=everything)):
            assert await found(replace(some, authors=[str(BOB)])) == {"zebra two"}
            assert await found(replace(some, authors=[])) == set()
            assert await found(replace(some, after=LONG_AGO + timedelta(minutes=2))) == {"zebra two", "zebra three"}
            assert await found(replace(some, before=LONG_AGO + timedelta(minutes=2))) == {"zebra one"}


async def test_what_was_said_at_the_time_asked_for_is_found_whatever_it_says(world: World) -> None:
    await world.say("one", "two", "three", "four")
    await world.index.digest(HERE)
    at = LONG_AGO + timedelta(minutes=2)
    found = await world.search("", wanted=Wanted("zebra", spans=[(at, at)]))
    assert [passage.text for passage in found.passages if passage.found] == ["two"]


QUERIES = [
    "word " * 20_000,
    " ".join(f"word{number}" for number in range(500)),
    "🎉🎉",
    "the of and",
    "'; drop table hathi.passages; --",
    "a & b | !c <-> :*",
    "\\ ' \" $1 %s {} </p>",
    "",
    " ",
    "Ana",
    "東" * 5000,
]


@pytest.mark.parametrize("query", QUERIES)
async def test_any_question_can_be_asked(world: World, query: str) -> None:
    await world.say("tea", "coffee")
    await world.index.digest(HERE)
    found = await world.search(query)
    assert {passage.text for passage in found.passages} == {"tea", "coffee"}
    assert not any(passage.words for passage in found.passages)
    await world.search(query, wanted=Wanted(searchable(query, "english")))
    assert await world.texts() == ["tea", "coffee"]


async def test_where_nothing_is_there_is_nothing_to_find(world: World) -> None:
    assert (await world.search("tea")).passages == []


# --- who may find it


async def test_the_rule_in_sql_is_the_rule_of_privacy(database: Database) -> None:
    labels = [None, "direct:a", "private:b", "public:s", "public:t", ""]
    people = [[], ["ana"], ["ana", "bob"]]
    cases = list(product(labels, [None, "ana", "bob", ""], labels[1:], [None, "public:s"], range(len(people))))
    rows = await database.fetch(
        """
        select hathi.may_read(audience, author, here, public, string_to_array(people, ' ')) as may
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
             with ordinality as given (audience, author, here, public, people, nth) order by nth
        """,
        *(list(column) for column in list(zip(*cases, strict=True))[:4]),
        [" ".join(people[case[4]]) for case in cases],
    )
    for row, (label, author, here, public, who) in zip(rows, cases, strict=True):
        there = Place(stored(here or ""), stored(public) if public else None, frozenset(people[who]))
        assert row["may"] is may_read(stored(label) if label is not None else None, author, there)


async def everywhere(world: World) -> None:
    """Ana and Bob talk in all rooms; each text is the room and who said it."""
    world.said = 0
    for room, name in ((DM, "dm"), (PUBLIC, "public"), (STAFF, "staff"), (OTHER, "other")):
        await world.say(f"zebra {name} ana", room=room, who=ANA)
    for room, name in ((BOBS_DM, "dm"), (PUBLIC, "public"), (STAFF, "staff"), (OTHER, "other")):
        await world.say(f"zebra {name} bob", room=room, who=BOB)
    await world.say("zebra elsewhere bob", room=PUBLIC, who=BOB, thread=thread_in(PUBLIC, "2"))
    await world.say("zebra private bob", room=STAFF, who=BOB, thread=thread_in(STAFF, "2"))
    for thread in await world.index.unindexed(most=None):
        await world.index.digest(thread)


@pytest.mark.parametrize(
    ("room", "who", "texts"),
    [
        (DM, ANA, {"dm ana", "public ana", "staff ana", "other ana"}),
        (BOBS_DM, BOB, {"dm bob", "public bob", "staff bob", "other bob", "elsewhere bob", "private bob"}),
        (PUBLIC, ANA, {"public ana", "public bob"}),
        (PUBLIC, BOB, {"public ana", "public bob", "elsewhere bob"}),
        (STAFF, ANA, {"public ana", "public bob", "staff ana", "staff bob", "private bob"}),
        (OTHER, ANA, {"other ana", "other bob"}),
        (replace(DM, space="discord:guild"), ANA, {"dm ana", "public ana", "public bob", "staff ana", "other ana"}),
        (Room("private", "discord:new", "discord:guild"), Resource("discord", "3"), set()),
    ],
)
async def test_what_somebody_finds_in_a_room(world: World, room: Room, who: Resource, texts: set[str]) -> None:
    await everywhere(world)
    where = await world.scope(room, who, thread_in(room, "new"))
    for found in (await world.search("zebra", where), await world.search("", where, Wanted("zebra"))):
        assert {passage.text.removeprefix("zebra ") for passage in found.passages} == texts


async def test_nobody_finds_anything_of_somebody_elses_direct_messages(world: World) -> None:
    await everywhere(world)
    for room in (DM, PUBLIC, STAFF, OTHER):
        assert "zebra dm bob" not in await world.by_words("zebra", await world.scope(room, ANA))
    for room in (PUBLIC, STAFF, OTHER):
        assert "zebra dm ana" not in await world.by_words("zebra", await world.scope(room, ANA))


async def test_within_one_thread_nothing_else_is_found(world: World) -> None:
    await everywhere(world)
    assert await world.by_words("zebra", await world.scope(DM, ANA, whole=False)) == {"zebra dm ana"}
    assert await world.by_words("zebra", await world.scope(DM, ANA, thread_in(DM, "new"), whole=False)) == set()
    assert await world.by_words("zebra", await world.scope(PUBLIC, BOB, whole=False)) == {
        "zebra public ana",
        "zebra public bob",
    }


async def test_who_is_linked_finds_what_they_said_under_each_name(world: World) -> None:
    await everywhere(world)
    slack = Room("direct", "slack:T1:D1")
    there = Thread("slack", "T1:D1")
    assert await world.by_words("zebra", await world.scope(slack, SLACK, there)) == set()
    await world.database.fetch(
        "insert into hathi.links (resource, person) values ($1, 'one'), ($2, 'one')", str(SLACK), str(ANA)
    )
    where = await world.scope(slack, SLACK, there)
    assert where.askers == {str(ANA), str(SLACK)}
    assert await world.by_words("zebra", where) == {
        "zebra dm ana",
        "zebra public ana",
        "zebra staff ana",
        "zebra other ana",
    }


async def test_answers_are_found_where_they_were_read(world: World) -> None:
    await world.ask("which animal?")
    await world.answer("A zebra.", HERE)
    await world.index.digest(HERE)
    assert await world.by_words("zebra", await world.scope(DM, ANA, thread_in(DM, "2"))) == {"A zebra."}
    assert await world.by_words("zebra", await world.scope(Room("direct", "discord:dm2"), ANA)) == set()


async def test_a_scope_knows_who_speaks_in_it(world: World) -> None:
    await everywhere(world)
    where = await world.scope(PUBLIC, ANA)
    assert where.names == {str(ANA): "Ana", str(BOB): "Bob"}
    assert where.there.audience == audience(PUBLIC)
    assert where.there.people == frozenset()
    assert (await world.scope(DM, ANA)).there.people == {str(ANA)}


async def test_there_is_no_scope_where_nothing_waits(world: World, transcript: PostgresTranscript) -> None:
    await world.say("hello")
    assert await scope(world.database, HERE, whole=True) is None
    assert await scope(world.database, Thread("discord", "nowhere"), whole=True) is None


async def test_the_newest_that_waits_is_who_asks(world: World) -> None:
    await world.ask("one?", PUBLIC, ANA)
    await world.ask("two?", PUBLIC, BOB)
    where = await scope(world.database, thread_in(PUBLIC), whole=True)
    assert where is not None
    assert where.askers == {str(BOB)}


async def test_nobody_is_known_by_name_where_nothing_they_said_may_be_read(world: World) -> None:
    eve = Resource("discord", "3")
    await world.say("in public", room=PUBLIC, who=ANA)
    await world.say("among staff", room=STAFF, who=ANA)
    await world.say("among staff too", room=STAFF, who=BOB)
    await world.say("for outsiders", room=OTHER, who=eve)
    await world.say("hello", room=OTHER, who=ANA)
    for room in (PUBLIC, STAFF, OTHER):
        await world.index.digest(thread_in(room))
    for room, known in (
        (PUBLIC, {str(ANA)}),
        (replace(DM, space="discord:guild"), {str(ANA)}),
        (STAFF, {str(ANA), str(BOB)}),
        (OTHER, {str(ANA), str(eve)}),
    ):
        assert set((await world.scope(room, ANA, thread_in(room, "new"))).names) == known, room
