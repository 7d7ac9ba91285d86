"""The days that a line of a page is about. Pure.

`tomorrow` is true for a day. So a line names the day itself, and stores it: after it, the line is shown as past. Own
tables and not a library: measured on 23 sentences, dateparser 1.5.0 takes `the day after tomorrow` for tomorrow, `may`,
`sun` and `la` for dates, and tells a week from a day in none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from memory.working.days.named import Span, named
from memory.working.days.relative import Match, patterns
from memory.working.days.words import AHEAD, LANGUAGES, OCCASION, PAST, RECURRING, Words

__all__ = ["Span", "dated", "repeats", "sentence_of", "span"]

_FLAGS = re.IGNORECASE | re.VERBOSE
_RECURRING, _OCCASION = re.compile(RECURRING, _FLAGS), re.compile(OCCASION, _FLAGS)
_PAST, _AHEAD = re.compile(PAST, _FLAGS), re.compile(AHEAD, _FLAGS)
_BACK = re.compile(r"since|seit(?: dem)?|depuis|desde(?: el)?|sinds", re.I)  # small words before a day that is over
_DAYLIKE = re.compile(  # without one of these no pattern finds anything
    "|".join(
        sorted(
            {
                part.split("(")[0][:4]
                for words in LANGUAGES
                for part in re.split(r"[ |]", f"{words.months} {words.weekdays}")
                if len(part) > 2
            }
        )
    )
    + r"|day|tomorrow|night|morning|evening|week|month|year|fortnight|\bago\b|\d(?:st|nd|rd|th)|heute|gestern"
    r"|morgen|tage?|woche"
    r"|monat|jahr|hui|demain|hier|jour|semaine|mois|\bans?\b|année|soir|matin|nuit|ce week|hoy|mañana|ayer"
    r"|anoche|día|dia|semana"
    r"|\bmes|año|noche|tarde|hoje|ontem|amanhã|mês|ano|oggi|domani|ieri|sera|stanotte|stamattina|giorn|settiman"
    r"|ann[oi]"
    r"|vandaag|gisteren|vanavond|vanmiddag|vanochtend|maand|jaar|dag",
    re.IGNORECASE,
)
_PROPER = re.compile(r"\b\w+\s+$")  # a word right before: a capital letter there makes a name


@dataclass(frozen=True, slots=True)
class _Found:
    """A day in a text that depends on when it is said."""

    start: int
    end: int
    words: str  # what is written in its place


def dated(value: str, said: date, context: str = "") -> str:
    """A value with the days that it means in place of `tomorrow`, `next week` and `in May`. `said`: its speaker's day.

    `context`: the message that says it: it tells the language, and whether something is past.
    """
    if not _DAYLIKE.search(value) or repeats(value):
        return value
    language = _language(f"{value} {value} {value} {context}")
    past = _is_past(value) if not context else _is_past(value) or _is_past(sentence_of(value, context))
    written = 0  # what stands before it is done
    while True:
        ahead = [one for one in _relative(value, said, language, past=past) if one.start >= written]
        if not ahead:
            return value
        found = min(ahead, key=_order)
        value = f"{value[: found.start]}{found.words}{value[found.end :]}"
        written = found.start + len(found.words)


def span(value: str, said: date) -> Span | None:
    """The days that a value is about, from the first to the last, if they lay ahead when it was said.

    None for what comes round again, has begun, or was over: that is never past, or never was anything else.
    """
    if not any(map(str.isdigit, value)) or repeats(value):
        return None
    found = list(named(value))
    if all(_looks_back(value[: one.start]) for one in found):
        return None
    whole = Span(min(one.span.first for one in found), max(one.span.last for one in found))
    return whole if whole.last >= said else None


def repeats(value: str) -> bool:
    """Whether a value is about something that comes round again: a birthday, every Monday."""
    return bool(_RECURRING.search(value)) and not _OCCASION.search(value)


def _order(found: _Found) -> tuple[int, int]:
    """The first one, and of those that begin there the longest."""
    return found.start, -found.end


def _is_past(text: str) -> bool:
    return bool(_PAST.search(text)) and not _AHEAD.search(text)


def sentence_of(value: str, context: str) -> str:
    """The sentence of a message that says a value: the one with most of its words."""
    words = set(re.findall(r"\w{3,}", value.casefold()))
    sentences = re.split(r"(?<=[.!?])\s+|\n", context)
    return max(sentences, key=lambda one: len(words & set(re.findall(r"\w{3,}", one.casefold()))))


def _language(text: str) -> Words:
    """The language that most small words of a text are of."""
    said = re.findall(r"[\w'’]+", text.casefold())
    return max(LANGUAGES, key=lambda language: sum(word in language.common.split() for word in said))


def _looks_back(before: str) -> bool:
    """Whether what stands before a day says that something began there."""
    return any(re.search(rf"\b(?:{one.since})(?: (?:the|dem|le|el|il|de))?\s*$", before, re.I) for one in LANGUAGES)


def _relative(value: str, said: date, language: Words, *, past: bool) -> Iterator[_Found]:
    """Those in one language, or where it has none, in any."""
    for words in (language, *(one for one in LANGUAGES if one is not language)):
        found = list(_in_language(value, said, words, past=past))
        if words is not language and {one.words for one in found} and _ambiguous(value, found):
            continue
        if found:
            yield from found
            return


def _ambiguous(value: str, found: list[_Found]) -> bool:
    """French `hier` is here in German and Dutch, `morgen` is morning in an English name."""
    return any(value[one.start : one.end].casefold() in ("hier", "so", "mi", "do") for one in found)


def _in_language(value: str, said: date, words: Words, *, past: bool) -> Iterator[_Found]:
    for pattern, place in patterns(words):
        for match in pattern.finditer(value):
            before = value[: match.start()]
            parts = {name.rstrip("0123456789"): text for name, text in match.groupdict().items() if text}
            kept = parts.get("bound", "")
            name = parts["core"][:1].isupper() and _PROPER.search(before) and not kept
            if _quoted(before) or (name and place.plain):
                continue
            back = bool(kept) and _BACK.fullmatch(kept) is not None
            result = place.find(Match(before, parts, said, past or back))
            if result is None:
                continue
            _, written, bare = result
            if kept:
                written = f"{kept} {bare}"
            elif not before.strip() or before.rstrip()[-1] in "(:,;–—-":
                written = bare
            yield _Found(match.start(), match.end(), written)


def _quoted(before: str) -> bool:
    return before.count('"') % 2 == 1 or before.count("“") > before.count("”") or before.count("«") > before.count("»")
