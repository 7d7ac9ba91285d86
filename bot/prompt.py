"""Persona, what was recalled and the conversation → what the model reads, inside a token budget.

Ordered so that providers can cache the beginning: each prompt begins with the whole prompt of the turn before it. The
date is the day alone and stands with the persona: it changes once a day. Before the newest message it would cut the
cached part there on every turn, and many a server's chat template refuses instructions inside a conversation.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from bot.chat import Line, Quote
from bot.ports import Prompt, Recollection, Said

QUOTED = 200  # characters of a message that another one replies to


def compose(
    persona: str,
    recollection: Recollection,
    budget: int,
    now: datetime | None = None,
    pictures: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Prompt:
    """The prompt: persona and date, history oldest first, then notes, then what waits for an answer.

    `budget` is in tokens; what waits is always there, whole, and as much of the history before it as fits.
    Without `now` the model gets no date. `pictures`: data: URLs by the id of the line that they belong to.
    """
    lines = [line for line in recollection.lines if line.text.strip()]
    first = next((at for at, line in enumerate(lines) if line.waiting), len(lines))
    names = _names(lines)
    instructions = Said(None, persona if now is None else f"{persona}\n\nToday is {now:%A}, {now.day} {now:%B %Y}.")
    said = [_said(line, before, names, pictures) for before, line in zip((None, *lines), lines, strict=False)]
    new = [*_notes(recollection.notes), *said[first:]]
    left = budget - sum(tokens(said.text) for said in (instructions, *new))
    history: list[Said] = []
    for earlier in reversed(said[:first]):
        left -= tokens(earlier.text)
        if left < 0:
            break
        history.append(earlier)
    return [instructions, *reversed(history), *new]


def tokens(text: str) -> int:
    """About how many tokens a model counts; a heuristic for budgets (facts: models, section 7), not for accounting."""
    wide = sum(character >= "\u2e80" for character in text)  # Chinese, Japanese, Korean: at least one each
    return max(math.ceil(len(text.encode()) / 3.5), wide) + 4  # 4: what surrounds each message


def _notes(notes: Sequence[str]) -> list[Said]:
    if not notes:
        return []
    return [Said(None, "What you remember that may matter now:\n" + "\n".join(f"- {note}" for note in notes))]


def _said(line: Line, before: Line | None, names: Mapping[str, str], pictures: Mapping[str, Sequence[str]]) -> Said:
    """One message: with the speaker's name before it where more than one person speaks, and what it replies to.

    What stands right before it needs no quoting.
    """
    shown = tuple(pictures.get(line.id, ()))
    name = f"{names[line.author]}: " if line.author and len(names) > 1 else ""
    quoted = line.quote if before is None or line.quote is None or line.quote.text != before.text else None
    quote = f"(in reply to {_quoted(quoted)}) " if quoted else ""
    unseen = " (you cannot see the picture)" if line.waiting and line.images and not shown else ""
    return Said(line.role, f"{name}{quote}{line.text}{unseen}", shown)


def _names(lines: Sequence[Line]) -> dict[str, str]:
    """What to call each speaker: the latest name of each, with the end of the id where two have the same."""
    names = {line.author: line.name or line.author.partition(":")[2] for line in lines if line.author}
    often = Counter(names.values())
    return {author: f"{name} (…{author[-4:]})" if often[name] > 1 else name for author, name in names.items()}


def _quoted(quote: Quote) -> str:
    text = " ".join(quote.text.split())
    cut = f"{text[:QUOTED]}…" if len(text) > QUOTED else text
    return f'{quote.name or "you"}: "{cut}"'
