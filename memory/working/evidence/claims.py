"""What a model's note claims, taken apart: the words that must have been said, and how it is put."""

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from memory.working.evidence.language import Language, languages, recognise
from memory.working.evidence.words import Word, is_date, read_words

# 34 years old; in the field Age, 34.
_AGE = re.compile(
    r"(?:\b(?:aged?|age:?|is|now|has|tiene|ist|a|ha|tem)\s+)?\b(\d{1,3})[ -]?"
    r"(?:(?:years?|yrs?)[ -](?:old|of age)|yo\b|y/o\b|jahre?(?: alt)?\b"
    r"|ans\b|años\b|anos\b|anni\b|jaar(?: oud)?\b)|\baged? (\d{1,3})\b",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[,;/()，、；]|\.\s|\s[-–—]+\s|\b(?:but|aber|mais|pero|mas|ma|maar)\b")
_AGES = frozenset({"age", "alter", "âge", "edad", "idade", "età", "leeftijd"})  # labels of the field


@dataclass(frozen=True, slots=True)
class Part:
    """One of the statements in a value: `eats no meat`."""

    words: tuple[Word, ...]  # those that tell something
    relations: frozenset[str]  # `live`, `work`: the sentence must speak of it
    negative: bool
    likes: bool
    dislikes: bool
    past: bool
    wants: bool
    age: str | None  # years since birth, in digits
    days: tuple[Word, ...]  # words for days and years, which may have been worked out
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A value for a field of somebody's page."""

    kinds: frozenset[str]  # what the field is about: see fields.toml
    parts: tuple[Part, ...]
    text: str
    language: Language | None

    @property
    def identity(self) -> str | None:
        """The relation to the speaker that the field itself states: `Location: Lisbon` says that they live there."""
        return next((kind for kind in ("live", "named", "work") if kind in self.kinds), None)


def read_claim(field: str, value: str, said_in: Language | None) -> Claim:
    """What a value claims, when it is taken from a text in a language."""
    text = _words_of(value)
    label = _label(field)
    language = recognise(text, prefer=said_in) if re.search(r"\w", text) else None
    readers = tuple({one.name: one for one in (said_in, language) if one}.values()) or (languages()["en"],)
    parts = [_part(piece, readers, label) for piece in _PARTS.split(text) if re.search(r"\w", piece)]
    kinds = kinds_of(label)
    if not any(part.words or part.days for part in parts) and label:  # `member: true`
        parts = [*parts, _part(" ".join(label), readers, [])]
    return Claim(kinds, tuple(parts), text, language)


def kinds_of(label: Sequence[str]) -> frozenset[str]:
    """What a field with this label is about."""
    return frozenset(
        kind for kind, stems in _fields().items() for stem in stems if any(word.startswith(stem) for word in label)
    )


def negated(text: str, readers: Sequence[Language]) -> bool:
    """Whether a text says no: many languages say it twice and mean it once, but not without is with."""
    says_no = any(reader.finds("not", text) for reader in readers)
    return says_no and not any(reader.finds("without", text) for reader in readers)


def _part(piece: str, readers: Sequence[Language], label: Sequence[str]) -> Part:
    piece = " ".join(piece.split())
    told = _AGE.fullmatch(piece)
    age = told[1] or told[2] if told else piece if piece.isdigit() and set(label) & _AGES else None
    piece = age or piece
    plain = piece.lower()
    if any(reader.elided for reader in readers):
        plain = re.sub(r"(?<=\w)'(?=\w)", "' ", plain)
    verbs = {found[0] for reader in readers for marker in ("third", "notes") for found in _all(reader, marker, plain)}
    relations = {
        key for reader in readers for verb in verbs for key, said in reader.relations.items() if said.search(verb)
    }
    firm = plain
    for reader in readers:
        firm = reader.markers["soft"].sub(" ", firm)
    words = [word for word in read_words(piece) if _tells(word, readers, verbs, label)]
    words = words or [word for word in read_words(piece) if word.plain not in label and not _says_no(word, readers)]
    days = [word for word in words if is_date(word, piece) or _is_time(word, readers)]
    return Part(
        tuple(word for word in words if word not in days),
        frozenset(relations - {"dislike"}),
        negated(firm, readers),
        any(_finds(reader.relations.get("like"), plain) for reader in readers),
        any(reader.finds("soft", plain) for reader in readers),
        any(reader.finds(marker, plain) for reader in readers for marker in ("past_value", "past", "ceased")),
        any(reader.finds("wants", plain) for reader in readers),
        age,
        tuple(days),
        plain,
    )


def _tells(word: Word, readers: Sequence[Language], verbs: Iterable[str], label: Sequence[str]) -> bool:
    if word.number is not None:
        return True
    if any(word.plain in reader.small for reader in readers) and not (
        word.capital and len(word.plain) > 2 and not word.first
    ):
        return False
    if any(word.plain == part for verb in verbs for part in verb.split()):
        return False
    return word.plain not in label and not _says_no(word, readers)


def _is_time(word: Word, readers: Sequence[Language]) -> bool:
    return any(reader.markers["time"].fullmatch(word.plain) for reader in readers)


def _says_no(word: Word, readers: Sequence[Language]) -> bool:
    """Whether a word is nothing but a no; a non-smoker is more."""
    return not word.plain.startswith(("un", "non", "nicht")) and any(
        reader.markers["not"].fullmatch(word.plain) for reader in readers
    )


def _all(reader: Language, marker: str, text: str) -> list[re.Match[str]]:
    return list(reader.markers[marker].finditer(text))


def _finds(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is not None and pattern.search(text) is not None


def _words_of(value: str) -> str:
    """The words of a value, which may be JSON."""
    try:
        return ", ".join(_strings(json.loads(value)))
    except (ValueError, RecursionError):
        return value


def _strings(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case bool() | None:
            return
        case int() | float():
            yield str(value)
        case dict():
            for part in value.values():
                yield from _strings(part)
        case list():
            for part in value:
                yield from _strings(part)


def _label(field: str) -> list[str]:
    """The words of a field's name: of a JSON pointer its last two steps."""
    name = " ".join(field.split("/")[-2:]) if field.startswith("/") else field
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-~]+", " ", name)
    return re.findall(r"[^\W\d_]+", spaced.lower())


@cache
def _fields() -> dict[str, tuple[str, ...]]:
    data = tomllib.loads((files("memory.working.evidence") / "fields.toml").read_text("utf-8"))
    return {kind: tuple(stems.split()) for kind, stems in data.items()}
