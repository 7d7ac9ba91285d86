"""Runs turns in this process: those of one thread one at a time and in order, of different threads side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from bot.chat import Thread, Turn


class InProcessJobs:
    """Remembers nothing across a restart: what was heard and not answered waits in the transcript."""

    def __init__(self) -> None:
        self._ready: asyncio.Queue[Thread] = asyncio.Queue()
        self._busy: set[Thread] = set()  # has a turn that is ready or runs
        self._again: set[Thread] = set()  # something was said since that turn began to read

    async def enqueue(self, thread: Thread) -> None:
        """See to it that a turn of this thread begins after now; many calls before it begins are one turn."""
        if thread in self._busy:
            self._again.add(thread)
        else:
            self._busy.add(thread)
            self._ready.put_nowait(thread)

    async def run(self, work: Callable[[Turn], Awaitable[None]]) -> None:
        """Run turns until cancelled. `work` decides about its own errors; one that escapes ends them all."""
        async with asyncio.TaskGroup() as turns:
            while True:
                turns.create_task(self._serve(await self._ready.get(), work))

    async def _serve(self, thread: Thread, work: Callable[[Turn], Awaitable[None]]) -> None:
        self._again.discard(thread)
        await work(Turn(id=uuid4().hex[:12], thread=thread))
        if thread in self._again:
            self._ready.put_nowait(thread)
        else:
            self._busy.discard(thread)
