"""Tells a person who waits that the language model does not answer, and that it is asked again."""

import asyncio
import logging
import time
from types import TracebackType
from typing import Self

from bot.chat import Turn
from bot.errors import DatabaseError, PlatformError, TurnLost
from bot.ports import Reply

log = logging.getLogger(__name__)

STILL_TRYING = "My language model has not answered yet. I keep trying."
NOTICE_SECONDS = 20.0  # without a sign of life from the model, since the turn was asked for
AGAIN_SECONDS = 3.0  # that a model has for its first sign when so much time has passed before it was asked


class Vigil:
    """Watches over the time that the models of a turn take, while the block runs; may be entered several times.

    A model that has begun to answer may think for as long as it likes: the platform shows that the bot is at work. One
    of which nothing is heard for NOTICE_SECONDS does not answer, whatever is wrong: refused and asked again by its
    client, told to come back later, or silent. The person then reads one sentence, which the answer replaces.
    """

    def __init__(self, turn: Turn, reply: Reply) -> None:
        self._turn = turn
        self._reply = reply
        self._begun = time.monotonic()
        self._silent = asyncio.Event()  # no model is answering
        self._silent.set()
        self._noticing = asyncio.Lock()
        self._noticed = False
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._watch = asyncio.create_task(self._keep(), name=f"vigil of turn {self._turn.id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._watch is not None
        try:
            async with self._noticing:  # cut off half way, nobody would know whether the notice stands there
                self._watch.cancel()
        finally:
            self._watch.cancel()
        (ended,) = await asyncio.gather(self._watch, return_exceptions=True)
        if isinstance(ended, Exception):  # the answer does not depend on it
            log.error("turn %s: a notice was not shown: a bug", self._turn.id, exc_info=ended)

    async def show(self, text: str) -> None:
        """A model answers; it may have no words yet."""
        self._silent.clear()
        if text:
            await self._reply.show(text)

    def failed(self) -> None:
        """The model that was asked gives no answer."""
        self._silent.set()

    async def put_off(self, delay: float) -> None:
        """The turn goes on in so many seconds: say so now, if the person would wait for too long until then."""
        if self._waited() + delay >= NOTICE_SECONDS:
            async with self._noticing:
                await self._notice()

    async def _keep(self) -> None:
        await asyncio.sleep(max(NOTICE_SECONDS - self._waited(), AGAIN_SECONDS))
        while not self._silent.is_set():
            await self._silent.wait()
            await asyncio.sleep(AGAIN_SECONDS)
        async with self._noticing:
            await self._notice()

    async def _notice(self) -> None:
        if self._noticed:
            return
        self._noticed = True
        try:
            await self._reply.show_notice(STILL_TRYING)
        except (TurnLost, PlatformError, DatabaseError) as error:  # the end of the turn says what to do about it
            log.debug("turn %s: a notice is not shown: %s", self._turn.id, error)
        else:
            log.info("turn %s: who asked was told that the model does not answer", self._turn.id)

    def _waited(self) -> float:
        return self._turn.waited + time.monotonic() - self._begun
