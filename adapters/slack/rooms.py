"""Who reads along in a channel: its kind, and outsiders and guests, who may not read what is public in the workspace.

Events tell a channel's kind and whether another organisation reads there. The rest is asked once for each channel, and
again in the background. What is not known in time counts as closed: such a room reads itself only.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calling import translated
from adapters.slack.names import Known, Names, channel_known, is_guest
from adapters.slack.reading import Json, Spot, Workspace, room_of
from bot.chat import Room
from bot.errors import PlatformRefused

log = logging.getLogger(__name__)

WAIT_SECONDS = 1.0  # that a message waits to learn who reads along
KIND_SECONDS = 60.0  # for which a channel's kind holds that no event has told since
READERS_SECONDS = 600.0  # after which it is asked anew who reads there, in the background
STALE_SECONDS = 3600.0  # after which that is not believed any more
PAGE, PAGES = 1000, 20  # members of a channel, and people of a workspace, that are looked through
FEW = 30  # members of whom nothing is known that are asked about one by one
CHANNELS = 10_000  # that are known; what is beyond is asked again


@dataclass(frozen=True, slots=True)
class Channel:
    """What is known of a channel. Times are on the monotonic clock."""

    kind: str  # as `channel_type` has it
    home: str  # the workspace that it belongs to; empty: not known
    external: bool  # another organisation reads there
    foreign: bool  # another organisation, or another workspace of the same one
    guests: bool
    kind_at: float
    readers_at: float

    def holds(self, now: float) -> bool:
        """Whether it is young enough to be believed."""
        return now - self.kind_at < KIND_SECONDS and now - self.readers_at < STALE_SECONDS


@dataclass(slots=True)
class Rooms:
    """The rooms of messages."""

    client: Callable[[str], Awaitable[AsyncWebClient]]  # of a workspace
    names: Names
    spawn: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]  # begins something that runs beside
    _known: "OrderedDict[tuple[str, str], Channel]" = field(default_factory=OrderedDict)
    _asking: "dict[tuple[str, str], asyncio.Task[None]]" = field(default_factory=dict)
    _guests: dict[str, tuple[frozenset[str], float]] = field(default_factory=dict)  # by workspace, and since when

    async def placed(self, data: Json, spot: Spot, us: Workspace, kind: str) -> tuple[Spot, Room]:
        """Where a message stands, and who reads along. `kind` is Slack's `channel_type`; a mention does not tell it.

        Asks for nothing that is known, and waits a second at most.
        """
        end = time.monotonic() + WAIT_SECONDS
        outsider = await self._is_outsider(data, us, end)
        if not us.enterprise and _team_of(data) not in {us.id, us.team, ""}:
            spot = replace(spot, shared=True)
        if spot.direct:
            return spot, room_of(spot, kind, home_of(us), closed=spot.shared or outsider)
        channel = await self._channel(us, spot.channel, kind, end)
        if not kind:
            kind = channel.kind if channel else ""
            spot = replace(spot, shared=spot.shared or channel is None or channel.external)
        closed = spot.shared or outsider or channel is None or channel.foreign or channel.guests
        home = home_of(us) or (channel.home if channel else "")
        return spot, room_of(spot, kind, home, closed=closed)

    def changed(self, team: str, channel: str) -> None:
        """Who reads in a channel has changed: it is asked anew."""
        self._known.pop((team, channel), None)
        self._asking.pop((team, channel), None)

    async def joined(self, us: Workspace, channel: str, user: str) -> None:
        """Somebody reads in a channel from now on."""
        known = self._known.get((us.id, channel))
        if known is None or user == us.user:
            self.changed(us.id, channel)
            return
        person = await self._person(us, user, time.monotonic() + WAIT_SECONDS)
        if person is None:
            self.changed(us.id, channel)
        elif person.guest or not _is_member(person, us):
            self.changed(us.id, channel)  # what is being asked may be older
            self._known[us.id, channel] = replace(known, guests=True)

    # People

    async def _is_outsider(self, data: Json, us: Workspace, end: float) -> bool:
        """Whether who said something may not read what is public in the workspace; of whom nothing is known may not."""
        user = str(data.get("user") or "")
        if not user:  # a bot's
            return False
        person = await self._person(us, user, end)
        if person is None:
            return True
        return person.guest or not _is_member(replace(person, team=_team_of(data) or person.team), us)

    async def _person(self, us: Workspace, user: str, end: float) -> Known | None:
        if self.names.get(us.id, user) is None:
            await self._ask(us.id, user, lambda: self._meet(us.id, user), end)
        return self.names.get(us.id, user)

    async def _meet(self, team: str, user: str) -> None:
        await self.names.find(team, user)

    # Channels

    async def _channel(self, us: Workspace, id_: str, kind: str, end: float) -> Channel | None:
        key, now = (us.id, id_), time.monotonic()
        known = self._known.get(key)
        if known is not None and kind:
            known = self._known[key] = replace(known, kind=kind, kind_at=now)
        if known is None or not known.holds(now):
            await self._ask(*key, lambda: self._learn(us, id_), end)
            known = self._known.get(key)
            return known if known is not None and known.holds(now) else None
        if now - known.readers_at > READERS_SECONDS:
            self._begin(*key, lambda: self._learn(us, id_))
        return known

    async def _ask(self, team: str, id_: str, work: Callable[[], Coroutine[Any, Any, None]], end: float) -> None:
        """Have something learned, and wait for it until `end`; it goes on after that."""
        task = self._begin(team, id_, work)
        await asyncio.wait({task}, timeout=max(end - time.monotonic(), 0.0))

    def _begin(self, team: str, id_: str, work: Callable[[], Coroutine[Any, Any, None]]) -> "asyncio.Task[None]":
        key = (team, id_)
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = self.spawn(work())

            def done(ended: "asyncio.Task[None]") -> None:
                if self._asking.get(key) is ended:
                    del self._asking[key]

            task.add_done_callback(done)
        return task

    async def _learn(self, us: Workspace, id_: str) -> None:
        """Ask who reads in a channel. What has changed meanwhile is not kept."""
        key, asking = (us.id, id_), asyncio.current_task()
        before = self._known.get(key)
        client = await self.client(us.id)
        with translated():
            told: Any = (await client.conversations_info(channel=id_))["channel"]
        now = time.monotonic()
        named = channel_known(told)
        foreign = named.shared or _is_foreign(told)
        home = str(told.get("context_team_id") or "")
        readers_at, guests = now, False
        if not foreign and before is not None and now - before.readers_at < READERS_SECONDS:
            readers_at, guests = before.readers_at, before.guests
        elif not foreign:
            guests = await self._has_guests(client, us, id_, home)
        if self._asking.get(key) is asking:
            self._known[key] = Channel(
                named.kind, home if home.startswith("T") else "", named.shared, foreign, guests, now, readers_at
            )  # fmt: skip
            while len(self._known) > CHANNELS:
                self._known.popitem(last=False)

    async def _has_guests(self, client: AsyncWebClient, us: Workspace, id_: str, home: str) -> bool:
        """Whether a guest, or somebody of whom nothing is known, sits in a channel, or more people than are counted."""
        try:
            members = await _all(client.conversations_members, "members", channel=id_)
            if members is None:
                return True
            strange = [user for user in members if user != us.user and self.names.get(us.id, user) is None]
            if len(strange) > FEW:
                guests = await self._guests_of(client, us, home_of(us) or home)
                return guests is None or not guests.isdisjoint(members)
        except PlatformRefused as error:
            log.warning("guests are known only when they speak in %s: %s", id_, error)
            return False
        found = [await self.names.find(us.id, user) for user in members if user != us.user]
        return any(person is None or person.guest or not _is_member(person, us) for person in found)

    async def _guests_of(self, client: AsyncWebClient, us: Workspace, home: str) -> frozenset[str] | None:
        """The guests of a workspace; None when it has more people than are looked through."""
        found, at = self._guests.get(home, (None, 0.0))
        if found is None or time.monotonic() - at > STALE_SECONDS:
            more = {"team_id": home} if us.id.startswith("E") else {}
            people = await _all(client.users_list, "members", **more)
            if people is None:
                return None
            found = frozenset(str(person["id"]) for person in people if is_guest(person))
            self._guests[home] = found, time.monotonic()
        return found


def home_of(us: Workspace) -> str:
    """The workspace that an event comes from; empty when all that is known is its organisation."""
    return next((id_ for id_ in (us.id, us.team) if id_ and not id_.startswith("E")), "")


def _team_of(data: Json) -> str:
    """The workspace of who said something, as far as the event tells."""
    return str(data.get("user_team") or data.get("source_team") or data.get("team") or "")


async def _all(method: Callable[..., Awaitable[Any]], name: str, **given: str) -> list[Any] | None:
    """All pages of something; None when they are too many."""
    found: list[Any] = []
    cursor = ""
    for _ in range(PAGES):
        with translated():
            answer = await method(limit=PAGE, **given, **({"cursor": cursor} if cursor else {}))
        found += answer.get(name) or ()
        cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            return found
    return None


def _is_member(person: Known, us: Workspace) -> bool:
    """Whether somebody belongs to the workspace; in an organisation people may belong to several. Bots read nothing."""
    ours = {us.id, us.team, ""}
    return person.bot or person.team in ours or home_of(us) in person.teams


def _is_foreign(channel: Mapping[str, Any]) -> bool:
    """Whether people of another workspace read in a channel too."""
    flags = ("is_shared", "is_org_shared", "is_global_shared", "pending_shared")
    return any(channel.get(flag) for flag in flags) or len(channel.get("shared_team_ids") or ()) > 1
