"""The times that a question names. Pure; English."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

Span = tuple[datetime, datetime]

_MONTHS = (
    "january february march april may june july august september october november december".split()
)  # fmt: skip
_DAY = timedelta(days=1)
# What happened on a day is told from the day before it, when it is planned, until two weeks after it; what happened in
# a month until ten days after its end (facts: recall, section 4).
_BEFORE, _AFTER_DAY, _AFTER_MONTH = _DAY, 14 * _DAY, 10 * _DAY

_DATE = re.compile(
    rf"\b(?:(?P<first>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?(?P<month>{'|'.join(_MONTHS)})\b"
    r"(?: (?P<last>\d{1,2})(?:st|nd|rd|th)?\b)?(?:,? *(?:in |of )?(?P<year>(?:19|20)\d\d)\b)?"
)
_ISO = re.compile(r"\b((?:19|20)\d\d)-(\d\d)(?:-(\d\d))?\b")
_YEAR = re.compile(r"\b((?:19|20)\d\d)\b")
_RELATIVE = re.compile(
    r"\b(?P<yesterday>yesterday|last night)\b|\b(?P<last>last|past|this) (?P<unit>week|weekend|month|year)\b"
    r"|\b(?P<count>\d{1,3}|an?|two|three|four|five|six|a couple of|a few) (?P<units>day|week|month|year)s? ago\b"
)
_COUNTS = {"a": 1, "an": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "a couple of": 2, "a few": 3}
_UNITS = {"day": 1, "week": 7, "weekend": 7, "month": 31, "year": 366}
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_SEASON = re.compile(
    r"\b(?:in|during|last|this|since) (?:the )?(spring|summer|autumn|fall|winter)\b(?: (?:of )?((?:19|20)\d\d))?"
)
_SURE = r"\b(?:in|during|of|since|by|until|before|after|last|early|late|mid|this) {0}\b"

# What tells when something happened, in what is said, and is no date.
_DAYS = "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs fri sat sun".split()
_TELLING = frozenset([*"yesterday today tonight tomorrow ago since recently just".split(), *_DAYS, *_MONTHS])
_PERIODS = frozenset(
    """
    day days evening hour hours month months morning night nights week weekend weekends weeks year years spring summer
    autumn fall winter
    """.split()
)
_WHICH = frozenset("last next this past coming".split())
_MANY = frozenset("a couple few two three four five six seven eight nine ten".split())
_WHEN = re.compile(r"\bwhen\b|\bhow long\b|\b(?:what|which) (?:day|date|month|year|time|week)\b", re.IGNORECASE)


def asks_when(question: str) -> bool:
    """Whether a question asks for a time."""
    return _WHEN.search(question[:60]) is not None


def tells_when(text: str) -> bool:
    """Whether something that was said tells a time: `yesterday`, `last week`, `two days ago`, `in May`, `2021`."""
    words = re.findall(r"[a-z]+|\d+", text.casefold())
    for at, word in enumerate(words):
        if word in _TELLING or (len(word) == 4 and word[:2] in {"19", "20"} and word.isdigit()):
            return True
        if word in _PERIODS and at:
            before = words[max(at - 2, 0) : at]
            if before[-1] in _WHICH or any(one in _MANY or one.isdigit() for one in before):
                return True
    return False


def spans(question: str, asked: datetime, years: int) -> list[Span]:
    """When what a question asks about may have been said; empty when it names no time.

    A date without a year is one in any of the last `years`.
    """
    text = question.casefold()
    found = [
        _month_or_day(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)
        for match in _ISO.finditer(text)
    ]
    likely = range(asked.year - years, asked.year + 1)
    for match in _DATE.finditer(text):
        day = match["first"] or match["last"]
        month = match["month"]
        if month in {"may", "march"} and not (day or match["year"] or re.search(_SURE.format(month), text)):
            continue
        for year in [int(match["year"])] if match["year"] else likely:
            found.append(_month_or_day(year, _MONTHS.index(month) + 1, int(day) if day else None))
    for match in _SEASON.finditer(text):
        for year in [int(match[2])] if match[2] else likely:
            start = datetime(year, _SEASONS[match[1]], 1, tzinfo=UTC)
            found.append((start - _BEFORE, start + 92 * _DAY + _AFTER_MONTH))
    found += [_relative(match, asked) for match in _RELATIVE.finditer(text)]
    if not any(found):
        for match in _YEAR.finditer(text):
            start = datetime(int(match[1]), 1, 1, tzinfo=UTC)
            found.append((start - _BEFORE, start + 366 * _DAY + _AFTER_DAY))
    return [span for span in found if span is not None]


def within(said: datetime, spans: Sequence[Span]) -> bool:
    """Whether something was said in one of these times."""
    return any(start <= said <= end for start, end in spans)


def _month_or_day(year: int, month: int, day: int | None) -> Span | None:
    try:
        start = datetime(year, month, day or 1, tzinfo=UTC)
    except ValueError:  # the 31st of June
        return None
    if day:
        return start - _BEFORE, start + _DAY + _AFTER_DAY
    return start - _BEFORE, (start + 32 * _DAY).replace(day=1) + _AFTER_MONTH


def _relative(match: re.Match[str], asked: datetime) -> Span:
    if match["yesterday"]:
        return asked - 2 * _DAY, asked
    if match["unit"]:
        length = _UNITS[match["unit"]]
        return asked - (length if match["last"] == "this" else 2 * length + 1) * _DAY, asked
    count = _COUNTS.get(match["count"]) or int(match["count"])
    unit = _UNITS[match["units"]]
    middle = asked - count * unit * _DAY
    return middle - (unit // 2 + 1) * _DAY, middle + (unit // 2 + 1) * _DAY + _AFTER_DAY
