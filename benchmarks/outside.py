"""What a turn talks to, in processes of their own so that their CPU is not the bot's: a Postgres, and a model.

`python -m benchmarks.outside postgres FILE WHERE` is a door before a Postgres that is as far away as one likes;
`python -m benchmarks.outside model FILE` speaks just enough of OpenAI's API to answer at once, always the same. Both
print their port, share FILE (see Gauges) with who started them, and end when their input does.
"""

import argparse
import asyncio
import json
import mmap
import selectors
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from pathlib import Path

ANSWER = "The quick brown fox jumps over the lazy dog, twice."  # a word is a chunk of the stream


class Gauge(IntEnum):
    """What is shared; each has one writer."""

    DELAY = 0  # nanoseconds that each direction takes
    CONNECTIONS = 1  # opened since the start
    TRIPS = 2  # times that the client spoke after the server on a connection: one for each round trip
    STATEMENTS = 3  # executed, prepared or not
    ASKED = 4  # requests that reached the model
    ASKED_AT = 5  # when the last one did, on the monotonic clock of the machine, in nanoseconds
    ASKED_TRIPS = 6  # TRIPS at that moment
    ASKED_STATEMENTS = 7


class Gauges:
    """Numbers in a file that several processes hold in memory."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._slots = memoryview(mmap.mmap(opened.fileno(), 8 * len(Gauge))).cast("Q")

    @classmethod
    def create(cls, file: Path) -> "Gauges":
        """All at zero."""
        file.write_bytes(bytes(8 * len(Gauge)))
        return cls(file)

    def __getitem__(self, gauge: Gauge) -> int:
        return self._slots[gauge]

    def __setitem__(self, gauge: Gauge, value: int) -> None:
        self._slots[gauge] = value


@asynccontextmanager
async def outside(*arguments: str) -> AsyncIterator[int]:
    """One of the two, running; its port."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.outside", *arguments),
        cwd=Path(__file__).parents[1],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            port = int(await process.stdout.readline())
        yield port
    finally:
        process.stdin.close()
        await process.wait()


class _Line:
    """One direction of a connection: what goes in comes out after the delay, in order, however much is on its way."""

    def __init__(self, gauges: Gauges) -> None:
        self.end: asyncio.Transport | None = None
        self._gauges = gauges
        self._travelling: deque[bytes | None] = deque()  # None: hung up
        self._waiting = 0  # arrived before the other end was reached

    def send(self, data: bytes | None) -> None:
        delay = self._gauges[Gauge.DELAY]
        self._travelling.append(data)
        if delay:
            asyncio.get_running_loop().call_later(delay / 1e9, self._arrive)
        else:
            self._arrive()

    def reached(self, end: asyncio.Transport) -> None:
        self.end = end
        for _ in range(self._waiting):
            self._arrive()

    def _arrive(self) -> None:
        if self.end is None:
            self._waiting += 1
            return
        data = self._travelling.popleft()
        if data is None:
            self.end.close()
        else:
            self.end.write(data)


class _Server(asyncio.Protocol):
    """Our connection to Postgres."""

    def __init__(self, client: "_Client") -> None:
        self._client = client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._client.forth.reached(transport)

    def data_received(self, data: bytes) -> None:
        self._client.spoke = False
        self._client.back.send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._client.back.send(None)


class _Client(asyncio.Protocol):
    """A connection that a client opened to us."""

    def __init__(self, gauges: Gauges, where: str) -> None:
        self.spoke = False  # the last word was the client's
        self.forth, self.back = _Line(gauges), _Line(gauges)
        self._gauges = gauges
        self._where = where
        self._statements = _Statements()
        self._reaching: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._gauges[Gauge.CONNECTIONS] += 1
        self.back.reached(transport)
        self._reaching = asyncio.create_task(self._reach(transport))

    def data_received(self, data: bytes) -> None:
        self._gauges[Gauge.TRIPS] += not self.spoke
        self._gauges[Gauge.STATEMENTS] += self._statements.count(data)
        self.spoke = True
        self.forth.send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.forth.send(None)

    async def _reach(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            if self._where.startswith("/"):
                await loop.create_unix_connection(lambda: _Server(self), self._where)
            else:
                host, _, port = self._where.rpartition(":")
                await loop.create_connection(lambda: _Server(self), host, int(port))
        except OSError:
            transport.abort()


class _Statements:
    """Counts the executions in what a client says to Postgres (https://www.postgresql.org/docs/18/protocol.html)."""

    def __init__(self) -> None:
        self._rest = b""
        self._kind = 0  # bytes that name the kind of a message; the first one has none

    def count(self, data: bytes) -> int:
        data, at, count = self._rest + data, 0, 0
        while len(data) >= at + self._kind + 4:
            end = at + self._kind + int.from_bytes(data[at + self._kind : at + self._kind + 4], "big")
            if end > len(data):
                break
            count += bool(self._kind) and data[at : at + 1] in {b"E", b"Q"}
            self._kind, at = 1, end
        self._rest = data[at:]
        return count


class _Model(asyncio.Protocol):
    """A connection to the model; request after request."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._heard = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, blank, body = self._heard.partition(b"\r\n\r\n")
        if not blank or len(body) < _length(head):
            return
        self._heard = body[_length(head) :]
        assert self._transport is not None
        if b'"stream":true' not in body[: _length(head)].replace(b" ", b""):  # not for an answer: for a page
            self._transport.write(_CALL)
            return
        gauges = self._gauges
        gauges[Gauge.ASKED_AT] = time.monotonic_ns()
        gauges[Gauge.ASKED_TRIPS] = gauges[Gauge.TRIPS]
        gauges[Gauge.ASKED_STATEMENTS] = gauges[Gauge.STATEMENTS]
        gauges[Gauge.ASKED] += 1
        self._transport.write(_STREAM)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _stream() -> bytes:
    """The whole answer, as OpenAI streams it."""

    def chunk(**content: object) -> bytes:
        body = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 0, "model": "bench", **content}
        event = f"data: {json.dumps(body)}\n\n".encode()
        return b"%x\r\n%b\r\n" % (len(event), event)

    def delta(content: dict[str, str], finish: str | None = None) -> bytes:
        return chunk(choices=[{"index": 0, "delta": content, "finish_reason": finish}])

    words = [word if at == 0 else f" {word}" for at, word in enumerate(ANSWER.split())]
    usage = {"prompt_tokens": 100, "completion_tokens": len(words), "total_tokens": 100 + len(words)}
    done = b"data: [DONE]\n\n"
    return b"".join(
        [
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
            delta({"role": "assistant", "content": ""}),
            *(delta({"content": word}) for word in words),
            delta({}, "stop"),
            chunk(choices=[], usage=usage),
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(done), done),
        ]
    )


def _call() -> bytes:
    """A call of the tool that keeps pages, with nothing to be changed."""
    function = {"name": "update_working_memory", "arguments": '{"edits": []}'}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }
    body = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 0,
        "model": "bench",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }
    text = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)


_STREAM = _stream()
_CALL = _call()


async def _serve(make: Callable[[], asyncio.Protocol]) -> None:
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outside")
    parser.add_argument("what", choices=["postgres", "model"])
    parser.add_argument("file", type=Path)
    parser.add_argument("where", nargs="?", default="", help="host:port, or a socket file")
    arguments = parser.parse_args()
    gauges = Gauges(arguments.file)

    def make() -> asyncio.Protocol:
        return _Model(gauges) if arguments.what == "model" else _Client(gauges, arguments.where)

    # epoll counts in milliseconds, select in microseconds: a delay of 2.5 ms is to take 2.5 ms.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_serve(make))


if __name__ == "__main__":
    main()
