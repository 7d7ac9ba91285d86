"""What people and channels are called, and what may be done by whom: asked of Slack once, and kept for a while."""

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calling import translated
from adapters.slack.reading import PRIVATE_CHANNEL, Spot
from bot.errors import PlatformError

log = logging.getLogger(__name__)

KEPT = 10_000
SECONDS = 6 * 3600.0  # people change their names


@dataclass(frozen=True, slots=True)
class Known:
    """A person or channel."""

    name: str
    manages: bool = False  # a person who may delete what others said: an admin or owner of their own workspace
    kind: str = ""  # a channel's, as `channel_type` has it: channel, group, mpim, im
    shared: bool = False  # a channel that other organisations read too
    until: float = 0.0
    team: str = ""  # a person's workspace
    teams: frozenset[str] = frozenset()  # of one organisation, that a person belongs to
    guest: bool = False  # a person who sees only some channels, or of whom the workspace knows nothing
    zone: str = ""  # a person's time zone
    bot: bool = False  # no person at all


@dataclass(slots=True)
class Names:
    """Names by workspace and id."""

    client: Callable[[str], Awaitable[AsyncWebClient]]  # of a workspace
    _known: "OrderedDict[tuple[str, str], Known]" = field(default_factory=OrderedDict)

    def known(self, there: Spot, ids: Iterable[str]) -> Mapping[str, str]:
        """Those names that need not be asked for, as far as they may be said there."""
        found = {id_: self.get(there.team, id_) for id_ in ids}
        return {id_: _said(known, id_, there) for id_, known in found.items() if known is not None}

    def zone(self, team: str, id_: str) -> str:
        """A person's time zone, if it need not be asked for."""
        known = self.get(team, id_)
        return known.zone if known is not None else ""

    async def look_up(self, there: Spot, ids: Iterable[str]) -> Mapping[str, str]:
        """All names that can be had, as far as they may be said there."""
        return {id_: _said(known, id_, there) for id_ in ids if (known := await self.find(there.team, id_)) is not None}

    async def find(self, team: str, id_: str) -> Known | None:
        """A person (U…, W…) or channel; None when Slack does not tell."""
        known = self.get(team, id_)
        if known is None:
            try:
                known = await self._ask(team, id_)
            except PlatformError as error:
                log.info("%s is not known by name: %s", id_, error)
                return None
            self._known[team, id_] = known
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return known

    async def manages(self, team: str, id_: str, here: Collection[str]) -> bool:
        """Whether a person may delete what others said in the workspace, any of `here`; asked of Slack each time."""
        try:
            known = await self._ask(team, id_)
        except PlatformError as error:
            log.info("what %s may do is not known: %s", id_, error)
            return False
        return known.manages and known.team in {*here, ""}

    def get(self, team: str, id_: str) -> Known | None:
        """What need not be asked for."""
        known = self._known.get((team, id_))
        return known if known is not None and known.until > time.monotonic() else None

    async def _ask(self, team: str, id_: str) -> Known:
        client = await self.client(team)
        until = time.monotonic() + SECONDS
        with translated():
            if id_[:1] in "UW":
                return replace(_person((await client.users_info(user=id_))["user"], id_), until=until)
            channel: Any = (await client.conversations_info(channel=id_))["channel"]
        return replace(channel_known(channel), name=str(channel.get("name") or id_), until=until)


def _person(user: Mapping[str, Any], id_: str) -> Known:
    return Known(
        _called(user) or id_,
        bool(user.get("is_admin") or user.get("is_owner") or user.get("is_primary_owner")),
        team=str(user.get("team_id") or ""),
        teams=frozenset(map(str, (user.get("enterprise_user") or {}).get("teams") or ())),
        guest=is_guest(user),
        zone=str(user.get("tz") or ""),
        bot=bool(user.get("is_bot")),
    )


def is_guest(user: Mapping[str, Any]) -> bool:
    """Whether somebody may see only some of the channels, as Slack describes people."""
    return any(user.get(flag) for flag in ("is_restricted", "is_ultra_restricted", "is_stranger"))


def channel_known(channel: Mapping[str, Any]) -> Known:
    """A channel, as Slack describes it."""
    return Known(str(channel.get("name") or ""), kind=_kind(channel), shared=_shared(channel))


def _said(known: Known, id_: str, there: Spot) -> str:
    """A name; of a channel that is not public only in that channel, and to people of other organisations no other."""
    public = known.kind == "channel" and not known.shared and not there.shared
    return known.name if not known.kind or public or id_ == there.channel else PRIVATE_CHANNEL


def _called(user: Mapping[str, Any]) -> str:
    """What people there call somebody, on one line."""
    profile = user.get("profile") or {}
    name = profile.get("display_name") or profile.get("real_name") or user.get("real_name") or user.get("name") or ""
    return " ".join(str(name).replace(":", " ").split())[:40]


def _kind(channel: Mapping[str, Any]) -> str:
    if channel.get("is_im"):
        return "im"
    if channel.get("is_mpim"):
        return "mpim"
    return "group" if channel.get("is_private") or channel.get("is_group") else "channel"


def _shared(channel: Mapping[str, Any]) -> bool:
    return bool(channel.get("is_ext_shared") or channel.get("is_pending_ext_shared"))
