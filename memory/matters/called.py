"""What those of whom a clause speaks are called in it. Pure."""

import re
from collections.abc import Sequence, Set
from itertools import pairwise

from memory.matters.languages import LANGUAGES
from memory.matters.sentences import By, Clause, Word
from memory.matters.vocabulary import COMMON, EVERYDAY, KINDS, NOUNS, PLACED, TELLING

NAME = 3  # words of a name
LABELS = frozenset("occupation projects project goals events people facts family pets notes about".split())
_IS = frozenset("is was are ist war heißt heisst est es é è heet".split())
_PEOPLES = re.compile(
    r"(?:ese|ish|an|ch|ic|lim|eek|wiss|hai|i|ot|urk|urd|inn|wede|ane)$|^(?:pole|scot|sikh|jew|serb|croat|arab)$"
)
_TITLES = frozenset("mr mrs ms miss dr prof sir herr frau monsieur madame señor señora sr sra dom dona signor".split())
_CALLED = KINDS["name"].nouns | frozenset("called named heißt heisst appelle llama chama chiama heet".split())


def names_in(clause: Clause) -> frozenset[str]:
    """What those of whom a clause speaks are called in it."""
    words, small = clause.words, LANGUAGES[clause.language]
    found: set[str] = set()
    for at, word in enumerate(words):
        if word.relative and not word.owns:
            found.update(_run(words[at + 1 :], small.known)[:1])
            found.update(_equal(words[at + 1 :], small.known) if clause.language == "en" else ())
    if "name" in clause.said | clause.mentioned:
        last = max((at for at, word in enumerate(words) if word.form in _CALLED), default=-1)
        found.update(_after(words[last + 1 :], small.known) if last >= 0 else ())
    found.update(_before_is(words, small.known, small.one))
    return frozenset(found)


def beside(words: Sequence[Word]) -> frozenset[str]:
    """The name that stands beside a relative: `my sister Ana`."""
    small = frozenset[str]()
    found = (_run(words[at + 1 :], small) for at, word in enumerate(words) if word.relative and not word.owns)
    return frozenset[str]().union(*found)


def capitals(clause: Clause) -> frozenset[str]:
    """The names on a line that speaks of somebody: words with a capital, but no places and no labels."""
    small = LANGUAGES[clause.language].known | LANGUAGES["en"].known
    found: set[str] = set()
    for at, word in enumerate(clause.words):
        placed = at > 0 and clause.words[at - 1].form in PLACED
        known = bool(word.relative) or word.form in small | COMMON | LABELS | NOUNS
        follows = at > 0 and clause.words[at - 1].capital and clause.words[at - 1].stem in found
        if word.capital and at > 0 and not placed and not known and not follows:
            found.update(_run(clause.words[at:], small)[:1])
    return frozenset(found)


def surnames(clause: Clause, name: str) -> frozenset[str]:
    """What stands beside a name in a clause and belongs to it: the Hanks of Tom Hanks."""
    small = LANGUAGES[clause.language].known
    places = (at for at, word in enumerate(clause.words) if word.stem == name)
    return frozenset(one for at in places for one in _run(clause.words[at:], small)[1:])


def is_name(clause: Clause, at: int, beside: Set[str] = frozenset()) -> bool:
    """Whether a word that can be a name is one here, and not somebody else's. `beside`: surnames of whom it names."""
    words, small = clause.words, LANGUAGES[clause.language]
    word, before, after = words[at], words[at - 1 : at], words[at + 1 : at + 2]
    if not word.capital and words[0].capital and clause.by is not By.LINE:
        return False  # the house is big: not of Dr House
    if _is_anothers(clause, at, beside):
        return False
    if word.form not in EVERYDAY or (word.capital and any(one.stem in beside for one in after)):
        return True
    if any(one.form in small.the | small.one for one in before):
        return False
    first = not [one for one in words[:at] if clause.by is not By.LINE or one.form not in LABELS | NOUNS]
    if first and not word.owns:
        return not after or (after[0].form in TELLING and not _counts(words[at + 2 : at + 3]))
    return word.capital


def _is_anothers(clause: Clause, at: int, beside: Set[str]) -> bool:
    """Whether a name stands beside another that does not belong to it: Tom Hanks, I saw Hugo Max."""
    words, small = clause.words, LANGUAGES[clause.language].known
    after = words[at + 1 : at + 2] if clause.language != "de" else ()
    first = clause.language != "en" or at < 2 or words[at - 2].form in PLACED
    before = () if first or words[at - 1].form in _TITLES else words[at - 1 : at]
    return any(_is_surname(one, small) and one.stem not in beside for one in (*before, *after))


def _is_surname(word: Word, small: Set[str]) -> bool:
    return word.capital and not word.relative and word.form not in small | COMMON | TELLING and word.form.isalpha()


def _counts(words: Sequence[Word]) -> bool:
    return any(word.form.isdigit() for word in words)


def numbers(clause: Clause) -> frozenset[str]:
    """Numbers that stand for something: no years, no small ones."""
    found = (word.form for word in clause.words if sum(map(str.isdigit, word.form)) > 2)
    return frozenset(form for form in found if not re.fullmatch(r"(?:1[89]|20)\d\d", form))


def _run(words: Sequence[Word], small: Set[str]) -> list[str]:
    """The name that words begin with: its first word stands for it, but no title does."""
    found: list[str] = []
    for word in words[:NAME]:
        if not word.capital or word.form in small - EVERYDAY or word.form in COMMON:
            break
        found.append(word.stem)
    return [] if words and words[0].form in _TITLES else found


def _equal(words: Sequence[Word], small: Set[str]) -> list[str]:
    """The name in `is Rex`, where that is no nation, tongue or belief: `is Portuguese`."""
    if len(words) < 2 or words[0].form not in ("is", "was"):
        return []
    found = _run(words[1:], small)
    return [] if _PEOPLES.search(words[1].form) or len(words) - 1 > len(found) else found[:1]


def _after(words: Sequence[Word], small: Set[str]) -> list[str]:
    """The name behind a word that announces one, also in small letters: `called rex`, `name of my dog is Rex`."""
    telling = (word for word in words if word.form not in COMMON and not word.relative)
    telling = (word for word in telling if word.form not in small or (word.capital and word.form in EVERYDAY))
    first = next(telling, None)
    return [] if first is None or first.form in _TITLES else [first.stem]


def _before_is(words: Sequence[Word], small: Set[str], one: Set[str]) -> list[str]:
    """The name in `Rex is my dog`, `Rex is the name of my dog`, but not in `Mia is a doctor`."""
    place = next((at for at, word in enumerate(words) if word.form in _IS), 0)
    first = words[:place]
    if not 0 < len(first) <= NAME or not all(word.capital and word.form not in small - EVERYDAY for word in first):
        return []
    behind = any(word.relative and before.form not in one for before, word in pairwise(words[place:]))
    return _run(first, small)[:1] if behind and not any(word.relative for word in first) else []
