"""Buttons, menus and forms that work for ever: all that they need is in their ids, and nobody has to remember them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord

OURS = "hathi"  # begins the id of everything that is ours; then whose it is, then what it does
ID, LABEL = 100, 80  # characters of each that Discord takes
MOST = 25  # under one message


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that was pressed, a line of a menu that was picked, or a form that was sent off."""

    owner: str  # the only person who may
    words: tuple[str, ...]  # what it does: a command as it is typed, without its slash


def pressed(interaction: discord.Interaction) -> Pressed | None:
    """What was pressed, picked or sent off, if it is one of ours."""
    if interaction.type not in {discord.InteractionType.component, discord.InteractionType.modal_submit}:
        return None
    data: Any = interaction.data or {}
    begin, _, rest = str(data.get("custom_id", "")).partition(":")
    owner, _, does = rest.partition(":")
    if begin != OURS or not does.split():
        return None
    return Pressed(owner, (*does.split(), *data.get("values", ()), *_typed(data.get("components", ())).split()))


def under_post(interaction: discord.Interaction) -> bool:
    """Whether a button was pressed that stands under something that others can read too."""
    message = interaction.message
    pressed_it = interaction.type is discord.InteractionType.component
    return pressed_it and message is not None and not message.flags.ephemeral


def id_of(owner: str, does: str) -> str:
    """The id of something that only its owner may press. What does not fit is a command without its end: harmless."""
    return f"{OURS}:{owner}:{does}"[:ID]


def button(
    owner: str,
    label: str,
    does: str,
    *,
    style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    row: int | None = None,
    disabled: bool = False,
) -> discord.ui.Button[discord.ui.View]:
    """A button that runs a command for its owner."""
    return discord.ui.Button(
        style=style, label=cut(label, LABEL), custom_id=id_of(owner, does), row=row, disabled=disabled
    )


def view(*items: discord.ui.Item[discord.ui.View]) -> discord.ui.View:
    """What stands under a message; the library is not to wait for it."""
    made = discord.ui.View(timeout=None)
    for item in items:
        made.add_item(item)
    made.stop()
    return made


def cut(text: str, most: int) -> str:
    """A text on one line, with its end left out if it is too long."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _typed(parts: Sequence[Any]) -> str:
    """What was typed into a form with one field."""
    return " ".join(str((part.get("component") or {}).get("value") or "") for part in parts)
