"""What is learned, beside what is on a page already: said again, said instead, or new. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from memory.privacy import Audience
from memory.working.contrary import LIKING, contrary, liked
from memory.working.days import Span
from memory.working.kinds import is_home
from memory.working.page import Fact, Template, current
from memory.working.sameness import telling

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
    label = template.label(learned.field)
    said = liked(label, learned.value)
    fields = {learned.field, *(field for field in template.fields if _liking(label, template.label(field)))}
    return next(
        (
            fact
            for fact in current(facts)
            if fact.field in fields
            and fact.audience == learned.audience
            and (liked(label, fact.value).same(said) or _says_less(learned, fact, template))
        ),
        None,
    )


def replaced(learned: Learned, facts: Sequence[Fact], template: Template) -> frozenset[int]:
    """The lines that do not hold any more where this one can be read: those that it names, other truths of a kind,
    and what it contradicts.

    Where a line may be read and this one may not, that line holds on: page.current sees to it.
    """
    kinds = template.kinds(learned.field, learned.value) if learned.value and not learned.beside else frozenset()
    others = {
        fact.id
        for fact in facts
        if fact.value
        and not _ahead(learned, fact)
        and (kinds & template.kinds(fact.field, fact.value) or _contrary(learned, fact, template))
    }
    return learned.replaces | others


def reworded(learned: Learned, facts: Sequence[Fact]) -> frozenset[int]:
    """The lines that say the same in the words of the same message, noted while no model could read it."""
    said = telling(learned.value)
    return frozenset(
        fact.id for fact in facts if said and fact.sources == (learned.source,) and said < telling(fact.value)
    )


def _liking(*labels: str) -> bool:
    """Whether all of these fields are about what somebody likes."""
    return all(label.casefold().strip() in LIKING for label in labels)


def _contrary(learned: Learned, fact: Fact, template: Template) -> bool:
    """Whether a new line and an older one cannot both be true."""
    new, old = ((template.label(line.field), line.value) for line in (learned, fact))
    return bool(learned.value) and contrary(new, old)


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
