"""The last messages of a conversation, word for word."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

from bot.chat import Line, Thread, Turn
from bot.ports import Recollection
from memory.transcript import PostgresTranscript


@dataclass(frozen=True, slots=True)
class History:
    """A memory that is the transcript itself: what waits for an answer and the last messages before it."""

    transcript: PostgresTranscript
    last_messages: int
    _reading: dict[Turn, asyncio.Task[list[Line]]] = field(default_factory=dict)

    async def recall(self, turn: Turn) -> Recollection:
        """A turn sees its own thread only, so what was said elsewhere cannot reach it."""
        return Recollection(lines=tuple(await self.lines(turn)))

    async def lines(self, turn: Turn) -> list[Line]:
        """What waits for an answer and the last messages; what is said off the record is answered by itself.

        One round trip, also for several who ask for the same turn at the same time.
        """
        reading = self._reading.get(turn)
        if reading is None:
            reading = self._reading[turn] = asyncio.create_task(self._read(turn.thread))
            reading.add_done_callback(partial(self._ended, turn))
        return await asyncio.shield(reading)

    async def digest(self, thread: Thread) -> tuple[()]:
        """Nothing to do: the transcript is up to date by itself."""
        return ()

    def _ended(self, turn: Turn, reading: asyncio.Task[list[Line]]) -> None:
        self._reading.pop(turn, None)
        if not reading.cancelled():
            reading.exception()  # whoever waits is told; when nobody does any more, nobody is

    async def _read(self, thread: Thread) -> list[Line]:
        lines = await self.transcript.read(thread, self.last_messages)
        if any(line.waiting and line.off_record for line in lines):
            return [line for line in lines if line.waiting]
        return lines
