"""How an answer gets to its thread: streamed as Slack streams, or posted and updated; exact at its end, and only once.

Slack has no idempotency key for a post. What may have been posted without our knowing it is looked for before it is
posted again: after a call that failed half way, and in a turn that is begun again.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.markup import slack as markup
from adapters.slack.blocks import escaped
from adapters.slack.calling import code_of, is_refused, translated
from adapters.slack.reading import Spot
from bot.errors import DatabaseError, PlatformDown, PlatformError, PlatformRefused, TurnLost
from bot.ports import Outbox

log = logging.getLogger(__name__)

LIMIT = 12_000  # characters of `markdown_text` and of markdown blocks (https://docs.slack.dev/reference/block-kit/blocks/markdown-block)
NOTIFICATION = 4000  # characters of `text`, escaped (https://docs.slack.dev/reference/methods/chat.update)
APPEND_SECONDS = 1.0  # between two appends to a stream: Slack allows more than 100 a minute in a workspace
UPDATE_SECONDS = 1.5  # between two updates of a post: 50 a minute
STATUS_SECONDS = 90.0  # Slack takes a status away after two minutes
STATUS = "is thinking…"
FOUND = 100  # messages of a thread among which a post is looked for
FEEDBACK = "hathi:feedback"

# With these the whole channel is out of reach; with any other, streaming is not possible there.
OUT_OF_REACH = {
    "channel_not_found", "not_in_channel", "is_archived", "thread_not_found", "message_not_found", "invalid_thread_ts",
    "restricted_action", "restricted_action_thread_locked", "user_not_found", "access_denied",
}  # fmt: skip
CLOSED = "message_not_in_streaming_state"
GONE = "message_not_found"
TOO_OLD = {"edit_window_closed", "cant_update_message"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer goes, and for whom it is streamed."""

    client: AsyncWebClient
    channel: str
    root: str  # ts of the message under which it stands
    user: str  # who asked
    team: str  # and where they are at home
    bot: str  # our own user
    streams: bool = True  # as far as is known

    def post_id(self, team: str, ts: str) -> str:
        """A post, as the transcript names it."""
        return Spot(team, self.channel, ts).id


@dataclass(slots=True)
class _Post:
    """One message of ours, as far as this process knows it."""

    streams: bool = False
    shown: str | None = ""  # None: not known, since a call failed half way


@dataclass(slots=True)
class ThreadReply:
    """An answer as messages in a thread, each as long as Slack allows."""

    team: str
    place: Callable[[], Awaitable[Place]]
    ours: Callable[[Sequence[str]], Awaitable[Set[str]]]  # those of some posts that any turn has recorded
    outbox: Outbox
    no_streams: Callable[[], None]  # told when it turns out that the channel has none
    previews: bool = False  # of the pages that an answer links to: whoever fetches them tells them what the link says
    _known: dict[int, _Post] = field(default_factory=dict)
    _text: str = ""
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)  # one round of calls at a time
    _in_doubt: bool = False  # something may have been posted that is not recorded
    _changed_at: float = -math.inf  # when something was last shown, on the monotonic clock
    posted: asyncio.Event = field(default_factory=asyncio.Event)  # something is there to be read

    def __post_init__(self) -> None:
        self._in_doubt = self.outbox.turn.attempt > 0

    async def show(self, text: str) -> None:
        """Show this soon; does not wait for Slack."""
        self._text = text
        self._news.set()

    async def show_notice(self, text: str) -> None:
        """A message that is updated when there is an answer; nobody is asked to rate it."""
        await self._say(text, rated=False)

    async def finish(self, text: str) -> None:
        """Make it say exactly this."""
        await self._say(text, rated=True)

    async def _say(self, text: str, *, rated: bool) -> None:
        self._text = ""
        async with self._busy:
            texts = markup.pieces(text, LIMIT) or ["…"]
            for number, piece in enumerate(texts):
                await self._put(number, piece, ends=True, last=rated and number == len(texts) - 1)
            for number in range(len(texts), len(self.outbox.posts)):
                await self._take_back(number)

    async def withdraw(self) -> None:
        """Delete what was posted."""
        self._text = ""
        async with self._busy:
            for number in range(len(self.outbox.posts)):
                await self._take_back(number)

    async def paint(self) -> None:
        """Until cancelled: bring what is shown up to date, in Slack's own time."""
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(self._changed_at + self._seconds() - time.monotonic())
            async with self._busy:
                text = self._text
                if not text:
                    continue
                try:
                    texts = markup.growing(text, LIMIT)
                    for number, piece in enumerate(texts):
                        await self._put(number, piece, ends=number < len(texts) - 1)
                except (TurnLost, PlatformError, DatabaseError) as error:  # the end says what to do about it
                    log.debug("an answer is not shown while it grows: %s", error)
                    return

    def _seconds(self) -> float:
        return APPEND_SECONDS if any(post.streams for post in self._known.values()) else UPDATE_SECONDS

    async def _put(self, number: int, text: str, *, ends: bool, last: bool = False) -> None:
        """Show a piece: all of it, when it `ends`; else it may still grow. The `last` one can be rated."""
        there = self.outbox.posts[number] if number < len(self.outbox.posts) else ""
        known = self._known.get(number)
        if not there:
            await self._begin(number, text, ends=ends, last=last)
        elif known is None:  # an earlier attempt's; it may be a stream that nobody closed
            self._known[number] = _Post(streams=True)
            await self._close(number, there)
            await self._update(number, there, text, last=last)
        elif known.streams:
            await self._grow(number, there, known, text, ends=ends, last=last)
        elif known.shown != text or last:
            await self._update(number, there, text, last=last)

    async def _begin(self, number: int, text: str, *, ends: bool, last: bool) -> None:
        """Post a piece, unless it turns out that it is there. What is whole is posted, what grows is streamed."""
        await self.outbox.allow()
        place = await self.place()
        if self._in_doubt:
            found = await self._lost(place)
            self._in_doubt = False
            if found:
                log.info("turn %s: a post that was not recorded is found", self.outbox.turn.id)
                await self.outbox.record(place.post_id(self.team, found), number)
                await self._put(number, text, ends=ends, last=last)
                return
        try:
            with translated():
                ts = await self._stream(place, text) if place.streams and not ends else None
                streams = ts is not None
                ts = ts or await self._post(place, text, rated=last)
        except PlatformDown:
            self._in_doubt = True
            raise
        self.posted.set()
        self._changed_at = time.monotonic()
        self._known[number] = _Post(streams, text)
        await self.outbox.record(place.post_id(self.team, ts), number)

    async def _stream(self, place: Place, text: str) -> str | None:
        """Begin a stream; its ts, or None where that is not possible."""
        try:
            answer = await place.client.chat_startStream(
                channel=place.channel,
                thread_ts=place.root,
                recipient_team_id=place.team,
                recipient_user_id=place.user,
                markdown_text=text,
            )
        except SlackApiError as error:
            if code_of(error) in OUT_OF_REACH or not is_refused(error):
                raise
            log.info("no streaming here: Slack says %s", code_of(error))
            self.no_streams()
            return None
        return str(answer["ts"])

    async def _post(self, place: Place, text: str, *, rated: bool) -> str:
        answer = await place.client.chat_postMessage(
            channel=place.channel, thread_ts=place.root, unfurl_links=self.previews, unfurl_media=self.previews,
            **_body(text, rated=rated),
        )  # fmt: skip
        return str(answer["ts"])

    async def _grow(self, number: int, post: str, known: _Post, text: str, *, ends: bool, last: bool) -> None:
        """Append what is new, and at its end close the stream; what cannot be told by appending is told anew."""
        more = "" if known.shown is None or not text.startswith(known.shown) else text.removeprefix(known.shown)
        if ends:
            if not await self._close(number, post, more, last=last) or known.shown != text:
                await self._update(number, post, text, last=last)
        elif more:
            if await self._call(number, post, "chat_appendStream", markdown_text=more):
                known.shown = text
            else:
                await self._update(number, post, text, last=False)

    async def _close(self, number: int, post: str, more: str = "", *, last: bool = False) -> bool:
        """End a stream, with its last words; False when Slack had ended it before."""
        arguments: dict[str, Any] = {"blocks": [_feedback()]} if last else {}
        if more:
            arguments["markdown_text"] = more
        taken = await self._call(number, post, "chat_stopStream", **arguments)
        known = self._known[number]
        known.streams = False
        if taken and known.shown is not None:
            known.shown += more
        return taken

    async def _call(self, number: int, post: str, method: str, **arguments: Any) -> bool:
        """A call about a stream; False when it is none any more."""
        await self.outbox.allow()
        place = await self.place()
        self._changed_at = time.monotonic()
        try:
            with translated():
                await getattr(place.client, method)(channel=place.channel, ts=Spot.parse(post).ts, **arguments)
        except PlatformRefused as error:
            if code_of(error.__cause__) not in {CLOSED, GONE}:
                raise
            log.info("turn %s: Slack has ended a stream; its post is updated instead", self.outbox.turn.id)
            self._known[number].streams = False
            return False
        except PlatformDown:
            self._known[number].shown = None
            raise
        return True

    async def _update(self, number: int, post: str, text: str, *, last: bool) -> None:
        """Make a post say this."""
        await self.outbox.allow()
        place = await self.place()
        await asyncio.sleep(self._changed_at + UPDATE_SECONDS - time.monotonic())
        self._changed_at = time.monotonic()
        try:
            with translated():
                await place.client.chat_update(channel=place.channel, ts=Spot.parse(post).ts, **_body(text, rated=last))
        except PlatformRefused as error:
            code = code_of(error.__cause__)
            if code == GONE:
                log.info("a post was deleted while it was being written, and stays so")
            elif code in TOO_OLD:
                await self._replace(number, post, text, place, last=last)
            else:
                raise
        self._known.setdefault(number, _Post()).shown = text

    async def _replace(self, number: int, post: str, text: str, place: Place, *, last: bool) -> None:
        """Where a post can no longer be changed: another one in its place."""
        with translated():
            ts = await self._post(place, text, rated=last)
            await self.outbox.record(place.post_id(self.team, ts), number)
            with contextlib.suppress(SlackApiError):
                await place.client.chat_delete(channel=place.channel, ts=Spot.parse(post).ts)

    async def _lost(self, place: Place) -> str | None:
        """The ts of a post of ours in this thread that nobody has recorded."""
        since = Spot.parse(self.outbox.turn.first or self.outbox.question).ts
        try:
            with translated():
                answer: Any = await place.client.conversations_replies(
                    channel=place.channel, ts=place.root, oldest=since, limit=FOUND
                )
        except PlatformRefused as error:
            log.warning("turn %s: what is posted cannot be looked up: %s", self.outbox.turn.id, error)
            return None
        mine = [
            str(message["ts"]) for message in answer.get("messages") or ()
            if message.get("user") == place.bot and str(message["ts"]) > since
        ]  # fmt: skip
        recorded = await self.ours([place.post_id(self.team, ts) for ts in mine]) if mine else ()
        return next((ts for ts in mine if place.post_id(self.team, ts) not in recorded), None)

    async def _take_back(self, number: int) -> None:
        """Delete a post; before that it is no longer known as ours, so that nothing is forgotten because of it."""
        post = self.outbox.posts[number]
        if not post:
            return
        await self.outbox.allow()
        await self.outbox.record("", number)
        self._known.pop(number, None)
        place = await self.place()
        try:
            with translated():
                await place.client.chat_delete(channel=place.channel, ts=Spot.parse(post).ts)
        except PlatformRefused as error:
            if code_of(error.__cause__) != GONE:
                raise


@asynccontextmanager
async def growing(reply: ThreadReply) -> AsyncIterator[ThreadReply]:
    """A reply that is kept up to date until the block ends, with a status before there is something to read."""
    painter = asyncio.create_task(reply.paint(), name="painter")
    status = asyncio.create_task(_status(reply), name="status")
    try:
        yield reply
    finally:
        painter.cancel()
        status.cancel()
        for ended in await asyncio.gather(painter, status, return_exceptions=True):
            if isinstance(ended, Exception):  # the end of the answer does not depend on it
                log.error("an answer was not shown while it grew: a bug", exc_info=ended)


async def _status(reply: ThreadReply) -> None:
    """Show that the bot is at work, until something is there to be read; take it away where that is not by itself."""
    try:
        while not reply.posted.is_set():
            await _set_status(reply, STATUS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_SECONDS):
                    await reply.posted.wait()
    finally:
        if not reply.posted.is_set():
            await _set_status(reply, "")


async def _set_status(reply: ThreadReply, status: str) -> None:
    try:
        place = await reply.place()
        with translated():
            await place.client.assistant_threads_setStatus(
                channel_id=place.channel, thread_ts=place.root, status=status
            )
    except (PlatformError, DatabaseError) as error:
        log.debug("a status is not shown: %s", error)


def _body(text: str, *, rated: bool) -> Mapping[str, Any]:
    """What a post says: as Markdown; with buttons, as blocks, and as text for a notification."""
    if not rated:
        return {"markdown_text": text}
    return {"text": _notification(text), "blocks": [{"type": "markdown", "text": text}, _feedback()]}


def _notification(text: str) -> str:
    """The beginning, as long as `chat.update` takes it."""
    short = text[:NOTIFICATION]
    while len(escaped(short)) > NOTIFICATION:
        short = short[: len(short) * 3 // 4]
    return escaped(short)


def _feedback() -> Mapping[str, Any]:
    """Two buttons under an answer; they work for ever, since nobody has to remember them."""

    def button(word: str, value: str) -> Mapping[str, Any]:
        return {"text": {"type": "plain_text", "text": word}, "value": value, "accessibility_label": word}

    return {
        "type": "context_actions",
        "elements": [
            {
                "type": "feedback_buttons",
                "action_id": FEEDBACK,
                "positive_button": button("Good answer", "good"),
                "negative_button": button("Bad answer", "bad"),
            }
        ],
    }
