"""Socket Mode: two connections, so that one is there while the other is made anew, each watched and made again."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import tenacity
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calling import APPS, TOKEN_REFUSED, code_of, quiet, translated
from bot.errors import PlatformDown, PlatformError, PlatformRefused

log = logging.getLogger(__name__)

CONNECTIONS = 2
PING_SECONDS = 10.0  # four without an answer, and the library takes a connection for dead
HELLO_SECONDS = 10.0  # in which Slack greets a new connection
WATCH_SECONDS = 1.0
DEAF_SECONDS = 3.0  # for which the library may mend a connection by itself; of some ends it hears only after ten
LONGEST_WAIT = 30.0  # between two attempts
NOT_CONNECTED = "Slack is not connected yet"


@dataclass(slots=True)
class Sockets:
    """The connections of one process. Slack delivers an event to one of all that an app has."""

    app: AsyncApp
    client: AsyncWebClient
    app_token: str
    again: Callable[[float], Awaitable[None]]  # told, once we hear again, for how many seconds we did not
    trouble: str | None = NOT_CONNECTED
    _up: set[int] = field(default_factory=set)
    _deaf_since: float = field(default_factory=time.monotonic)

    async def run(self) -> None:
        """Until cancelled. Raises PlatformRefused when the token is not one that opens a connection."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(CONNECTIONS):
                tasks.create_task(self._keep(number), name=f"socket {number}")

    async def _keep(self, number: int) -> None:
        while True:
            retrying = tenacity.AsyncRetrying(
                retry=tenacity.retry_if_exception_type(PlatformDown),
                wait=tenacity.wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT),
                before_sleep=self._failed,
            )
            handler: AsyncSocketModeHandler = await retrying(self._connect)
            try:
                await self._watch(number, handler)
            finally:
                await _end(handler)

    def _failed(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not self._up:
            self.trouble = str(error)
        log.warning("%s; trying again", error)

    async def _connect(self) -> AsyncSocketModeHandler:
        """One new connection, greeted by Slack. Raises PlatformError."""
        url = await open_url(self.client, self.app_token)
        handler = AsyncSocketModeHandler(
            self.app, self.app_token, logger=quiet, web_client=self.client, ping_interval=PING_SECONDS
        )
        greeted = asyncio.Event()

        async def listen(_client: object, message: dict[str, Any], _raw: str | None) -> None:
            if message.get("type") == "hello":
                greeted.set()

        client: Any = handler.client
        client.message_listeners.append(listen)
        client.wss_uri = url
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                await client.connect()
                await greeted.wait()
        except BaseException as error:
            await _end(handler)
            if isinstance(error, TimeoutError):
                raise PlatformDown("Slack does not answer on a new connection: look at the network") from error
            raise
        return handler

    async def _watch(self, number: int, handler: AsyncSocketModeHandler) -> None:
        """Until a connection is deaf, and the library does not mend it."""
        heard = time.monotonic()
        while True:
            client: Any = handler.client
            if await client.is_connected():
                heard = time.monotonic()
                await self._came_up(number)
            else:
                self._went_down(number)
                if time.monotonic() - heard > DEAF_SECONDS:
                    log.warning("a connection to Slack is deaf, and made from scratch")
                    return
            await asyncio.sleep(WATCH_SECONDS)

    async def _came_up(self, number: int) -> None:
        if number in self._up:
            return
        if not self._up:
            log.info("connected to Slack")
            self.trouble = None
            await self.again(time.monotonic() - self._deaf_since)
        self._up.add(number)

    def _went_down(self, number: int) -> None:
        self._up.discard(number)
        if not self._up and self.trouble is None:
            self.trouble = "the connection to Slack is being made again"
            self._deaf_since = time.monotonic()
            log.warning("%s", self.trouble)


async def open_url(client: AsyncWebClient, app_token: str) -> str:
    """Where to connect to. Raises PlatformError."""
    try:
        with translated():
            answer: Any = await client.apps_connections_open(app_token=app_token)
    except PlatformError as error:
        code = code_of(error.__cause__)
        if code in TOKEN_REFUSED:
            raise PlatformRefused(
                f"Slack refuses SLACK_APP_TOKEN ({code}): copy the app-level token, xapp-…, with the scope "
                f"connections:write again from {APPS} (Basic Information)"
            ) from error
        if code == "missing_scope":
            raise PlatformRefused(
                f"SLACK_APP_TOKEN lacks the scope connections:write: make a new one at {APPS} (Basic Information)"
            ) from error
        raise
    return str(answer["url"])


async def _end(handler: AsyncSocketModeHandler) -> None:
    """Close a connection, and wait for what the library leaves running."""
    client: Any = handler.client
    left = [client.message_processor, client.current_session_monitor, client.message_receiver]
    with contextlib.suppress(Exception):  # it is given up either way
        await client.close()
    await asyncio.gather(*(task for task in left if task is not None), return_exceptions=True)
