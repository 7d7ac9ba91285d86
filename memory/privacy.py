"""Who may read what was said. Pure: no database, no clock. SQL has the same rule in migrations/0012_rooms.sql."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

from bot.chat import Room

Audience = NewType("Audience", str)  # made only here, so that what is stored or read without one does not type-check

CLOSED = ":closed"  # at the end of a label: outsiders or guests of the space read there


@dataclass(frozen=True, slots=True)
class Place:
    """Where something will be read: made by `place`."""

    audience: Audience
    public: Audience | None = None  # what all public rooms of its space share; None: not to be read there
    people: frozenset[str] = frozenset()  # in somebody's direct message: that person, under each of their names


def audience(room: Room) -> Audience:
    """The label under which something said in `room` is stored: everyone who may read it shares this label.

    A direct message and a private room have a label of their own; all public rooms of a space share one. A room in
    which somebody reads who may not read the public rooms of its space is closed, and its label says so: what is
    public there is not read in it.
    """
    if room.kind == "public":
        if room.closed:
            raise ValueError("a closed room is no public one: it has an id of its own")
        return Audience(f"public:{room.id}")
    return Audience(f"{room.kind}:{room.id}{CLOSED if room.closed else ''}")


def stored(label: str) -> Audience:
    """A label as it was stored; `audience` made it."""
    return Audience(label)


def place(label: Audience, space: str | None, person: Iterable[str]) -> Place:
    """The place where something with this label is said. `person`: the identities of who speaks with the bot there.

    `space` is that of the conversation. Where the label itself is public, it alone says what is public there: the
    conversation may have changed its space since.
    """
    public = Audience(f"public:{space}") if space and not label.endswith(CLOSED) else None
    people = frozenset(person) if label.startswith("direct:") else frozenset[str]()
    return Place(label, label if label.startswith("public:") else public, people)


def may_read(label: Audience | None, author: str | None, there: Place) -> bool:
    """Whether what `author` said under this label may be known in a place.

    The same room; public rooms of the same space; and in a person's own direct message all that this person said.
    Without a label it is for the author alone.
    """
    if label is not None and label in (there.audience, there.public):
        return True
    return author is not None and author in there.people


def narrowed(label: Audience, now: Audience) -> Audience:
    """The label of a message that is changed where what is said has another label by now: the narrower of both.

    What was said to few stays with them when their room opens, what was said to all is for few from then on. In another
    room, such as that of a thread that was moved, it is for those who read it there.
    """
    if _openness(now) <= _openness(label):
        return now
    return label if now.startswith("public:") else Audience(f"{now}{CLOSED}")


def _openness(label: Audience) -> int:
    """0 for a closed room, 1 for one of its own, 2 for a public one."""
    return 0 if label.endswith(CLOSED) else 2 if label.startswith("public:") else 1
