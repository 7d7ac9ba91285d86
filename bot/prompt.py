"""Persona, what was recalled and the conversation → what the model reads, inside a token budget.

Ordered so that providers can cache the beginning: nothing above the history changes from turn to turn.
"""

import math
from collections.abc import Sequence
from datetime import datetime

from bot.chat import Line
from bot.ports import Prompt, Recollection, Said


def compose(persona: str, recollection: Recollection, budget: int, now: datetime | None = None) -> Prompt:
    """The prompt: persona, history oldest first, then date and notes, then what waits for an answer.

    `budget` is in tokens; what waits is always there, whole, and as much of the history before it as fits.
    Without `now` the model gets the bare conversation.
    """
    lines = [line for line in recollection.lines if line.text.strip()]
    first = next((at for at, line in enumerate(lines) if line.waiting), len(lines))
    several = len({line.author for line in lines if line.author}) > 1
    new = [Said(line.role, _words(line, several)) for line in lines[first:]]
    aside = _aside(recollection.notes, now)
    left = budget - sum(tokens(said.text) for said in (Said(None, persona), *aside, *new))
    history: list[Said] = []
    for line in reversed(lines[:first]):
        said = Said(line.role, _words(line, several))
        left -= tokens(said.text)
        if left < 0:
            break
        history.append(said)
    return [Said(None, persona), *reversed(history), *aside, *new]


def tokens(text: str) -> int:
    """About how many tokens a model counts; a heuristic for budgets (facts: models, section 7), not for accounting."""
    wide = sum(character >= "\u2e80" for character in text)  # Chinese, Japanese, Korean: at least one each
    return max(math.ceil(len(text.encode()) / 3.5), wide) + 4  # 4: what surrounds each message


def _aside(notes: Sequence[str], now: datetime | None) -> list[Said]:
    parts = []
    if notes:
        parts.append("What you remember that may matter now:\n" + "\n".join(f"- {note}" for note in notes))
    if now is not None:  # the day only, so that the prompt stays the same for a day
        parts.append(f"Today is {now:%A}, {now.day} {now:%B %Y}.")
    return [Said(None, "\n\n".join(parts))] if parts else []


def _words(line: Line, several: bool) -> str:
    """What was said, with the speaker's name before it where more than one person speaks."""
    return f"{line.author.partition(':')[2]}: {line.text}" if several and line.author else line.text
