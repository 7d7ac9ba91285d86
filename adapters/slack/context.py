"""What others said in a thread before somebody brought the bot in: read once, bounded."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calling import translated
from adapters.slack.listening import Rules, is_ours, typed
from adapters.slack.names import Names
from adapters.slack.reading import Json, Spot, Workspace, ids_in, mentions, read
from bot.chat import Message, Room
from bot.errors import PlatformError
from bot.ports import Transcript

log = logging.getLogger(__name__)

THREAD_MESSAGES = 30  # of a thread, before the one that brings the bot in, besides the one that it grew out of
PAGE, PAGES = 200, 3  # what is looked through for them


async def of(
    spot: Spot,
    room: Room,
    us: Workspace,
    *,
    client: AsyncWebClient,
    names: Names,
    transcript: Transcript,
    usages: frozenset[str],
    rules: Rules,
) -> Sequence[Message]:
    """The thread so far, oldest first; after a reset what came since. Nothing where Slack does not let us read.

    Commands that were typed to the bot (`usages`), and what the operator's lists leave out, are no part of it.
    """
    try:
        since = await transcript.reset_at(spot.thread)
        found = await _replies(client, spot, f"{since.timestamp():.6f}" if since else "")
    except PlatformError as error:
        log.info("what was said before is not read: %s", error)
        return []
    said = [each for each in found if _is_speech(each, us) and Spot.of("", "", each).ts < spot.ts]
    if since is not None:
        said = [each for each in said if float(each["ts"]) > since.timestamp()]
    said = [each for each in said if not _is_command(each, us, usages) and rules.permit_message(each, spot.channel, us)]
    if len(said) > THREAD_MESSAGES:
        said = [*said[:1], *said[-THREAD_MESSAGES:]] if said[0].get("ts") == spot.root else said[-THREAD_MESSAGES:]
    called = await names.look_up(spot, {id_ for each in said for id_ in ids_in(each)})
    where = [replace(spot, ts=str(each["ts"]), thread_ts=spot.root) for each in said]
    return [read(each, there, us, room, names=called) for each, there in zip(said, where, strict=True)]


async def _replies(client: AsyncWebClient, spot: Spot, oldest: str) -> list[Json]:
    found: list[Json] = []
    cursor: str | None = None
    for _ in range(PAGES):
        with translated():
            answer: Any = await client.conversations_replies(
                channel=spot.channel, ts=spot.root, oldest=oldest or None, latest=spot.ts, limit=PAGE, cursor=cursor
            )
        found += answer.get("messages") or []
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            break
    return found


def _is_speech(data: Json, us: Workspace) -> bool:
    """Whether somebody else said something: other bots' messages are often what a thread is about."""
    spoken = str(data.get("subtype") or "") in {"", "file_share", "thread_broadcast", "bot_message"}
    says = bool(data.get("text") or data.get("files") or data.get("attachments"))
    return spoken and says and not is_ours(data, us)


def _is_command(data: Json, us: Workspace, usages: frozenset[str]) -> bool:
    text = str(data.get("text") or "")
    return mentions(text, us.user) and bool(typed(text, us, usages))
