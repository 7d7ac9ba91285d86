"""The choice of the lines of pages that find room in a prompt. Pure.

While a page fits, all of it stands there, oldest first. Where it does not, the choice depends on the page alone and not
on the question, so that the beginning of the prompt stays as it is; what the question is about comes after.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from memory.working import kinds
from memory.working.sameness import telling

Found = TypeVar("Found")
ABOUT = 0.5  # a message is about a line with which it shares a word that few others have
ASKED = 4  # the part of a budget that the question's own lines may have besides


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page as it will be shown."""

    text: str
    month: str  # in which it was learned; empty when that is not known
    label: str  # of its field
    value: str
    single: bool  # there is one truth of it
    worth: int  # how often it was confirmed and asked about
    tokens: int


def chosen(lines: Sequence[Line], budget: int) -> list[Line]:
    """Those that fit, in the order given, which is from the oldest to the newest."""
    if sum(line.tokens for line in lines) <= budget:
        return list(lines)
    first = [kinds.first(line.label, line.value, single=line.single) for line in lines]
    order = sorted(range(len(lines)), key=lambda at: (first[at], -lines[at].worth, -at))
    kept: set[int] = set()
    for at in order:
        if lines[at].tokens <= budget:
            kept.add(at)
            budget -= lines[at].tokens
    return [line for at, line in enumerate(lines) if at in kept]


def pertinent(lines: Sequence[Line], left_out: Sequence[Line], question: str, budget: int) -> list[Line]:
    """Those left out that share telling words with a question, as many as fit; a word counts more the fewer have it."""
    asked = _scores([line.text for line in lines], question)
    scores = [asked[line.text] for line in left_out]
    kept: set[int] = set()
    for at in sorted(range(len(left_out)), key=lambda at: (-scores[at], -at)):
        if scores[at] > 0 and left_out[at].tokens <= budget:
            kept.add(at)
            budget -= left_out[at].tokens
    return [line for at, line in enumerate(left_out) if at in kept]


def shares(wanted: Mapping[str, int], each: int, total: int) -> dict[str, int]:
    """How many tokens each person's page gets: at most `each`, all together at most `total`.

    Who needs less than an equal share gets that; what is left is shared out among the others.
    """
    left = total
    found: dict[str, int] = {}
    for count, person in enumerate(sorted(wanted, key=lambda person: wanted[person])):
        found[person] = min(wanted[person], each, left // (len(wanted) - count))
        left -= found[person]
    return found


def about(lines: Sequence[tuple[Found, str]], message: str) -> list[Found]:
    """Those of some lines, each with its text, that a message is about."""
    scores = _scores([text for _, text in lines], message)
    return [found for found, text in lines if scores[text] >= ABOUT]


def _scores(texts: Sequence[str], asked: str) -> dict[str, float]:
    """How much each text has in common with what is asked: a word counts the more the fewer texts have it."""
    words = {text: telling(text) for text in texts}
    having = Counter(word for said in words.values() for word in said)
    wanted = telling(asked)
    return {text: sum(1 / having[word] for word in said & wanted) for text, said in words.items()}
