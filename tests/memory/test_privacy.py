"""The rule of privacy over random worlds: people on two platforms, their direct messages, private and public rooms."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat import Resource, Room, Thread
from bot.prompt import compose
from memory.privacy import audience, may_read, place
from tests.fakes.learner import learner
from tests.memory.working.conftest import World, world
from tests.stores import link

__all__ = ["world"]  # a fixture

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
