"""Slash commands, entries in the menu of a message, and buttons: from the registry, answered to who asked alone."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import discord

from adapters.discord import page as pages
from adapters.discord.page import BUTTON, CORRECT, PICK, TURN, custom_id
from adapters.discord.posting import NO_MENTIONS, tell, translated
from adapters.discord.reading import message_id, person, thread_of
from bot.agent import apology
from bot.commands import ASK, Asked, Choice, Command, Commands, Told
from bot.errors import DatabaseError
from bot.ports import Page

log = logging.getLogger(__name__)

SLASH, MESSAGE_MENU = 1, 3  # application command types
SUBCOMMAND, STRING = 1, 3  # an option's
EVERYWHERE = {"integration_types": [0, 1], "contexts": [0, 1, 2]}  # in guilds and for people; guilds, DMs, other DMs
ANSWERED_ELSEWHERE = {10062, 40060}  # too late, or another process of ours was quicker
FORM_SECONDS = 1.5  # that the line as it reads now may take; a form has to be there within three
NOT_YOURS = "That is about somebody else: only they can press it."

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

    A form is opened in place of that, and by the time it comes back it is an interaction of its own.
    """
    begun = interaction.type is discord.InteractionType.application_command or _pressed(interaction)[1] == ["memory"]
    try:
        await interaction.response.defer(ephemeral=True, thinking=begun or _beside(interaction))
    except discord.HTTPException as error:
        if error.code not in ANSWERED_ELSEWHERE:
            raise
        return False
    return True


def wants_form(interaction: discord.Interaction) -> bool:
    """Whether a line is to be typed anew."""
    owner, words = _pressed(interaction)
    return words[:1] == [CORRECT] and owner == interaction.user.id


async def open_form(interaction: discord.Interaction, commands: Commands) -> None:
    """Open the form with the line as it reads now, if that is found out in time."""
    line = _pressed(interaction)[1][1]
    value = ""
    try:
        async with asyncio.timeout(FORM_SECONDS):
            told = await commands.run("memory", _about(interaction))
        found = (one for one in (told.page.lines if told.page else ()) if str(one.id) == line)
        value = next((one.value for one in found), "")
    except (DatabaseError, TimeoutError) as error:
        log.info("a form is empty: %s", error)
    with translated():
        await interaction.response.send_modal(pages.form(int(line), value, interaction.user.id))


async def run(interaction: discord.Interaction, commands: Commands) -> None:
    """Run what was asked for by a command, a menu, a button or a form, and say how it went."""
    owner, words = _pressed(interaction)
    if owner not in {0, interaction.user.id}:
        with translated():
            await interaction.followup.send(NOT_YOURS, ephemeral=True, allowed_mentions=NO_MENTIONS)
        return
    name, asked = _asked(interaction, commands)
    try:
        told = await commands.run("memory" if words[:1] in ([TURN], [PICK]) else name, asked)
    except DatabaseError as error:
        log.warning("/%s: %s", name, error)
        told = Told(apology(error))
    with translated():
        if words[:2] == ["memory", "undo"]:
            await interaction.edit_original_response(view=None)  # the button under the answer has done its work
            await interaction.followup.send(told.text, ephemeral=True, allowed_mentions=NO_MENTIONS)
        elif told.page is not None:
            await _show(interaction, told, words)
        elif told.file is not None:
            await interaction.followup.send(told.text, file=pages.file(told.file), ephemeral=True)
        else:
            await tell(interaction, told.text, _button(told, asked) if told.confirm else None)


async def _show(interaction: discord.Interaction, told: Told, words: Sequence[str]) -> None:
    """The page, from where somebody has turned to; or the one line that they picked."""
    page, owner = told.page, interaction.user.id
    assert page is not None
    if words[:1] == [PICK]:
        data: Any = interaction.data or {}
        line = next((one for one in page.lines if [str(one.id)] == data.get("values")), None)
        if line is not None:
            await tell(interaction, line.text, pages.picked(line, owner))
            return
    at = int(words[1]) if words[:1] == [TURN] else 0
    at = at if at < len(page.lines) else 0
    guilds = {id_: _guild(interaction.client, id_) for id_ in pages.channels(page)}
    known = {id_: guild for id_, guild in guilds.items() if guild is not None or _is_direct(page, id_)}
    text = discord.utils.escape_mentions(pages.shown(page, told.text, known, at))
    await tell(interaction, text, pages.choices(page, owner, at))


def _guild(client: discord.Client, channel: int) -> int | None:
    found: Any = client.get_channel(channel)
    return getattr(getattr(found, "guild", None), "id", None)


def _is_direct(page: Page, channel: int) -> bool:
    return any(line.kind == "direct" and line.thread == thread_of(channel) for line in page.lines)


def _beside(interaction: discord.Interaction) -> bool:
    """Whether the answer to a button is a message of its own: it is under what others read too, or brings a file."""
    _, words = _pressed(interaction)
    return words[:2] == ["memory", "export"]


def _pressed(interaction: discord.Interaction) -> tuple[int, list[str]]:
    """Whose a button or form is, and what it does; 0 and nothing for anything else."""
    data: Any = interaction.data or {}
    kind, _, rest = str(data.get("custom_id", "")).partition(":")
    owner, _, does = rest.partition(":")
    return (int(owner), does.split()) if kind == BUTTON and owner.isdigit() else (0, [])


def _about(interaction: discord.Interaction) -> Asked:
    return Asked(person(interaction.user), thread_of(interaction.channel_id or 0))


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
    if interaction.type in {discord.InteractionType.component, discord.InteractionType.modal_submit}:
        return _pressed(interaction)[0] != 0
    return interaction.type is discord.InteractionType.application_command


def _asked(interaction: discord.Interaction, commands: Commands) -> tuple[str, Asked]:
    data: Any = interaction.data or {}
    message = ""
    if "custom_id" in data:
        name, *words = _pressed(interaction)[1] or [""]
        if interaction.type is discord.InteractionType.modal_submit:
            words += pages.typed(data).split()
    elif data.get("type") == MESSAGE_MENU:
        name = next((command.name for command in commands.menu if command.menu == data["name"]), "")
        target = _target(interaction)
        words, message = [], message_id(target.id) if target else ""
    else:
        name = data["name"]
        words = list(_words(data.get("options") or ()))
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


def _words(options: Sequence[Payload]) -> Iterator[str]:
    """What was chosen and typed, as if it had been typed behind the command."""
    for option in options:
        if "value" in option:
            yield from str(option["value"]).split()
        else:
            yield option["name"]
            yield from _words(option.get("options") or ())


def _button(told: Told, asked: Asked) -> discord.ui.View:
    """A button that works for ever: all that it needs is in its id, and nobody has to remember it."""
    view = discord.ui.View(timeout=None)
    view.add_item(
        discord.ui.Button(
            style=discord.ButtonStyle.danger,
            label=told.button,
            custom_id=custom_id(int(asked.person.id), told.confirm),
        )
    )
    view.stop()
    return view
