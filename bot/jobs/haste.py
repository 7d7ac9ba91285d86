"""Told to stop, the engine waits no longer for a database that is away."""

import asyncio
from collections.abc import Sequence
from typing import Any

from bot.errors import DatabaseDown
from bot.ports import Statements

HASTE = 0.5  # seconds for each statement; turns that are not handed back are found by their worker's silence


class HastyStatements:
    """Statements that take the time they need, until `hurry`."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._under_way: set[asyncio.Timeout] = set()
        self._seconds: float | None = None

    async def fetch(self, query: str, *args: object) -> Sequence[Any]:
        """Run one statement. Raises DatabaseError."""
        try:
            async with asyncio.timeout(self._seconds) as limit:
                self._under_way.add(limit)
                try:
                    return await self._statements.fetch(query, *args)
                finally:
                    self._under_way.discard(limit)
        except TimeoutError as error:
            raise DatabaseDown("the database is away, and there is no time left to wait for it") from error

    def hurry(self) -> None:
        """From now on, for what is under way and for what is to come."""
        self._seconds = HASTE
        for limit in self._under_way:
            limit.reschedule(asyncio.get_running_loop().time() + HASTE)

    def relax(self) -> None:
        """As at the beginning."""
        self._seconds = None
