"""Who may read what was said. Pure: no database, no clock."""

from typing import NewType

from bot.chat import Room

Audience = NewType("Audience", str)  # made only here, so that what is stored or read without one does not type-check


def audience(room: Room) -> Audience:
    """The label under which something said in `room` is stored: everyone who may read it shares this label.

    A direct message and a private room have a label of their own; all public rooms of a space share one.
    """
    return Audience(f"{room.kind}:{room.id}")
