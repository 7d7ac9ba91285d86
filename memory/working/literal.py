"""Word for word."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.ports import Model


@dataclass(frozen=True, slots=True)
class Found:
    message: int
    field: str
    value: str


async def find(model: Model | None, messages: Sequence[str], fields: Sequence[str]) -> list[Found]:
    return []
