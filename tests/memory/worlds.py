"""Random worlds in which rooms change while people talk: who reads where, and what the platforms tell of it.

A world knows for every room who reads there, and gives what an adapter gives: the `Room` of each message. Its members
belong to two workspaces of one organisation, to a guild, or to none of them; guests see some rooms of a space alone;
outsiders belong to another organisation; some people have linked two identities, and may part again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from adapters.slack.reading import Spot, room_of
from bot.chat import Resource, Room, Thread
from memory.privacy import Audience, audience

ORGANISATION = "E1"
SPACES = ("slack:T1", "slack:T2", "discord:7")


@dataclass(frozen=True)
class Human:
    """Somebody, under their name on each platform."""

    number: int

    def on(self, platform: str) -> Resource:
        return Resource(platform, f"{'' if platform == 'discord' else f'{ORGANISATION}:U'}{self.number}")


@dataclass
class Place:
    """A room as it is now."""

    space: str
    id: str
    kind: Literal["direct", "private", "public"]
    readers: set[Human]
    parent: "Place | None" = None  # of a thread: who reads there reads it

    @property
    def platform(self) -> str:
        return self.space.partition(":")[0]

    @property
    def thread(self) -> Thread:
        return Thread(self.platform, self.id if self.platform == "discord" else f"{ORGANISATION}:{self.id}")


@dataclass
class Saying:
    """Something that was said."""

    word: str
    place: Place
    author: Human
    label: Audience
    readers: set[Human]  # who could read it, as long as it was not changed
    room: Room


@dataclass
class World:
    """A world that changes."""

    random: Random
    humans: list[Human] = field(default_factory=list)
    members: dict[str, set[Human]] = field(default_factory=dict)  # of a space, who may read what is public there
    guests: dict[str, set[Human]] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    linked: set[Human] = field(default_factory=set)
    mark: str = ""  # in the ids of rooms: worlds in one database are apart

    @classmethod
    def made(cls, random_: Random, mark: str = "", humans: int = 6) -> "World":
        """Six people, each a member, a guest or an outsider of each space; rooms of all kinds, some with threads."""
        world = cls(random_, [Human(number) for number in range(1, humans + 1)], mark=mark)
        for space in SPACES:
            world.members[space] = {human for human in world.humans if random_.random() < 0.5} or {world.humans[0]}
            rest = [human for human in world.humans if human not in world.members[space]]
            world.guests[space] = {human for human in rest if random_.random() < 0.4}
            for number in range(3):
                world._add(space, number)
            for human in world.humans:
                world.places.append(Place(space, f"D{SPACES.index(space)}{human.number}{mark}", "direct", {human}))
        for place in [place for place in world.places if place.kind != "direct" and place.platform == "discord"]:
            world.places.append(Place(place.space, f"t{place.id}", place.kind, place.readers, place))
        return world

    def _add(self, space: str, number: int) -> None:
        place = Place(space, f"C{SPACES.index(space)}{number}{self.mark}", "public", set())
        self.places.append(place)
        self.convert(place, self.random.choice(["public", "private"]))

    def convert(self, place: Place, kind: str) -> None:
        """A room is opened to everybody in its space, or kept to some; outsiders and guests stay."""
        members = self.members[place.space]
        strange = place.readers - members
        some = set(self.random.sample(sorted(members, key=str), self.random.randint(1, len(members))))
        place.kind = "public" if kind == "public" else "private"
        place.readers |= members | strange if kind == "public" else set()
        if kind != "public":
            place.readers.intersection_update(some | strange)
            place.readers |= some

    def change(self) -> None:
        """One thing of what can change in a world."""
        place = self.random.choice([place for place in self.places if place.kind != "direct" and place.parent is None])
        match self.random.choice(["public", "private", "share", "unshare", "guest", "move", "link"]):
            case "share" if place.platform == "slack":
                place.readers |= set(self.random.sample(self.humans, 1))
            case "guest" if self.guests[place.space] and place.platform == "slack":
                place.readers.add(self.random.choice(sorted(self.guests[place.space], key=str)))
            case "unshare":
                place.readers &= self.members[place.space]
                place.readers |= {sorted(self.members[place.space], key=str)[0]}
            case "move":
                threads = [each for each in self.places if each.parent is not None]
                thread = self.random.choice(threads)
                thread.parent = self.random.choice([p for p in self.places if p.space == thread.space
                                                    and p.parent is None and p.kind != "direct"])  # fmt: skip
            case "link":
                self.linked ^= {self.random.choice(self.humans)}
            case "public" | "private" as kind:
                self.convert(place, kind)

    def room(self, place: Place) -> Room:
        """What an adapter makes of a room as it is now."""
        above = place.parent or place
        if place.platform == "discord":
            if place.kind == "direct":
                return Room("direct", f"discord:{place.id}")
            public = above.kind == "public"
            return Room(
                "public" if public else "private", place.space if public else f"discord:{above.id}", place.space
            )
        team = place.space.partition(":")[2]
        spot = Spot(ORGANISATION, place.id, "1.1")
        closed = not place.readers <= self.members[place.space]
        return room_of(spot, "channel" if place.kind == "public" else "group", team, closed=closed)

    def readers(self, place: Place) -> set[Human]:
        """Who reads in a room now."""
        return set((place.parent or place).readers)

    def names(self, who: Human, place: Place) -> list[str]:
        """The identities under which somebody is known in a room."""
        platforms = ("discord", "slack") if who in self.linked else (place.platform,)
        return [str(who.on(platform)) for platform in platforms]

    def visits(self) -> Iterator[tuple[Place, Human]]:
        """Each room, with each one who can speak there."""
        for place in self.places:
            for who in sorted(self.readers(place), key=str):
                yield place, who

    def say(self, number: int) -> Saying | None:
        """Somebody says something somewhere."""
        place = self.random.choice(self.places)
        readers = self.readers(place)
        if not readers:
            return None
        author = self.random.choice(sorted(readers, key=str))
        room = self.room(place)
        return Saying(f"zebra{number}x", place, author, audience(room), readers, room)
