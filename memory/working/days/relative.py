"""Patterns of days that depend on when they are said: `tomorrow`, `next week`, `in May`. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import count

from memory.working.days.named import Span, day_of, months_on
from memory.working.days.words import ENGLISH, NO_DAY, Words

_NO_DAY = re.compile(NO_DAY, re.IGNORECASE | re.VERBOSE)
_OTHER = re.compile(
    r"(?:at the |im |el )?(?:(?P<this>this|diesen|este)|(?P<last>last)|next|nächsten|próximo)\b", re.I
)  # which May
_MORE = re.compile(
    r"early|mid|late|end|anfang|mitte|ende|début|mi-|fin|principios|mediados|finales|início|meados|fim|final"
    r"|inizio|metà|"
    r"fine|begin|half|eind",
    re.I,
)  # which part of it

Result = tuple[Span, str, str]  # the days, how they are written, and without a small word before them


@dataclass(frozen=True, slots=True)
class Match:
    """What a pattern matched: `weekday`, `month`, `n`, `unit`, `d`, and the small word before it, `bound`."""

    before: str
    parts: Mapping[str, str]
    said: date
    past: bool


_Find = Callable[[Match], Result | None]


@dataclass(frozen=True, slots=True)
class Place:
    """What a pattern finds."""

    find: _Find
    plain: bool = False  # words that are a name with a capital letter: `USA Today`


@cache
def patterns(words: Words) -> list[tuple["re.Pattern[str]", Place]]:
    """All patterns of a language."""
    day = rf"(?P<weekday>{words.weekdays.replace(' ', '|')})"
    month = rf"(?P<month>{words.months.replace(' ', '|')})"
    number = rf"(?P<n>\d{{1,3}}|{'|'.join(_counts(words))})"
    unit = rf"(?P<unit>{'|'.join(words.units)})"
    joint = r"(?:st|nd|rd|th|\.|er|º|°|e)?(?: of| de)? "
    end = r"(?! ?,? ?(?:de |del )?(?:19|20)\d\d)"
    found: list[tuple[str, Place]] = [
        *((pattern, Place(_day_at(words, offset), plain=True)) for pattern, offset in words.days.items()),
        *((pattern.replace("{day}", day), Place(_weekday(words, which))) for pattern, which in words.on.items()),
        *((pattern, Place(_period(words, what, offset))) for pattern, (what, offset) in words.periods.items()),
        *(
            (pattern.replace("{n}", number).replace("{unit}", unit), Place(_counted(words, sign)))
            for pattern, sign in ((words.ahead, 1), (words.ago, -1))
        ),
        (
            rf"(?:(?:on the|on|the|am|den|le|el|il|op|em) )?(?P<d>\d{{1,2}}){joint}{month}{end}",
            Place(_day_of_month(words)),
        ),
        (rf"(?:{words.in_month}){month}{end}", Place(_month(words))),
    ]
    if words is ENGLISH:
        found += [
            (rf"(?:on )?{month} (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?{end}(?!\d)", Place(_day_of_month(words))),
            (r"(?:on )?the (?P<d>\d{1,2})(?:st|nd|rd|th)(?! \w)", Place(_day_alone(words))),
            (rf"{day}(?=$|[,;.)]| at | \d| (?:morning|afternoon|evening|night)\b)", Place(_bare_weekday(words))),
        ]
    article = r"(?:the|dem|der|den|le|la|el|il|lo|de|het)"
    bound = rf"(?P<bound>{words.bounds}) (?:{article} )?"
    patterns = [(rf"(?:{bound})?(?P<core>{pattern})(?:'s\b)?", place) for pattern, place in found]
    patterns.append((rf"{bound}(?P<core>{month}|{day}){end}", Place(_bound(words))))  # `until Friday`, `since May`
    return [(re.compile(rf"(?<!\w){_numbered(pattern)}(?!\w)", re.I), place) for pattern, place in patterns]


def _numbered(pattern: str) -> str:
    """A pattern in which no two groups have one name: `weekday1`, `weekday2`."""
    number = count(1)
    return re.sub(r"\(\?P<(\w+)>", lambda group: f"(?P<{group[1]}{next(number)}>", pattern)


@cache
def _counts(words: Words) -> dict[str, int]:
    """Each word for a number, a pattern, and the number. `a couple of|a couple` stands with two."""
    found: dict[str, int] = {}
    text = words.numbers.replace("a couple of a couple", "").replace("a few", "")
    for value, pattern in enumerate(text.split(), 1):
        for one in pattern.split("|"):
            found[one] = value
    if words is ENGLISH:
        found |= {"a couple of": 2, "a couple": 2, "a few": 3}
    return found


def _number(words: Words, text: str) -> int:
    if text.isdecimal():
        return int(text)
    return next(n for pattern, n in _counts(words).items() if re.fullmatch(pattern, text, re.I))


def _weekday_of(words: Words, text: str) -> int:
    return next(n for n, one in enumerate(words.weekdays.split()) if re.fullmatch(one, text, re.I))


def _month_of(words: Words, text: str) -> int:
    return next(n for n, one in enumerate(words.months.split(), 1) if re.fullmatch(one, text, re.I))


def _day_at(words: Words, offset: int) -> _Find:
    return lambda match: _on(words, match.said + timedelta(days=offset))


def _weekday(words: Words, which: int) -> _Find:
    def find(match: Match) -> Result:
        wanted = _weekday_of(words, match.parts["weekday"])
        ahead = (wanted - match.said.weekday()) % 7
        if which == 1:
            return _on(words, match.said + timedelta(days=7 - match.said.weekday() + wanted))
        if which == -1 or (match.past and which == 0):
            return _on(words, match.said - timedelta(days=(match.said.weekday() - wanted) % 7 or 7))
        return _on(words, match.said + timedelta(days=ahead or (0 if which == 2 else 7)))

    return find


def _bare_weekday(words: Words) -> _Find:
    """`dentist Friday`, but not `Black Friday`."""

    def find(match: Match) -> Result | None:
        before = match.before.rstrip()
        if not before or _NO_DAY.search(before) or len(match.parts["weekday"]) < 6:
            return None
        return _weekday(words, 0)(match)

    return find


def _bound(words: Words) -> _Find:
    """`until Friday`, `since May`."""

    def find(match: Match) -> Result | None:
        if "month" in match.parts:
            if len(match.parts["month"]) < 4 and match.parts["month"] == "may":  # `for may be`
                return None
            return _month(words)(match)
        return _weekday(words, 0)(match) if len(match.parts["weekday"]) > 4 else None

    return find


def _period(words: Words, what: str, offset: int) -> _Find:
    return lambda match: _unit(words, what, match.said, offset)


def _counted(words: Words, sign: int) -> _Find:
    """`in 3 days`, but not what was done in 3 days."""

    def find(match: Match) -> Result | None:
        if sign > 0 and match.past:
            return None
        many = _number(words, match.parts["n"])
        unit = next(what for pattern, what in words.units.items() if re.fullmatch(pattern, match.parts["unit"], re.I))
        if unit == "fortnight":
            many, unit = 2 * many, "week"
        if unit == "day":
            return _on(words, match.said + timedelta(days=sign * many))
        return _unit(words, unit, match.said, sign * many)

    return find


def _day_of_month(words: Words) -> _Find:
    def find(match: Match) -> Result | None:
        month, day = _month_of(words, match.parts["month"]), int(match.parts["d"])
        years = (
            range(match.said.year, match.said.year - 9, -1)
            if match.past
            else range(match.said.year, match.said.year + 9)
        )
        found = [
            one
            for year in years
            if (one := day_of(year, month, day)) and (one <= match.said if match.past else one >= match.said)
        ]
        return _on(words, found[0]) if found else None

    return find


def _day_alone(words: Words) -> _Find:
    """`on the 12th`."""

    def find(match: Match) -> Result | None:
        near = [months_on(match.said, n) for n in (range(0, -3, -1) if match.past else range(3))]
        days = [one for start in near if (one := day_of(start.year, start.month, int(match.parts["d"])))]
        found = [one for one in days if (one <= match.said if match.past else one >= match.said)]
        return _on(words, found[0]) if found else None

    return find


def _month(words: Words) -> _Find:
    def find(match: Match) -> Result:
        month, core, said = _month_of(words, match.parts["month"]), match.parts["core"], match.said
        other = _OTHER.match(core)
        past = match.past or bool(other and other["last"])
        this = bool(other and not other["this"])  # `next May`, said in May
        year = said.year - (month >= said.month + (not this)) if past else said.year + (month < said.month + this)
        span_, written, bare = _in_month(words, date(year, month, 1))
        if other or not _MORE.search(core):
            return span_, written, bare
        kept = f"{core[: -len(match.parts['month'])]}{bare}"  # `in early May`
        return span_, kept, kept

    return find


def _on(words: Words, day: date) -> Result:
    written, bare = (_written(words, form, day) for form in words.day)
    return Span(day, day), written, bare


def _in_month(words: Words, first: date) -> Result:
    written, bare = (_written(words, form, first) for form in words.month)
    return Span(first, months_on(first, 1) - timedelta(days=1)), written, bare


def _unit(words: Words, what: str, said: date, offset: int) -> Result:
    """A week, weekend, month or year, so many from this one."""
    monday = said - timedelta(days=said.weekday())
    if what in ("week", "weekend"):
        first = monday + timedelta(days=7 * offset + (5 if what == "weekend" else 0))
        form = words.week if what == "week" else words.weekend
        bare = form.replace("{day}", words.day[1])
        written = _written(words, bare, first)
        return Span(first, first + timedelta(days=6 if what == "week" else 1)), written, written
    if what == "month":
        return _in_month(words, months_on(said.replace(day=1), offset))
    year = said.year + offset
    written, bare = (_written(words, form, date(year, 1, 1)) for form in words.year)
    return Span(date(year, 1, 1), date(year, 12, 31)), written, bare


def _written(words: Words, form: str, day: date) -> str:
    month = words.months.split()[day.month - 1].split("|")[0]
    if words is ENGLISH:
        month = month.capitalize()
    return form.format(d=day.day, m=month, M=month.capitalize(), y=day.year)
