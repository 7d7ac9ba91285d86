"""The stretch of a long text in which most of what was asked for stands. Pure."""

import re
from collections import Counter
from collections.abc import Sequence

from memory.recall.terms import terms


def excerpt(text: str, asked: Sequence[str], most: int, *, before: bool = False, after: bool = False) -> str:
    """At most so many characters of a text, on one line, with "…" where something is left out.

    `asked`: the words of the question. `before`, `after`: whether the text itself is cut from a longer one there.
    """
    line = " ".join(text.split())
    start, end = (0, len(line)) if len(line) <= most else _stretch(line, asked, most - 2)  # 2: "…" at both ends
    left = "…" if before or start > 0 else ""
    right = "…" if after or end < len(line) else ""
    return f"{left}{line[start:end].strip()}{right}"


def _stretch(line: str, asked: Sequence[str], most: int) -> tuple[int, int]:
    """From where to where; a quarter of it stands before the first word that was asked for."""
    hits = [
        (found.start(), word)
        for found in re.finditer(r"\S+", line)
        for word in dict.fromkeys(asked)
        if any(_akin(word, term) for term in terms(found[0]))
    ]
    often = Counter(word for _, word in hits)
    best, start = 0.0, 0
    for at, _ in hits:
        words = {word for place, word in hits if at <= place < at + 3 * most // 4}
        if (score := sum(len(word) / often[word] for word in words)) > best:
            best, start = score, max(0, at - most // 4)
    if start + most >= len(line):
        return _next(line, len(line) - most), len(line)
    end = line.rfind(" ", start + most // 2, start + most)
    return _next(line, start), end if end > 0 else start + most


def _next(line: str, start: int) -> int:
    """The beginning of the next word, if one is near."""
    space = line.find(" ", start - 1, start + 40) if start > 0 else -1
    return space + 1 if space >= 0 else start


def _akin(one: str, other: str) -> bool:
    """Whether two words may be forms of one: bake, baking."""
    same = max(4, min(len(one), len(other)) - 2)
    return one == other or (len(one) >= 4 and len(other) >= 4 and one[:same] == other[:same])
