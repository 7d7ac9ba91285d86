"""How an answer gets to where it was asked for: posted at its first word, edited while it grows, exact at its end."""

import asyncio
import contextlib
import hashlib
import io
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import discord
from discord.http import handle_message_parameters
from discord.webhook.async_ import async_context

from adapters.discord.reading import message_id, snowflake
from adapters.markup.discord import pieces
from bot.errors import DatabaseError, PlatformDown, PlatformError, PlatformRefused, TurnLost
from bot.ports import Outbox

log = logging.getLogger(__name__)

LIMIT = 2000  # characters of a message (https://discord.com/developers/docs/resources/message)
EDIT_SECONDS = 1.0  # between two edits, the last one included: Discord allows about five in five seconds
FOLLOW_UPS = 4  # that Discord lets an app send which is not in the guild, besides the first answer: five with it
BANNED_SECONDS = 60.0  # for which to leave Discord alone when Cloudflare answers in its place
NO_MENTIONS = discord.AllowedMentions.none()

UNKNOWN_MESSAGE, TOO_OLD_TO_EDIT = 10008, 30046


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, thread or direct message where the bot posts."""

    channel: discord.PartialMessageable
    replies: bool  # in a channel an answer is shown as a reply to its question; elsewhere that would only be noise
    posted: Callable[[], None] = lambda: None  # told when something is there to be read


@dataclass(slots=True)
class ChannelReply:
    """An answer as messages in a channel. Edits go out at most once a second, however fast the model writes."""

    place: Callable[[], Awaitable[Place]]
    outbox: Outbox
    previews: bool = False  # of the pages that an answer links to: whoever fetches them tells them what the link says
    _shown: dict[int, str] = field(default_factory=dict)  # by number of the piece, as far as this process knows
    _text: str = ""
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)  # one round of posts and edits at a time
    _withdrawn: int = 0
    _changed_at: float = -math.inf  # when something was last posted or edited, on the monotonic clock

    async def show(self, text: str) -> None:
        """Show this soon; does not wait for Discord."""
        self._text = text
        self._news.set()

    async def show_notice(self, text: str) -> None:
        """A message that is edited when there is an answer."""
        await self.finish(text)

    async def finish(self, text: str) -> None:
        """Make it say exactly this."""
        self._text = ""
        async with self._busy:
            texts = pieces(text, LIMIT) or ["…"]
            await self._put(texts)
            for number in range(len(texts), len(self.outbox.posts)):
                await self._take_back(number)

    async def withdraw(self) -> None:
        """Delete what was posted."""
        self._text = ""
        async with self._busy:
            for number in range(len(self.outbox.posts)):
                await self._take_back(number)

    async def paint(self) -> None:
        """Until cancelled: bring what is shown up to date, once a second."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self._pace()
            async with self._busy:
                text = self._text
                if text:
                    try:
                        await self._put(pieces(text, LIMIT))
                    except (TurnLost, PlatformError, DatabaseError) as error:  # the end says what to do about it
                        log.debug("an answer is not shown while it grows: %s", error)
                        return

    async def _put(self, texts: Sequence[str]) -> None:
        for number, text in enumerate(texts):
            if self._shown.get(number) == text:
                continue
            post = self.outbox.posts[number] if number < len(self.outbox.posts) else ""
            with translated():
                if post:
                    await self._edit(number, post, text)
                else:
                    await self._post(number, text)
            self._shown[number] = text

    async def _post(self, number: int, text: str, again: str = "") -> None:
        await self.outbox.allow()
        place = await self.place()
        reference: Any = None  # the signature of `send` knows no None, its body does
        if place.replies and number == 0 and self.outbox.question:
            reference = discord.MessageReference(
                message_id=snowflake(self.outbox.question), channel_id=place.channel.id, fail_if_not_exists=False
            )
        message = await place.channel.send(
            text,
            nonce=nonce(self.outbox.key, number, again or self._withdrawn),
            reference=reference,
            suppress_embeds=not self.previews,
            allowed_mentions=NO_MENTIONS,
        )
        place.posted()
        self._changed_at = time.monotonic()
        await self.outbox.record(message_id(message.id), number)
        if message.content != text and message.content.strip() != text.strip():
            # The nonce was known: it is what an earlier attempt posted.
            await message.edit(content=text, allowed_mentions=NO_MENTIONS)

    async def _edit(self, number: int, post: str, text: str) -> None:
        await self.outbox.allow()
        place = await self.place()
        message = place.channel.get_partial_message(snowflake(post))
        await self._pace()
        self._changed_at = time.monotonic()
        try:
            await message.edit(content=text, allowed_mentions=NO_MENTIONS)
        except discord.NotFound as error:
            if error.code != UNKNOWN_MESSAGE:
                raise
            log.info("a post was deleted while it was being written, and stays so")
        except discord.HTTPException as error:
            if error.code != TOO_OLD_TO_EDIT:
                raise
            await self._post(number, text, again="old")
            with contextlib.suppress(discord.HTTPException):
                await message.delete()

    async def _pace(self) -> None:
        """Until another edit is due."""
        await asyncio.sleep(self._changed_at + EDIT_SECONDS - time.monotonic())

    async def _take_back(self, number: int) -> None:
        """Delete a post; before that it is no longer known as ours, so that nothing is forgotten because of it."""
        post = self.outbox.posts[number]
        if not post:
            return
        await self.outbox.allow()
        await self.outbox.record("", number)
        self._withdrawn += 1
        self._shown.pop(number, None)
        with translated(), contextlib.suppress(discord.NotFound):
            await (await self.place()).channel.get_partial_message(snowflake(post)).delete()


@asynccontextmanager
async def growing(reply: ChannelReply) -> AsyncIterator[ChannelReply]:
    """A reply that is kept up to date until the block ends."""
    painter = asyncio.create_task(reply.paint(), name="painter")
    try:
        yield reply
    finally:
        painter.cancel()
        (ended,) = await asyncio.gather(painter, return_exceptions=True)
        if isinstance(ended, Exception):  # the end of the answer does not depend on it
            log.error("an answer was not shown while it grew: a bug", exc_info=ended)


@dataclass(slots=True)
class PrivateReply:
    """An answer that only who asked can see: to an interaction while Discord allows it, else in a direct message."""

    interaction: discord.Interaction | None
    direct: ChannelReply
    outbox: Outbox

    async def show(self, text: str) -> None:
        """Discord shows that the bot is thinking."""

    async def show_notice(self, text: str) -> None:
        """In place of Discord's own; not recorded there, since the interaction is still to be answered."""
        if self.interaction is None or self.outbox.posts:
            await self.direct.show_notice(text)
            return
        await self.outbox.allow()
        with translated():
            await tell(self.interaction, text)

    async def finish(self, text: str) -> None:
        """All of it, in one go."""
        if self.outbox.posts == [_ANSWERED]:
            return
        if self.interaction is not None and not self.outbox.posts:
            await self.outbox.allow()
            try:
                with translated():
                    await tell(self.interaction, text, previews=self.direct.previews)
            except PlatformRefused as error:
                log.info("an interaction is over, its answer goes to a direct message: %s", error)
            else:
                await self.outbox.record(_ANSWERED, 0)
                return
        await self.direct.finish(text)

    async def withdraw(self) -> None:
        """Nothing was shown."""


_ANSWERED = "interaction"  # recorded in place of a post's id: an answer to an interaction has none that lasts


async def tell(
    interaction: discord.Interaction, text: str, view: discord.ui.View | None = None, *, previews: bool = False
) -> None:
    """Answer an interaction that was put off, visible to who asked alone; what is too long for Discord is a file."""
    first, *rest = pieces(text, LIMIT) or ["…"]
    await fill(interaction, first, view, previews=previews)
    if len(rest) > FOLLOW_UPS:
        file = discord.File(io.BytesIO(text.encode()), "answer.md")
        await interaction.followup.send("The whole answer:", file=file, ephemeral=True, allowed_mentions=NO_MENTIONS)
        return
    for piece in rest:
        await interaction.followup.send(
            piece, ephemeral=True, suppress_embeds=not previews, allowed_mentions=NO_MENTIONS
        )


async def fill(
    interaction: discord.Interaction, text: str, view: discord.ui.View | None = None, *, previews: bool = False
) -> None:
    """Put words into the answer to an interaction. The library's own method cannot say that links get no previews."""
    with handle_message_parameters(
        content=text,
        view=view,
        flags=discord.MessageFlags(suppress_embeds=not previews),
        allowed_mentions=NO_MENTIONS,
    ) as given:
        await async_context.get().edit_original_interaction_response(
            interaction.application_id, interaction.token, session=interaction._session, payload=given.payload
        )


def nonce(key: str, number: int, again: str | int = 0) -> str:
    """A name for one post, the same in every attempt; at most 25 characters."""
    return f"{hashlib.sha256(f'{key} {again}'.encode()).hexdigest()[:20]}-{number}"


@contextmanager
def translated() -> Iterator[None]:
    """discord.py's exceptions → ours, with what to do about them."""
    try:
        yield
    except discord.RateLimited as error:
        raise _down("Discord wants to be left alone", error, error.retry_after) from error
    except discord.HTTPException as error:
        if error.status == 429:  # without Discord's own marks: Cloudflare
            raise _down("Discord does not let this address in for a while (429)", error, BANNED_SECONDS) from error
        if error.status >= 500:
            raise _down(f"Discord fails with {error.status}", error) from error
        raise PlatformRefused(
            f"Discord refuses with {error.status} (code {error.code}): look at the bot's permissions there"
        ) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise _down(f"Discord is not reachable ({type(error).__name__}): look at the network", error) from error
    except RuntimeError as error:
        if "closed" not in str(error):  # the connection is being made anew
            raise
        raise _down("the connection to Discord was closed", error) from error


def _down(text: str, error: Exception, delay: float | None = None) -> PlatformDown:
    down = PlatformDown(text)
    down.delay = delay
    return down
