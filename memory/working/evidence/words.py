"""Words compared as people inflect and spell them: Hamburg and Hamburger, são and sao, 3 and three. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from memory.working.evidence.language import languages

_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[぀-ヿ一-鿿]+|[^\W\d_]+")
_MONTHS = """jan feb mar apr may jun jul aug sep oct nov dec mär mai okt dez janv févr fév avr
juin juil août sept déc ene abr ago dic fev out set dez gen mag giu lug ott mrt mei""".split()
_MONTH = "|".join(rf"{month}[^\W\d_]*" for month in _MONTHS)
DATE = re.compile(
    rf"\b\d{{4}}-\d\d(?:-\d\d)?\b|\b\d{{1,2}}\.? (?:de )?(?:{_MONTH})\b|\b(?:{_MONTH}) \d{{1,2}}\b|\b(?:19|20)\d\d\b",
    re.IGNORECASE,
)


_MEAT = re.compile(
    r"meat|fleisch|viande|carne|vlees|mięs|мяс|м'яс|kött|\bet\b|肉|고기|fisch?\b|poisson|pescado|peixe|pesce|\bvis\b"
)
_DIETS = tuple("vegetar végétar vegan végan wegetar wegań вегетар веган vejetar ベジタリアン 素食 채식".split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text."""

    plain: str  # lower case
    capital: bool
    first: bool  # of its text
    start: int
    number: str | None  # its digits, if it is one


def read_words(text: str) -> list[Word]:
    """The words of a text, in order."""
    found = list(_WORD.finditer(text))
    return [
        Word(match[0].lower(), match[0][0].isupper(), index == 0, match.start(), _digits(match[0]))
        for index, match in enumerate(found)
    ]


def is_date(word: Word, text: str) -> bool:
    """Whether a word is part of a day, a month or a year."""
    return any(match.start() <= word.start < match.end() for match in DATE.finditer(text))


def stands(word: Word, said: Iterable[str]) -> bool:
    """Whether a word is among those said, in whatever form."""
    if word.number is not None:
        return any(_same_number(word.number, other) for other in said)
    return any(similar(word.plain, other) or (not word.capital and _kin(word.plain, other)) for other in said)


def diet(word: Word) -> bool:
    """Whether a word says that somebody eats no meat."""
    return word.plain.startswith(_DIETS)


def eats_none(plain: str) -> bool:
    """Whether a text speaks of meat."""
    return _MEAT.search(plain) is not None


@cache
def similar(one: str, other: str) -> bool:
    """Whether two words are forms of the same one, or one is the end or beginning of a longer one."""
    one, other = fold(one), fold(other)
    if one == other:
        return True
    if one.isdigit() or other.isdigit():
        return False
    short, long = sorted((one, other), key=len)
    if re.search(r"[぀-ヿ一-鿿]", short):
        return short in long or _bigrams(short) <= _bigrams(long)
    shared = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if shared == len(short) and len(short) >= 3:  # Hamburg, Hamburger
        return len(long) - len(short) <= (3 if len(short) < 5 else 4) or len(short) >= 5
    if len(short) >= 5 and long.endswith(short):  # Lieblingsfarbe, Farbe
        return True
    return shared >= 4 and len(long) - shared <= 5 and shared >= 0.55 * len(long)  # baker, bakery; vivió, viví


@cache
def _kin(one: str, other: str) -> bool:
    """Whether two common words may share a stem of three letters: fumo, fumei."""
    one, other = fold(one), fold(other)
    return one[:3] == other[:3] and min(len(one), len(other)) > 3 and max(len(one), len(other)) <= 6


@cache
def fold(word: str) -> str:
    """A word without accents."""
    word = word.replace("ß", "ss").replace("œ", "oe").replace("ł", "l").replace("ı", "i")
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(max(len(text) - 1, 1))}


def _digits(word: str) -> str | None:
    if word[0].isdigit():
        return re.sub(r"\D", "", word)
    return None


def _same_number(number: str, other: str) -> bool:
    return re.sub(r"\D", "", other) == number if other[0].isdigit() else other in _numerals().get(number, ())


@cache
def _numerals() -> dict[str, frozenset[str]]:
    """How numbers are spelled, in all languages."""
    spelled: dict[str, set[str]] = {}
    for language in languages().values():
        for number, name in enumerate(language.numbers):
            spelled.setdefault(str(number), set()).add(name)
    return {number: frozenset(names) for number, names in spelled.items()}
