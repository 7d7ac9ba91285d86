"""The HTTP door, knocked at by people who mean no good."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import pytest
from aiohttp import ClientSession, web

from adapters import http
from adapters.http import Limit


@asynccontextmanager
async def served(*answers: str | None) -> AsyncIterator[tuple[str, list[str | None]]]:
    """The door with an echo behind it; the answers about readiness, and those that were asked for."""
    asked: list[str | None] = []

    async def ready() -> str | None:
        asked.append(answers[min(len(asked), len(answers) - 1)] if answers else None)
        return asked[-1]

    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async with http.serve("127.0.0.1", 0, ready, [web.post("/echo", echo)]) as address:
        yield address, asked


async def answer_to(address: str, sent: bytes) -> bytes:
    """All that comes back until the server hangs up."""
    host, _, port = address.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_an_ordinary_request_is_answered() -> None:
    async with (
        served() as (address, _),
        ClientSession() as client,
        client.post(f"{address}/echo", data=b"x" * 500_000) as answer,
    ):
        assert (answer.status, len(await answer.read())) == (200, 500_000)


async def test_a_connection_that_sends_nothing_or_half_a_header_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "IDLE_SECONDS", 0.3)
    async with served() as (address, _):
        assert await answer_to(address, b"") == b""
        assert await answer_to(address, b"POST /echo HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""


async def test_a_body_that_does_not_arrive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(http, "LINGER_SECONDS", 0.3)
    async with served() as (address, _):
        answer = await answer_to(address, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        assert answer.startswith(b"HTTP/1.1 408")


async def test_a_body_over_a_megabyte_is_refused() -> None:
    async with (
        served() as (address, _),
        ClientSession() as client,
        client.post(f"{address}/echo", data=BytesIO(b"x" * (http.LARGEST_BODY + 1))) as answer,
    ):
        assert answer.status == 413


@pytest.mark.parametrize(
    "headers",
    [f"X-Long: {'x' * 9000}\r\n", "".join(f"X-{number}: x\r\n" for number in range(200))],
    ids=["too long", "too many"],
)
async def test_headers_that_are_too_long_or_too_many_are_refused(headers: str) -> None:
    async with served() as (address, _):
        answer = await answer_to(address, f"GET /healthz HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
        assert b" 400 " in answer.splitlines()[0]


async def test_many_who_ask_whether_it_is_ready_are_one_question_to_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "READY_SECONDS", 3600.0)
    async with served(None) as (address, asked), ClientSession() as client:

        async def ask() -> int:
            async with client.get(f"{address}/readyz") as answer:
                return answer.status

        assert set(await asyncio.gather(*(ask() for _ in range(50)))) == {200}
        assert len(asked) == 1


async def test_readiness_is_asked_for_anew_when_the_answer_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READY_SECONDS", 0.0)
    async with (
        served("the database is away", None) as (address, _),
        ClientSession() as client,
        client.get(f"{address}/readyz") as first,
        client.get(f"{address}/readyz") as second,
    ):
        assert (first.status, second.status) == (503, 200)


def test_a_limit_allows_so_many_in_a_window_and_begins_anew_after_it() -> None:
    limit = Limit(2, 3600.0)
    assert [limit.allows() for _ in range(4)] == [True, True, False, False]
    anew = Limit(1, 0.0)
    assert [anew.allows() for _ in range(3)] == [True, True, True]
