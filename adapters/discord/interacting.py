"""Slash commands, entries in the menu of a message, and buttons: from the registry, answered to who asked alone."""

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any

import discord

from adapters.discord import buttons, noting
from adapters.discord import page as pages
from adapters.discord.posting import NO_MENTIONS, fill, tell, translated
from adapters.discord.reading import message_id, person, thread_of
from bot.agent import apology
from bot.commands import ASK, Asked, Choice, Command, Commands, Told
from bot.errors import DatabaseError

log = logging.getLogger(__name__)

SLASH, MESSAGE_MENU = 1, 3  # application command types
SUBCOMMAND, STRING = 1, 3  # an option's
EVERYWHERE = {"integration_types": [0, 1], "contexts": [0, 1, 2]}  # in guilds and for people; guilds, DMs, other DMs
ANSWERED_ELSEWHERE = {10062, 40060}  # too late, or another process of ours was quicker
FORM_SECONDS = 1.5  # that the line as it reads now may take; a form has to be there within three
NOT_TO_TALK = "I am not to talk with you here. Whoever runs me decides that."
NOT_TO_READ = "I am not to read this message. Whoever runs me decides that."
NOT_YOURS = "That is about somebody else: only they can press it."
TOO_LARGE = "What I keep about you is too large for Discord. Whoever runs me can hand it over: `hathi export`."

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
    if command.asks:
        return [_text(command.asks, command.summary, required=False)]
    return [
        {"type": SUBCOMMAND, "name": choice.word, "description": choice.summary, "options": _asks(choice)}
        for choice in command.choices
    ]


def _asks(choice: Choice) -> list[dict[str, Any]]:
    return [_text(choice.asks, choice.summary, required=True)] if choice.asks else []


def _text(name: str, summary: str, *, required: bool) -> dict[str, Any]:
    return {"type": STRING, "name": name, "description": summary, "required": required}


def _essence(payload: Payload) -> dict[str, Any]:
    """What a command is about, without what Discord adds."""
    return {
        "type": payload.get("type", SLASH),
        "name": payload["name"],
        "description": payload.get("description") or "",
        "options": [_essence_of(option) for option in payload.get("options") or ()],
        **{name: sorted(payload.get(name) or EVERYWHERE[name]) for name in EVERYWHERE},
    }


def _essence_of(option: Payload) -> tuple[Any, ...]:
    inner = tuple(_essence_of(one) for one in option.get("options") or ())
    return option["type"], option["name"], option.get("description"), bool(option.get("required")), inner


async def acknowledge(interaction: discord.Interaction) -> bool:
    """Before anything else: Discord waits three seconds. False when somebody else has it, or it is too late.

    A command, and a button under something that others read too, get an answer of their own; else what is pressed
    changes.
    """
    begins = interaction.type is discord.InteractionType.application_command or buttons.under_post(interaction)
    return await _first(interaction.response.defer(ephemeral=True, thinking=begins))


async def keep_off(interaction: discord.Interaction) -> None:
    """Tell somebody that what they pressed is not theirs."""
    await _first(interaction.response.send_message(NOT_YOURS, ephemeral=True, allowed_mentions=NO_MENTIONS))


def is_strangers(interaction: discord.Interaction) -> bool:
    """Whether somebody has pressed what only somebody else may."""
    pressed = buttons.pressed(interaction)
    return pressed is not None and pressed.owner != str(interaction.user.id)


async def opened_form(interaction: discord.Interaction, commands: Commands) -> bool:
    """Open the form in which a line is corrected, if that is wanted; a form cannot come after an acknowledgement.

    False where it cannot be found out in time how the line reads now: then the page is shown, or why it is not.
    """
    pressed = buttons.pressed(interaction)
    if pressed is None or interaction.type is not discord.InteractionType.component:
        return False
    if pressed.words[:2] != ("memory", "correct"):
        return False
    try:
        async with asyncio.timeout(FORM_SECONDS):
            told = await commands.run("memory", Asked(person(interaction.user), thread_of(interaction.channel_id or 0)))
    except (DatabaseError, TimeoutError) as error:
        log.info("a form is not opened: %s", str(error) or "the database is slow")
        return False
    found = (line for line in (told.page.lines if told.page else ()) if (str(line.id),) == pressed.words[2:])
    line = next(found, None)
    if line is None:
        return False
    await _first(interaction.response.send_modal(pages.form(line, pressed.owner)))
    return True


async def _first(response: Awaitable[object]) -> bool:
    """The first answer to an interaction; False when somebody else has given it, or it is too late."""
    try:
        await response
    except discord.HTTPException as error:
        if error.code not in ANSWERED_ELSEWHERE:
            raise
        return False
    return True


async def run(interaction: discord.Interaction, commands: Commands) -> None:
    """Run what was asked for by a command, a menu, a button or a form, and say how it went."""
    name, asked, look = _asked(interaction, commands)
    try:
        told = await commands.run(name, asked)
    except DatabaseError as error:
        log.warning("/%s: %s", name, error)
        await _say_beside(interaction, apology(error))
        return
    with translated():
        await _answer(interaction, told, name, asked, look)
    if buttons.under_post(interaction):
        await noting.take_away(interaction)


async def _answer(interaction: discord.Interaction, told: Told, name: str, asked: Asked, look: pages.Looking) -> None:
    owner = asked.person.id
    if told.page is not None:
        link = pages.link_with(interaction.client)
        text, view = pages.shown(told.page, told.text, link, look, owner)
        await fill(interaction, text, view)
    elif told.file is not None:
        file = await pages.export(told.file, interaction.filesize_limit)
        files = [file] if file is not None else []
        await interaction.followup.send(told.text if files else TOO_LARGE, files=files, ephemeral=True)
    else:
        items = [_confirming(told, owner)] if told.confirm else []
        if name == "memory" and asked.words[:1] == ("forget",):
            items.append(pages.back(owner, asked.words[1]))
        await tell(interaction, told.text, buttons.view(*items) if items else None)


async def _say_beside(interaction: discord.Interaction, text: str) -> None:
    """Say something that is no answer: what was pressed stays, to be pressed again."""
    with translated():
        if buttons.pressed(interaction) is None or buttons.under_post(interaction):
            await tell(interaction, text)
        else:
            await interaction.followup.send(text, ephemeral=True, allowed_mentions=NO_MENTIONS)


async def refuse(interaction: discord.Interaction, why: str = NOT_TO_TALK) -> None:
    """Tell somebody that the operator's lists leave them, or what they ask about, out."""
    await _say_beside(interaction, why)


def asks(interaction: discord.Interaction) -> discord.Message | None:
    """The message that the bot is asked about, if this is that menu entry."""
    data: Any = interaction.data or {}
    if data.get("name") != ASK:
        return None
    return _target(interaction)


def is_ours(interaction: discord.Interaction) -> bool:
    """Whether a pressed button, or anything else, is one of ours."""
    return interaction.type is discord.InteractionType.application_command or buttons.pressed(interaction) is not None


def _asked(interaction: discord.Interaction, commands: Commands) -> tuple[str, Asked, pages.Looking]:
    """The command that is meant, with its words; and where on a page somebody looks."""
    data: Any = interaction.data or {}
    pressed = buttons.pressed(interaction)
    message, look = "", pages.Looking()
    if pressed is not None:
        name, *words = pressed.words
        look = pages.looking(words)
        words = [] if words[:1] in ([pages.CHOOSE], [pages.TURN]) else words
    elif data.get("type") == MESSAGE_MENU:
        name = next((command.name for command in commands.menu if command.menu == data["name"]), "")
        target = _target(interaction)
        words, message = [], message_id(target.id) if target else ""
    else:
        name = data["name"]
        words = list(_words(data.get("options") or ()))
    direct = interaction.guild_id is None
    asked = Asked(
        person=person(interaction.user),
        thread=thread_of(interaction.channel_id or 0),
        words=tuple(words),
        shared=not direct,
        manages=direct or interaction.permissions.manage_messages,
        message=message,
    )
    return name, asked, look


def _target(interaction: discord.Interaction) -> discord.Message | None:
    data: Any = interaction.data or {}
    payloads: Mapping[str, Any] = data.get("resolved", {}).get("messages", {})
    payload = payloads.get(str(data.get("target_id")))
    if payload is None or interaction.channel is None:
        return None
    channel: Any = interaction.channel  # where a message stands: anything that has an id will do
    return discord.Message(state=interaction.client._connection, channel=channel, data=payload)


def _words(options: Sequence[Payload]) -> Iterator[str]:
    """What was chosen and typed, as if it had been typed behind the command.

    A `yes` at its end is none: here only a button says that one is sure.
    """
    for option in options:
        if "value" in option:
            typed = str(option["value"]).split()
            while typed and typed[-1].lower() == "yes":
                typed.pop()
            yield from typed
        else:
            yield option["name"]
            yield from _words(option.get("options") or ())


def _confirming(told: Told, owner: str) -> discord.ui.Button[discord.ui.View]:
    return buttons.button(owner, told.button, told.confirm, style=discord.ButtonStyle.danger)
