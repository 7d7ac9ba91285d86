"""Memories catch up with what was said, behind the answers' back: nobody waits for it, and nothing of it is lost.

What a process leaves undone when it ends, or dies, stands in the transcript; others find it there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from bot.chat import Thread
from bot.errors import DatabaseError, DigestUnfinished, HathiError, ModelBusy
from bot.ports import Memory, Noted

log = logging.getLogger(__name__)

AT_ONCE = 4  # threads; each asks a model
# Seconds before a thread whose digest failed is tried again; after that with its next turn.
DELAYS = (5.0, 30.0, 120.0, 600.0)
DAY = 86400.0  # seconds
LOOK = 60.0  # seconds between two looks for what others left undone, and only while somebody talks

Undigested = Callable[[float], Awaitable[Sequence[Thread]]]  # threads that wait for longer than so many seconds
Expire = Callable[[], Awaitable[object]]
Tell = Callable[[Noted], Awaitable[None]]


class Digests:
    """Catches up with one thread at a time, with few threads side by side, until it is cancelled."""

    def __init__(self, memory: Memory, undigested: Undigested, tell: Tell, expire: Expire | None = None) -> None:
        """`expire`: deletes what is too old; runs at the start and once a day while somebody talks."""
        self._expire = expire
        self._expired_at = float("-inf")
        self._memory = memory
        self._undigested = undigested
        self._tell = tell
        self._due: dict[Thread, int] = {}  # with the number of failures before
        self._running: set[Thread] = set()
        self._more = asyncio.Event()
        self._looked_at = float("-inf")
        self._done = asyncio.Event()
        self._done.set()

    def due(self, thread: Thread, failures: int = 0) -> None:
        """Something was said there that is not digested yet."""
        self._due[thread] = min(self._due.get(thread, failures), failures)
        self._done.clear()
        self._more.set()

    async def run(self) -> None:
        """Until cancelled; what is begun then is left to the next one."""
        places = asyncio.Semaphore(AT_ONCE)
        await self._look(0)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._more.wait()
                self._more.clear()
                for thread in [thread for thread in self._due if thread not in self._running]:
                    await places.acquire()
                    failures = self._due.pop(thread, None)
                    if failures is None:
                        places.release()
                        continue
                    self._running.add(thread)
                    task = group.create_task(self._digest(thread, failures), name=f"digest {thread}")
                    task.add_done_callback(lambda _, thread=thread: self._ended(thread, places))  # type: ignore[misc]

    async def finish(self, seconds: float) -> None:
        """Wait until nothing is due, but not for longer than this."""
        try:
            async with asyncio.timeout(seconds):
                await self._done.wait()
        except TimeoutError:
            log.info("what was said last is digested with the next start")

    def _ended(self, thread: Thread, places: asyncio.Semaphore) -> None:
        self._running.discard(thread)
        places.release()
        if self._due:
            self._more.set()
        elif not self._running:
            self._done.set()

    async def _digest(self, thread: Thread, failures: int) -> None:
        try:
            for noted in await self._memory.digest(thread):
                await self._say(noted)
        except HathiError as error:
            for noted in error.noted if isinstance(error, DigestUnfinished) else ():
                await self._say(noted)
            log.warning("%s: digested later: %s", thread, error)
            if failures < len(DELAYS):
                reason = error.reason if isinstance(error, DigestUnfinished) else error
                busy = reason.delay if isinstance(reason, ModelBusy) else None
                delay = DELAYS[failures] if busy is None else min(max(busy, 1.0), DELAYS[-1])
                asyncio.get_running_loop().call_later(delay, self.due, thread, failures + 1)
            return
        except (
            Exception
        ):  # a bug costs what was to be noted here, not the bot; it is loud with each turn in this thread
            log.exception("%s: not digested: a bug", thread)
            return
        if asyncio.get_running_loop().time() - self._looked_at > LOOK:
            await self._look(LOOK)

    async def _say(self, noted: Noted) -> None:
        try:
            await self._tell(noted)
        except HathiError as error:
            log.info("%s: nobody is told what was noted: %s", noted.thread, error)

    async def _look(self, seconds: float) -> None:
        """Take over what is left undone for so long."""
        now = self._looked_at = asyncio.get_running_loop().time()
        try:
            if self._expire is not None and now - self._expired_at > DAY:
                self._expired_at = now
                log.info("too old, and deleted: %s", await self._expire())
            for thread in await self._undigested(seconds):
                if thread not in self._running:
                    self.due(thread)
        except DatabaseError as error:
            log.info("what is not digested, or too old, is looked for later: %s", error)
