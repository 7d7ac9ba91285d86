"""Words as they are searched for. Pure."""

import re
from collections.abc import Mapping
from itertools import pairwise

from memory.recall.english import plain
from memory.recall.terms import folded, terms

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


def searchable(text: str, language: str) -> str:
    """A text, or a question, as Postgres' parser can read it in any script: runs without spaces become pairs.

    A pair of characters is written in ASCII, so that no locale of a database takes it apart.
    """
    found: list[str] = []
    last = 0
    text = folded(text)
    for run in _DENSE.finditer(text):
        found += terms(text[last : run.start()])
        found += _pairs(run[0])
        last = run.end()
    words = " ".join(found + terms(text[last:]))
    return plain(words) if language == "english" else words


def _pairs(run: str) -> list[str]:
    if len(run) == 1:
        return [f"u{ord(run)}"]
    return [f"u{ord(first)}u{ord(second)}" for first, second in pairwise(run)]


def calls(question: str, names: Mapping[str, str]) -> dict[str, set[str]]:
    """What somebody is perhaps called in a question → who that is. `names`: display names by author."""
    found: dict[str, set[str]] = {}
    text = question.casefold()
    for author, name in names.items():
        parts = [part for part in re.split(r"[\s,.|/()_-]+", name) if len(part) > 1]
        for call in {name.strip(), *parts[:1]}:
            if len(call) > 1 and call.casefold() in text:
                found.setdefault(call, set()).add(author)
    return found


def named(question: str, names: Mapping[str, str]) -> tuple[list[set[str]], str]:
    """Who is named in a question, in order, and the question without their names; itself when nothing is left.

    A question names whom it asks about; a message that holds the answer is said by that person and does not. Each is a
    set: several may be called the same.
    """
    people: dict[int, set[str]] = {}
    longer: list[tuple[int, int]] = []
    rest = question
    for call, authors in sorted(calls(question, names).items(), key=lambda known: -len(known[0])):
        everyday = call.casefold() in _WORDS
        written = re.escape(call.capitalize() if everyday else call)
        pattern = re.compile(rf"(?<!\w)@?{written}(?:['’]s)?(?!\w)", 0 if everyday else re.IGNORECASE)
        for found in pattern.finditer(question):
            start, end = found.span()
            if not any(first <= start and end <= last and (first, last) != (start, end) for first, last in longer):
                longer.append((start, end))
                people.setdefault(start, set()).update(authors)
                break
        rest = pattern.sub(" ", rest)
    rest = re.sub(r"\s+([?!,.;:])", r"\1", " ".join(rest.split()))
    return [people[at] for at in sorted(people)], rest if re.search(r"\w", rest) else question


def subject(question: str, names: Mapping[str, str]) -> set[str]:
    """Whom a question is about: who is named first, unless it is about several ("Ana and Bob")."""
    people, _ = named(question, names)
    called = "|".join(re.escape(call) for call in calls(question, names))
    several = len(people) > 1 and re.search(
        rf"(?<!\w)(?:{called}) (?:and|or|&) @?(?:{called})(?!\w)", question, re.IGNORECASE
    )
    return people[0] if people and not several else set()


_SMALL_TALK = frozenset(
    """
    bye cheers congrats cool fine good great haha hello hey hi hm hmm k lol morning night nice no nope ok okay please
    right sorry sure thank thanks thx well wow yeah yep yes yo you so much very a lot all that is it the to and i am
    """.split()
)


def small_talk(text: str) -> bool:
    """Whether a text is nothing but a greeting, thanks or assent: nothing is looked for then. English."""
    found = re.findall(r"\w+", text.casefold())
    return bool(found) and all(word in _SMALL_TALK for word in found)


_MINE = re.compile(r"\b(?:i|i'm|i've|i'd|me|my|mine|myself)\b", re.IGNORECASE)


def about_oneself(question: str) -> bool:
    """Whether somebody asks about themselves."""
    return _MINE.search(question.replace("’", "'")) is not None
