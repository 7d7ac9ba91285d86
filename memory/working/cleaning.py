"""What may stand on a line of a page, so that it passes neither for another line nor for a heading or a message."""

import re
import unicodedata

from bot.chat import storable
from memory.working.page import LONGEST

# What cannot be seen beside all of category Cf: fillers, and the selectors that can carry hidden words.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U000e0100-\U000e01ef]")
# Persian words and emoji of families need a joiner between two of their characters; anywhere else it only hides.
_JOINERS = "\u200c\u200d"
_IDLE_JOINERS = re.compile(
    rf"(?<![^\x00-\x7f\s])[{_JOINERS}]|[{_JOINERS}](?![^\x00-\x7f\s{_JOINERS}])|(?<=[{_JOINERS}])[{_JOINERS}]"
)
_MARKERS = re.compile(r"\A(?:(?:[-+*•]+|#+|\d{1,9}[.)])(?=\s|$)|[>|\s]|`{3,}|~{3,})+")
_EMPHASIS = re.compile(r"(\*{1,3})(?=\S)(.+?)(?<=\S)\1")
_BRACKETED = re.compile(r"\[[^\[\]]*\]|<(?![@#!:]|\w+:\S)[^<>]*>")  # but neither a mention nor an address
_NOTHING = {"n/a", "none", "null", "unknown", "unspecified", "not specified", "not provided", "not known", "tbd"}


def clean(text: str, longest: int = LONGEST) -> str:
    """`text` on one line, without the Markdown that begins it, and cut at `longest` characters.

    Empty when it says nothing, which is so of what a template holds open too: `[city]`, `N/A`.
    """
    text, before = one_line(text)[: longest + 2000], ""
    while text != before:
        before, text = text, _unemphasised(_MARKERS.sub("", text))
    if _says_nothing(text) or len(text) <= longest:
        return "" if _says_nothing(text) else text
    text = text[: longest - 1].rstrip() + "…"
    return "" if _says_nothing(text) else text


def one_line(text: str) -> str:
    """`text` as Postgres can hold it, on one line, without what cannot be seen."""
    text = " ".join(storable(text).split())
    text = "".join(char for char in text if char in _JOINERS or unicodedata.category(char) not in ("Cc", "Cf"))
    return " ".join(_IDLE_JOINERS.sub("", _UNSEEN.sub("", text)).split())


def _unemphasised(text: str) -> str:
    """Without the asterisks around its first words, or before them."""
    found = _EMPHASIS.match(text)
    return found[2] + text[found.end() :] if found else text.lstrip("*")


def _says_nothing(text: str) -> bool:
    """Whether it is punctuation, brackets to be filled in, or a word for nothing."""
    if text.strip(" .()_`\"'").casefold() in _NOTHING:
        return True
    kinds = (unicodedata.category(char) for char in _BRACKETED.sub("", text))
    return not any(kind[0] in "LN" or kind in ("So", "Sc") for kind in kinds)
