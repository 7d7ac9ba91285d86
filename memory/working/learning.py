"""What is learned, beside what is on a page already: said again, said instead, or new. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from memory.privacy import Audience
from memory.working.days import Span
from memory.working.kinds import is_home
from memory.working.page import Fact, Template, current
from memory.working.sameness import saying, telling

_TWO = {"and", "und", "et", "y", "e", "en"}  # of what stands on one line there may be two


@dataclass(frozen=True, slots=True)
class Learned:
    """Something to be written on a page."""

    person: str
    field: str
    value: str  # empty: what it replaces does not hold any more
    audience: Audience
    source: str  # id of the message that says so
    replaces: frozenset[int]
    at: datetime | None = None  # when it was said; None: now
    about: Span | None = None  # the days that it is about
    beside: bool = False  # it holds beside what holds already: "I also live in Berlin"


def known(learned: Learned, facts: Sequence[Fact], template: Template) -> Fact | None:
    """The line that says this already, to the same people."""
    if not learned.value:
        return None
    said = saying(learned.value)
    return next(
        (
            fact
            for fact in current(facts)
            if (fact.field, fact.audience) == (learned.field, learned.audience)
            and (saying(fact.value).same(said) or _says_less(learned, fact, template))
        ),
        None,
    )


def replaced(learned: Learned, facts: Sequence[Fact], template: Template) -> frozenset[int]:
    """The lines that do not hold any more where this one can be read: those that it names, and other truths of a kind.

    Where a line may be read and this one may not, that line holds on: page.current sees to it.
    """
    kinds = template.kinds(learned.field, learned.value) if learned.value and not learned.beside else frozenset()
    others = {
        fact.id
        for fact in facts
        if kinds and fact.value and kinds & template.kinds(fact.field, fact.value) and not _ahead(learned, fact)
    }
    return learned.replaces | others


def reworded(learned: Learned, facts: Sequence[Fact]) -> frozenset[int]:
    """The lines that say the same in the words of the same message, noted while no model could read it."""
    said = telling(learned.value)
    return frozenset(
        fact.id for fact in facts if said and fact.sources == (learned.source,) and said < telling(fact.value)
    )


def _ahead(learned: Learned, fact: Fact) -> bool:
    """Whether one of the two is about days, and the other is not: what is to come does not change what is."""
    return (learned.about is None) != (fact.about is None)


def _says_less(learned: Learned, fact: Fact, template: Template) -> bool:
    """Whether a line says all that this says of a kind, and more: `Porto` beside `Porto, Portugal`."""
    kinds = template.kinds(learned.field, learned.value)
    if not kinds or kinds != template.kinds(fact.field, fact.value) or not _TWO.isdisjoint(fact.value.split()):
        return False
    less, more = telling(learned.value), telling(fact.value)
    return bool(less) and less < more and is_home(template.label(learned.field), learned.value)
