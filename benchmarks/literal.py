"""How well facts are found in what people say, and what the embedded model adds: on the corpus of the tests.

`python -m benchmarks.literal [--half tuning|held-out] [--wrong]`; half a minute a half on a quiet machine.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from bot.models.local import LocalModel
from bot.ports import Model, Prompt, Tool
from memory.working.literal import Found, find
from tests.memory.working.literal_corpus import FIELDS, HELD_OUT, OPEN, TUNING, Case, Fact

HALVES = {"tuning": TUNING, "held-out": HELD_OUT}


async def main() -> None:
    options = _options()
    model = LocalModel()
    try:
        for name, cases in HALVES.items():
            if options.half in (None, name):
                await _measure(name, cases, model, wrong=options.wrong)
        await _judge(model)
    finally:
        await model.close()


async def _measure(name: str, cases: Sequence[Case], model: LocalModel, *, wrong: bool) -> None:
    print(f"{name}: {len(cases)} messages, {sum(len(case.facts) for case in cases)} facts")
    judges = {"no to the rest": Judge("now"), "yes to the rest": Judge("always"), "the model": Judge(model)}
    for label, judge in judges.items():
        started = time.perf_counter()
        outcomes = [_outcome(case, await find(cast(Model, judge), [case.text], FIELDS)) for case in cases]
        print(f"  forms, and {label:15} {_figures(outcomes)}")
        if judge.asked:
            print(f"    asked {judge.asked} times, {(time.perf_counter() - started) / judge.asked:.2f} s each")
        if wrong and label == "the model":
            for case, outcome in zip(cases, outcomes, strict=True):
                _show(case, outcome)
    verdicts = [
        (said, any(fact.words in clause for fact in case.facts))
        for case in cases
        for clause, said in judges["the model"].verdicts.items()
        if clause in case.text
    ]
    right, facts = sum(said == true for said, true in verdicts), sum(true for _, true in verdicts)
    print(f"  verdicts of the model: {right} of {len(verdicts)} right; always yes would be {facts}")


async def _judge(model: LocalModel) -> None:
    """The model's verdicts alone, on clauses of which half are facts: a coin is right in half of them."""
    judge = Judge(model)
    for text, _ in OPEN:
        await find(cast(Model, judge), [text], FIELDS)
    verdicts = [(judge.verdicts[text], lasts) for text, lasts in OPEN if text in judge.verdicts]
    facts = [said for said, lasts in verdicts if lasts]
    others = [said for said, lasts in verdicts if not lasts]
    print(f"open clauses: {len(OPEN)}, asked about {len(verdicts)}")
    print(f"  yes to {sum(facts)} of {len(facts)} facts, and to {sum(others)} of {len(others)} others")


class Judge:
    """Stands in for the model, or counts what it says."""

    def __init__(self, verdict: LocalModel | str) -> None:
        self._verdict = verdict
        self.verdicts: dict[str, bool] = {}

    @property
    def asked(self) -> int:
        return len(self.verdicts)

    async def call(self, prompt: Prompt, tool: Tool) -> Mapping[str, Any]:
        if isinstance(self._verdict, str):
            return {"true": self._verdict}
        arguments = await self._verdict.call(prompt, tool)
        self.verdicts[prompt[-1].text] = arguments["true"] == "always"
        return arguments


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message."""

    right: Sequence[Found]
    mislabelled: Sequence[Found]
    invented: Sequence[Found]
    missed: Sequence[Fact]
    open: int  # of those right, how many are under the last field


def _outcome(case: Case, found: Sequence[Found]) -> Outcome:
    right: list[Found] = []
    mislabelled: list[Found] = []
    invented: list[Found] = []
    for one in found:
        fields = [field for fact in case.facts if fact.words in one.value for field in fact.fields]
        kind = invented if not fields else right if one.field in (*fields, FIELDS[-1]) else mislabelled
        kind.append(one)
    missed = [fact for fact in case.facts if not any(fact.words in one.value for one in found)]
    return Outcome(right, mislabelled, invented, missed, sum(one.field == FIELDS[-1] for one in right))


def _figures(outcomes: Sequence[Outcome]) -> str:
    right = sum(len(outcome.right) for outcome in outcomes)
    mislabelled = sum(len(outcome.mislabelled) for outcome in outcomes)
    invented = sum(len(outcome.invented) for outcome in outcomes)
    missed = sum(len(outcome.missed) for outcome in outcomes)
    last = sum(outcome.open for outcome in outcomes)
    found = right + mislabelled
    return (
        f"precision {found / (found + invented):.3f}  recall {found / (found + missed):.3f}  ({right} right, {last} of "
        f"them under the last field; {mislabelled} mislabelled, {invented} invented, {missed} missed)"
    )


def _show(case: Case, outcome: Outcome) -> None:
    for kind, found in (("mislabelled", outcome.mislabelled), ("invented", outcome.invented)):
        for one in found:
            print(f"    {kind}: {one.field}: {one.value}")
    for fact in outcome.missed:
        print(f"    missed: {fact.words} ({case.text})")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=HALVES)
    parser.add_argument("--wrong", action="store_true", help="show what is mislabelled, invented or missed")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
