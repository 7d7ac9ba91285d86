"""The HTTP door: whether the process lives, whether it can work, and what platforms send over HTTP."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from bot.errors import SettingsError

log = logging.getLogger(__name__)


@asynccontextmanager
async def serve(
    host: str, port: int, ready: Callable[[], Awaitable[str | None]], routes: Sequence[web.RouteDef] = ()
) -> AsyncIterator[str]:
    """Serve `/healthz`, `/readyz` and `routes` while the block runs; yields the address, empty when the port is taken.

    `ready` says in one line what is missing, None when nothing is. Without `routes` a taken port is no reason not to
    run: several processes may share a machine. With them it raises SettingsError.
    """

    async def healthz(request: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(request: web.Request) -> web.Response:
        missing = await ready()
        if missing is not None:
            log.warning("not ready: %s", missing)
        return web.json_response({"ready": missing is None}, status=503 if missing else 200)

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), *routes])
    runner = web.AppRunner(app, access_log=None)
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
