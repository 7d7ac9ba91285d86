"""Persona, what was recalled and the conversation → what the model reads, inside a token budget.

Ordered so that providers can cache the beginning: each prompt begins with the whole prompt of the turn before it. The
date is the day alone and stands with the persona: it changes once a day. Before the newest message it would cut the
cached part there on every turn, and many a server's chat template refuses instructions inside a conversation.
"""

import math
from collections.abc import Sequence
from datetime import datetime

from bot.chat import Line
from bot.ports import Prompt, Recollection, Said


def compose(persona: str, recollection: Recollection, budget: int, now: datetime | None = None) -> Prompt:
    """The prompt: persona and date, history oldest first, then notes, then what waits for an answer.

    `budget` is in tokens; what waits is always there, whole, and as much of the history before it as fits.
    Without `now` the model gets no date.
    """
    lines = [line for line in recollection.lines if line.text.strip()]
    first = next((at for at, line in enumerate(lines) if line.waiting), len(lines))
    several = len({line.author for line in lines if line.author}) > 1
    instructions = Said(None, persona if now is None else f"{persona}\n\nToday is {now:%A}, {now.day} {now:%B %Y}.")
    new = [*_notes(recollection.notes), *(Said(line.role, _words(line, several)) for line in lines[first:])]
    left = budget - sum(tokens(said.text) for said in (instructions, *new))
    history: list[Said] = []
    for line in reversed(lines[:first]):
        said = Said(line.role, _words(line, several))
        left -= tokens(said.text)
        if left < 0:
            break
        history.append(said)
    return [instructions, *reversed(history), *new]


def tokens(text: str) -> int:
    """About how many tokens a model counts; a heuristic for budgets (facts: models, section 7), not for accounting."""
    wide = sum(character >= "\u2e80" for character in text)  # Chinese, Japanese, Korean: at least one each
    return max(math.ceil(len(text.encode()) / 3.5), wide) + 4  # 4: what surrounds each message


def _notes(notes: Sequence[str]) -> list[Said]:
    if not notes:
        return []
    return [Said(None, "What you remember that may matter now:\n" + "\n".join(f"- {note}" for note in notes))]


def _words(line: Line, several: bool) -> str:
    """What was said, with the speaker's name before it where more than one person speaks."""
    return f"{line.author.partition(':')[2]}: {line.text}" if several and line.author else line.text
