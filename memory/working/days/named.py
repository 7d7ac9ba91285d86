"""Days that a text names with their year: `12 May 2026`, `the weekend of 16 May 2026`, `in 2027`. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from memory.working.days.words import LANGUAGES

_ISO = re.compile(r"\b((?:19|20)\d\d)-(\d\d)-(\d\d)\b")
_NUMERIC = re.compile(r"\b(\d{1,2})[./](\d{1,2})[./]((?:19|20)\d\d)\b")
_YEAR = re.compile(
    r"\b(?:in|until|till|by|for|end of|im jahr|bis|en|hasta|para|em|até|nel|entro|jusqu['’]en|tot) ((?:19|20)\d\d)\b",
    re.I,
)
_WEEK = re.compile(r"(?P<week>week of|woche vom|semaine du|semana del?|settimana del|week van)\s+$", re.I)
_WEEKEND = re.compile(
    r"(?:weekend of|wochenende vom|week-end du|fin de semana del|fim de semana de|fine settimana del"
    r"|weekend van)\s+$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Span:
    """From a day to a day, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Named:
    """A day, or several, in a text."""

    start: int
    end: int
    span: Span


def named(value: str) -> Iterator[Named]:
    """The days that a text names."""
    for match in _with_year().finditer(value):
        year, month = int(match["year"]), _months()[match["month"].casefold()]
        day = match["d"] or match["after"]
        if day is None:
            first = date(year, month, 1)
            yield Named(match.start(), match.end(), Span(first, months_on(first, 1) - timedelta(days=1)))
            continue
        first_day = day_of(year, month, int(match["from"] or day))
        last_day = day_of(year, month, int(day))
        if first_day is None or last_day is None or first_day > last_day:
            continue
        before = value[: match.start()]
        more = 1 if _WEEKEND.search(before) else 6 if _WEEK.search(before) else 0
        yield Named(match.start(), match.end(), Span(first_day, last_day + timedelta(days=more)))
    for match in _ISO.finditer(value):
        if found := day_of(int(match[1]), int(match[2]), int(match[3])):
            yield Named(match.start(), match.end(), Span(found, found))
    for match in _NUMERIC.finditer(value):  # 4/5/2026 is one of two days
        both = [
            day_of(int(match[3]), int(match[2]), int(match[1])),
            day_of(int(match[3]), int(match[1]), int(match[2])),
        ]
        known = [one for one in both if one is not None]
        if known:
            yield Named(match.start(), match.end(), Span(min(known), max(known)))
    for match in _YEAR.finditer(value):
        year = int(match[1])
        yield Named(match.start(), match.end(), Span(date(year, 1, 1), date(year, 12, 31)))


def months_on(first: date, count: int) -> date:
    """The first day of the month so many after a day's."""
    at = first.year * 12 + first.month - 1 + count
    return date(at // 12, at % 12 + 1, 1)


def day_of(year: int, month: int, day: int) -> date | None:
    """A day; None when there is none such."""
    try:
        return date(year, month, day)
    except ValueError:  # 30 February
        return None


@cache
def _months() -> dict[str, int]:
    return {
        name: number
        for words in LANGUAGES
        for number, pattern in enumerate(words.months.split(), 1)
        for name in pattern.split("|")
    }


@cache
def _with_year() -> "re.Pattern[str]":
    months = "|".join(sorted(_months(), key=len, reverse=True))
    upto = r"(?:\ ?[-–]\ ?|\ (?:to|and|until|bis|und|au|et|al|y|a|e|tot|en)\ )"
    joint = r"(?:st|nd|rd|th|\.|er|º|°)?(?:\ of|\ de)?\ "
    return re.compile(
        rf"(?<!\w)(?:(?:(?P<from>\d{{1,2}})(?:st|nd|rd|th|\.)?{upto})?(?P<d>\d{{1,2}}){joint})?(?P<month>{months})"
        rf"(?:\ (?P<after>\d{{1,2}})(?:st|nd|rd|th)?(?!\d))?,?\ (?:of\ |de\ |del\ )?(?P<year>(?:19|20)\d\d)\b",
        re.IGNORECASE | re.VERBOSE,
    )
