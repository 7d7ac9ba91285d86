"""What was written on somebody's page, said in the quietest way: a small button under the answer that takes it back.

The button comes with an edit, of which nobody is notified. What stands under a post already is read from Discord: an
answer may be to several people, and each of them has a button of their own.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import discord

from adapters.discord import buttons
from adapters.discord.posting import translated
from adapters.discord.reading import snowflake
from bot.commands import gone
from bot.errors import PlatformError
from bot.ports import Noted

log = logging.getLogger(__name__)

UNDO = "memory undo"
NO_LONGER = "no longer so"
SAID, END = "Noted", " · Undo"

Button: TypeAlias = discord.ui.Button[discord.ui.View]


async def show(channel: discord.PartialMessageable, noted: Noted) -> None:
    """Put the notice under the answer, beside those of others; nothing if the answer is gone. Raises PlatformError."""
    post = channel.get_partial_message(snowflake(noted.post))
    with translated():
        try:
            there = list(_buttons(await post.fetch()))
        except discord.Forbidden:  # it may post, but not read
            there = []
        except discord.NotFound:
            log.debug("%s: what was noted is not shown: the answer is gone", noted.thread)
            return
        wanted = with_notice(there, noted)
        if len(wanted) > buttons.MOST:
            log.debug("%s: what was noted is not shown: there is no room", noted.thread)
            return
        try:
            await post.edit(view=buttons.view(*wanted))
        except discord.NotFound:
            log.debug("%s: what was noted is not shown: the answer went meanwhile", noted.thread)


async def take_away(interaction: discord.Interaction) -> None:
    """The button that was pressed has done its work."""
    post = interaction.message
    data: Any = interaction.data or {}
    if post is None:
        return
    left = [button for button in _buttons(post) if button.custom_id != data.get("custom_id")]
    try:
        with translated():
            await post.edit(view=buttons.view(*left) if left else None)
    except PlatformError as error:
        log.debug("a button that has done its work stays: %s", error)


def with_notice(there: Sequence[Button], noted: Noted) -> list[Button]:
    """The buttons of a post with the notice among them: one for each person, and one for what was forgotten."""
    owner = noted.person.id
    mark = buttons.id_of(owner, "forgotten")
    undo = buttons.id_of(owner, UNDO)
    before = next((button for button in there if (button.custom_id or "").startswith(undo)), None)
    if noted.gone:
        over = before is not None and before.label == _label(NO_LONGER)  # it speaks of what is forgotten now
        kept = [button for button in there if button.custom_id != mark and not (over and button is before)]
        label = f"Forgotten: {gone(noted)}"  # and not what: others may read it
        return [*kept, Button(style=discord.ButtonStyle.secondary, label=label, custom_id=mark, disabled=True)]
    kept = [button for button in there if button is not before]
    lines = [*_lines(before, undo), *noted.lines]
    fit = _fitting(undo, lines)
    label = _several(len(lines), len(fit)) if before is not None else _said(noted, len(fit))
    return [*kept, buttons.button(owner, label, " ".join([UNDO, *map(str, fit)]))]


def _said(noted: Noted, fit: int) -> str:
    if not noted.texts:
        return _label(NO_LONGER)
    return _label(noted.texts[0]) if len(noted.lines) == 1 else _several(len(noted.lines), fit)


def _label(what: str) -> str:
    said = f"{SAID}: {what}"
    return buttons.cut(said, buttons.LABEL - len(END)) + END


def _several(lines: int, fit: int) -> str:
    """How many there are, and how many of them this button takes back; the others are on the page."""
    return f"{SAID} {lines} things{END}{'' if fit == lines else f' {fit}'}"


def _lines(button: Button | None, undo: str) -> list[int]:
    """What a notice takes back."""
    ids = (button.custom_id or "").removeprefix(undo) if button is not None else ""
    return [int(line) for line in ids.split()]


def _fitting(undo: str, lines: Sequence[int]) -> list[int]:
    """The lines that an id has room for."""
    fit: list[int] = []
    used = len(undo)
    for line in lines:
        used += len(f" {line}")
        if used > buttons.ID:
            break
        fit.append(line)
    return fit


def _buttons(post: discord.Message) -> Iterator[Button]:
    for row in post.components:
        if isinstance(row, discord.ActionRow):
            for component in row.children:
                if isinstance(component, discord.Button):
                    yield Button.from_component(component)
