"""How much of what holds the answers was found (facts: recall, section 1)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from benchmarks.locomo import Answered, Data, Gold, Said

Scores = dict[str, float]
ADVERSARIAL = "adversarial"  # the fact belongs to somebody else; stands apart


def score(data: Data, run: Iterable[Answered]) -> dict[str, object]:
    """`overall`, `by_category`, `by_conversation`: shares of 0 to 1; `n`: questions in `overall`."""
    size = {(said.conv, said.id): _tokens(said) for said in data.dialogs}
    by_qid = {answered.qid: answered for answered in run}
    rows = [(gold, _one(gold, by_qid.get(gold.qid), size)) for gold in data.gold]
    categories, conversations = defaultdict(list), defaultdict(list)
    for gold, scores in rows:
        categories[gold.category].append(scores)
        if gold.category != ADVERSARIAL:
            conversations[gold.conv].append(scores)
    return {
        "n": sum(map(len, conversations.values())),
        "overall": _mean([scores for found in conversations.values() for scores in found]),
        "by_category": {name: _mean(found) for name, found in categories.items()},
        "by_conversation": {name: _mean(found) for name, found in conversations.items()},
    }


def _one(gold: Gold, answered: Answered | None, size: Mapping[tuple[str, str], float]) -> Scores:
    evidence = set(gold.evidence)
    ranked = answered.ranked if answered else ()
    context = answered.context if answered else ()
    ranks = [rank for rank, one in enumerate(ranked, 1) if one in evidence]
    scores: Scores = {}
    for k in (4, 10, 20):
        hits = sum(rank <= k for rank in ranks)
        scores |= {
            f"recall@{k}": hits / len(evidence),
            f"hit@{k}": float(hits > 0),
            f"all@{k}": float(hits == len(evidence)),
        }
    scores["mrr"] = 1 / ranks[0] if ranks else 0.0
    scores["context_recall"] = len(evidence & set(context)) / len(evidence)
    scores["context_tokens"] = sum(size[gold.conv, one] for one in context)
    scores["context_messages"] = float(len(context))
    return scores


def _mean(found: Sequence[Scores]) -> Scores:
    return {name: round(fmean(scores[name] for scores in found), 4) for name in found[0]} if found else {}


def _tokens(said: Said) -> float:
    """Characters / 4, with the speaker."""
    return (len(said.text) + len(said.image_caption or "") + len(said.speaker) + 2) / 4
