"""Text as BERT's uncased models read it: the ids of WordPiece tokens."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

MOST = 256  # tokens, the first and the last included: what all-MiniLM-L6-v2 was trained on
PADDING, UNKNOWN, FIRST, LAST = 0, 100, 101, 102

_VOCABULARY = Path(__file__).with_name("vocab.txt")
_FURTHEST = 64_000  # characters; MOST tokens lie within 26,000, unless words or gaps are longer than a hundred
_LONGEST_WORD = 100  # characters; what is longer is unknown

# Unicode's White_Space without those that are control characters: these are dropped.
_RUN = re.compile(r"[^ \t\n\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_CHINESE = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f"
    "\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f]"
)
_ASCII_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_DROPPED = {"Cc", "Cf", "Co", "Cs", "Mn"}  # control, format, private use, surrogates; accents


def load() -> None:
    """Read the vocabulary, before somebody waits for it."""
    _vocabulary()


def ids_of(text: str) -> list[int]:
    """`Hello!` → [101, 7592, 999, 102]; never more than MOST. Markers like `[MASK]` are read as the words they are."""
    vocabulary, longest = _vocabulary()
    ids = [FIRST]
    for run in _RUN.finditer(text, 0, _FURTHEST):
        for word in "".join(map(_read, unicodedata.normalize("NFD", run[0]))).split():
            whole = vocabulary.get(word)
            ids += _pieces(word, vocabulary, longest) if whole is None else (whole,)
        if len(ids) >= MOST - 1:
            break
    return [*ids[: MOST - 1], LAST]


@lru_cache(maxsize=4096)
def _read(character: str) -> str:
    """What is read of a character: nothing, itself in lower case, or that as a word of its own."""
    category = unicodedata.category(character)
    if category in _DROPPED or character == "\ufffd":
        return ""
    if category.startswith("P") or character in _ASCII_PUNCTUATION or _CHINESE.match(character):
        return f" {character} "
    return character.lower()


def _pieces(word: str, vocabulary: Mapping[str, int], longest: int) -> list[int]:
    """The longest known beginning, then the longest of what follows, and so on; all unknown if a part is."""
    if len(word) > _LONGEST_WORD:
        return [UNKNOWN]
    ids: list[int] = []
    start = 0
    while start < len(word):
        before = "##" if start else ""
        for end in range(min(len(word), start + longest), start, -1):
            piece = vocabulary.get(before + word[start:end])
            if piece is not None:
                ids.append(piece)
                start = end
                break
        else:
            return [UNKNOWN]
    return ids


@cache
def _vocabulary() -> tuple[Mapping[str, int], int]:
    """Ids by token, and the most characters that a token has."""
    tokens = _VOCABULARY.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return {token: place for place, token in enumerate(tokens)}, max(map(len, tokens))
