"""What was said, cut into portions that a model can read at once: long messages in parts, to their end. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from memory.working.upkeep import Heard, own_words

READ = 8000  # characters of new messages in one portion
MOST = 100_000  # characters of one message; what is longer is read up to there
CONTEXT = 4  # messages before a portion, so that "yes, that one" can be understood

_ENDS = [
    re.compile(pattern, re.DOTALL) for pattern in (r".*\n", r".*[.!?…。！？]['\")»”]*(?:\s|(?<=[。！？]))", r".*\s")
]


def portions(heard: Sequence[Heard]) -> list[list[Heard]]:
    """What is read at a time, in order: new messages of at most READ characters, and what was said right before."""
    found: list[list[Heard]] = []
    before: list[Heard] = []
    current: list[Heard] = []
    room = READ
    for message in heard:
        for part in parts(message) if message.new else [message]:
            size = len(part.text) if part.new else 0
            if size > room and any(one.new for one in current):
                found.append([*before, *current])
                before = [replace(one, new=False) for one in [*before, *current][-CONTEXT:]]
                current, room = [], READ
            current.append(part)
            room -= size
    if current:
        found.append([*before, *current])
    return found


def parts(message: Heard) -> list[Heard]:
    """A message whole, or its author's own words in parts."""
    if len(message.text) <= READ:
        return [message]
    return [replace(message, text=part) for part in _cut(own_words(message.text)[:MOST])] or [replace(message, text="")]


def too_long(message: Heard) -> bool:
    """Whether a message is not read to its end."""
    return len(message.text) > MOST and len(own_words(message.text)) > MOST


def _cut(text: str) -> Iterator[str]:
    """Pieces of at most READ characters that end with a line, or else with a sentence, or else with a word."""
    while len(text) > READ:
        ends = (found.end() for end in _ENDS if (found := end.match(text[:READ])) and found.end() > READ // 2)
        at = next(ends, READ)
        yield text[:at]
        text = text[at:]
    if text.strip():
        yield text
