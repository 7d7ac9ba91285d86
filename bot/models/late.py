"""What is reached for when it is first needed: importing a vendor's client takes up to a second."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """Something that holds connections until it is closed."""

    async def close(self) -> None: ...


Reached = TypeVar("Reached", bound=Closable)


class Late(Generic[Reached]):
    """Reaches once, in a thread, whoever asks first."""

    def __init__(self, reach: Callable[[], Reached]) -> None:
        self._reach = reach
        self.reached: Reached | None = None  # nobody has asked yet
        self._reaching = asyncio.Lock()

    async def there(self) -> Reached:
        """What is reached for."""
        async with self._reaching:
            if self.reached is None:
                self.reached = await asyncio.to_thread(self._reach)
            return self.reached

    async def close(self) -> None:
        """Let go of it, if it was ever reached; a second time does nothing."""
        async with self._reaching:
            if self.reached is not None:
                await self.reached.close()
