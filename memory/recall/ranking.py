"""Which of the messages that were found matter most to a question. Pure.

A weighted sum of cheap features. The weights are those of a conditional logit over the candidates of each question,
fitted on the development conversations of LoCoMo (facts: recall; `python -m benchmarks.weights`).
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from memory.recall.dates import Span, asks_when, spans, tells_when, within
from memory.recall.gist import alike, core
from memory.recall.search import Found, Passage

NEAR = timedelta(hours=3)  # without a longer silence between, what was said in a thread belongs together
SHORT = 6  # words; so short a message means little without the one before it
YEARS = 5  # a date without a year may be in any of the last

WEIGHTS: Mapping[str, float] = {
    "bm25": 0.85,  # its words, against the best of all
    "meaning": 1.22,  # its vector's nearness, likewise
    "covered": 0.7,  # how much of the question's words it has, by their weight
    "covered_near": 2.26,  # … with its neighbours
    "found": 0.43,  # by itself, not as a neighbour
    "spoken": 0.39,  # by whom the question is about
    "spoken_long": 1.05,  # … in many words: they tell more
    "long": 0.71,  # in words
    "asks": -0.59,  # it ends as a question, and answers none
    "time": 0.43,  # it tells when
    "time_asked": 1.71,  # … and the question asks for that
    "dated": 2.69,  # said when the question's time was
    "best_near": 1.91,  # the best that was said around it
    "after_question": 1.16,  # it stands behind a question that was found
    "next_meaning": 0.42,  # nearness of the one behind it
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, as far as it matters to what answers it."""

    text: str
    asked: datetime
    people: frozenset[str]  # whom it is about, as authors; the asker where it says "I"
    askers: frozenset[str] = frozenset()  # who asks it, word for word; nobody where a model looks something up

    @property
    def spans(self) -> list[Span]:
        """The times that it names."""
        return spans(self.text, self.asked, YEARS)


def rank(question: Question, found: Found) -> list[Passage]:
    """The passages, best first."""
    totals = [sum(WEIGHTS[name] * value for name, value in values.items()) for values in features(question, found)]
    order = sorted(range(len(totals)), key=lambda at: -totals[at])
    return [found.passages[at] for at in order]


def single(question: Question, ranked: Sequence[Passage]) -> list[Passage]:
    """What somebody said several times once, as they said it last, in the place of the best; no copies of the question.

    A short reply is told from another one by what it replies to.
    """
    asked = [core(line) for line in {question.text, *question.text.split("\n")}]
    rough = _rough(question.text)
    at = {(passage.thread, passage.place): passage for passage in ranked}
    newest: dict[tuple[object, ...], Passage] = {}
    for passage in ranked:
        if _questions(passage, question) and (passage.kin == 0 or 2 * len(rough & _rough(passage.text)) >= len(rough)):
            words = core(passage.text)
            if any(alike(words, line) for line in asked):
                continue
        key: tuple[object, ...] = (passage.author, passage.kin)
        before = at.get((passage.thread, passage.place - 1))
        if before is not None and len(passage.text.split()) < SHORT and _asks(before.text):
            key = (*key, before.kin)
        if key not in newest or newest[key].said < passage.said:
            newest[key] = passage
    return list(newest.values())


def _rough(text: str) -> set[str]:
    """The words of a text at a glance: to read each one closely would take as long as the search."""
    return set(text.casefold().split())


def _questions(passage: Passage, question: Question) -> bool:
    """Whether a message asks something, or is from who asks now: it may be the question itself, asked before."""
    return passage.author in question.askers or "?" in passage.text or _ASKING.match(passage.text) is not None


_ASKING = re.compile(
    r"\W*(?:what|who|whom|whose|where|when|why|how|which|is|are|am|was|were|do|does|did|can|could|will|would|should)\b",
    re.IGNORECASE,
)


def features(question: Question, found: Found) -> list[dict[str, float]]:
    """What the weights are for, of each passage; numbers of about 0 to 1."""
    near = _Neighbours(found.passages)
    most = max((passage.bm25 for passage in found.passages), default=0.0) or 1.0
    words = [passage.bm25 / most for passage in found.passages]
    meaning = _stretched([passage.distance for passage in found.passages])
    spoken = [float(passage.author in question.people) for passage in found.passages]
    around = [score + 0.4 * (near.before(words, at) + near.after(words, at)) for at, score in enumerate(words)]
    most = max(around, default=0.0) or 1.0
    base = [
        lexical / most + 0.7 * semantic + 0.15 * speaker
        for lexical, semantic, speaker in zip(around, meaning, spoken, strict=True)
    ]
    best = near.best(base)
    covered = _Covered(found.weights)
    when = asks_when(question.text)
    times = question.spans
    listed = []
    for at, passage in enumerate(found.passages):
        masks = passage.words | near.before_masks[at] | near.after_masks[at]
        long = math.log1p(len(passage.text.split())) / 3
        told = float(tells_when(passage.text))
        before = near.previous[at]
        asked = before is not None and "?" in found.passages[before].text
        listed.append(
            {
                "bm25": words[at],
                "meaning": meaning[at],
                "covered": covered[passage.words],
                "covered_near": covered[masks],
                "found": float(passage.found),
                "spoken": spoken[at],
                "spoken_long": spoken[at] * long,
                "long": long,
                "asks": float(_asks(passage.text)),
                "time": told,
                "time_asked": told * when,
                "dated": float(within(passage.said, times)),
                "best_near": best[at],
                "after_question": near.before(base, at) if asked else 0.0,
                "next_meaning": near.after(meaning, at),
            }
        )
    return listed


class _Neighbours:
    """What stands right before and behind each passage in its conversation, where that was found too."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._passages = passages
        at = {(passage.thread, passage.place): number for number, passage in enumerate(passages)}
        self.previous = [at.get((passage.thread, passage.place - 1)) for passage in passages]
        self.following = [at.get((passage.thread, passage.place + 1)) for passage in passages]
        self.before_masks = [0 if other is None else passages[other].words for other in self.previous]
        self.after_masks = [0 if other is None else passages[other].words for other in self.following]

    def before(self, values: Sequence[float], at: int) -> float:
        other = self.previous[at]
        return 0.0 if other is None else values[other]

    def after(self, values: Sequence[float], at: int) -> float:
        other = self.following[at]
        return 0.0 if other is None else values[other]

    def best(self, values: Sequence[float]) -> list[float]:
        """The greatest value of what was said in the same thread at about the same time, for each passage."""
        order = sorted(range(len(values)), key=lambda at: (self._passages[at].thread, self._passages[at].said))
        runs: list[list[int]] = []
        for at in order:
            passage = self._passages[at]
            last = self._passages[runs[-1][-1]] if runs else None
            if last is not None and last.thread == passage.thread and passage.said - last.said <= NEAR:
                runs[-1].append(at)
            else:
                runs.append([at])
        best = list(values)
        for run in runs:
            highest = max(values[at] for at in run)
            for at in run:
                best[at] = highest
        return best


def _stretched(distances: Sequence[float | None]) -> list[float]:
    """Nearness: 1 for the nearest, 0 for the one in the middle, whatever model the vectors are from."""
    known = sorted(distance for distance in distances if distance is not None)
    if not known:
        return [0.0] * len(distances)
    nearest, middle = known[0], known[len(known) // 2]
    width = middle - nearest or 1.0
    return [0.0 if distance is None else (middle - distance) / width for distance in distances]


class _Covered(dict[int, float]):
    """How much of a question some of its lexemes are, by their weight: many messages have the same ones."""

    def __init__(self, weights: Sequence[float]) -> None:
        super().__init__()
        self._weights = weights
        self._all = sum(weights) or 1.0

    def __missing__(self, mask: int) -> float:
        weight = sum(weight for bit, weight in enumerate(self._weights) if mask >> bit & 1)
        return self.setdefault(mask, weight / self._all)


def _asks(text: str) -> bool:
    """Whether a message ends as a question; what stands behind it in brackets is a file."""
    return text.partition("\n[")[0].rstrip().endswith("?")
