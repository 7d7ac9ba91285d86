"""Texts as models write them, and stranger ones, for tests of what becomes of them; and how to compare the two."""

import re
from collections.abc import Iterable

from hypothesis import strategies as st

GAP = "\u200b"

WORD = st.text("abcdefghij", min_size=1, max_size=12)
SENTENCE = st.lists(WORD, min_size=1, max_size=30).map(lambda words: " ".join(words) + ".")
PARAGRAPH = st.lists(SENTENCE, min_size=1, max_size=6).map(" ".join)
LIST = st.lists(SENTENCE, min_size=1, max_size=8).map(lambda items: "\n".join(f"- {item}" for item in items))
CODE_LINE = st.builds(lambda depth, words: " " * depth + words, st.integers(0, 12), SENTENCE)
CODE = st.builds(
    lambda language, lines: "\n".join([f"```{language}", *lines, "```"]),
    st.sampled_from(["", "python", "c++"]),
    st.lists(CODE_LINE, min_size=1, max_size=30),
)
HEADING = st.builds(lambda level, words: f"{'#' * level} {words}", st.integers(1, 3), SENTENCE)
ANSWER = st.lists(st.one_of(HEADING, PARAGRAPH, LIST, CODE), max_size=12).map("\n\n".join)

MARKUP = (
    "` `` ``` ```` ```py ~~~ ~~~~ * ** *** _ __ ~~ || | |- |--| \\ [ ] ( ) ![ ]( http://x.y/ < > <@1> <@& @everyone "
    "@here # ## #### ----- - 1. > : . a bc 日本 👍 🇩🇪 👩‍💻 é"
).split()
STRANGE = [*MARKUP, " ", "   ", "\n", "\n\n", "\t", "\r", "\0", "word " * 9]
SOUP = st.lists(st.sampled_from(STRANGE), max_size=120).map("".join)
ANYTHING = st.one_of(st.text(), SOUP, ANSWER, st.lists(st.one_of(ANSWER, SOUP), max_size=3).map("\n".join))
LIMIT = st.integers(50, 2000)


def ink(parts: Iterable[str]) -> str:
    """All but white space and the lines that open and close code blocks."""
    return "".join("".join(re.sub(r"(?m)^```[a-z+]*$", "", part).split()) for part in parts)


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def table(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
