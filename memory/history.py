"""The last messages of a conversation, word for word."""

from dataclasses import dataclass

from bot.chat import Thread, Turn
from bot.ports import Recollection
from memory.transcript import PostgresTranscript


@dataclass(frozen=True, slots=True)
class History:
    """A memory that is the transcript itself: what waits for an answer and the last messages before it."""

    transcript: PostgresTranscript
    last_messages: int

    async def recall(self, turn: Turn) -> Recollection:
        """One round trip. A turn sees its own thread only, so what was said elsewhere cannot reach it.

        What is said off the record is answered by itself.
        """
        lines = await self.transcript.read(turn.thread, self.last_messages)
        if any(line.waiting and line.off_record for line in lines):
            lines = [line for line in lines if line.waiting]
        return Recollection(lines=tuple(lines))

    async def digest(self, thread: Thread) -> tuple[()]:
        """Nothing to do: the transcript is up to date by itself."""
        return ()
