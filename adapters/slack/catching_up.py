"""What was said to the bot while it was away for longer than Slack tries to deliver: about five minutes."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calling import translated
from adapters.slack.reading import PLATFORM, Json, Spot, is_direct, parts
from bot.errors import DatabaseDown, PlatformDown, PlatformError
from bot.ports import Conversation, Transcript

log = logging.getLogger(__name__)

CONVERSATIONS = 200  # the latest ones that are looked at
CHANNELS = 50  # of each workspace in which somebody may have mentioned the bot meanwhile
MESSAGES = 100  # of each
DAYS = 30  # since something last happened in a conversation
OVERLAP = 60.0  # seconds before the last message that was heard: what was being heard then may be lost
LONGEST_WAIT = 60.0  # seconds, before the next one is tried where Slack fails again and again


@dataclass(frozen=True, slots=True)
class _Unread:
    team: str
    channel: str  # empty: all channels of the workspace that the bot is in
    root: str  # of a thread; empty for a channel itself
    since: float


async def reached(transcript: Transcript) -> float:
    """About when something was heard last, before this process; 0 when the bot has never been here."""
    return max(map(_reached, await _conversations(transcript)), default=0.0)


async def begun(transcript: Transcript, seen: float) -> float:
    """Note that what was said since is looked for; since when, with what an earlier process did not get to."""
    if not seen:
        return seen
    while True:
        try:
            return (await transcript.look_back(PLATFORM, datetime.fromtimestamp(seen, UTC))).timestamp()
        except DatabaseDown as error:
            log.warning("catching up waits for the database: %s", error)


async def ended(transcript: Transcript, seen: float) -> None:
    """All of it is found. Raises DatabaseError."""
    await transcript.looked_back(PLATFORM, datetime.fromtimestamp(seen, UTC))


async def missed(
    client: Callable[[str], Awaitable[AsyncWebClient]], transcript: Transcript, hours: float, seen: float
) -> AsyncIterator[tuple[str, str, Json]]:
    """Messages that may not have been heard, with workspace and channel; oldest first in each conversation.

    `seen`: until when all was heard. In a conversation it begins behind the last message that was heard before,
    elsewhere a little before `seen`. What cannot be read now is read later; it ends when all is read.
    """
    if not seen:  # nothing was missed
        return
    earliest = time.time() - hours * 3600
    away = max(seen - OVERLAP, earliest)
    conversations = await _conversations(transcript)
    unread = deque(_known(conversations, earliest, away))
    unread.extend(_Unread(team, "", "", away) for team in dict.fromkeys(each.team for each in unread))
    known = {(each.team, each.channel) for each in unread if not each.root}
    failures = 0
    while unread:
        place = unread.popleft()
        try:
            if not place.channel:
                channels = await _channels(await client(place.team), place)
                unread.extend(each for each in channels if (each.team, each.channel) not in known)
                continue
            found = await _after(await client(place.team), place)
        except PlatformDown as error:
            log.info("caught up later in %s:%s: %s", PLATFORM, place.channel, error)
            unread.append(place)
            failures += 1
            await asyncio.sleep(min(failures, LONGEST_WAIT) if error.delay is None else error.delay)
            continue
        except PlatformError as error:
            log.info("not caught up in %s:%s: %s", PLATFORM, place.channel, error)
            continue
        failures = 0
        for data in found:
            yield place.team, place.channel, data
            if not place.root and data.get("reply_count"):  # a thread has grown out of it meanwhile
                unread.append(_Unread(place.team, place.channel, str(data["ts"]), place.since))


def _known(conversations: Iterable[Conversation], earliest: float, away: float) -> Iterable[_Unread]:
    for each in conversations:
        team, channel, root = parts(each.thread)
        yield _Unread(team, channel, root, max(min(_reached(each), away), earliest))


def _reached(conversation: Conversation) -> float:
    """Up to when a conversation was heard; when it was deleted, until then."""
    if conversation.newest is not None:
        return float(Spot.parse(conversation.newest).ts)
    return conversation.at.timestamp()


async def _conversations(transcript: Transcript) -> list[Conversation]:
    while True:
        try:
            return list(await transcript.conversations(PLATFORM, DAYS, CONVERSATIONS))
        except DatabaseDown as error:  # it has waited long before it says so
            log.warning("catching up waits for the database: %s", error)


async def _channels(client: AsyncWebClient, place: _Unread) -> list[_Unread]:
    """Those that the bot is in. Raises PlatformError."""
    with translated():
        answer: Any = await client.users_conversations(
            types="public_channel,private_channel,mpim,im", exclude_archived=True, limit=CHANNELS
        )
    found = [str(each["id"]) for each in answer.get("channels") or ()]
    return [_Unread(place.team, channel, "", place.since) for channel in found[:CHANNELS]]


async def _after(client: AsyncWebClient, place: _Unread) -> list[Json]:
    """The messages since, oldest first: the latest of a channel, the first of a thread. Raises PlatformError.

    An app that is distributed outside of Slack's marketplace gets few of them at a time, and a page a minute.
    """
    found: list[Json] = []
    cursor: str | None = None
    while len(found) < MESSAGES:
        with translated():
            answer: Any = await (
                client.conversations_replies(
                    channel=place.channel, ts=place.root, oldest=f"{place.since:.6f}", limit=MESSAGES, cursor=cursor
                )
                if place.root
                else client.conversations_history(
                    channel=place.channel, oldest=f"{place.since:.6f}", limit=MESSAGES, cursor=cursor
                )
            )
        found += [each for each in answer.get("messages") or () if float(each.get("ts") or 0) > place.since]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            break
    if is_direct(place.channel) and not place.root:  # those of its threads are conversations of their own
        found = [each for each in found if str(each.get("thread_ts") or each["ts"]) == str(each["ts"])]
    return sorted(found, key=lambda each: float(each["ts"]))
