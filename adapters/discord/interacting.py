"""Slash commands, entries in the menu of a message, and buttons: from the registry, answered to who asked alone."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import discord

from adapters.discord.posting import tell, translated
from adapters.discord.reading import message_id, person, thread_of
from bot.agent import apology
from bot.commands import ASK, Asked, Command, Commands
from bot.errors import DatabaseError, PlatformRefused

log = logging.getLogger(__name__)

SLASH, MESSAGE_MENU, SUBCOMMAND = 1, 3, 1  # application command types, and an option's
EVERYWHERE = {"integration_types": [0, 1], "contexts": [0, 1, 2]}  # in guilds and for people; guilds, DMs, other DMs
ANSWERED_ELSEWHERE = {10062, 40060}  # too late, or another process of ours was quicker
BUTTON = "hathi"

Payload = Mapping[str, Any]  # JSON as Discord defines it


async def sync(client: discord.Client, commands: Commands) -> bool:
    """Tell Discord our commands if it does not have them like this; whether it had to be told. Raises PlatformError."""
    wanted = payloads(commands)
    application = client.application_id
    assert application is not None
    with translated():
        try:
            there: Sequence[Payload] = await client.http.get_global_commands(application)
        except discord.NotFound:
            there = []
        if sorted(map(_essence, there), key=str) == sorted(map(_essence, wanted), key=str):
            return False
        await client.http.bulk_upsert_global_commands(application, payload=wanted)
    return True


def payloads(commands: Commands) -> list[dict[str, Any]]:
    """The registry as Discord wants it."""
    slash = [
        {"type": SLASH, "name": command.name, "description": command.summary, "options": _options(command)}
        for command in commands.all
    ]
    menu = [{"type": MESSAGE_MENU, "name": name} for name in (ASK, *(command.menu for command in commands.menu))]
    return [{**payload, **EVERYWHERE} for payload in (*slash, *menu)]


def _options(command: Command) -> list[dict[str, Any]]:
    return [{"type": SUBCOMMAND, "name": word, "description": command.summary} for word in command.words.split()]


def _essence(payload: Payload) -> dict[str, Any]:
    """What a command is about, without what Discord adds."""
    options = [(option["type"], option["name"], option.get("description")) for option in payload.get("options") or ()]
    return {
        "type": payload.get("type", SLASH),
        "name": payload["name"],
        "description": payload.get("description") or "",
        "options": options,
        **{name: sorted(payload.get(name) or EVERYWHERE[name]) for name in EVERYWHERE},
    }


async def acknowledge(interaction: discord.Interaction) -> bool:
    """Before anything else: Discord waits three seconds. False when somebody else has it, or it is too late."""
    pressed = interaction.type is discord.InteractionType.component
    try:
        await interaction.response.defer(ephemeral=True, thinking=not pressed)
    except discord.HTTPException as error:
        if error.code not in ANSWERED_ELSEWHERE:
            raise
        return False
    return True


async def run(interaction: discord.Interaction, commands: Commands) -> None:
    """Run what was asked for by a command, a menu or a button, and say how it went."""
    name, asked = _asked(interaction, commands)
    try:
        told = await commands.run(name, asked)
        text, view = told.text, _button(told.confirm, asked) if told.confirm else None
    except DatabaseError as error:
        log.warning("/%s: %s", name, error)
        text, view = apology(error), None
    with translated():
        await tell(interaction, text, view)


async def refuse(interaction: discord.Interaction) -> None:
    """Tell somebody whom the operator's lists leave out."""
    with translated():
        await tell(interaction, "I am not to talk with you here. Whoever runs me decides that.")


def asks(interaction: discord.Interaction) -> discord.Message | None:
    """The message that the bot is asked about, if this is that menu entry."""
    data: Any = interaction.data or {}
    if data.get("name") != ASK:
        return None
    return _target(interaction)


def is_ours(interaction: discord.Interaction) -> bool:
    """Whether a pressed button, or anything else, is one of ours."""
    data: Any = interaction.data or {}
    if interaction.type is discord.InteractionType.component:
        return str(data.get("custom_id", "")).startswith(f"{BUTTON}:")
    return interaction.type is discord.InteractionType.application_command


def _asked(interaction: discord.Interaction, commands: Commands) -> tuple[str, Asked]:
    data: Any = interaction.data or {}
    message = ""
    if interaction.type is discord.InteractionType.component:
        _, owner, line = str(data["custom_id"]).split(":", 2)
        if owner != str(interaction.user.id):
            raise PlatformRefused("a button was pressed by somebody else")
        name, *words = line.split()
    elif data.get("type") == MESSAGE_MENU:
        name = next((command.name for command in commands.menu if command.menu == data["name"]), "")
        target = _target(interaction)
        words, message = [], message_id(target.id) if target else ""
    else:
        name = data["name"]
        options = data.get("options") or ()
        words = [str(option.get("value", option["name"])) for option in options]
        default = next((command.words for command in commands.all if command.name == name), "")
        words = words or default.split()
    direct = interaction.guild_id is None
    return name, Asked(
        person=person(interaction.user),
        thread=thread_of(interaction.channel_id or 0),
        words=tuple(words),
        shared=not direct,
        manages=direct or interaction.permissions.manage_messages,
        message=message,
    )


def _target(interaction: discord.Interaction) -> discord.Message | None:
    data: Any = interaction.data or {}
    payloads: Mapping[str, Any] = data.get("resolved", {}).get("messages", {})
    payload = payloads.get(str(data.get("target_id")))
    if payload is None or interaction.channel is None:
        return None
    channel: Any = interaction.channel  # where a message stands: anything that has an id will do
    return discord.Message(state=interaction.client._connection, channel=channel, data=payload)


def _button(confirm: str, asked: Asked) -> discord.ui.View:
    """A button that works for ever: all that it needs is in its id, and nobody has to remember it."""
    view = discord.ui.View(timeout=None)
    view.add_item(
        discord.ui.Button(
            style=discord.ButtonStyle.danger,
            label="Delete" if confirm.endswith("yes") else "Yes",
            custom_id=f"{BUTTON}:{asked.person.id}:{confirm}"[:100],
        )
    )
    view.stop()
    return view
