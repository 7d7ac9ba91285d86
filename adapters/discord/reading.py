"""What a message says, as the bot hears it: names for ids, and words for what is no text."""

import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import discord
from discord.http import Route

from adapters import files

if TYPE_CHECKING:
    from discord.abc import MessageableChannel

from bot.chat import Image, Message, Resource, Room, Thread

log = logging.getLogger(__name__)

PLATFORM = "discord"
PRIVATE_CHANNEL = "a private channel"


def message_id(id_: int) -> str:
    """A message, or a post of ours, as the transcript names it."""
    return f"{PLATFORM}:{id_}"


def snowflake(id_: str) -> int:
    """What Discord calls it."""
    return int(id_.rpartition(":")[2])


def thread_of(channel: int) -> Thread:
    """The conversation in a channel or thread."""
    return Thread(PLATFORM, str(channel))


def person(user: discord.abc.User) -> Resource:
    """Who somebody is, on all of Discord."""
    return Resource(PLATFORM, str(user.id))


def space_of(guild: int) -> str:
    """A guild, as the transcript names it."""
    return f"{PLATFORM}:{guild}"


async def read(message: discord.Message, me: int) -> Message:
    """A message said to the bot, with the text files in it downloaded."""
    return Message(
        id=message_id(message.id),
        thread=thread_of(message.channel.id),
        author=person(message.author),
        room=room_of(message.channel, message.guild, message.author),
        text="\n".join([part async for part in _parts(message, me)]) or "(says nothing, but calls you)",
        at=message.created_at,
        name=name_of(message.author),
        replies_to=_replies_to(message),
        images=_images(message.attachments),
    )


def room_of(channel: "MessageableChannel", guild: discord.Guild | None, author: discord.abc.User | None = None) -> Room:
    """Who reads along. A room of which that is not known counts as private; a thread is as public as its parent.

    Somebody who was invited to a voice channel as a guest sees that channel alone.
    """
    if guild is None:
        return Room("direct", message_id(channel.id))
    place = channel.parent if isinstance(channel, discord.Thread) else channel
    private = isinstance(channel, discord.Thread) and channel.is_private()
    guest = isinstance(author, discord.Member) and author.flags.guest
    if not private and not guest and isinstance(place, discord.abc.GuildChannel) and _is_public(place, guild):
        return Room("public", space_of(guild.id), space_of(guild.id))
    id_ = channel.id if private or place is None else place.id
    return Room("private", message_id(id_), space_of(guild.id), closed=guest)


def _is_public(channel: discord.abc.GuildChannel, guild: discord.Guild) -> bool:
    """Whether everyone in a guild may read all that is said there; in a voice channel one has to be let in for that."""
    everyone = guild.get_role(guild.id)
    if everyone is None:
        return False
    may = channel.permissions_for(everyone)
    enters = may.connect or not isinstance(channel, discord.VoiceChannel | discord.StageChannel)
    return may.view_channel and may.read_message_history and enters


def name_of(user: discord.abc.User) -> str:
    """What people there call somebody, on one line."""
    return " ".join(user.display_name.replace(":", " ").split())[:40] or str(user.id)


def plain(content: str, name: Callable[[str, int], str | None]) -> str:
    """Discord's markup as a person sees it. `name(kind, id)` knows who or what is meant: kind is one of @, @& and #."""

    def mention(match: re.Match[str]) -> str:
        kind = match[1].replace("!", "")
        return f"{kind[0]}{name(kind, int(match[2])) or 'unknown'}"

    content = re.sub(r"<(@!?|@&|#)(\d{1,20})>", mention, content)
    content = re.sub(r"<a?(:\w+:)\d+>", r"\1", content)
    content = re.sub(r"</([^:<>]+):\d+>", r"/\1", content)
    return re.sub(r"<t:(-?\d{1,12})(?::\w)?>", lambda match: _time(int(match[1])), content).strip()


async def _parts(message: discord.Message, me: int) -> AsyncIterator[str]:
    content = re.sub(rf"^\s*<@!?{me}>[\s,:]*", "", message.content)
    text = plain(content, lambda kind, id_: _named(message, kind, id_))
    if text:
        yield text
    for snapshot in message.message_snapshots:
        forwarded = plain(snapshot.content, lambda kind, id_: _named(message, kind, id_))
        yield f"[forwarded: {forwarded or 'something without text'}]"
        for file in snapshot.attachments:
            yield await _file(file)
    for file in message.attachments:
        yield await _file(file)
    for line in _others(message):
        yield line


def _others(message: discord.Message) -> Iterator[str]:
    for sticker in message.stickers:
        yield f"[sticker: {sticker.name}]"
    if message.poll is not None:
        yield f"[poll: {message.poll.question} / {' / '.join(answer.text for answer in message.poll.answers)}]"
    if message.author.bot:  # people's embeds are previews of their links
        for embed in message.embeds:
            said = " / ".join(part for part in (embed.title, embed.description) if part)
            if said:
                yield f"[card: {said}]"


async def _file(file: discord.Attachment) -> str:
    if file.is_voice_message() or not files.is_text(file.filename, _type(file), file.size):
        return files.named(file.filename, _type(file), file.size, file.is_voice_message())
    return files.words(file.filename, await fetch(file.url, files.TEXT_FILE_BYTES))


async def fetch(url: str, most: int) -> bytes | None:
    """A file that somebody posted; None for an address that is not Discord's, or the server's that stands in for it."""
    there = urlsplit(url)
    standing_in = urlsplit(Route.BASE).hostname
    if (there.scheme, there.netloc.lower()) not in _FILES and there.hostname != standing_in:
        log.info("a file could not be read: it is not at Discord")
        return None
    return await files.download(url, most)


_FILES = {("https", "cdn.discordapp.com"), ("https", "media.discordapp.net")}


def _images(attachments: Sequence[discord.Attachment]) -> tuple[Image, ...]:
    found = [Image(file.url, _type(file)) for file in attachments if _type(file) in files.IMAGE_TYPES]
    return tuple(found[: files.IMAGES])


def _type(file: discord.Attachment) -> str:
    return (file.content_type or "").partition(";")[0].strip().lower()


def _replies_to(message: discord.Message) -> str | None:
    reference = message.reference
    if reference is None or reference.message_id is None or reference.type is not discord.MessageReferenceType.default:
        return None
    return message_id(reference.message_id)


def _named(message: discord.Message, kind: str, id_: int) -> str | None:
    guild = message.guild
    if kind == "@":
        cached = guild.get_member(id_) if guild else None
        user = discord.utils.get(message.mentions, id=id_) or cached
        return name_of(user) if user else None
    if guild is None:
        return None
    if kind == "@&":
        role = guild.get_role(id_)
        return role.name if role else None
    return _channel_name(message, guild, id_)


def _channel_name(message: discord.Message, guild: discord.Guild, id_: int) -> str | None:
    """A channel's name; of one that is not public only where it is the same room: its name may say what it is about."""
    found = guild.get_channel_or_thread(id_)
    if found is None:
        return None
    room = room_of(found, guild)  # type: ignore[arg-type]  # categories and forums are asked about too
    return found.name if room.kind == "public" or room == room_of(message.channel, guild) else PRIVATE_CHANNEL


def _time(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return str(seconds)
