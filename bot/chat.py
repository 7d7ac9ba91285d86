"""The words: frozen values that every part of Hathi shares."""

from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Literal, Self

Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Resource:
    """Who: a person on a platform. Its text form, `platform:id`, is Mastra's `resourceId`."""

    platform: str
    id: str

    def __str__(self) -> str:
        return f"{self.platform}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`discord:42` → Resource. Raises ValueError when there is no platform or no id."""
        return cls(*_split(text))


@dataclass(frozen=True, slots=True)
class Thread:
    """Where: a channel, thread or terminal conversation. Its text form is Mastra's thread id."""

    platform: str
    id: str

    def __str__(self) -> str:
        return f"{self.platform}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """`slack:T1:C1:17.4` → Thread. Raises ValueError when there is no platform or no id."""
        return cls(*_split(text))


@dataclass(frozen=True, slots=True)
class Room:
    """Who else reads along where something is said.

    `id` names the room itself when it is direct or private, and the space (guild, workspace) when it is public.
    """

    kind: Literal["direct", "private", "public"]
    id: str
    space: str = ""  # the guild or workspace that it belongs to; empty for a direct message that belongs to none
    closed: bool = False  # somebody reads there who may not read the public rooms of the space: an outsider, a guest


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that somebody posted; it stays on the platform, which may take it away after a while."""

    url: str
    type: str  # its media type: image/png


@dataclass(frozen=True, slots=True)
class Message:
    """Something a person said to the bot, as an adapter heard it."""

    id: str  # the platform's own, with platform and channel in it: a redelivery carries the same one
    thread: Thread
    author: Resource
    room: Room
    text: str
    at: datetime  # with a time zone; when the platform says it was said
    name: str = ""  # what people there call the author
    replies_to: str | None = None  # the id of the message, or of the bot's post, that this one is a reply to
    images: tuple[Image, ...] = ()
    zone: str = ""  # the author's time zone, `Europe/Lisbon`, where the platform tells
    off_record: bool = False  # nothing is kept of it once it is answered, whatever its author wants
    # Which processes can answer: those of the platform, or the terminal that has this conversation open.
    queue: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One message of a conversation as it is remembered and as the model reads it."""

    role: Role
    text: str
    author: str | None = None  # a resource in its text form; None for the bot
    waiting: bool = False  # said to the bot and not answered yet
    seq: int = 0  # its place in the order in which things were written down
    id: str = ""
    name: str = ""  # what people call the author
    quote: "Quote | None" = None  # what it is a reply to
    images: tuple[Image, ...] = ()
    off_record: bool = False  # its author wants nothing kept of it once it is answered
    zone: str = ""  # its author's time zone, where the platform told


@dataclass(frozen=True, slots=True)
class Quote:
    """What a line replies to."""

    name: str  # of who said it; empty for the bot
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer to be given in a thread: to everything that waits there when the turn reads it.

    After a crash the same turn is begun again, with what is left of the first attempt.
    """

    id: int
    thread: Thread
    attempt: int = 0
    answer: str | None = None  # written down in an earlier attempt, and not known to have reached the platform
    posts: tuple[str, ...] = ()  # the platform's ids of what earlier attempts posted, in order
    first: str = ""  # the id of the message that began it
    question: str = ""  # the id of the newest message that `answer` answers
    waited: float = 0.0  # seconds from the message that began it to this attempt; not counted for the first one


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bot says in a turn, and how it came about."""

    text: str
    model: str  # `provider/model`


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one completion, as the provider counted them."""

    prompt: int
    completion: int
    cached: int = 0  # part of `prompt` that the provider had read before
    written: int = 0  # part of `prompt` that it has put into its cache now, for a price

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(mine + more for mine, more in zip(astuple(self), astuple(other), strict=True)))


def command_like(text: str) -> bool:
    """Whether a typed line is a command (`/reset`) and not a sentence or a path (`/usr/bin`)."""
    name, _, _ = text.strip().partition(" ")
    return name.startswith("/") and name[1:].isalpha()


def storable(text: str) -> str:
    """`text` as Postgres and JSON can hold it: NUL becomes U+FFFD, the mark for lost text, a lone surrogate `?`."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _split(text: str) -> tuple[str, str]:
    platform, colon, id_ = text.partition(":")
    if not (platform and colon and id_):
        raise ValueError(f"{text!r} is not of the form platform:id")
    return platform, id_
