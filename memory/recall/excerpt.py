"""The stretch of a long text in which most of what was asked for stands. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import fsum

from memory.recall.terms import terms

_SMALL = frozenset(  # words of nearly every question, in the languages that are read most
    """
    a an the is are am be was were do does did has have had can could will would i me my we our you your he she it
    they his her their its of in on at to for from with by and or not this that there what which who whom whose when
    where why how
    der die das den dem ein eine ist sind war hat haben ich du er sie es wir mein meine dein und oder in im am an auf
    von zu mit fur was wer wie wo wann warum welche welcher welches
    le la les l un une des du de est sont etait a ont je tu il elle nous mon ma mes ton et ou au en que quel quelle
    qui quand comment pourquoi
    el los las una es son era ha han yo mi tu su y o con por para del al quien cual donde cuando como
    """.split()
)


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
    """From where to where: half of it holds what was asked for, and a quarter stands before and behind."""
    words = list(dict.fromkeys(asked))
    said = [(found.start(), terms(found[0])) for found in re.finditer(r"\S+", line)]
    hits = [(at, word) for at, heard in said for word in words if any(_akin(word, term) for term in heard)]
    start = max(0, _densest(hits, most // 2) - most // 4)
    if start + most >= len(line):
        return _next(line, len(line) - most), len(line)
    end = line.rfind(" ", start + most // 2, start + most)
    return _next(line, start), end if end > 0 else start + most


def _densest(hits: Sequence[tuple[int, str]], wide: int) -> int:
    """Where the last of the stretches begins in which most of what was asked for stands, the closer the better."""
    often = Counter(word for _, word in hits)
    far, near = _worth(hits, often, wide), _worth(hits, often, wide // 4)
    best, start = 0.0, 0
    for (place, _), *scores in zip(hits, far, near, strict=True):
        if (score := fsum(scores)) >= best:
            best, start = score, place
    return start


def _worth(hits: Sequence[tuple[int, str]], often: Mapping[str, int], wide: int) -> Iterator[float]:
    """For each hit, what stands in the stretch that begins with it; words that are rare in the text count more."""
    inside: Counter[str] = Counter()
    behind = 0
    for place, word in hits:
        while behind < len(hits) and hits[behind][0] < place + wide:
            inside[hits[behind][1]] += 1
            behind += 1
        yield fsum(_weight(found) / often[found] for found, times in inside.items() if times)
        inside[word] -= 1


def _weight(word: str) -> float:
    """How much a word of a question says, however often it stands in a text."""
    return len(word) / 20 if word in _SMALL else len(word)


def _next(line: str, start: int) -> int:
    """The beginning of the next word, if one is near."""
    space = line.find(" ", start - 1, start + 40) if start > 0 else -1
    return space + 1 if space >= 0 else start


def _akin(one: str, other: str) -> bool:
    """Whether two words may be forms of one: bake, baking."""
    same = max(4, min(len(one), len(other)) - 2)
    return one == other or (len(one) >= 4 and len(other) >= 4 and one[:same] == other[:same])
