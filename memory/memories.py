"""Many memories behind one door."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from bot.chat import Thread, Turn
from bot.errors import DigestUnfinished, HathiError
from bot.ports import Memory, Noted, Recollection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memories:
    """Is itself a memory: all of them are asked at once, and catch up one after the other."""

    memories: Sequence[Memory]

    async def recall(self, turn: Turn) -> Recollection:
        """What all of them bring, in their order. Takes as long as the slowest."""
        try:
            async with asyncio.TaskGroup() as group:
                asked = [group.create_task(memory.recall(turn)) for memory in self.memories]
        except* HathiError as errors:
            failure = errors
        else:
            found = [task.result() for task in asked]
            return Recollection(
                lines=tuple(line for one in found for line in one.lines),
                known=tuple(known for one in found for known in one.known),
                pertinent=tuple(known for one in found for known in one.pertinent),
                recalled=tuple(recalled for one in found for recalled in one.recalled),
                tools=tuple(tool for one in found for tool in one.tools),
                zone=next((one.zone for one in found if one.zone), ""),
            )
        raise _first(failure)

    async def digest(self, thread: Thread) -> list[Noted]:
        """Catch up; one that fails keeps the others from nothing. Raises the first of their errors."""
        noted: list[Noted] = []
        failures: list[HathiError] = []
        for memory in self.memories:
            try:
                noted += await memory.digest(thread)
            except DigestUnfinished as error:
                noted += error.noted
                failures.append(error)
            except HathiError as error:
                failures.append(error)
        if not failures:
            return noted
        for failure in failures[1:]:
            log.warning("%s: not all is digested: %s", thread, failure)
        if not noted:
            raise failures[0]
        first = failures[0]
        reason = first.reason if isinstance(first, DigestUnfinished) else first
        raise DigestUnfinished(reason, noted) from first  # people hear of the rest


def _first(errors: BaseExceptionGroup[HathiError]) -> HathiError:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
