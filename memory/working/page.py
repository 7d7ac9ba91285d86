"""A page's lines: which of them hold where, and what changes them. Pure: no database, no clock."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.ports import Tool
from memory.privacy import Audience, Place, may_read
from memory.working.days import Span

LONGEST = 200  # characters of a value
MOST = 300  # lines of a page that hold; more are refused


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a page, with where it was learned."""

    id: int
    person: str | None  # who said so
    field: str
    value: str  # one line, or JSON; empty: what it replaces does not hold any more
    audience: Audience | None  # None: for the person alone
    sources: tuple[str, ...]  # ids of messages, each of which says it
    replaces: Set[int]
    at: datetime  # when it was said
    about: Span | None = None  # the days that it is about
    used: int = dataclasses.field(default=0, compare=False)  # how many questions were about it
    days_named: bool = dataclasses.field(default=True, compare=False)  # no `tomorrow` is left in it


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a page that a model wants."""

    field: str
    value: str | None  # None: what it replaces does not hold any more
    message: int | None = None  # number of the message that says so, as the model was shown it
    quote: str = ""  # the words of that message that say so
    replaces: tuple[int, ...] = ()  # numbers of lines, as the model was shown them
    forget: bool = False  # the person wants it gone for good
    verbatim: bool = False  # a clause of theirs, found by its form: no model has put it into other words


class Template(Protocol):
    """What there is to know about somebody, and how a page of it looks."""

    @property
    def text(self) -> str:
        """As the operator wrote it; the model reads it too."""
        ...

    @property
    def fields(self) -> Sequence[str]:
        """What a fact's `field` may be, in order."""
        ...

    @property
    def tool(self) -> Tool:
        """What a model calls to change pages."""
        ...

    def edits(self, arguments: Mapping[str, Any], shown: Mapping[int, Fact]) -> list[Edit]:
        """What a model wants changed. `shown`: the lines that it was shown, by number. What is unusable is left out."""
        ...

    def render(self, facts: Sequence[Fact]) -> str:
        """The page as Mastra reads it; empty without facts."""
        ...

    def lines(self, page: str) -> list[tuple[str, str]]:
        """(field, value) of each line of a page, whoever wrote it; what `render` wrote comes back as it was."""
        ...

    def value(self, field: str, text: str) -> str | None:
        """What a person typed, as a field's value; None when it cannot be one."""
        ...

    def typed(self, value: str) -> str:
        """A value as a person would type it: `value` reads it back."""
        ...

    def told(self, field: str, value: str) -> str:
        """A line as people and models read it: `Location: Lisbon`."""
        ...

    def label(self, field: str) -> str:
        """What a field is called."""
        ...

    def kinds(self, field: str, value: str) -> Set[str]:
        """What a line tells of which there is one truth; empty where there may be many (kinds.py)."""
        ...

    def reworded(self, field: str, value: str, change: Callable[[str], str]) -> str:
        """A value with its words changed; as it was, where what comes of it cannot stand in the field."""
        ...


def current(facts: Iterable[Fact], there: Place | None = None) -> list[Fact]:
    """The lines that hold and may be known in a place, oldest first; without a place, all that hold."""
    known = [fact for fact in facts if there is None or may_read(fact.audience, fact.person, there)]
    replaced = {id_ for fact in known for id_ in fact.replaces}
    return sorted((fact for fact in known if fact.value and fact.id not in replaced), key=lambda fact: fact.id)


def chain(facts: Sequence[Fact], ids: Iterable[int]) -> set[int]:
    """These lines, those that they replaced, and those that replaced them: all that was ever said of the matter."""
    found = set(ids)
    while True:
        more = {fact.id for fact in facts if fact.replaces & found}
        more |= {id_ for fact in facts if fact.id in found for id_ in fact.replaces}
        if more <= found:
            return found
        found |= more
