"""What people say of themselves, in their own words: for a model too small to be trusted with words of its own."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.ports import Model, Prompt, Said, Tool
from memory.working.clauses import Clause, clauses
from memory.working.forms import label, passing

_VERB = re.compile(r"\b(?:is|are|in|as|at|me)\b|'s\b")  # what stands behind it may change
ASKED = 8  # clauses that the model is asked about at once, at a third of a second each; more are left out


@dataclass(frozen=True, slots=True)
class Found:
    """A fact about a speaker."""

    message: int  # index into the messages
    field: str  # one of the fields
    value: str  # as the person put it: a span of the message's own words, on one line


async def find(model: Model | None, messages: Sequence[str], fields: Sequence[str]) -> list[Found]:
    """What a speaker says about themselves, in their own words only. Raises ModelError.

    A form of words that is known brings its field with it. Of any other clause in the first person the model says
    whether it is always true, and it goes under the last field, which is for anything; without a model it is left out.
    """
    found = []
    asked = 0
    for message, clause in _spoken(messages):
        field = label(clause.plain, fields)
        if field is None and model is not None and asked < ASKED and not passing(clause.plain):
            asked += 1
            field = fields[-1] if await _lasts(model, clause) else None
        if field is not None:
            found.append(Found(message, field, clause.text))
    return found


def same_matter(old: str, new: str) -> bool:
    """Whether a clause takes the place of an older one: `I live in Porto` that of `I live in Lisbon`."""
    parts = [_VERB.split(clause.casefold(), maxsplit=1) for clause in (old, new)]
    return len(parts[0]) == len(parts[1]) == 2 and parts[0][0].split() == parts[1][0].split()


def _spoken(messages: Sequence[str]) -> list[tuple[int, Clause]]:
    return [(index, clause) for index, message in enumerate(messages) for clause in clauses(message)]


async def _lasts(model: Model, clause: Clause) -> bool:
    """Whether a clause is true of its speaker for long."""
    arguments = await model.call([*_LESSON, Said(None, clause.text)], _SORT)
    return bool(arguments["true"] == _ALWAYS)


_ALWAYS, _NOW = "always", "now"
_SORT = Tool(
    "sort",
    "Sort it.",
    {
        "type": "object",
        "properties": {"true": {"enum": [_ALWAYS, _NOW]}},
        "required": ["true"],
        "additionalProperties": False,
    },
)

# By turns true now and true always.
_EXAMPLES = (
    ("I'm late for the bus", "I live in Madrid"),
    ("I need help with this", "I'm a carpenter"),
    ("I'm exhausted today", "my sister is called Eva"),
    ("I like this answer", "I like football"),
    ("I have to leave now", "I have diabetes"),
    ("my battery is empty", "my car is red"),
    ("I'm in the kitchen", "I'm afraid of dogs"),
    ("I found the file", "I swim every morning"),
    ("I'm ready", "I'm Norwegian"),
    ("I want to see the list", "I want to learn Greek"),
    ("I've sent it", "I've never smoked"),
    ("I'm making tea", "I'm a light sleeper"),
)


def _lesson() -> Prompt:
    """The same bytes before every clause, so that the embedded model reads them once."""
    lesson = [Said("user", "Is it true of the person always, or only now?")]
    for now, always in _EXAMPLES:
        for text, answer in ((now, _NOW), (always, _ALWAYS)):
            lesson += [Said(None, text), Said("assistant", json.dumps({"true": answer}))]
    return lesson


# Clauses are said as instructions: a call's schema is put behind the last thing that a user said, which is then the
# question above and not the clause. Measured: the other way round the same examples are no better than a coin.
_LESSON = _lesson()
