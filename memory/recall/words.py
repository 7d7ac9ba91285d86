"""Words as they are searched for. Pure."""

import re
from collections.abc import Mapping
from itertools import pairwise

# Scripts that do not put spaces between words, or not between all that a word is made of: Thai, Lao, Burmese, Khmer,
# Japanese, Chinese, Korean.
_DENSE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)
# Names that are words of everyday English: they are somebody's name only when they are written like one.
_WORDS = frozenset(
    """
    april art august autumn bill bob chase dawn drew faith frank grace guy hope hunter ivy jack joy june king lily
    mark max may me miles nick pat penny rich rob robin rose ruby sandy sky star sue summer tony violet wade will you
    """.split()
)


def spaced(text: str) -> str:
    """The text as Postgres' parser can read it in any script: runs without spaces become pairs of characters.

    A pair is written in ASCII, so that no locale of a database takes it apart.
    """
    return _DENSE.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", text)


def _pairs(run: str) -> list[str]:
    if len(run) == 1:
        return [f"u{ord(run)}"]
    return [f"u{ord(first)}u{ord(second)}" for first, second in pairwise(run)]


def calls(names: Mapping[str, str]) -> dict[str, set[str]]:
    """What somebody may be called in a question → who that is. `names`: display names by author."""
    found: dict[str, set[str]] = {}
    for author, name in names.items():
        parts = [part for part in re.split(r"[\s,.|/()_-]+", name) if len(part) > 1]
        for call in {name.strip(), *parts[:1]}:
            if len(call) > 1:
                found.setdefault(call, set()).add(author)
    return found


def named(question: str, names: Mapping[str, str]) -> tuple[set[str], str]:
    """Who is named in a question, and the question without their names; the question itself when nothing is left.

    A question names whom it asks about; a message that holds the answer is said by that person and does not.
    """
    people: set[str] = set()
    rest = question
    for call, authors in sorted(calls(names).items(), key=lambda known: -len(known[0])):
        flags = 0 if call.casefold() in _WORDS else re.IGNORECASE
        pattern = re.compile(rf"(?<!\w)@?{re.escape(call)}(?:['’]s)?(?!\w)", flags)
        if pattern.search(question):
            people |= authors
            rest = pattern.sub(" ", rest)
    rest = re.sub(r"\s+([?!,.;:])", r"\1", " ".join(rest.split()))
    return people, rest if re.search(r"\w", rest) else question


_MINE = re.compile(r"\b(?:i|i'm|i've|i'd|me|my|mine|myself)\b", re.IGNORECASE)


def about_oneself(question: str) -> bool:
    """Whether somebody asks about themselves."""
    return _MINE.search(question.replace("’", "'")) is not None
