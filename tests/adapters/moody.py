"""A model that often fails before it answers, and a program with little patience: so that notices are shown."""

import random
from collections import Counter
from collections.abc import Callable, Mapping

from tests.adapters.numbering import echo
from tests.fakes import model as faults
from tests.fakes.model import Body, text_in

PROGRAM = (
    "import bot.waiting\n"
    "bot.waiting.NOTICE_SECONDS, bot.waiting.AGAIN_SECONDS = 0.3, 0.1\n"
    "from bot.__main__ import main\n"
    "main()"
)
FAILURES: Mapping[str, faults.Answer] = {
    "model asked again by its client": faults.Status(429, headers=(("Retry-After", "1"),)),
    "turn put off": faults.Status(500, headers=(("x-should-retry", "false"),)),
    "model broke off": faults.ErrorInside(429, "slow down", "rate_limit_error", after=3),
}
MOST = 2  # failures over the same question: after four its turn is given up


def moody(dice: random.Random, troubles: Counter[str]) -> Callable[[Body], faults.Answer]:
    """Answers like `echo`, now and then only after a failure."""
    failed: Counter[str] = Counter()

    def answer(body: Body) -> faults.Answer:
        question = text_in(body["messages"][-1]["content"])
        if dice.random() < 0.15 and failed[question] < MOST:
            failed[question] += 1
            name = dice.choice(list(FAILURES))
            troubles[name] += 1
            return FAILURES[name]
        return echo(body)

    return answer
