"""The workspaces that the bot is installed in: who it is there, and a client with a token that is good."""

import asyncio
import json
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calling import APPS, TOKEN_REFUSED, code_of, new_client, translated
from adapters.slack.declared import SCOPES
from adapters.slack.reading import PLATFORM, Json, Workspace
from bot.errors import PlatformDown, PlatformError, PlatformRefused
from bot.ports import Vault

log = logging.getLogger(__name__)

ROTATE_MINUTES = 120  # before a token expires; tokens that rotate live for twelve hours
RENEW_SECONDS = 60.0  # between two attempts to renew one that still holds
KNOWN_SECONDS = 5.0  # for which a token is used without looking: another process may have got a new one
NEEDED = {"app_mentions:read", "chat:write", "im:history"}  # without these there is no bot; others it can go without


class Workspaces(Protocol):
    """Where the bot is installed."""

    api_url: str  # of another server that speaks Slack's API; empty: Slack's own

    async def check(self) -> str:
        """Look at what can be looked at, and say it in one line. Raises PlatformError."""
        ...

    async def client(self, id_: str) -> AsyncWebClient:
        """A client for a workspace. Raises PlatformError, DatabaseError."""
        ...

    async def us(self, id_: str) -> Workspace:
        """Who the bot is there; what is not known is empty."""
        ...

    async def gone(self, id_: str) -> None:
        """The bot was removed from a workspace, or its token withdrawn."""
        ...


@dataclass(slots=True)
class OneWorkspace:
    """The bot with a token of its own, in one workspace."""

    token: str
    api_url: str
    session: aiohttp.ClientSession
    _client: AsyncWebClient = field(init=False)
    _us: Workspace | None = None

    def __post_init__(self) -> None:
        self._client = new_client(self.token, self.api_url, self.session)

    async def check(self) -> str:
        """Who we are, and whether we may do what we do. Raises PlatformError."""
        try:
            with translated():
                answer: Any = await self._client.auth_test()
        except PlatformError as error:
            code = code_of(error.__cause__)
            if code in TOKEN_REFUSED:
                raise PlatformRefused(
                    f"Slack refuses SLACK_BOT_TOKEN ({code}): copy the Bot User OAuth Token, xoxb-…, again from "
                    f"{APPS} (OAuth & Permissions)"
                ) from error
            raise
        self._us = Workspace(
            str(answer.get("team_id") or answer.get("enterprise_id")), str(answer["user_id"]),
            str(answer.get("bot_id") or ""), str(answer.get("app_id") or ""), str(answer.get("enterprise_id") or ""),
        )  # fmt: skip
        lacking = _lacking(_scopes(answer.headers))
        if lacking & NEEDED:
            raise PlatformRefused(
                f"the Slack app lacks the scopes {_listed(lacking & NEEDED)}: add them at {APPS} "
                "(OAuth & Permissions, Bot Token Scopes), then install the app again"
            )
        name = f"{answer.get('user')} in {answer.get('team')}"
        return f"{name}; lacks the scopes {_listed(lacking)}: it goes without what they allow" if lacking else name

    async def client(self, id_: str) -> AsyncWebClient:
        """The one client."""
        return self._client

    async def us(self, id_: str) -> Workspace:
        """Who the bot is; until Slack has said so, only what the event says."""
        return self._us or Workspace(id_)

    async def gone(self, id_: str) -> None:
        """The token does not work any more."""
        log.error("Slack has withdrawn SLACK_BOT_TOKEN: install the app again at %s", APPS)


@dataclass(slots=True)
class Installed:
    """The bot in many workspaces, with the tokens that they gave it, from the vault."""

    vault: Vault
    client_id: str
    client_secret: str
    api_url: str
    session: aiohttp.ClientSession
    _bots: dict[str, Bot] = field(default_factory=dict)
    _read_at: dict[str, float] = field(default_factory=dict)  # on the monotonic clock
    _not_before: dict[str, float] = field(default_factory=dict)  # a token that was not renewed is asked for later
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def check(self) -> str:
        """Nothing can be looked at before somebody has installed the bot."""
        return "the workspaces that have installed it"

    async def client(self, id_: str) -> AsyncWebClient:
        """A client with a token that holds for a while. Raises PlatformError, DatabaseError."""
        return new_client((await self._fresh(id_)).bot_token, self.api_url, self.session)

    async def us(self, id_: str) -> Workspace:
        """Who the bot is there."""
        bot = await self._bot(id_)
        if bot is None:
            return Workspace(id_)
        return Workspace(id_, bot.bot_user_id, bot.bot_id or "", bot.app_id or "", bot.enterprise_id or "")

    async def gone(self, id_: str) -> None:
        """Its token is worth nothing any more."""
        self._bots.pop(id_, None)
        if await self.vault.delete(secret_name(id_)):
            log.info("the bot was removed from the workspace %s", id_)

    async def put(self, bot: Bot) -> None:
        """The bot is installed somewhere, or anew."""
        id_ = str(bot.enterprise_id if bot.is_enterprise_install or not bot.team_id else bot.team_id)
        await self.vault.put(secret_name(id_), as_json(bot))
        self._bots.pop(id_, None)
        log.info("the bot is installed in the workspace %s", id_)

    async def _bot(self, id_: str, seconds: float = math.inf) -> Bot | None:
        """What is kept of a workspace, as it was at most so many seconds ago."""
        if id_ not in self._bots or time.monotonic() - self._read_at[id_] > seconds:
            kept = await self.vault.get(secret_name(id_))
            self._read_at[id_] = time.monotonic()
            if kept is None:
                self._bots.pop(id_, None)
                return None
            self._bots[id_] = Bot(**json.loads(kept))
        return self._bots[id_]

    async def _fresh(self, id_: str) -> Bot:
        bot = await self._bot(id_, KNOWN_SECONDS)
        if bot is None:
            raise PlatformRefused(f"the bot is not installed in the workspace {id_}")
        if self._is_due(id_, bot):
            async with self._locks.setdefault(id_, asyncio.Lock()):
                bot = self._bots.get(id_, bot)
                if self._is_due(id_, bot):
                    bot = self._bots[id_] = await self._rotated(id_)
        return bot

    def _is_due(self, id_: str, bot: Bot) -> bool:
        """Whether a token is to be renewed; one that still holds is not asked for again and again."""
        if bot.bot_token_expires_at is None:
            return False
        left = bot.bot_token_expires_at - time.time()
        return left <= 0 or (left <= ROTATE_MINUTES * 60 and time.monotonic() >= self._not_before.get(id_, 0.0))

    async def _rotated(self, id_: str) -> Bot:
        """The bot with a new token; whichever process comes first asks for it, since it can be asked for once."""
        async with self.vault.changing(secret_name(id_)) as secret:
            if secret is None:
                raise PlatformRefused(f"the bot is not installed in the workspace {id_}")
            bot = Bot(**json.loads(secret.value))
            rotator = AsyncTokenRotator(
                client_id=self.client_id,
                client_secret=self.client_secret,
                client=new_client(None, self.api_url, self.session),
            )
            try:
                with translated():
                    rotated = await _rotated_by(rotator, bot)
            except PlatformError as error:
                if bot.bot_token_expires_at is not None and bot.bot_token_expires_at > time.time():
                    log.warning("the token of the workspace %s is not renewed yet: %s", id_, _said(error))
                    self._not_before[id_] = time.monotonic() + RENEW_SECONDS
                    return bot
                if isinstance(error, PlatformDown):
                    raise
                raise PlatformRefused(
                    f"the token of the workspace {id_} has expired and Slack does not renew it ({_said(error)}): "
                    "install the app there again"
                ) from error
            if rotated is None:  # another process was quicker
                return bot
            await secret.replace(as_json(rotated))
            log.info("the token of the workspace %s is renewed", id_)
            return rotated


async def _rotated_by(rotator: AsyncTokenRotator, bot: Bot) -> Bot | None:
    """What the library makes of a refusal says less than the refusal itself."""
    try:
        return await rotator.perform_bot_token_rotation(bot=bot, minutes_before_expiration=ROTATE_MINUTES)
    except SlackTokenRotationError as error:
        raise error.api_error from error


def secret_name(id_: str) -> str:
    """What a workspace's installation is kept under."""
    return f"{PLATFORM}:{id_}"


def as_json(bot: Bot) -> str:
    """An installation, as it is kept."""
    return json.dumps(bot.to_dict_for_copying(), default=str)


async def seen_from(workspaces: Workspaces, body: Json) -> Workspace:
    """Who the bot is where an event comes from; what the event says of it goes before what is kept.

    In an organisation that has the bot as a whole, the installation is the organisation's.
    """
    first: Json = (body.get("authorizations") or [{}])[0]
    enterprise = _id(body.get("enterprise_id") or body.get("enterprise") or first.get("enterprise_id"))
    team = _id(body.get("team_id") or body.get("team") or first.get("team_id"))
    whole = str(body.get("is_enterprise_install", first.get("is_enterprise_install"))).lower() == "true"
    us = await workspaces.us(enterprise if enterprise and (whole or not team) else team)
    user = str(first.get("user_id") or "") if first.get("is_bot", True) else ""
    app = str(body.get("api_app_id") or us.app)
    return replace(us, user=user or us.user, app=app, enterprise=enterprise or us.enterprise, team=team)


def _id(value: Any) -> str:
    return str(value.get("id") or "") if isinstance(value, Mapping) else str(value or "")


def _said(error: PlatformError) -> str:
    return code_of(error.__cause__) or str(error)


def _scopes(headers: Mapping[str, str]) -> set[str] | None:
    """What a token allows; None when Slack does not say."""
    given = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), None)
    return None if given is None else {scope.strip() for scope in given.split(",")}


def _lacking(given: set[str] | None) -> set[str]:
    return set() if given is None else set(SCOPES) - given


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
