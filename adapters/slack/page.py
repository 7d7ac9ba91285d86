"""A person's page in their hands: its lines, each with a menu, and what was noted on it. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence

from adapters.slack.asking import kept, option
from adapters.slack.blocks import BUTTON_VALUE, actions, button, context, escaped, plain_text, section
from adapters.slack.reading import Json
from bot.commands import Asked, gone, where
from bot.ports import Noted, Page, Remembered

LINE, TURN, DO, UNDO = "hathi:line", "hathi:page-turn", "hathi:page", "hathi:undo"  # what is pressed
CORRECT, FORGET = "correct", "forget"  # what is done about a line
LINES = 20  # in a message, which holds 50 blocks
CHARACTERS = 8000  # of all of them in a message, which holds 13,200
LONGEST = 300  # characters of a line, and of a note

Links = Mapping[str, str]  # by a message's id: its address


def seen(page: Page, at: int = 0, most: int = LINES, room: float | None = CHARACTERS) -> Sequence[Remembered]:
    """The lines from one on, the newest first: as many as are shown at a time, within so many characters."""
    lines: list[Remembered] = []
    room = math.inf if room is None else room
    for line in page.lines[::-1][at : at + most]:
        room -= len(escaped(_text(line)))
        if room < 0 and lines:
            break
        lines.append(line)
    return lines


def shown(page: Page, lines: Sequence[Remembered], links: Links, asked: Asked, at: int) -> list[Json]:
    """The lines of a page that are seen, in a message, and what can be done about it all."""
    count = len(page.lines)
    buttons = [pausing(page, asked, at), button("Export", kept("memory export", asked, at), f"{DO}-export")]
    if at > 0:
        buttons.append(button("Newer", kept("memory", asked, max(at - LINES, 0)), f"{TURN}-newer"))
    if at + len(lines) < count:
        buttons.append(button("Older", kept("memory", asked, at + len(lines)), f"{TURN}-older"))
    several = len(lines) < count
    which = (
        f"Lines {at + 1} to {at + len(lines)} of {count}, the newest first. My Home tab shows more of them at a time."
    )
    return [*sections(lines, links, asked, at), *([context(which)] if several else []), actions(*buttons)]


def sections(lines: Sequence[Remembered], links: Links, asked: Asked, at: int = 0) -> Iterator[Json]:
    """A paragraph for each line, with where and when it was learned."""
    for line in lines:
        learned = where(line)
        link = links.get(line.message)
        below = f"_<{link}|{learned}>_" if link else f"_{learned}_"
        options = [
            {"text": plain_text(label), "value": option(word, line.id, asked, at)}
            for label, word in (("Correct", CORRECT), ("Forget", FORGET))
        ]
        menu = {"type": "overflow", "action_id": LINE, "options": options}
        yield {**section(f"{escaped(_text(line))}\n{below}"), "accessory": menu}


def pausing(page: Page, asked: Asked, at: int = 0) -> Json:
    """The button that goes off the record, or on it again."""
    word = "resume" if page.paused else "pause"
    return button(word.capitalize(), kept(f"memory {word}", asked, at), f"{DO}-{word}")


def note(noted: Noted) -> tuple[str, list[Json]]:
    """What was noted, for the person alone: in words, and with a button that takes it back."""
    if noted.gone:
        what = f": {'; '.join(noted.texts)}" if noted.texts else ""
        text = escaped(_cut(f"Forgotten: {gone(noted)}{what}"))
        return text, [context(text)]
    text = _cut(f"Noted: {'; '.join(noted.texts)}" if noted.texts else "Noted: that does not hold any more")
    undo = button("Undo", _undo(noted), UNDO)
    return escaped(text), [context(escaped(text)), actions(undo)]


def _undo(noted: Noted) -> str:
    """As many lines as a button has room for."""
    line, value = "memory undo", ""
    for id_ in noted.lines:
        line += f" {id_}"
        longer = kept(line, Asked(noted.person, noted.thread))
        if len(longer) > BUTTON_VALUE:
            break
        value = longer
    return value


def _text(line: Remembered) -> str:
    return _cut(" ".join(line.text.split()))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
