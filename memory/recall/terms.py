"""A text as the plain words by which it is found: the one tokenizer of the index and of questions. Pure.

Postgres' parser reads `tea/coffee` as a file, `Node.js` as a host and `10km` as one word, and finds none of their
parts. So a text is taken apart here: what is joined is found by its parts, and by the whole written as one word.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

READER = 2  # the version of this tokenizer; raise it when texts read differently, and the index is read anew
LONGEST = 40  # characters of parts written as one word
PARTS = 5  # that are written as one word
PHONE = range(7, 16)  # digits of a telephone number

_SAME = str.maketrans(
    {
        **dict.fromkeys("‘’‛ʼ´`′", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00ad\u200b\u2060\ufeff"),
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D",
        "ł": "l", "Ł": "L", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i",
        "€": " euro ", "£": " pound ", "¥": " yen ", "₹": " rupee ",
    }
)  # fmt: skip
_ACCENTS = re.compile("([A-Za-z])[\u0300-\u036f]+")
_SEPARATORS = "!-/:-@\\[-^`{-~\u00a1-\u00a9\u00ab\u00ac\u00ae-\u00b4\u00b6-\u00b9\u00bb\u00bf\u2010-\u2029\u2030-\u205e"
_APART = re.compile(f"([{_SEPARATORS}]+)")
_PIECE = re.compile(r"\d+|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\dA-Za-z_]+")
_UNIT = re.compile(r"(\d+)(st|nd|rd|th)|\d+[A-Za-z]{1,4}")  # 4th, 10km: found by its parts alone
_SHORTENED = frozenset(("m", "d", "ve", "ll", "re"))  # behind an apostrophe: I'm, they've
_ENDING = frozenset(("s", "t"))  # likewise, and nothing by themselves: Ana's, don't
_JOINS = frozenset("-.&'")
_ADDRESS = re.compile(r"\bhttps?://(?:www\.)?|\bwww\.", re.IGNORECASE)
_MONEY = re.compile(r"\$\s?(?=\d)|(?<=\d)\s?\$")
_PERCENT = re.compile(r"(?<=\d)\s?%")

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,:'][0-9]+)+(?!\w)")  # 3.11, 14:30, 1,000.50
_THOUSANDS = re.compile(r"(\d{1,3}(?:([.,' ])\d{3})(?:\2\d{3})*)(?:[.,]\d{1,2})?")
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,])")
_GROUPS = re.compile(r"(?<![\w.,])\+?\(?\d+(?:[ .\-/()]{1,3}\d+)+(?!\w)")  # telephone numbers, and much else
_DATE = re.compile(r"\d{4}([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:\d{4}|\d{2})")
_SYMBOLS = re.compile(r"(?<![^\W_])(?:([A-Za-z][\w-]*)\+\+|([A-Za-z]{1,2})#)(?![A-Za-z])")  # C++, C#
_DOTNET = re.compile(r"(?<!\w)\.(?:NET|net|Net)\b|\.NET\b")
_LETTERS = re.compile(r"\b([A-Za-z]{1,3}) & ([A-Za-z]{1,3})\b|\b([A-Za-z]{1,2}) and ([B-HJ-Zb-hj-z])\b")  # AT & T
_LETTER = re.compile(r"(?<![\w'&.-])([B-HJ-Zb-hj-z]) ([A-Za-z]{3,})\b")  # e mail, x ray
_CLOSED = re.compile(  # what people write as one word or as two
    r"\b(wi fi|hi fi|sci fi|lo fi|web site|web page|data base|home page|week end|on line|off line|lap top|smart phone|"
    r"cell phone|blue tooth|face book|you tube|whats app|git hub|git lab|pay pal|play station|power point)\b",
    re.IGNORECASE,
)


def terms(text: str) -> list[str]:
    """The words of a text, without accents, in small letters; what has parts comes in parts, then as one word."""
    plain = _PERCENT.sub(" percent ", _MONEY.sub(" dollar ", _ADDRESS.sub(" ", folded(text))))
    found: list[str] = []
    for chunk in plain.split():
        if chunk.isalpha() and (chunk.islower() or chunk.istitle()):
            found.append(chunk)
        else:
            found += _taken_apart(chunk)
    found += _numbers(plain)
    found += _spellings(plain)
    return [term.lower() for term in found]


def folded(text: str) -> str:
    """The text with one form of each letter, digit, quote and hyphen; accents stay on other letters than Latin."""
    if text.isascii():
        return text.replace("`", "'")
    text = unicodedata.normalize("NFKC", text.translate(_SAME)).translate(_SAME)
    return unicodedata.normalize("NFC", _ACCENTS.sub(r"\1", unicodedata.normalize("NFD", text)))


def _taken_apart(chunk: str) -> Iterator[str]:
    """The parts of what is written without spaces, and those runs of them that are one word to somebody."""
    run: list[str] = []
    parts = _APART.split(chunk)  # text, separator, text, …
    for at in range(0, len(parts), 2):
        part, before = parts[at].strip("_"), parts[at - 1] if at else ""
        if not part:
            continue
        if before == "'" and part.lower() in _ENDING:
            continue
        if before == "'" and part.lower() in _SHORTENED:
            yield part
            continue
        yield from _pieces(part)
        if run and not _joined(run[-1], before, part):
            yield from _whole(run)
            run = []
        run.append(part)
    yield from _whole(run)


def _joined(left: str, by: str, right: str) -> bool:
    """Whether two parts may be one word: `wi-fi`, `AT&T`, `Node.js`, `n/a`; no end of a sentence, no list."""
    if by == "." and len(left) > 1 and left[-1].islower() and right[0].isupper() and not right.isupper():
        return False
    if by in ("/", "&"):
        return len(left) <= 3 and len(right) <= 3 and (by == "&" or min(len(left), len(right)) == 1)
    return by in _JOINS


def _whole(run: list[str]) -> Iterator[str]:
    whole = "".join(run).replace("_", "")
    if 1 < len(run) <= PARTS and len(whole) <= LONGEST and not whole.isdecimal():
        yield whole


def _pieces(part: str) -> Iterator[str]:
    """What one part is made of: words of `camelCase` and `snake_case`, letters and digits of `mp3`; and itself."""
    if part.isdecimal():
        yield _digits(part)
        if len(part) in PHONE:
            yield _digits(part[-4:])
        return
    pieces = _PIECE.findall(part)
    numbers = any(piece.isdecimal() for piece in pieces)
    if len(pieces) == 1 or (len(pieces) > 4 and numbers and "_" not in part):  # a hash, a key
        yield part
        return
    unit = _UNIT.fullmatch(part)
    if unit and unit[1]:
        yield _digits(unit[1])
        return
    for piece in pieces:
        yield _digits(piece) if piece.isdecimal() else piece
    if not unit and len(part) <= LONGEST:
        yield "".join(pieces)
        if len(pieces) > 2 and not numbers:  # getUserName: a username
            yield from map("".join, pairwise(pieces))


def _digits(number: str) -> str:
    """A number without zeros before it, in the digits of everybody."""
    if len(number) > LONGEST:
        return number
    return str(int(number))


def _numbers(text: str) -> Iterator[str]:
    """Numbers as a whole, however they are set: 1,000 as 1000, 3.11 as 3p11, telephone numbers without separators."""
    for found in _NUMBER.finditer(text):
        if thousands := _THOUSANDS.fullmatch(found[0]):
            yield _digits(re.sub(r"\D", "", thousands[1]))
        elif not _DATE.fullmatch(found[0]):
            yield "p".join(_digits(number) for number in re.findall(r"\d+", found[0]))
    for found in _SPACED.finditer(text):
        yield _digits(found[0].replace(" ", ""))
    for found in _GROUPS.finditer(text):
        groups = re.findall(r"\d+", found[0])
        if sum(map(len, groups)) in PHONE and not _DATE.fullmatch(found[0]):
            for first in range(len(groups) - 1):
                if len(joined := "".join(groups[first:])) >= PHONE.start:
                    yield _digits(joined)


def _spellings(text: str) -> Iterator[str]:
    """Other ways to write what has signs or spaces in it: C++, C#, .NET, AT & T, e mail, wi fi."""
    for plus, sharp in _SYMBOLS.findall(text):
        yield f"{plus}plusplus" if plus else f"{sharp}sharp"
    if _DOTNET.search(text):
        yield "dotnet"
    for letters in _LETTERS.findall(text):
        yield "".join(letters)
    for letter, word in _LETTER.findall(text):
        yield letter + word
    for found in _CLOSED.findall(text):
        yield found.replace(" ", "")
