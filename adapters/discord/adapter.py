"""The adapter: Discord's events become messages, edits and deletions; answers go back to where they were asked for."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from weakref import WeakValueDictionary

import discord

from adapters import files
from adapters.discord import catching_up, context, interacting, noting
from adapters.discord.connecting import Connection, Handler, Sharding
from adapters.discord.listening import Rules, addressed
from adapters.discord.posting import (
    NO_MENTIONS,
    ChannelReply,
    Place,
    PrivateReply,
    growing,
    nonce,
    translated,
)
from adapters.discord.reading import (
    PLATFORM,
    fetch,
    message_id,
    name_of,
    person,
    read,
    space_of,
    thread_of,
)
from adapters.loops import Loops
from bot.agent import apology
from bot.chat import Image, Message, Room, Thread
from bot.commands import Commands
from bot.errors import DatabaseDown, DatabaseError, PlatformError
from bot.ports import Accept, Counts, Forgetting, Noted, Outbox, Reply, Transcript

log = logging.getLogger(__name__)

TYPING_SECONDS = 8.0  # Discord shows it for ten
LOGIN_SECONDS = 30.0  # that a turn waits for the connection before it is put off
EDIT_MINUTES = 60  # in which an edit may still make a message one that is said to the bot
REMEMBERED = 10_000  # channels and deletions; what is beyond is looked up again


class Discord:
    """Hathi on Discord. One conversation in each channel, thread and direct message."""

    name = PLATFORM

    def __init__(
        self,
        token: str,
        transcript: Transcript,
        forgetting: Forgetting,
        commands: Commands,
        *,
        rules: Rules | None = None,
        catch_up_hours: float = 24,
        forget_on_leave: bool = False,
        sharding: Sharding | None = None,
        link_previews: bool = False,
    ) -> None:
        """`catch_up_hours`: how far back to look for what was said while the bot was away; 0 for not at all."""
        self._transcript = transcript
        self._forgetting = forgetting
        self._commands = commands
        self._rules = rules or Rules()
        self._catch_up_hours = catch_up_hours
        self._forget_on_leave = forget_on_leave
        self._link_previews = link_previews
        self._connection = Connection(token, self._handlers(), sharding)
        self._accept: Accept | None = None
        self._loops = Loops()
        self._lanes: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._takes_part: OrderedDict[int, bool] = OrderedDict()  # by channel: a conversation is kept of it
        self._replies: OrderedDict[int, bool] = OrderedDict()  # by channel: answers are shown as replies there
        self._deleted: OrderedDict[int, bool] = OrderedDict()  # messages: one may arrive after its deletion
        self._asked: OrderedDict[Thread, discord.Interaction] = OrderedDict()
        self._typists: dict[int, asyncio.Task[None]] = {}
        self._newest = 0  # the newest message of all that Discord told us about
        self._lost_at = 0  # what `_newest` was when the connection was lost, or before there was one
        self._missed_since = 0  # what `_lost_at` was when a session began that has not caught up yet
        self._known_commands = False  # Discord has them

    @property
    def trouble(self) -> str | None:
        """What is wrong with the connection, in one line; None when nothing is."""
        return self._connection.trouble

    async def run(self, accept: Accept) -> None:
        """Serve until cancelled. Raises PlatformRefused when Discord does not let us in."""
        self._accept = accept
        self._newest = self._lost_at = await catching_up.reached(self._transcript)
        if self._catch_up_hours:  # noted before anything new is heard
            self._lost_at = await catching_up.begun(self._transcript, self._lost_at)
        await self._connection.run()

    def routes(self) -> tuple[()]:
        """Discord sends nothing over HTTP."""
        return ()

    # What the core asks for

    @asynccontextmanager
    async def reply(self, thread: Thread, outbox: Outbox) -> AsyncIterator[Reply]:
        """A reply in the thread's channel; to a message's menu entry, one that only who asked can see."""
        channel, _, asker = thread.id.partition(":")
        if asker:
            direct = ChannelReply(lambda: self._direct(int(asker)), outbox, self._link_previews)
            interaction = self._asked.pop(thread, None)
            try:
                yield PrivateReply(interaction, direct, outbox)
            finally:
                if interaction is not None and not outbox.posts:  # put off: the next attempt answers it
                    self._asked.setdefault(thread, interaction)
            return
        async with growing(ChannelReply(lambda: self._place(int(channel)), outbox, self._link_previews)) as reply:
            yield reply

    @asynccontextmanager
    async def typing(self, thread: Thread) -> AsyncIterator[None]:
        """Show that the bot types, until something is there to be read."""
        if ":" in thread.id:  # an interaction shows it by itself
            yield
            return
        channel = int(thread.id)
        self._typists[channel] = asyncio.create_task(self._type(channel), name="typist")
        try:
            yield
        finally:
            self._stop_typing(channel)

    async def download(self, image: Image, thread: Thread) -> bytes | None:
        """A picture; Discord's addresses hold for a day."""
        return await fetch(image.url, files.IMAGE_BYTES)

    async def noted(self, noted: Noted) -> None:
        """A small button under the answer; nothing where one person alone sees the answer. Raises PlatformError."""
        if ":" in noted.thread.id or not noted.post:
            log.debug("%s: what was noted is not shown: no post is known", noted.thread)
            return
        client = await self._connection.client(LOGIN_SECONDS)
        await noting.show(client.get_partial_messageable(int(noted.thread.id)), noted)

    async def _place(self, channel: int) -> Place:
        """Where to post for a conversation. Raises PlatformError."""
        client = await self._connection.client(LOGIN_SECONDS)
        if channel not in self._replies:
            with translated():
                found = client.get_channel(channel) or await client.fetch_channel(channel)
            self._note(found)
        return Place(
            client.get_partial_messageable(channel), self._replies[channel], lambda: self._stop_typing(channel)
        )

    async def _direct(self, user: int) -> Place:
        client = await self._connection.client(LOGIN_SECONDS)
        with translated():
            channel = await client.create_dm(discord.Object(user))
        return Place(client.get_partial_messageable(channel.id), replies=False)

    async def _type(self, channel: int) -> None:
        while True:
            try:
                client = await self._connection.client(LOGIN_SECONDS)
                with translated():
                    await client.get_partial_messageable(channel).typing()
            except PlatformError as error:
                log.debug("typing is not shown: %s", error)
            await asyncio.sleep(TYPING_SECONDS)

    def _stop_typing(self, channel: int) -> None:
        typist = self._typists.pop(channel, None)
        if typist is not None:
            typist.cancel()

    # What Discord tells

    def _handlers(self) -> dict[str, Handler]:
        return {
            "message": self._on_message,
            "raw_message_edit": self._on_edit,
            "raw_message_delete": self._on_delete,
            "raw_bulk_message_delete": self._on_bulk_delete,
            "raw_thread_delete": self._on_thread_delete,
            "raw_thread_update": self._on_thread_update,
            "guild_channel_delete": self._on_channel_delete,
            "guild_remove": self._on_guild_remove,
            "interaction": self._on_interaction,
            "ready": self._on_ready,
            "connect": self._on_connect,
            "resumed": self._on_resumed,
            "disconnect": self._on_disconnect,
        }

    async def _on_message(self, message: discord.Message) -> None:
        me = self._connection.me
        self._newest = max(self._newest, message.id)
        said_to_us = addressed(message, me)
        if not self._loops.goes_on(message.channel.id, message.id, message.author.bot, said_to_us is not False):
            log.info("a bot gets no more answers before a person speaks in %s", thread_of(message.channel.id))
            return
        if said_to_us is False or not await self._permits(message):
            return
        if said_to_us is None and not message.content and not message.attachments and not self._connection.reads:
            return  # without the intent nothing can be read here
        await self._in_order(
            message.channel.id, partial(self._hear, message, said_to_us), message if said_to_us else None
        )

    async def _hear(self, message: discord.Message, said_to_us: bool | None) -> None:
        """Into the transcript, with what it needs to be understood."""
        member = isinstance(message.channel, discord.Thread) and message.channel.me is not None
        heeds = said_to_us or member or await self._in_thread(message.channel.id)
        if not heeds or message.id in self._deleted:
            return
        self._note(message.channel)
        heard = await read(message, self._connection.me)
        before = await context.of(message, self._transcript, self._connection.me, self._rules)
        if before:
            await self._transcript.overhear(before, heard.author)
        await self._take(heard)
        self._remember(self._takes_part, message.channel.id, True)

    async def _on_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        message = payload.message
        if message.edited_at is None or message.author.id == self._connection.me:  # a link got its preview
            return
        await self._in_order(payload.channel_id, partial(self._edit, message))
        if message.created_at > discord.utils.utcnow() - timedelta(minutes=EDIT_MINUTES):
            await self._on_message(message)  # if it is there already, nothing happens

    async def _edit(self, message: discord.Message) -> None:
        readable = message.guild is None or message.content or message.attachments or self._connection.reads
        if readable and await self._in_thread(message.channel.id) and await self._permits(message):
            heard = await read(message, self._connection.me)
            await self._transcript.edit(heard)

    async def _on_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        await self._delete(payload.channel_id, {payload.message_id})

    async def _on_bulk_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        await self._delete(payload.channel_id, payload.message_ids)

    async def _delete(self, channel: int, messages: set[int]) -> None:
        for message in messages:
            self._remember(self._deleted, message, True)
        ids = [message_id(message) for message in messages]
        await self._in_order(channel, partial(self._if_kept, channel, partial(self._forgetting.delete, ids)))

    async def _on_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self._reset(payload.thread_id)

    async def _on_thread_update(self, payload: discord.RawThreadUpdateEvent) -> None:
        """Who reads in a thread follows its parent; the library keeps the parent that the thread had at first."""
        if payload.thread is not None:
            payload.thread.parent_id = payload.parent_id

    async def _on_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._reset(channel.id)

    async def _reset(self, channel: int) -> None:
        reset = partial(self._forgetting.reset, thread_of(channel))
        await self._in_order(channel, partial(self._if_kept, channel, reset))

    async def _if_kept(self, channel: int, delete: Callable[[], Awaitable[Counts]]) -> None:
        if await self._in_thread(channel):
            log.info("deleted in %s: %s", thread_of(channel), dict(await delete()))

    async def _on_guild_remove(self, guild: discord.Guild) -> None:
        if self._forget_on_leave:
            counts = await self._forgetting.leave(space_of(guild.id))
            log.info("left a guild, and forgot what was said there: %s", dict(counts))

    async def _on_interaction(self, interaction: discord.Interaction) -> None:
        if not interacting.is_ours(interaction):
            return
        if interacting.is_strangers(interaction):
            await interacting.keep_off(interaction)
            return
        permitted = self._rules.permit(interaction.user, interaction.channel)
        if permitted and await interacting.opened_form(interaction, self._commands):
            return
        if not await interacting.acknowledge(interaction):
            return
        if not permitted:
            await interacting.refuse(interaction)
            return
        target = interacting.asks(interaction)
        if target is None:
            await interacting.run(interaction, self._commands)
        elif await self._permits(target):
            await self._ask(interaction, target)
        else:
            await interacting.refuse(interaction, interacting.NOT_TO_READ)

    async def _ask(self, interaction: discord.Interaction, target: discord.Message) -> None:
        """A question about a message, in a conversation of its own with who asks.

        It holds a copy of somebody else's words, which their deletion would not reach: nothing is kept of it.
        """
        thread = Thread(PLATFORM, f"{interaction.channel_id}:{interaction.user.id}")
        said = await read(target, self._connection.me)
        self._asked[thread] = interaction
        while len(self._asked) > 100:
            self._asked.popitem(last=False)
        message = Message(
            id=message_id(interaction.id),
            thread=thread,
            author=person(interaction.user),
            room=Room("direct", str(thread)),
            text=f"What do you say to this message?\n\n{_quoted(f'{name_of(target.author)}: {said.text}')}",
            at=interaction.created_at,
            name=name_of(interaction.user),
            images=said.images,
            off_record=True,
        )
        try:
            await self._take(message)
        except DatabaseError as error:
            with translated():
                await interaction.edit_original_response(content=apology(error), allowed_mentions=NO_MENTIONS)

    async def _on_ready(self) -> None:
        """A session has begun: what was said since the last one is not delivered."""
        client = await self._connection.client(LOGIN_SECONDS)
        log.info("connected to Discord as %s, in %d servers", client.user, len(client.guilds))
        seen, self._missed_since = self._missed_since, 0
        if not self._known_commands:
            try:
                if await interacting.sync(client, self._commands):
                    log.info("the commands are made known to Discord")
                self._known_commands = True
            except PlatformError as error:
                log.warning("the commands are not made known to Discord: %s", error)
        if self._catch_up_hours:
            connected = partial(self._connection.client, LOGIN_SECONDS)
            hours, seen = self._catch_up_hours, await catching_up.begun(self._transcript, seen)
            async for message in catching_up.missed(client, connected, self._transcript, hours, seen):
                await self._on_message(message)
            await catching_up.ended(self._transcript, seen)

    async def _on_connect(self) -> None:
        """A session begins; what was missed before an earlier one may not be caught up with yet."""
        self._connection.trouble = None
        self._missed_since = self._missed_since or self._lost_at
        self._lost_at = 0

    async def _on_resumed(self) -> None:
        """The session goes on: Discord has delivered what was said meanwhile."""
        self._connection.trouble = None
        self._lost_at = 0

    async def _on_disconnect(self) -> None:
        self._connection.trouble = self._connection.trouble or "the connection to Discord is being made again"
        self._lost_at = self._lost_at or self._newest

    # Small things

    async def _take(self, message: Message) -> None:
        assert self._accept is not None
        await self._accept(message)

    async def _permits(self, message: discord.Message) -> bool:
        """Whether the operator's lists let us read a message; not where that cannot be known."""
        try:
            with translated():
                return await context.permitted(message, self._rules)
        except PlatformError as error:
            log.warning("a message is not read: whether it may be is not known: %s", error)
            return False

    async def _in_thread(self, channel: int) -> bool:
        """Whether a conversation is kept of a channel or thread. Asked once of the database."""
        if channel not in self._takes_part:
            known = await self._transcript.knows(thread_of(channel), message_id(channel))
            self._remember(self._takes_part, channel, known)
        return self._takes_part[channel]

    async def _say(self, message: discord.Message, text: str) -> None:
        """Something outside of any turn, once for each message."""
        try:
            with translated():
                await message.channel.send(
                    text, nonce=nonce(message_id(message.id), 0, "aside"), allowed_mentions=NO_MENTIONS
                )
        except PlatformError as error:
            log.info("not said: %s", error)

    def _note(self, channel: object) -> None:
        """Remember whether answers in a channel are shown as replies."""
        in_guild = getattr(channel, "guild", None) is not None
        replies = in_guild and not isinstance(channel, discord.Thread | discord.PartialMessageable)
        self._remember(self._replies, getattr(channel, "id", 0), replies)

    def _remember(self, known: "OrderedDict[int, bool]", key: int, value: bool) -> None:
        known[key] = value
        known.move_to_end(key)
        while len(known) > REMEMBERED:
            known.popitem(last=False)

    async def _in_order(
        self, channel: int, do: Callable[[], Awaitable[None]], message: discord.Message | None = None
    ) -> None:
        """What concerns one channel happens one after the other, in the order in which Discord told it.

        Discord does not tell it again: while the database is away we hold on to it. Who said `message` hears of that.
        """
        lane = self._lanes.get(channel)
        if lane is None:
            lane = self._lanes[channel] = asyncio.Lock()
        async with lane:
            while True:
                try:
                    return await do()
                except DatabaseDown as error:
                    log.warning("an event waits for the database: %s", error)
                    problem: DatabaseError = error
                except DatabaseError as error:
                    log.error("an event is lost: %s", error)  # noqa: TRY400  # expected
                    problem = error
                if message is not None:
                    await self._say(message, apology(problem))
                if not isinstance(problem, DatabaseDown):
                    return None


def _quoted(text: str) -> str:
    """Somebody else's words, and name, marked as such: nothing is learned from them of who quotes them."""
    return "\n".join(f"> {line}" for line in text.splitlines())
