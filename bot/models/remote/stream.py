"""A streamed answer as it comes: events with JSON in them, whatever else a server sends between.

In place of the client's own reading (openai 3.54), which ends an answer at every event that carries no data, such as
`retry:`, `id:` or `event: ping`, and takes an answer that is plain JSON for an empty one.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2
import openai

from bot.models.remote.response import NoAnswerError, refused

MOST = 8 * 2**20  # bytes of an answer that is no stream
IDLE = {"ping", "heartbeat", "keepalive", "keep-alive"}  # events that only keep the line open, whatever they hold
DRAINED = 0.1  # seconds for what comes after the end, so that the connection can be used again


class Done:
    """The mark with which a stream says that it is complete."""


class Stream(openai.AsyncStream[object]):
    """Yields bodies, as JSON, and at last Done, where the server says so. Raises openai.APIError for an error in it."""

    async def __stream__(self) -> AsyncIterator[object]:
        raw = bytearray()
        read = False
        events = self._decoder.aiter_bytes(_ended(self.response, raw))
        try:
            async for event in events:
                if not event.data.strip():
                    continue
                read = True
                raw.clear()
                if event.data.strip().startswith("[DONE]"):
                    with suppress(TimeoutError, httpx2.HTTPError, httpx2.StreamError, UnicodeDecodeError):
                        async with asyncio.timeout(DRAINED):
                            async for _ in events:
                                pass
                    yield Done()
                    return
                if event.event in IDLE:
                    continue
                named = event.event == "error"
                for body in _bodies(event.data, text=named):
                    yield self._checked(body, error=named)
                raw.clear()
            if not read and raw.strip():  # no events: the whole answer, or the error, in one piece
                yield self._checked(_json(raw.decode("utf-8-sig")))
        except httpx2.TimeoutException as error:
            raise openai.APITimeoutError(request=self.response.request) from error
        finally:
            await self.response.aclose()

    def _checked(self, body: object, *, error: bool = False) -> object:
        found = refused(body, error=error)
        if found is None:
            return body
        raise openai.APIError(str(found.get("message") or "an error"), self.response.request, body=dict(found))


async def _ended(response: httpx2.Response, raw: bytearray) -> AsyncIterator[bytes]:
    """The bytes, with an end to the last event, which some servers leave out; `raw` gets what came before an event."""
    async for part in response.aiter_bytes():
        if len(raw) < MOST:
            raw += part
        yield part
    yield b"\n\n"


def _bodies(data: str, *, text: bool) -> list[object]:
    """What an event holds: one JSON text, or one in each of its lines; or a `text` that is none."""
    try:
        return [_json(data)]
    except NoAnswerError:
        lines = [line for line in data.split("\n") if line.strip() not in ("", "[DONE]")]
        if text:
            return [data]
        if len(lines) < 2:
            raise
        return [_json(line) for line in lines]


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError from error
