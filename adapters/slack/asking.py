"""What a command is about, and how a button, a menu or a form keeps it: all is in its value, for whichever process."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.slack.reading import PLATFORM, Json, Spot, Workspace, is_direct, parts, resource
from bot.chat import Resource, Thread
from bot.commands import Asked

HOME = "home"  # in place of a channel: what is asked in the app's home is about no conversation
_ESCAPED = str.maketrans({"&": "\\u0026", "<": "\\u003c", ">": "\\u003e"})  # Slack may give them back as HTML has them


@dataclass(frozen=True, slots=True)
class Order:
    """A command that somebody gave without typing it."""

    name: str
    asked: Asked
    at: int = 0  # the line of their page from which on they see it


def in_channel(team: str, channel: str, someone: Resource) -> Asked:
    """A command given in a channel or direct message itself: it is about all conversations in there."""
    direct = is_direct(channel)
    return Asked(someone, Thread(PLATFORM, f"{team}:{channel}"), shared=not direct, manages=direct, whole=True)


def in_thread(spot: Spot, someone: Resource) -> Asked:
    """A command given in a conversation; one in a direct message outside of its threads is about all in there."""
    if spot.direct and not spot.thread_ts:
        return in_channel(spot.team, spot.channel, someone)
    return Asked(someone, spot.thread, shared=not spot.direct, manages=spot.direct)


def at_home(team: str, someone: Resource) -> Asked:
    """A command given in the app's home."""
    return Asked(someone, Thread(PLATFORM, f"{team}:{HOME}"))


def who(user: Mapping[str, Any], body: Json, us: Workspace) -> Resource:
    """Who clicked. A form of an organisation that has the bot as a whole may not say in which workspace."""
    team = (user.get("team_id") or body["team"].get("id") or us.id) if body.get("team") else us.id
    return resource(str(user["id"]), str(team), us)


def kept(line: str, asked: Asked, at: int = 0, **more: str) -> str:
    """A command for later, as the value of a button or the metadata of a form; `more` is kept beside it."""
    value = {"line": line, "thread": str(asked.thread), "owner": str(asked.person), "whole": asked.whole, "at": at}
    return json.dumps(value | more).translate(_ESCAPED)


def given(value: str, someone: Resource, us: Workspace) -> Order | None:
    """What a button or a form asks for; None when it is somebody else's, or none of ours."""
    try:
        read = json.loads(value)
        name, *words = str(read["line"]).split()
        thread = Thread.parse(str(read["thread"]))
        owner, whole, at = str(read["owner"]), bool(read["whole"]), int(read.get("at", 0))
    except (ValueError, KeyError, TypeError):
        return None
    return _checked(Order(name, Asked(someone, thread, tuple(words), whole=whole), max(at, 0)), owner, us)


def option(word: str, line: int, asked: Asked, at: int) -> str:
    """What is to be done about a line of a page, in the 150 characters that an option of a menu has."""
    _, _, place = asked.thread.id.partition(":")
    return f"{word} {line} {at} {int(asked.whole)} {asked.person.id} {place}"


def chosen(value: str, someone: Resource, us: Workspace) -> Order | None:
    """What an option of a menu asks for; None when it is somebody else's, or none of ours."""
    try:
        word, line, at, whole, owner, place = value.split()
        asked = Asked(someone, Thread(PLATFORM, f"{us.id}:{place}"), (word, line), whole=whole == "1")
        order = Order("memory", asked, max(int(at), 0))
    except ValueError:
        return None
    return _checked(order, f"{PLATFORM}:{owner}", us)


def is_there(order: Order, channel: str, root: str) -> bool:
    """Whether an order is about the place where it was given: its value may have been bent to mean another one.

    `channel` is empty in the app's home, and `root` where Slack does not tell of a thread.
    """
    _, place, thread = parts(order.asked.thread)
    return place == (channel or HOME) and thread in {"", root or thread}


def _checked(order: Order, owner: str, us: Workspace) -> Order | None:
    """With what follows from where it was given; None when it is somebody else's, or of another workspace."""
    asked = order.asked
    if owner != str(asked.person) or not asked.thread.id.startswith(f"{us.id}:"):
        return None
    place = parts(asked.thread)[1]
    alone = is_direct(place) or place == HOME
    return replace(order, asked=replace(asked, shared=not alone, manages=alone))
