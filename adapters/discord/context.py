"""What others said before somebody brought the bot in: read once, bounded, and only as far as it is needed."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import discord

from adapters.discord.listening import Rules
from adapters.discord.posting import translated
from adapters.discord.reading import read, room_of, thread_of
from bot.chat import Message
from bot.errors import PlatformError
from bot.ports import Transcript

log = logging.getLogger(__name__)

THREAD_MESSAGES = 30  # of a thread, before the one that brings the bot in
CHAIN = 5  # messages, up a chain of replies


async def of(message: discord.Message, transcript: Transcript, me: int, rules: Rules) -> Sequence[Message]:
    """What is missing to understand a message, oldest first; nothing that Discord or the operator keeps from us."""
    try:
        with translated():
            thread = message.channel
            if isinstance(thread, discord.Thread) and not await transcript.knows(thread_of(thread.id), ""):
                return await _thread(message, thread, transcript, me, rules)
            if message.reference is not None and message.guild is not None:
                chain = [each for each in await _chain(message, me) if await permitted(each, rules)]
                return [await _other(each, message, me) for each in chain]
    except PlatformError as error:
        log.info("what was said before is not read: %s", error)
    return []


async def _thread(
    message: discord.Message, thread: discord.Thread, transcript: Transcript, me: int, rules: Rules
) -> Sequence[Message]:
    """The thread so far, with the message that it grew out of; after a reset only what came since."""
    since = await transcript.reset_at(thread_of(thread.id))
    history = thread.history(limit=THREAD_MESSAGES, before=message, after=since, oldest_first=False)
    found = [each async for each in history]
    found.sort(key=lambda each: each.id)
    if since is None and all(each.id != thread.id for each in found):
        starter = await _starter(thread)
        found = [starter, *found] if starter else found
    readable = [each for each in found if _is_others(each, me) and await permitted(each, rules)]
    return [await _other(each, message, me) for each in readable]


async def permitted(message: discord.Message, rules: Rules) -> bool:
    """Whether the operator's lists let us read a message. One that was asked for comes without its author's roles."""
    author, guild = message.author, message.guild
    if isinstance(author, discord.User) and guild is not None and not message.webhook_id:
        listed = (rules.allow | rules.deny) - {guild.id}  # the role that everyone has bears the guild's id
        if any(guild.get_role(id_) for id_ in listed):
            with suppress(discord.NotFound):  # they have left, and their roles with them
                author = await guild.fetch_member(author.id)
    return rules.permit(author, message.channel)


async def _starter(thread: discord.Thread) -> discord.Message | None:
    """The message that a thread grew out of has the thread's id, and stands in the channel above."""
    parent = thread.parent
    if not isinstance(parent, discord.TextChannel):  # a forum's post begins with it, and others have none
        return None
    try:
        return await parent.fetch_message(thread.id)
    except (discord.NotFound, discord.Forbidden):
        return None


async def _chain(message: discord.Message, me: int) -> Sequence[discord.Message]:
    """What a reply replies to, and so on, up to what the bot said itself."""
    found: list[discord.Message] = []
    above = message.reference.resolved if message.reference else None
    while isinstance(above, discord.Message) and _is_others(above, me) and len(found) < CHAIN:
        found.insert(0, above)
        reference = above.reference
        if reference is None or reference.message_id is None or reference.channel_id != message.channel.id:
            break
        try:
            above = reference.resolved or await message.channel.fetch_message(reference.message_id)
        except (discord.NotFound, discord.Forbidden):
            break
    return found


async def _other(said: discord.Message, message: discord.Message, me: int) -> Message:
    """A message of somebody else, as part of this conversation."""
    room = room_of(message.channel, message.guild, message.author)
    return replace(await read(said, me), thread=thread_of(message.channel.id), room=room)


def _is_others(message: discord.Message, me: int) -> bool:
    spoken = message.type in {discord.MessageType.default, discord.MessageType.reply}
    return spoken and message.author.id != me and bool(message.content or message.attachments)
