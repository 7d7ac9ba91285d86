"""What was said to the bot while it was away: Discord does not deliver that by itself."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice

import discord

from adapters.discord.posting import translated
from adapters.discord.reading import PLATFORM, snowflake
from bot.errors import DatabaseDown, PlatformDown, PlatformError
from bot.ports import Conversation, Transcript

log = logging.getLogger(__name__)

CONVERSATIONS = 200  # the latest ones that are looked at
CHANNELS = 50  # those of the rest in which somebody spoke meanwhile
MESSAGES = 100  # the latest ones of each
SLACK = 60_000  # milliseconds
DAYS = 30  # since something last happened in a conversation
LONGEST_WAIT = 60.0  # seconds, before the next channel is tried where Discord fails again and again


async def missed(
    client: discord.Client,
    connected: Callable[[], Awaitable[discord.Client]],
    transcript: Transcript,
    hours: float,
    seen: int,
) -> AsyncIterator[discord.Message]:
    """Messages that may not have been heard, oldest first in each channel; some may have been.

    `seen`: the newest message that the bot knew of when it went away. In a conversation it begins behind the last
    message that was heard before, elsewhere a little before `seen`: what was being heard then may be lost.

    It ends when all is read: a channel that cannot be read now is read later, by the client that is `connected` then.
    """
    earliest = discord.utils.time_snowflake(discord.utils.utcnow() - timedelta(hours=hours))
    away = max(seen - (SLACK << 22), 0)
    conversations = await _conversations(transcript)
    known = {int(each.thread.id): min(_reached(each), away) for each in conversations if ":" not in each.thread.id}
    unread = deque((channel, max(since, earliest)) for channel, since in known.items())
    if seen:  # else the bot has never been here before, and nothing was missed
        since = max(away, earliest)
        unread.extend((channel, since) for channel in islice(_others(client, since, known), CHANNELS))
    failures = 0
    while unread:
        channel, since = unread.popleft()
        try:
            found = await _after(await connected(), channel, since)
        except PlatformDown as error:
            log.info("caught up later in %s:%d: %s", PLATFORM, channel, error)
            unread.append((channel, since))
            failures += 1
            await asyncio.sleep(min(failures, LONGEST_WAIT) if error.delay is None else error.delay)
            continue
        failures = 0
        for message in found:
            yield message


async def reached(transcript: Transcript) -> int:
    """About the newest message that was heard before this process; 0 when there is none."""
    return max((_reached(each) for each in await transcript.conversations(PLATFORM, DAYS, CONVERSATIONS)), default=0)


async def begun(transcript: Transcript, seen: int) -> int:
    """Note that what was said since is looked for; since when, with what an earlier process did not get to."""
    if not seen:
        return seen
    while True:
        try:
            since = await transcript.look_back(PLATFORM, discord.utils.snowflake_time(seen))
            return min(seen, discord.utils.time_snowflake(since))
        except DatabaseDown as error:
            log.warning("catching up waits for the database: %s", error)


async def ended(transcript: Transcript, seen: int) -> None:
    """All of it is found. Raises DatabaseError."""
    if seen:
        await transcript.looked_back(PLATFORM, discord.utils.snowflake_time(seen))


def _reached(conversation: Conversation) -> int:
    """Up to which message a conversation was heard; when it was deleted, until then."""
    if conversation.newest is not None:
        return snowflake(conversation.newest)
    return discord.utils.time_snowflake(conversation.at)


def _others(client: discord.Client, since: int, known: dict[int, int]) -> Iterator[int]:
    """Further channels and threads that the bot can read and in which somebody spoke since."""
    for guild in client.guilds:
        us = guild.get_member(client.user.id) if client.user else None
        channels: Iterable[discord.TextChannel | discord.Thread] = (*guild.text_channels, *guild.threads)
        for channel in channels:
            if channel.id in known or (channel.last_message_id or 0) <= since:
                continue
            if us is None or channel.permissions_for(us).read_message_history:
                yield channel.id


async def _conversations(transcript: Transcript) -> Sequence[Conversation]:
    while True:
        try:
            return await transcript.conversations(PLATFORM, DAYS, CONVERSATIONS)
        except DatabaseDown as error:  # it has waited long before it says so
            log.warning("catching up waits for the database: %s", error)


async def _after(client: discord.Client, id_: int, since: int) -> Sequence[discord.Message]:
    """The latest messages of a channel, oldest first; nothing where Discord lets nobody read. Raises PlatformDown."""
    try:
        with translated():
            channel = client.get_channel(id_) or await client.fetch_channel(id_)
            if not isinstance(channel, discord.abc.Messageable):
                return []
            if (getattr(channel, "last_message_id", None) or since + 1) <= since:
                return []
            after = discord.Object(since)
            found = [each async for each in channel.history(limit=MESSAGES, after=after, oldest_first=False)]
    except PlatformDown:
        raise
    except PlatformError as error:
        log.info("not caught up in %s:%d: %s", PLATFORM, id_, error)
        return []
    return found[::-1]
