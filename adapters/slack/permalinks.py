"""Addresses of messages: asked of Slack once, and kept."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calling import translated
from adapters.slack.reading import Spot
from bot.errors import DatabaseError, PlatformError

log = logging.getLogger(__name__)

KEPT = 10_000
AT_ONCE = 8  # calls
SECONDS = 3.0  # that somebody waits for them; what is not there then is shown without


@dataclass(slots=True)
class Permalinks:
    """Addresses by a message's id."""

    client: Callable[[str], Awaitable[AsyncWebClient]]  # of a workspace
    _known: "OrderedDict[str, str]" = field(default_factory=OrderedDict)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def of(self, team: str, messages: Iterable[str]) -> Mapping[str, str]:
        """Those addresses that can be had, of messages that this installation knows by these ids."""
        wanted = [message for message in messages if message.startswith(f"slack:{team}:") and message.count(":") == 3]
        missing = [message for message in wanted if message not in self._known]
        if missing:
            try:
                client = await self.client(team)
                async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as tasks:
                    for message in missing:
                        tasks.create_task(self._ask(client, message))
            except TimeoutError:
                log.info("Slack takes its time to say where messages are")
            except (PlatformError, DatabaseError) as error:
                log.info("where messages are is not known: %s", error)
        return {message: self._known[message] for message in wanted if message in self._known}

    async def root(self, team: str, post: str) -> str:
        """The message under which a post stands; empty when that is not known."""
        link = (await self.of(team, [post])).get(post, "")
        return next(iter(parse_qs(urlsplit(link).query).get("thread_ts", ())), "")

    async def _ask(self, client: AsyncWebClient, message: str) -> None:
        spot = Spot.parse(message)
        try:
            async with self._places:
                with translated():
                    answer: Any = await client.chat_getPermalink(channel=spot.channel, message_ts=spot.ts)
        except PlatformError as error:
            log.info("where a message is is not known: %s", error)
            return
        self._known[message] = str(answer["permalink"])
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
