"""Who may read what was said. Pure: no database, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NewType

from bot.chat import Room

Audience = NewType("Audience", str)  # made only here, so that what is stored or read without one does not type-check


@dataclass(frozen=True, slots=True)
class Place:
    """Where something will be read: made by `place`."""

    audience: Audience
    public: Audience | None = None  # what all public rooms of its space share; None: it belongs to none
    people: frozenset[str] = frozenset()  # in somebody's direct message: that person, under each of their names


def audience(room: Room) -> Audience:
    """The label under which something said in `room` is stored: everyone who may read it shares this label.

    A direct message and a private room have a label of their own; all public rooms of a space share one.
    """
    return Audience(f"{room.kind}:{room.id}")


def stored(label: str) -> Audience:
    """A label as it was stored; `audience` made it."""
    return Audience(label)


def place(label: Audience, space: str | None, person: Iterable[str]) -> Place:
    """The place where something with this label is said. `person`: the identities of who speaks with the bot there."""
    direct = label.startswith("direct:")
    return Place(label, Audience(f"public:{space}") if space else None, frozenset(person) if direct else frozenset())


def may_read(label: Audience | None, author: str | None, there: Place) -> bool:
    """Whether what `author` said under this label may be known in a place.

    The same room; public rooms of the same space; and in a person's own direct message all that this person said.
    Without a label it is for the author alone.
    """
    if label is not None and label in (there.audience, there.public):
        return True
    return author is not None and author in there.people
