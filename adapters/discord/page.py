"""A person's page in their hands: lines with links, a menu to pick one, and what can be done about it.

All that a button or a form needs is in its id, so that it works for ever, whichever process is there then.
"""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import discord

from adapters.discord.reading import PLATFORM
from bot.commands import where
from bot.ports import Noted, Page, Remembered

BUTTON = "hathi"  # begins the id of everything that is ours; then whose it is, then what it does
TURN, PICK, CORRECT = "page", "pick", "correct"  # what is done here, before any command
LINES = 8  # at a time: they fit into one message
LONGEST = 200  # characters of a line that is typed
LABEL = 80  # characters of a button

Guilds = Mapping[int, int | None]  # by channel: its guild; None for a direct message


def custom_id(owner: int, does: str) -> str:
    """The id of a button that only its owner may press."""
    return f"{BUTTON}:{owner}:{does}"[:100]


def shown(page: Page, text: str, guilds: Guilds, at: int = 0) -> str:
    """The lines from a place on, with where each was learned, below what is said about the page."""
    lines = [
        f"- {discord.utils.escape_markdown(line.text)} ({_learned(line, guilds)})"
        for line in page.lines[at : at + LINES]
    ]
    several = len(page.lines) > LINES
    count = f"Lines {at + 1} to {min(at + LINES, len(page.lines))} of {len(page.lines)}:" if several else ""
    return "\n".join(part for part in (text, count, *lines) if part)


def choices(page: Page, owner: int, at: int = 0) -> discord.ui.View:
    """What can be done: pick a line, turn the page, go off the record, take everything away."""
    view = discord.ui.View(timeout=None)
    here = page.lines[at : at + LINES]
    if here:
        options = [discord.SelectOption(label=line.text[:100], value=str(line.id)) for line in here]
        view.add_item(
            discord.ui.Select(
                custom_id=custom_id(owner, PICK), placeholder="Correct or forget a line", options=options, row=0
            )
        )
    if at > 0:
        _add(view, owner, "‹", f"{TURN} {max(at - LINES, 0)}")
    if at + LINES < len(page.lines):
        _add(view, owner, "›", f"{TURN} {at + LINES}")
    _add(view, owner, "Resume" if page.paused else "Pause", f"memory {'resume' if page.paused else 'pause'}")
    _add(view, owner, "Export", "memory export")
    view.stop()
    return view


def picked(line: Remembered, owner: int) -> discord.ui.View:
    """What can be done about one line."""
    view = discord.ui.View(timeout=None)
    _add(view, owner, "Correct", f"{CORRECT} {line.id}")
    _add(view, owner, "Forget", f"memory forget {line.id}", discord.ButtonStyle.danger)
    _add(view, owner, "Back", f"{TURN} 0")
    view.stop()
    return view


def form(line: int, value: str, owner: int) -> discord.ui.Modal:
    """Where a line is typed anew."""
    modal = discord.ui.Modal(title="Correct a line", timeout=None, custom_id=custom_id(owner, f"memory correct {line}"))
    modal.add_item(
        discord.ui.TextInput(
            label="It should read", custom_id="text", default=value[:LONGEST] or None, max_length=LONGEST
        )
    )
    modal.stop()
    return modal


def typed(data: Mapping[str, Any]) -> str:
    """What was typed into a form."""
    fields = [part for row in data.get("components") or () for part in row.get("components") or ()]
    return next((str(field.get("value") or "") for field in fields), "")


def note(noted: Noted, owner: int) -> discord.ui.View:
    """One small button under an answer that says what was noted, and takes it back."""
    view = discord.ui.View(timeout=None)
    if noted.gone:
        view.add_item(discord.ui.Button(label="Forgotten", custom_id=custom_id(owner, "memory"), disabled=True))
    else:
        what = noted.texts[0] if len(noted.texts) == 1 else f"{len(noted.texts)} things"
        end = " · Undo"
        said = f"Noted: {what if noted.texts else 'no longer so'}"
        room = LABEL - len(end)
        label = (said if len(said) <= room else f"{said[: room - 1]}…") + end
        _add(view, owner, label, _undo(owner, noted.lines))
    view.stop()
    return view


def file(kept: Mapping[str, Any]) -> discord.File:
    """All that is kept about somebody."""
    return discord.File(io.BytesIO(json.dumps(kept, indent=2, ensure_ascii=False).encode()), "hathi.json")


def channels(page: Page) -> set[int]:
    """Where its lines were said on this platform."""
    threads = {line.thread for line in page.lines if line.thread is not None and line.thread.platform == PLATFORM}
    return {int(thread.id) for thread in threads if thread.id.isdigit()}


def _learned(line: Remembered, guilds: Guilds) -> str:
    """Where and when, with a link to the message where it is on this platform."""
    when = where(line)
    if line.thread is None or line.thread.platform != PLATFORM or not line.thread.id.isdigit():
        return when
    channel, message = int(line.thread.id), line.message.partition(":")[2]
    if channel not in guilds or not message.isdigit():
        return when
    return f"[{when}](https://discord.com/channels/{guilds[channel] or '@me'}/{channel}/{message})"


def _undo(owner: int, lines: Sequence[int]) -> str:
    """As many lines as an id has room for."""
    does = "memory undo"
    for line in lines:
        if len(f"{BUTTON}:{owner}:{does} {line}") > 100:
            break
        does += f" {line}"
    return does


def _add(
    view: discord.ui.View,
    owner: int,
    label: str,
    does: str,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
) -> None:
    view.add_item(discord.ui.Button(style=style, label=label, custom_id=custom_id(owner, does), row=1))
