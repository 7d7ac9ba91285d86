"""Fits messages into the room that a prompt has for them: files give way first, then the oldest words. Pure."""

import re
from collections.abc import Callable, Sequence
from itertools import chain

Tokens = Callable[[str], int]  # about how many tokens a text is

FILE = re.compile(r"(?=\[file: [^\]\n]*\]\n)")  # where a file begins, after the words of who posted it
CUT = "\n[… {count:,} characters are left out here: there are more than can be read at once …]\n"
GONE = "[Left out, since it is more than can be read at once: {what}.]\n"
SHORTEST = 60  # tokens; what would be cut to less is left out whole


def fit(texts: Sequence[str], room: int, tokens: Tokens) -> list[str]:
    """Messages, oldest first, cut down to `room` tokens; a message of which nothing is left is empty.

    Words of people go before files, and newer ones before older ones; long files are cut to the same length. Whatever
    is left out is named in its place, or before the first message that is kept.
    """
    if sum(map(tokens, texts)) <= room:
        return list(texts)
    words, files = zip(*map(_split, texts), strict=True)
    posted = list(chain(*files))
    left = room - tokens(GONE.format(what=_counted(len(texts), len(posted))))
    kept = _newest(words, left, tokens)
    shown = _alike(posted, left - sum(tokens(said) for said in kept if said), tokens)
    fitted, gone = [], 0
    for said, mine in zip(kept, files, strict=True):
        read, shown = shown[: len(mine)], shown[len(mine) :]
        fitted.append("".join((said, *read)))
        gone += read.count("") if fitted[-1] else 0
    return _named(fitted, fitted.count(""), gone)


def _split(text: str) -> tuple[str, list[str]]:
    """What somebody says, and the files that they post with it."""
    words, *files = FILE.split(text)
    return words, files


def _newest(words: Sequence[str], room: int, tokens: Tokens) -> list[str]:
    """As many of these as fit, from the last one on; of the first that does not fit, the beginning and the end."""
    kept = [""] * len(words)
    for number in range(len(words) - 1, -1, -1):
        kept[number] = _cut(words[number], room, tokens, end=True)
        if kept[number] != words[number]:
            break
        room -= tokens(kept[number])
    return kept


def _alike(files: Sequence[str], room: int, tokens: Tokens) -> list[str]:
    """Short files whole, long ones cut to the same length; the first ones are left out where there are too many."""
    costs = [tokens(file) for file in files]
    needed = [min(cost, SHORTEST) for cost in costs]
    first = next(number for number in range(len(files) + 1) if sum(needed[number:]) <= max(room, 0))
    shown = [""] * len(files)
    by_cost = sorted(range(first, len(files)), key=costs.__getitem__)
    for done, number in enumerate(by_cost):
        shown[number] = _cut(files[number], room // (len(by_cost) - done), tokens)
        room -= tokens(shown[number])
    return shown


def _cut(text: str, room: int, tokens: Tokens, *, end: bool = False) -> str:
    """The beginning of a text, and its `end` too, with how much is left out; empty where that is hardly anything."""
    shown, kept = text, len(text)
    while (cost := tokens(shown)) > room:
        kept = min(kept * max(room, 0) // cost, kept - 1)
        if room < SHORTEST or kept <= 0:
            return ""
        tail = kept // 3 if end else 0
        shown = text[: kept - tail] + CUT.format(count=len(text) - kept) + text[len(text) - tail :]
    return shown


def _named(fitted: list[str], messages: int, files: int) -> list[str]:
    """The same, with the number of messages and files that are not there before the first that is."""
    first = next((number for number, text in enumerate(fitted) if text), None)
    if first is not None and (messages or files):
        fitted[first] = GONE.format(what=_counted(messages, files)) + fitted[first]
    return fitted


def _counted(messages: int, files: int) -> str:
    counted = ((messages, "earlier message"), (files, "file"))
    return " and ".join(f"{number} {name}{'s' if number > 1 else ''}" for number, name in counted if number)
