"""What is said, changed and deleted on Slack, on its way into the transcript. An event is acknowledged only then."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from adapters import files
from adapters.loops import Loops
from adapters.slack import context
from adapters.slack.calling import is_slacks, translated
from adapters.slack.interacting import Desk, Spawn
from adapters.slack.listening import Rules, addressed, is_bot, is_changed, is_ours, is_told_twice, typed
from adapters.slack.reading import (
    PLATFORM,
    Json,
    Spot,
    Workspace,
    address,
    ids_in,
    is_stub,
    read,
    space_of,
    text_files,
    unread,
)
from adapters.slack.rooms import Rooms
from adapters.slack.workspaces import Workspaces, seen_from
from bot.chat import Message, Resource, Room, Thread
from bot.errors import DatabaseError, PlatformError
from bot.ports import Accept, Forgetting, Transcript

log = logging.getLogger(__name__)

READ_SECONDS = 10.0  # that an answer waits for names, files and context of what it answers
EDIT_SECONDS = 3600.0  # in which an edit may still make a message one that is said to the bot
CONVERSIONS = {"channel_convert_to_private", "channel_convert_to_public"}  # Slack's own messages in a channel
REMEMBERED = 10_000  # conversations, messages and deletions; what is beyond is looked up again


@dataclass(slots=True)
class Hearing:
    """Takes events in. All that raises means that the event is to be delivered again."""

    accept: Accept
    transcript: Transcript
    forgetting: Forgetting
    workspaces: Workspaces
    desk: Desk
    rooms: Rooms
    spawn: Spawn
    api_url: str
    forget_on_leave: bool
    rules: Rules
    _loops: Loops = field(default_factory=Loops)
    _lanes: WeakValueDictionary[Thread, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _reading: dict[Thread, set[asyncio.Task[None]]] = field(default_factory=dict)
    _in: "OrderedDict[Thread, bool]" = field(default_factory=OrderedDict)  # conversations that are kept
    _heard: "OrderedDict[str, bool]" = field(default_factory=OrderedDict)  # messages: a mention comes as two events
    _deleted: "OrderedDict[str, bool]" = field(default_factory=OrderedDict)  # messages: one may come after its deletion
    _authors: "OrderedDict[str, Resource]" = field(default_factory=OrderedDict)  # of messages

    async def event(self, body: Json) -> None:
        """Take an event in; one that nobody cares about is nothing. Raises DatabaseError."""
        event: Json = body.get("event") or {}
        us = await seen_from(self.workspaces, body)
        shared = bool(body.get("is_ext_shared_channel"))
        match event.get("type"):
            case "message" | "app_mention":
                await self._message(event, us, shared)
            case "app_home_opened":
                self.spawn(self.desk.opened(event, us))
            case "member_joined_channel":
                await self.rooms.joined(us, str(event.get("channel") or ""), str(event.get("user") or ""))
            case "channel_shared" | "channel_unshared" | "channel_id_changed":
                self.rooms.changed(us.id, str(event.get("channel") or event.get("old_channel_id") or ""))
            case "channel_deleted" | "group_deleted":
                await self._forget_channel(us.id, str(event["channel"]))
            case "app_uninstalled":
                await self._leave(us.id)
            case "tokens_revoked":
                if (event.get("tokens") or {}).get("bot"):
                    await self._leave(us.id)

    async def said(self, data: Json, spot: Spot, us: Workspace, kind: str = "", *, late: bool = False) -> None:
        """Take a message in, if it is said to the bot and not known. `kind` is the channel's. Raises DatabaseError.

        A command that is read `late` may have been run before, and is not run.
        """
        to_us = addressed(data, spot, us)
        if not is_bot(data):
            self._loops.goes_on(spot.thread, spot.id, False, True)
        if to_us is False or not self.rules.permit_message(data, spot.channel, us):
            return
        async with self._lane(spot.thread):
            if spot.id in self._heard or spot.id in self._deleted:
                return
            if is_bot(data) and not self._loops.goes_on(spot.thread, spot.id, True, True):
                log.info("a bot gets no more answers before a person speaks in %s", spot.thread)
                return
            joins = bool(spot.thread_ts) and not spot.direct and not await self._takes_part(spot)
            if to_us is None and joins:
                return
            words = [] if is_bot(data) else typed(str(data.get("text") or ""), us, self.desk.usages)
            if words:
                if not is_told_twice(data, us):
                    _remember(self._heard, spot.id, True)
                    if not late:
                        self.spawn(self.desk.typed(words, spot, data, us))
                return
            spot, room = await self.rooms.placed(data, spot, us, kind)
            await self._hear(data, spot, us, room, joins=joins)

    async def asker(self, message: str) -> Resource | None:
        """Who said a message; None when it is gone. Raises DatabaseError."""
        if message not in self._authors:
            for owner in sorted(await self.forgetting.owners(message)):
                _remember(self._authors, message, Resource.parse(owner))
        return self._authors.get(message)

    async def until_read(self, thread: Thread) -> None:
        """Until what was just heard in a conversation is read as well as it can be, or that takes too long."""
        reading = self._reading.get(thread)
        if reading:
            await asyncio.wait(reading, timeout=READ_SECONDS)

    async def fetch(self, team: str, url: str, most: int) -> bytes | None:
        """A file of Slack's; it wants the bot's token, which nobody else may see."""
        if not is_slacks(url, self.api_url):
            return None
        client = await self.workspaces.client(team)
        return await files.download(url, most, {"Authorization": f"Bearer {client.token}"}, html=False)

    async def _message(self, event: Json, us: Workspace, shared: bool) -> None:
        channel, kind = str(event.get("channel") or ""), str(event.get("channel_type") or "")
        if not channel:  # nothing that could be answered
            return
        match event.get("subtype"):
            case "message_changed":
                await self._change(event, Spot.of(us.id, channel, event.get("message") or {}, shared=shared), us, kind)
            case str(subtype) if subtype in CONVERSIONS:
                self.rooms.changed(us.id, channel)
            case "message_deleted":
                await self._delete(event.get("previous_message"), Spot(us.id, channel, str(event["deleted_ts"])), us)
            case _:
                await self.said(event, Spot.of(us.id, channel, event, shared=shared), us, kind)

    async def _hear(self, data: Json, spot: Spot, us: Workspace, room: Room, *, joins: bool) -> None:
        """Into the transcript at once, with what is known; names, files and what was said before come behind."""
        wanted = ids_in(data)
        called = self.desk.names.known(spot, wanted)
        message = read(data, spot, us, room, names=called, zone=self._zone(us.id, data))
        heard = asyncio.Event()
        reading = None
        if joins or wanted - called.keys() or unread(data):  # begun before the turn can look whether it is
            reading = self._begin(message, self._read(data, spot, us, message, joins=joins, heard=heard))
        try:
            await self.accept(message)
            heard.set()
        except BaseException:
            if reading:
                reading.cancel()
            raise
        _remember(self._heard, spot.id, True)
        _remember(self._in, spot.thread, True)
        _remember(self._authors, spot.id, message.author)
        if spot.direct and not spot.thread_ts:
            self.spawn(self.desk.title(spot, str(data.get("text") or "")))

    def _begin(self, message: Message, reading: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(reading, name="reading")
        tasks = self._reading.setdefault(message.thread, set())
        tasks.add(task)

        def done(ended: "asyncio.Task[None]") -> None:
            tasks.discard(ended)
            if not tasks and self._reading.get(message.thread) is tasks:
                del self._reading[message.thread]

        task.add_done_callback(done)
        return task

    async def _read(
        self,
        data: Json,
        spot: Spot,
        us: Workspace,
        message: Message,
        *,
        joins: bool,
        heard: asyncio.Event | None = None,
    ) -> None:
        """What takes longer than Slack waits: names, text files, and the thread so far."""
        try:
            called = await self.desk.names.look_up(spot, ids_in(data))
            if any(map(is_stub, data.get("files") or ())):  # as in channels that are shared with others
                data = {**data, "files": [await self._info(us.id, file) for file in data["files"]]}
            texts = {
                str(file.get("id")): await self.fetch(us.id, address(file, data, us), files.TEXT_FILE_BYTES)
                for file in text_files(data)
            }
            whole = read(data, spot, us, message.room, names=called, texts=texts, zone=self._zone(us.id, data))
            before: Sequence[Message] = ()
            if joins:
                client = await self.workspaces.client(us.id)
                before = await context.of(
                    spot, message.room, us,
                    client=client, names=self.desk.names, transcript=self.transcript, usages=self.desk.usages,
                    rules=self.rules,
                )  # fmt: skip
            if heard:
                await heard.wait()
            if whole != message:
                await self.transcript.edit(whole)
            if before:
                await self.transcript.overhear(before, message.author)
        except (PlatformError, DatabaseError) as error:
            log.warning("a message is not read whole: %s", error)
        except Exception:
            log.exception("a message is not read whole: a bug")

    def _zone(self, team: str, data: Json) -> str:
        """The time zone of who said a message, if it is known by now."""
        return self.desk.names.zone(team, str(data.get("user") or ""))

    async def _info(self, team: str, file: Json) -> Json:
        """What Slack tells of a file only when it is asked."""
        if not is_stub(file):
            return file
        client = await self.workspaces.client(team)
        try:
            with translated():
                answer: Any = await client.files_info(file=str(file["id"]))
        except PlatformError as error:
            log.info("a file is not known: %s", error)
            return file
        found: Json = answer["file"]
        return found if found.get("id") == file["id"] else file

    async def _change(self, event: Json, spot: Spot, us: Workspace, kind: str) -> None:
        data: Json = event.get("message") or {}
        if data.get("subtype") == "tombstone":  # a message with a thread under it leaves a sign behind
            await self._delete(event.get("previous_message"), spot, us)
            return
        if is_ours(data, us) or not is_changed(event) or not self.rules.permit_message(data, spot.channel, us):
            return
        wanted = ids_in(data)
        spot, room = await self.rooms.placed(data, spot, us, kind)
        called = self.desk.names.known(spot, wanted)
        message = read(data, spot, us, room, names=called, zone=self._zone(us.id, data))
        async with self._lane(spot.thread):
            changed = await self.transcript.edit(message)
        if changed:
            if wanted - called.keys() or unread(data):
                self._begin(message, self._read(data, spot, us, message, joins=False))
        elif time.time() - float(spot.ts or 0) < EDIT_SECONDS:
            await self.said(data, spot, us, kind)

    async def _delete(self, before: Json | None, spot: Spot, us: Workspace) -> None:
        _remember(self._deleted, spot.id, True)
        if before is not None:
            spot = Spot.of(us.id, spot.channel, {**before, "ts": spot.ts})
            told = is_ours(before, us) or addressed(before, spot, us)
            if not told and not (before.get("thread_ts") and await self._takes_part(spot)):
                return  # never ours to know
        async with self._lane(spot.thread):
            counts = await self.forgetting.delete([spot.id])
        if any(counts.values()):
            log.info("deleted in %s: %s", spot.thread, dict(counts))

    async def _forget_channel(self, team: str, channel: str) -> None:
        for thread in await self.forgetting.within(Thread(PLATFORM, f"{team}:{channel}")):
            log.info("deleted in %s: %s", thread, dict(await self.forgetting.reset(thread)))

    async def _leave(self, team: str) -> None:
        await self.workspaces.gone(team)
        if self.forget_on_leave:
            counts = await self.forgetting.leave(space_of(team))
            log.info("removed from a workspace, and forgot what was said there: %s", dict(counts))

    async def _takes_part(self, spot: Spot) -> bool:
        """Whether a conversation is kept of a thread. Another process may have joined it a moment ago."""
        if spot.thread not in self._in:
            if not await self.transcript.knows(spot.thread, Spot(spot.team, spot.channel, spot.root).id):
                return False
            _remember(self._in, spot.thread, True)
        return True

    def _lane(self, thread: Thread) -> asyncio.Lock:
        """What concerns one conversation happens one after the other, in the order in which Slack told it."""
        lane = self._lanes.get(thread)
        if lane is None:
            lane = self._lanes[thread] = asyncio.Lock()
        return lane


def _remember(known: "OrderedDict[Any, Any]", key: object, value: object) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > REMEMBERED:
        known.popitem(last=False)
