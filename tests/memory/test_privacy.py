"""The rule of privacy over random worlds: people on two platforms, their direct messages, private and public rooms."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat import Message, Resource, Room, Thread
from bot.prompt import compose
from memory.privacy import Place as Scope
from memory.privacy import audience, may_read, narrowed, place, stored
from memory.recall.search import scope as scope_of
from tests.fakes.learner import learner
from tests.memory.cloning import clone
from tests.memory.working.conftest import World, world
from tests.memory.worlds import Human as Somebody
from tests.memory.worlds import Place as Elsewhere
from tests.memory.worlds import Saying
from tests.memory.worlds import World as Moving
from tests.stores import link

__all__ = ["world"]  # a fixture

Rule = Callable[[Room, list[str]], Scope]
ORGANISATION_SPACE = "slack:E1"
LABELS = [
    "public:slack:T1", "public:slack:T2", "public:discord:7", "private:slack:T1:C1", "private:slack:T1:C1:closed",
    "direct:slack:T1:D1", "direct:slack:T1:D1:closed", "direct:discord:9", "private:discord:8",
]  # fmt: skip

PLATFORMS = ("discord", "slack")


@dataclass(frozen=True)
class Human:
    """Somebody with an account on each platform."""

    number: int

    def on(self, platform: str) -> Resource:
        return Resource(platform, f"{'' if platform == 'discord' else 'T1:U'}{self.number}")

    @property
    def names(self) -> list[str]:
        return [str(self.on(platform)) for platform in PLATFORMS]


@dataclass(frozen=True)
class Place:
    """A room, and who can read it."""

    room: Room
    readers: frozenset[Human]

    @property
    def platform(self) -> str:
        return self.room.id.partition(":")[0]

    @property
    def thread(self) -> Thread:
        return Thread(self.platform, f"{self.room.kind}:{self.room.id}")


def places(random_: random.Random, humans: list[Human]) -> list[Place]:
    """Two spaces on two platforms with rooms in them, and a direct message for each human on each platform."""
    found = []
    for platform in PLATFORMS:
        space = f"{platform}:space"
        members = frozenset(random_.sample(humans, random_.randint(1, len(humans))))
        found.append(Place(Room("public", space, space), members))
        few = frozenset(random_.sample(sorted(members, key=str), random_.randint(1, len(members))))
        found.append(Place(Room("private", f"{platform}:room", space), few))
        for human in humans:
            mine = space if platform == "slack" and human in members else ""
            found.append(Place(Room("direct", f"{platform}:dm-{human.number}", mine), frozenset([human])))
    return found


@given(st.randoms(use_true_random=False))
def test_what_may_be_read_in_a_place_could_be_read_by_all_who_read_there(random_: random.Random) -> None:
    humans = [Human(number) for number in range(1, 4)]
    world = places(random_, humans)
    for said in world:
        for author in said.readers:
            for there in world:
                for speaker in there.readers:
                    scope = place(audience(there.room), there.room.space, speaker.names)
                    if may_read(audience(said.room), author.names[0], scope):
                        assert there.readers <= said.readers, (said, there)


@given(st.randoms(use_true_random=False))
def test_what_one_said_is_known_in_the_same_place_and_in_ones_own_direct_messages(random_: random.Random) -> None:
    for said in (world := places(random_, [Human(1), Human(2)])):
        for author in said.readers:
            own = [there for there in world if there.room.kind == "direct" and author in there.readers]
            for there in (said, *own):
                scope = place(audience(there.room), there.room.space, author.names)
                assert may_read(audience(said.room), author.names[1], scope)


def test_what_has_no_label_is_for_its_author_alone() -> None:
    mine = place(audience(Room("direct", "discord:dm")), None, ["discord:1"])
    assert may_read(None, "discord:1", mine)
    assert not may_read(None, "discord:2", mine)
    assert not may_read(None, None, mine)
    assert not may_read(None, "discord:1", place(audience(Room("private", "discord:x")), None, ["discord:1"]))


# Worlds that change

WORLDS = 10_000


def told(world: Moving, sayings: list[Saying], rule: Rule) -> Iterator[tuple[Saying, Elsewhere, set[Somebody]]]:
    """What may be known where, and those who read it there and could not read it where it was said.

    Who reads in the room where something was said reads it there, also when they came later.
    """
    for there, speaker in world.visits():
        scope = rule(world.room(there), world.names(speaker, there))
        readers = world.readers(there)
        for said in sayings:
            if may_read(said.label, str(said.author.on(said.place.platform)), scope):
                yield said, there, readers - said.readers - world.readers(said.place)


def now(room: Room, names: list[str]) -> Scope:
    return place(audience(room), room.space, names)


def before(room: Room, names: list[str]) -> Scope:
    """The rule as it was: a room in which outsiders or guests read was private at most, and an organisation a space."""
    label = f"{room.kind}:{room.id}"
    space = ORGANISATION_SPACE if room.space.startswith("slack:") else room.space
    label = f"public:{space}" if room.kind == "public" else label
    people = frozenset(names) if room.kind == "direct" else frozenset[str]()
    return Scope(stored(label), stored(f"public:{space}") if space else None, people)


def life(random_: random.Random, world: Moving) -> Iterator[tuple[Saying, bool]]:
    """What is said and what is edited (True), while the world changes; each with its label and who could read it."""
    sayings: list[Saying] = []
    for number in range(6):
        if (said := world.say(number)) is not None:
            sayings.append(said)
            yield said, False
        world.change()
        changed = random_.choice(sayings) if sayings else None
        if changed is not None and changed.author in world.readers(changed.place):
            changed.readers, changed.room = world.readers(changed.place), world.room(changed.place)
            yield changed, True


def lives(seed: int, rule: Rule) -> tuple[int, int]:
    """How often something was known elsewhere in a world, and how often by people who could not read it."""
    random_ = random.Random(seed)
    world = Moving.made(random_)
    sayings: dict[str, Saying] = {}
    for said, edited in life(random_, world):
        label = rule(said.room, []).audience
        if not edited:
            said.label = label
        elif rule is now:
            said.label = narrowed(said.label, label)
        sayings[said.word] = said
    known = leaks = 0
    for said, there, strangers in told(world, list(sayings.values()), rule):
        known += said.place is not there
        leaks += bool(strangers)
    return known, leaks


def test_ten_thousand_worlds_keep_what_was_said_where_it_was_said() -> None:
    known = 0
    for seed in range(WORLDS):
        elsewhere, leaks = lives(seed, now)
        assert leaks == 0, seed
        known += elsewhere
    assert known > WORLDS  # it is not silence that keeps secrets


def test_the_rule_as_it_was_leaks_in_such_worlds() -> None:
    assert sum(bool(lives(seed, before)[1]) for seed in range(200)) > 50


@pytest.mark.parametrize(
    ("label", "now", "result"),
    [
        ("public:slack:T1", "private:slack:T1:C1", "private:slack:T1:C1"),
        ("private:slack:T1:C1", "public:slack:T1", "private:slack:T1:C1"),
        ("private:slack:T1:C1", "private:slack:T1:C1:closed", "private:slack:T1:C1:closed"),
        ("private:slack:T1:C1:closed", "private:slack:T1:C1", "private:slack:T1:C1:closed"),
        ("private:slack:T1:C1:closed", "public:slack:T1", "private:slack:T1:C1:closed"),
        ("private:discord:1", "private:discord:2", "private:discord:2"),
        ("private:discord:1:closed", "private:discord:2", "private:discord:2:closed"),
        ("direct:slack:T1:D1:closed", "direct:slack:T1:D1", "direct:slack:T1:D1:closed"),
    ],
)
def test_an_edit_takes_the_narrower_label(label: str, now: str, result: str) -> None:
    assert narrowed(stored(label), stored(now)) == result


@given(st.sampled_from(LABELS), st.sampled_from(LABELS))
def test_an_edit_never_widens_a_label(label: str, other: str) -> None:
    result = narrowed(stored(label), stored(other))
    assert not result.startswith("public:") or label.startswith("public:")
    assert result.endswith(":closed") or not label.endswith(":closed")


async def test_sql_has_the_same_rule(world: World) -> None:
    spaces = [None, "slack:T1", "slack:T2", "discord:7"]
    for label in LABELS:
        for space in spaces:
            rows = await world.database.fetch("select hathi.public_of($1, $2) as public", label, space)
            assert rows[0]["public"] == place(stored(label), space, []).public, (label, space)


@pytest.mark.parametrize("part", range(3))
async def test_three_hundred_worlds_keep_it_in_sql_with_copies_of_conversations(world: World, part: int) -> None:
    known = copies = 0
    for seed in range(100 * part, 100 * part + 100):
        found = await lives_in_sql(world, seed)
        known += found[0]
        copies += found[1]
    assert known > 50
    assert copies > 10


async def lives_in_sql(base: World, seed: int) -> tuple[int, int]:
    """A world that is written down and read back: no leaks, and the same as in the pure rule."""
    random_ = random.Random(seed)
    moving = Moving.made(random_, f"w{seed}")
    sayings: dict[str, Saying] = {}
    for said, edited in life(random_, moving):
        text = f"{said.word} {len(sayings)}{edited}"
        author, thread = said.author.on(said.place.platform), said.place.thread
        message = Message(f"{seed}:{said.word}", thread, author, said.room, text, datetime.now(UTC))
        if edited:
            assert await base.transcript.edit(message)
            said.label = narrowed(said.label, audience(said.room))
        else:
            await base.transcript.hear(message)
            sayings[said.word] = said
    await link_all(base, moving)
    visits = list(moving.visits())
    known = 0
    for number, (there, speaker) in enumerate(random_.sample(visits, min(6, len(visits)))):
        room, thread = moving.room(there), there.thread
        who = speaker.on(there.platform)
        await base.transcript.hear(Message(f"{seed}:q{number}", thread, who, room, "?", datetime.now(UTC)))
        seen = await readable(base, seed, thread)
        scope = now(room, moving.names(speaker, there))
        assert seen == {
            word
            for word, said in sayings.items()
            if may_read(said.label, str(said.author.on(said.place.platform)), scope)
        }, (seed, there, speaker)
        known += sum(sayings[word].place is not there for word in seen)
    return known, await copied(base, moving, seed, list(sayings.values()))


async def link_all(base: World, moving: Moving) -> None:
    """People are one on both platforms, as they are at the end of a world's life."""
    await base.database.fetch("delete from hathi.links")
    for who in moving.linked:
        await base.database.fetch(
            "insert into hathi.links (resource, person) select resource, $1 from unnest($2::text[]) as resource",
            f"human {who.number}",
            moving.names(who, moving.places[0]),
        )


async def readable(base: World, seed: int, thread: Thread) -> set[str]:
    """The words of a world that a search in a thread may find, by the rule in SQL and the labels that are stored."""
    where = await scope_of(base.database, thread, whole=True)
    assert where is not None
    rows = await base.database.fetch(
        """select split_part(id, ':', 2) as word from public.mastra_messages
           where id like $1 || ':zebra%' and hathi.may_read(audience, author, $2, $3, $4::text[])""",
        str(seed),
        where.there.audience,
        where.there.public,
        list(where.there.people),
    )
    return {row["word"] for row in rows}


async def copied(base: World, moving: Moving, seed: int, sayings: list[Saying]) -> int:
    """Conversations are copied into somebody's direct message: how much of them may be read there, and no leak."""
    known = 0
    for number, said in enumerate(sayings[:3]):
        owner = moving.random.choice(moving.humans)
        thread = Thread("discord", f"copy-{seed}-{number}")
        await clone(base.database, str(said.place.thread), str(thread), str(owner.on("discord")))
        room = Room("direct", f"discord:copy-{seed}-{number}")
        at = datetime.now(UTC)
        await base.transcript.hear(Message(f"{seed}:c{number}", thread, owner.on("discord"), room, "?", at))
        rows = await base.database.fetch(
            "select content from public.mastra_messages as copy where thread_id = $1 and copy_of is not null"
            " and hathi.may_read_copy(copy)",
            str(thread),
        )
        words = {word for row in rows for word in (each.word for each in sayings) if word in row["content"]}
        known += len(words)
        for each in sayings:
            if each.word in words:
                assert owner in each.readers | moving.readers(each.place) | {each.author}, (seed, each, owner)
    return known


def test_a_closed_room_is_no_public_one() -> None:
    with pytest.raises(ValueError, match="of its own"):
        audience(Room("public", "slack:T1", "slack:T1", closed=True))


def visits(random_: random.Random, world: list[Place], times: int) -> Iterator[tuple[Place, Human]]:
    """Somebody in a place, again and again."""
    for _ in range(times):
        there = random_.choice(world)
        yield there, random_.choice(sorted(there.readers, key=str))


@pytest.mark.parametrize("seed", range(6))
async def test_no_word_reaches_a_prompt_for_people_who_could_not_read_it(world: World, seed: int) -> None:
    random_ = random.Random(seed)
    humans = [Human(1), Human(2), Human(3)]
    everywhere = places(random_, humans)
    await link(world.links, humans[0].on("discord"), humans[0].on("slack"))
    said: dict[str, Place] = {}
    for number, (there, who) in enumerate(visits(random_, everywhere, 14)):
        word = f"zebra{number}x"
        said[word] = there
        await world.say(f"I like {word}", there.room, who.on(there.platform), there.thread)
    shown = 0
    for there in everywhere:
        for who in there.readers:
            recollection = await world.asked("What do I like?", there.room, who.on(there.platform), there.thread)
            prompt = str(compose("You are Hathi.", recollection, 10_000))
            for word, where in said.items():
                if word in prompt:
                    shown += 1
                    assert there.readers <= where.readers, (word, there, where)
    for request in world.fake.calls:  # what the model is shown that keeps the pages
        words = [said[word] for word in said if f"I like {word}" in str(request["messages"][-1])]
        known = [said[word] for word in said if f": {word}" in str(request["messages"][-1])]
        assert all(words[0].readers <= where.readers for where in known if words)
    assert shown > len(said) / 2  # it is not silence that keeps secrets


@pytest.mark.parametrize("seed", range(4))
async def test_everywhere_a_person_lives_where_they_last_said_among_what_may_be_known_there(
    world: World, seed: int
) -> None:
    random_ = random.Random(seed)
    humans = [Human(1), Human(2)]
    everywhere = places(random_, humans)
    await link(world.links, humans[0].on("discord"), humans[0].on("slack"))

    def names(who: Human, platform: str) -> list[str]:
        return who.names if who == humans[0] else [str(who.on(platform))]

    world.fake.arguments = careless
    said: list[tuple[str, Place, str]] = []
    for number, (there, who) in enumerate(visits(random_, everywhere, 12)):
        said.append((str(who.on(there.platform)), there, f"Zebra{number}ville"))
        await world.say(f"I live in Zebra{number}ville", there.room, who.on(there.platform), there.thread)
    for there in everywhere:
        for who in there.readers:
            person = who.on(there.platform)
            scope = place(audience(there.room), there.room.space, names(who, there.platform))
            known = [
                city
                for author, where, city in said
                if author in names(who, there.platform) and may_read(audience(where.room), author, scope)
            ]
            recollection = await world.asked("Where do I live?", there.room, person, there.thread)
            lines = [line for one in recollection.known if one.author == str(person) for line in one.lines]
            assert lines == [f"Location: {city}" for city in known[-1:]], (there, who)


def careless(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a model notes that never says what its lines replace."""
    found = learner(body)
    return {"edits": [{**edit, "replaces": []} for edit in found["edits"]]}
