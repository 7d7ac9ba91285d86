"""The HTTP door: whether the process lives, whether it can work, and what platforms send over HTTP.

Everybody may knock, so everything from outside is bounded: the size of headers and bodies, and the time to send them.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.errors import SettingsError

log = logging.getLogger(__name__)
_quiet = logging.getLogger(f"{__name__}.malformed")  # the library reports requests that it cannot read with a traceback
_quiet.setLevel(logging.CRITICAL)

LARGEST_BODY = 1 << 20  # bytes; Slack's largest events are some 100 kB
LARGEST_HEADER = 8190  # bytes of one header, and of the request line
MOST_HEADERS = 64
BODY_SECONDS = 10.0  # in which a body must have arrived
IDLE_SECONDS = 20.0  # in which a request's headers must have arrived, after the connection or the request before it
LINGER_SECONDS = 2.0  # for which what is left of a refused body is read
READY_SECONDS = 1.0  # for which an answer to /readyz holds


@asynccontextmanager
async def serve(
    host: str, port: int, ready: Callable[[], Awaitable[str | None]], routes: Sequence[web.RouteDef] = ()
) -> AsyncIterator[str]:
    """Serve `/healthz`, `/readyz` and `routes` while the block runs; yields the address, empty when the port is taken.

    `ready` says in one line what is missing, None when nothing is; it is asked once a second at most. Without `routes`
    a taken port is no reason not to run: several processes may share a machine. With them it raises SettingsError.
    """
    readiness = _Readiness(ready)

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(request: web.Request) -> web.Response:
        missing = await readiness.missing()
        return web.json_response({"ready": missing is None}, status=503 if missing else 200)

    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_whole_bodies])
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), *routes])
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_quiet,
        keepalive_timeout=IDLE_SECONDS,
        lingering_time=LINGER_SECONDS,
        max_line_size=LARGEST_HEADER,
        max_field_size=LARGEST_HEADER,
        max_headers=MOST_HEADERS,
    )
    await runner.setup()
    try:
        address = ""
        try:
            await web.TCPSite(runner, host, port).start()
            address = f"http://{host}:{runner.addresses[0][1]}"
        except OSError as error:
            if routes:
                raise SettingsError(
                    f"PORT: nothing can be served on {host}:{port} ({error.strerror}): set another, or end what has it"
                ) from error
            log.warning("no health checks on %s:%d: %s", host, port, error.strerror)
        yield address
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Limit:
    """At most so many in any one window of time."""

    most: int
    seconds: float
    _began: float = field(default=float("-inf"))
    _count: int = 0

    def allows(self) -> bool:
        """Count one more; returns whether it is still within the limit."""
        now = time.monotonic()
        if now - self._began >= self.seconds:
            self._began, self._count = now, 0
        self._count += 1
        return self._count <= self.most


@dataclass(slots=True)
class _Readiness:
    """The answer to /readyz, asked for once for all who ask within a second."""

    ask: Callable[[], Awaitable[str | None]]
    _until: float = float("-inf")
    _missing: str | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def missing(self) -> str | None:
        async with self._asking:
            if time.monotonic() >= self._until:
                self._missing = await self.ask()
                self._until = time.monotonic() + READY_SECONDS
                if self._missing is not None:
                    log.warning("not ready: %s", self._missing)
            return self._missing


@web.middleware
async def _whole_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read a body before anything is done with it; one that is too large or too slow is refused."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            await request.read()
    except TimeoutError:
        response = web.Response(status=408)
        response.force_close()
        return response
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception:
        log.exception("%s is not answered: a bug", request.path)
        return web.Response(status=500)
