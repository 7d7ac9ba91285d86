"""The connection to Discord: made, watched, and made again when it ends; the few errors that nobody can wait out."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
import yarl
from discord.backoff import ExponentialBackoff

from adapters.discord.posting import translated
from bot.errors import HathiError, PlatformDown, PlatformError, PlatformRefused

log = logging.getLogger(__name__)

PORTAL = "https://discord.com/developers/applications"
API_URL, GATEWAY_URL = discord.http.Route.BASE, str(discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY)
IDENTIFY_SECONDS = 5.0  # between two processes of a bot that introduce themselves
READY_SECONDS = 2.0  # without news of another guild, after which a session counts as begun; the library's default
HANDLING_SECONDS = 1.0  # that events being handled have when told to stop
CONTENT_INTENTS = (1 << 18) | (
    1 << 19
)  # flags of an application that may read messages: in any number of guilds, in few

REFUSED = {
    4004: f"Discord refuses DISCORD_TOKEN: copy it again from {PORTAL} (Bot, Reset Token)",
    4010: "Discord does not know this shard: check DISCORD_SHARD_IDS and DISCORD_SHARD_COUNT",
    4011: "the bot is in too many servers for one connection: set DISCORD_SHARD_COUNT",
    4012: "Discord no longer speaks this version of its protocol: update Hathi",
    4013: "Discord does not know one of our intents: update Hathi",
}
NO_INTENT = (
    "Discord does not let the bot read messages that do not mention it: it answers direct messages and mentions only. "
    f"Switch on Message Content Intent at {PORTAL} (Bot), then start again"
)

Handler = Callable[..., Coroutine[Any, Any, None]]
Reserve = Callable[[str, float], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Sharding:
    """Which part of a large bot this process serves."""

    count: int
    ids: tuple[int, ...]
    reserve: Reserve  # (name, seconds): take the next of the places that are so far apart; seconds until it comes


class Connection:
    """Keeps a client connected, with its events handled."""

    def __init__(self, token: str, handlers: Mapping[str, Handler], sharding: Sharding | None = None) -> None:
        self.reads = True  # the content of messages that do not mention the bot
        self.trouble: str | None = "Discord is not connected yet"
        self._token = token
        self._handlers = handlers
        self._sharding = sharding
        self._client: discord.Client | None = None
        self._logged_in = asyncio.Event()
        self._handling: set[asyncio.Task[None]] = set()
        quiet = {"discord.client": logging.CRITICAL, "discord.gateway": logging.ERROR, "discord.shard": logging.ERROR}
        for name, level in quiet.items():  # what they say, we say ourselves, in one line
            logging.getLogger(name).setLevel(level)

    @property
    def me(self) -> int:
        """The bot's own user."""
        assert self._client is not None
        assert self._client.user is not None
        return self._client.user.id

    async def client(self, seconds: float) -> discord.Client:
        """The client as soon as it may be used. Raises PlatformDown when that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                await self._logged_in.wait()
        except TimeoutError as error:
            raise PlatformDown(self.trouble or "Discord is not connected") from error
        assert self._client is not None
        return self._client

    async def run(self) -> None:
        """Until cancelled. Raises PlatformRefused when waiting would not help."""
        backoff: ExponentialBackoff[bool] = ExponentialBackoff()
        while True:
            try:
                await self._serve()
                trouble = "Discord closed the connection"
            except discord.PrivilegedIntentsRequired:
                if not self.reads:
                    raise PlatformRefused(NO_INTENT) from None
                self.reads = False
                log.warning("%s", NO_INTENT)
                continue
            except discord.LoginFailure as error:
                raise PlatformRefused(REFUSED[4004]) from error
            except discord.ConnectionClosed as error:
                if error.code in REFUSED:
                    raise PlatformRefused(REFUSED[error.code]) from error
                trouble = f"Discord closed the connection (code {error.code})"
            except PlatformRefused:
                raise
            except (PlatformError, discord.DiscordException, aiohttp.ClientError, OSError) as error:
                trouble = f"{_reason(error)} at {discord.http.Route.BASE}: look at the network, or at DISCORD_API_URL"
            except Exception as error:  # the library ends like this on an event that it cannot read
                trouble = f"discord.py ended with {type(error).__name__}"
                log.debug("discord.py ended", exc_info=error)
            self.trouble = trouble
            await self._handlers["disconnect"]()  # not every end is announced
            delay = backoff.delay()
            log.warning("%s; trying again in %.0f s", trouble, delay)
            await asyncio.sleep(delay)

    async def _serve(self) -> None:
        client = self._new_client()
        try:
            async with client:
                self._client = client
                try:
                    await client.start(self._token)
                finally:
                    if self._handling:
                        await asyncio.wait(self._handling, timeout=HANDLING_SECONDS)
        finally:
            self._logged_in.clear()
            _end(client)

    def _new_client(self) -> discord.Client:
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=self.reads)
        options: dict[str, Any] = {  # no cache of messages and members: edits and deletions come raw
            "intents": intents,
            "allowed_mentions": discord.AllowedMentions.none(),
            "max_messages": None,
            "member_cache_flags": discord.MemberCacheFlags.none(),
            "chunk_guilds_at_startup": False,
            "guild_ready_timeout": READY_SECONDS,
        }
        client: discord.Client
        if self._sharding is None:
            client = discord.Client(**options)
        else:
            client = discord.AutoShardedClient(
                shard_count=self._sharding.count, shard_ids=list(self._sharding.ids), **options
            )
            client.before_identify_hook = self._queue_up  # type: ignore[method-assign]  # made to be replaced
        client.setup_hook = self._on_login  # type: ignore[method-assign]  # made to be replaced
        for name, handler in self._handlers.items():
            setattr(client, f"on_{name}", self._guarded(name, handler))
        return client

    async def _on_login(self) -> None:
        self._logged_in.set()

    async def _queue_up(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Processes of one bot introduce themselves one after the other, in the order of the database."""
        assert self._sharding is not None
        assert self._client is not None
        try:
            await asyncio.sleep(await self._sharding.reserve(f"{self._client.application_id}", IDENTIFY_SECONDS))
        except HathiError as error:
            log.warning("shard %s does not wait for the others: %s", shard_id, error)
            if not initial:
                await asyncio.sleep(IDENTIFY_SECONDS)

    def _guarded(self, name: str, handler: Handler) -> Handler:
        """A handler of which an error ends nothing, and which is waited for at the end."""

        async def on(*arguments: Any) -> None:
            task: asyncio.Task[None] | None = asyncio.current_task()
            assert task is not None
            self._handling.add(task)
            try:
                with translated():
                    await handler(*arguments)
            except HathiError as error:
                log.warning("%s: %s", name, error)
            except Exception:
                log.exception("%s: a bug", name)
            finally:
                self._handling.discard(task)

        return on


def _end(client: discord.Client) -> None:
    """What the library forgets when it closes a client: who would still announce that all is ready, and heartbeats."""
    ready = getattr(client._connection, "_ready_task", None)
    if ready is not None:
        ready.cancel()
    for thread in threading.enumerate():
        if isinstance(thread, discord.gateway.KeepAliveHandler) and thread.ws._connection is client._connection:
            thread.stop()


def point_at(api_url: str, gateway_url: str) -> None:
    """Make discord.py, as a whole, talk to another server that speaks the protocol; empty: to Discord."""
    discord.http.Route.BASE = api_url.rstrip("/") or API_URL
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url or GATEWAY_URL)


async def check(token: str) -> str:
    """Log in and say how the bot stands: its name, whether it may read, where to invite it. Raises PlatformError."""
    client = discord.Client(intents=discord.Intents.none())
    async with client:
        try:
            with translated():
                await client.login(token)
                application = await client.application_info()
        except discord.LoginFailure as error:
            raise PlatformRefused(REFUSED[4004]) from error
        reads = application.flags.value & CONTENT_INTENTS
        return (
            f"logged in as {client.user}, "
            f"{'reads messages' if reads else 'cannot read messages that do not mention it: ' + ADVICE}; "
            f"invite: {invite(application.id)}"
        )


ADVICE = f"switch on Message Content Intent at {PORTAL} (Bot)"


def invite(application: int) -> str:
    """Where a person who manages a server lets the bot in."""
    permissions = discord.Permissions(
        view_channel=True,
        send_messages=True,
        send_messages_in_threads=True,
        read_message_history=True,
        embed_links=True,
        attach_files=True,
    )
    return discord.utils.oauth_url(application, permissions=permissions, scopes=("bot", "applications.commands"))


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, PlatformError) else f"Discord is not reachable ({type(error).__name__})"
