"""A long message in parts, each small enough to be read whole by an embedder and shown whole to a model. Pure."""

import re

ROOM = 210.0  # tokens of one part, about: all-MiniLM-L6-v2 reads 256
MOST = 1000  # parts of one message: half a million characters and more
_END = re.compile(r"(?:[.!?…][\"')\]]*|[。！？])\s+|\n+|(?<=[。！？])")
_SPACE = re.compile(r"\s+")


def split(text: str) -> list[str]:
    """The parts of a text, in order: whole sentences where there are some, else whole words."""
    parts: list[str] = []
    at = 0
    while at < len(text) and len(parts) < MOST:
        end = _end(text, at)
        if part := text[at:end].strip():
            parts.append(part)
        at = end
    return parts


def _end(text: str, start: int) -> int:
    """Where the part that begins here ends: behind a sentence, or a word, in its second half."""
    room = ROOM
    for limit in range(start, len(text)):
        room -= _size(text[limit])
        if room < 0:
            break
    else:
        return len(text)
    middle = (start + limit) // 2
    for boundary in (_END, _SPACE):
        ends = [found.end() for found in boundary.finditer(text, middle, limit) if found.end() > start]
        if ends:
            return ends[-1]
    return max(limit, start + 1)


def _size(character: str) -> float:
    """About how many tokens one character is; on the safe side."""
    if character.isspace():
        return 0.1
    if character.isascii():
        return 0.3 if character.isalpha() else 0.6 if character.isdecimal() else 1.0
    return 1.0
