"""procrastinate's statements on our pool: it speaks psycopg's dialect, Postgres hears asyncpg's."""

import asyncio
import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from procrastinate import connector, exceptions

from bot.errors import DatabaseError
from bot.ports import Statements


class StatementsConnector(connector.BaseAsyncConnector):
    """The engine's way into the database. Errors of ours pass through as the engine's ConnectorException."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def get_sync_connector(self) -> connector.BaseConnector:
        return self

    async def open_async(self, pool: Any = None) -> None:
        """The pool is somebody else's."""

    async def close_async(self) -> None:
        """The pool is somebody else's."""

    async def execute_query_async(self, query: str, **arguments: Any) -> None:
        await self.execute_query_all_async(query, **arguments)

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:
        rows = await self.execute_query_all_async(query, **arguments)
        if not rows:
            raise exceptions.NoResult
        return rows[0]

    async def execute_query_all_async(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        text, names = _translated(query)
        try:
            rows = await self._statements.fetch(text, *(_value(arguments[name]) for name in names))
        except DatabaseError as error:
            raise exceptions.ConnectorException(str(error)) from error
        return [dict(row) for row in rows]

    async def listen_notify(self, on_notification: Any, channels: Iterable[str]) -> None:
        """LISTEN does not work through a pooler and is lost when Neon suspends: whoever has news wakes the worker."""
        await asyncio.Event().wait()


@cache
def _translated(query: str) -> tuple[str, tuple[str, ...]]:
    """`%(name)s` → `$n`, names with their schema; and the arguments' names in order."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    text = re.sub(r"(?<![\w.])(procrastinate_\w+)", r"public.\1", query)
    return re.sub(r"%\((\w+)\)s", number, text), tuple(names)


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return json.dumps(value)
    return list(value) if isinstance(value, set | tuple) else value
