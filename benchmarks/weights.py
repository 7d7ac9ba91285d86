"""Fits the weights of memory/recall/ranking.py: which of the messages that recall finds hold what was asked for.

`python -m benchmarks.weights --data locomo.json` fits a conditional logit over the candidates of each question, as the
real search brings them: on all conversations, which are the weights to be copied, and on all but one in turn, which is
how well such weights do on a conversation that they have not seen.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.locomo import Data, load, time_of
from benchmarks.recall import _id, _person, _question, _thread, embedder_of, ingest, open_house
from benchmarks.scoring import ADVERSARIAL
from memory.recall import ranking
from memory.recall.search import scope

Numbers = NDArray[np.float64]
RIDGE = 2.0  # times the square of each weight
STEPS = 30


@dataclass(frozen=True)
class Case:
    """One question and its candidates."""

    conv: str
    category: str
    evidence: int  # messages that hold the answer, found or not
    features: Numbers  # candidates × features
    holds: Numbers  # 1 for candidates that hold the answer
    share: float = 1.0  # how much it counts


async def cases(data: Data) -> list[Case]:
    """All questions, put to the real search."""
    embedder = embedder_of("local")
    gold = {one.qid: one for one in data.gold}
    found = []
    async with open_house(embedder) as house:
        await ingest(house, data.dialogs)
        for query in data.queries:
            thread = _thread(query.conv, "questions")
            await house.transcript.hear(_question(query, thread, _person(query.conv, "asker")))
            where = await scope(house.database, thread, whole=True)
            assert where is not None
            hits = await house.recall.find(where, query.question, time_of(query.asked_at))
            listed = ranking.features(hits.question, hits.found)
            answer = gold[query.qid]
            found.append(
                Case(
                    query.conv,
                    answer.category,
                    len(answer.evidence),
                    np.array([[values[name] for name in ranking.WEIGHTS] for values in listed]),
                    np.array([float(_id(passage.message) in answer.evidence) for passage in hits.found.passages]),
                    0.5 if answer.category == ADVERSARIAL else 1.0,
                )
            )
    return found


def fit(given: Sequence[Case]) -> Numbers:
    """Weights under which those that hold the answer are likeliest, by Newton's method: the problem is convex."""
    known = [case for case in given if case.holds.any()]
    weights = np.zeros(len(ranking.WEIGHTS))
    loss, slope, bend = _loss(known, weights)
    for _ in range(STEPS):
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while (tried := _loss(known, weights - size * step))[0] > loss and size > 1e-6:
            size /= 2
        weights -= size * step
        done = loss - tried[0] < 1e-6
        loss, slope, bend = tried
        if done:
            break
    return weights


def _loss(known: Sequence[Case], weights: Numbers) -> tuple[float, Numbers, Numbers]:
    """How unlikely what holds the answers is, with its first and second derivatives."""
    loss = RIDGE * float(weights @ weights)
    slope, bend = 2 * RIDGE * weights, 2 * RIDGE * np.eye(len(weights))
    for case in known:
        scores = case.features @ weights
        top = scores.max()
        likely = np.exp(scores - top)
        total = likely.sum()
        likely /= total
        wanted = case.holds / case.holds.sum()
        mean = likely @ case.features
        loss += case.share * float(top + np.log(total) - wanted @ scores)
        slope += case.share * (mean - wanted @ case.features)
        bend += case.share * ((case.features * likely[:, None]).T @ case.features - np.outer(mean, mean))
    return loss, slope, bend


def recall(given: Sequence[Case], weights: Numbers, k: int) -> list[float]:
    """The share of what holds the answer among the best `k`, for each case."""
    return [
        case.holds[np.argsort(-(case.features @ weights), kind="stable")[:k]].sum() / case.evidence for case in given
    ]


def report(data: Data, found: Sequence[Case]) -> dict[str, object]:
    """`weights` for all; `unseen` and `seen`: mean recall in percent."""
    unseen: dict[str, list[float]] = {}
    for conv in dict.fromkeys(case.conv for case in found):
        weights = fit([case for case in found if case.conv != conv])
        for name, case in ((name, case) for case in found if case.conv == conv for name in ("recall@4", "recall@10")):
            kind = f"{ADVERSARIAL} {name}" if case.category == ADVERSARIAL else name
            unseen.setdefault(kind, []).extend(recall([case], weights, int(name.partition("@")[2])))
    weights = fit(found)
    main = [case for case in found if case.category != ADVERSARIAL]
    other = [case for case in found if case.category == ADVERSARIAL]
    return {
        "dataset_sha256": data.sha256,
        "weights": {name: round(float(value), 2) for name, value in zip(ranking.WEIGHTS, weights, strict=True)},
        "unseen": {name: _percent(values) for name, values in unseen.items()},
        "seen": {
            "recall@4": _percent(recall(main, weights, 4)),
            "recall@10": _percent(recall(main, weights, 10)),
            f"{ADVERSARIAL} recall@10": _percent(recall(other, weights, 10)),
        },
    }


def _percent(values: Sequence[float]) -> float:
    return round(100 * float(np.mean(values)), 1) if values else 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    data_ = load(parser.parse_args().data)
    print(json.dumps(report(data_, asyncio.run(cases(data_))), indent=1))
