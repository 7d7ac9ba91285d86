"""A door before Postgres that counts what passes, delays it, and can be shut: the network as it really is."""

import asyncio
import contextlib
import random
from typing import Self


class Proxy:
    """Listens on 127.0.0.1 and passes everything on to a Postgres socket file."""

    def __init__(self, socket_file: str, delay: float = 0.0) -> None:
        """`delay`: seconds that each direction takes."""
        self.port = 0
        self.connections = 0  # opened since the start
        self.requests = 0  # times that the client spoke after the server: one for each round trip
        self.sent = bytearray()  # everything that clients said
        self.loses = 0.0  # how often what the server says is lost, and the connection with it
        self._socket_file = socket_file
        self._delay = delay
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()

    async def open(self) -> None:
        """Let clients in, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """Cut every connection; new ones are welcome."""
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self._socket_file)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.connections += 1
        speaker = ""

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, who: str) -> None:
            nonlocal speaker
            while data := await source.read(65536):
                if who == "client":
                    self.sent += data
                    self.requests += speaker != "client"
                speaker = who
                if who == "server" and random.random() < self.loses:
                    raise ConnectionResetError
                if self._delay:
                    await asyncio.sleep(self._delay)
                sink.write(data)
                await sink.drain()
            sink.close()

        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            back, forth = await self._reach()
            try:
                await asyncio.gather(pass_on(reader, forth, "client"), pass_on(back, writer, "server"))
            finally:
                forth.close()
                writer.close()
        self._open.discard(task)
