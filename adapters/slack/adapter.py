"""The adapter: what holds Slack's parts together, from the first call to the last."""

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import aiohttp
import tenacity
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from adapters import files
from adapters.http import Limit
from adapters.slack import catching_up
from adapters.slack.calling import CALL_SECONDS, new_client, quiet
from adapters.slack.connecting import NOT_CONNECTED, Sockets
from adapters.slack.hearing import Hearing
from adapters.slack.installing import oauth_flow
from adapters.slack.interacting import Desk
from adapters.slack.listening import Rules
from adapters.slack.names import Names
from adapters.slack.permalinks import Permalinks
from adapters.slack.posting import Place, ThreadReply, growing
from adapters.slack.reading import PLATFORM, Spot, parts, user_of
from adapters.slack.rooms import Rooms
from adapters.slack.workspaces import Installed, OneWorkspace, Workspaces
from bot.chat import Image, Thread
from bot.commands import Commands
from bot.errors import DatabaseDown, DatabaseError, HathiError, PlatformDown, PlatformRefused
from bot.ports import Accept, Forgetting, Noted, Outbox, Reply, Transcript, Vault

log = logging.getLogger(__name__)

HEAR_SECONDS = 2.5  # Slack waits three for an acknowledgement, and delivers again
GIVEN_UP_SECONDS = 240.0  # after which Slack may have stopped delivering something again: five minutes
READY_SECONDS = 30.0  # that a turn waits until we are ready, before it is put off
LEAVING_SECONDS = 1.0  # that what runs beside has when told to stop
CHANNELS = 10_000  # without streaming, that are remembered
INSTALLATIONS = 30  # begun in a minute at most: each keeps a row for ten minutes
MINUTE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Credentials:
    """What Slack gives an app. For one workspace a bot token; for many a client id and secret, and a vault."""

    bot_token: str = ""
    app_token: str = ""  # Socket Mode; without it HTTP, with the signing secret
    signing_secret: str = ""
    client_id: str = ""
    client_secret: str = ""
    api_url: str = ""  # another server that speaks Slack's API


@dataclass(frozen=True, slots=True)
class _Inside:
    """What there is while the adapter runs."""

    workspaces: Workspaces
    hearing: Hearing
    app: AsyncApp
    pages: AsyncOAuthFlow | None


class Slack:
    """Hathi on Slack. One conversation in each direct message, and in each thread."""

    name = PLATFORM

    def __init__(
        self,
        credentials: Credentials,
        transcript: Transcript,
        forgetting: Forgetting,
        commands: Commands,
        *,
        vault: Vault | None = None,
        prefix: str = "",
        catch_up_hours: float = 24,
        forget_on_leave: bool = False,
        rules: Rules | None = None,
        link_previews: bool = False,
    ) -> None:
        """`catch_up_hours`: how far back to look for what was said while the bot was away; 0 for not at all.

        `vault` keeps the tokens of many workspaces; `prefix` goes before the names of slash commands.
        """
        self._credentials = credentials
        self._transcript = transcript
        self._forgetting = forgetting
        self._commands = commands
        self._vault = vault
        self._prefix = prefix
        self._catch_up_hours = catch_up_hours
        self._forget_on_leave = forget_on_leave
        self._rules = rules or Rules()
        self._link_previews = link_previews
        self._inside: _Inside | None = None
        self._ready = asyncio.Event()
        self._sockets: Sockets | None = None
        self._trouble: str | None = NOT_CONNECTED
        self._beside: set[asyncio.Task[None]] = set()  # the event loop holds no task by itself
        self._streamless: OrderedDict[str, bool] = OrderedDict()  # channels that have no streams
        self._failing_since: float | None = None  # when we first could not take an event in
        self._catching_up: asyncio.Task[None] | None = None
        self._installations = Limit(INSTALLATIONS, MINUTE)
        self._warnings = Limit(1, MINUTE)  # of requests that are not signed: anybody can send them

    @property
    def trouble(self) -> str | None:
        """What is wrong with the connection, in one line; None when nothing is."""
        return self._trouble or (self._sockets.trouble if self._sockets else None)

    async def run(self, accept: Accept) -> None:
        """Serve until cancelled. Raises PlatformRefused when Slack does not let us in."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as session:
            seen = 0.0
            if self._catch_up_hours:  # noted before anything new is heard
                seen = await catching_up.begun(self._transcript, await catching_up.reached(self._transcript))
            self._inside = self._build(accept, session)
            try:
                log.info("Slack: %s", await self._checked(self._inside.workspaces))
                self._trouble = None
                self._ready.set()
                self._catch_up(seen)
                if self._credentials.app_token:
                    client = new_client(None, self._credentials.api_url, session)
                    self._sockets = Sockets(self._inside.app, client, self._credentials.app_token, self._hears_again)
                    await self._sockets.run()
                else:
                    await asyncio.Event().wait()
            finally:
                self._trouble = NOT_CONNECTED
                self._ready.clear()
                await self._leave()
                self._inside = None

    def routes(self) -> list[web.RouteDef]:
        """What Slack, and those who install the bot, ask for over HTTP."""
        routes = []
        if not self._credentials.app_token:
            routes.append(web.post("/slack/events", self._on_http))
        if self._credentials.client_id:
            routes.append(web.get("/slack/install", self._on_page))
            routes.append(web.get("/slack/oauth_redirect", self._on_page))
        return routes

    # What the core asks for

    @asynccontextmanager
    async def reply(self, thread: Thread, outbox: Outbox) -> AsyncIterator[Reply]:
        """A reply in the thread, or under the message that it answers; begun when that is read."""
        team, channel, _ = parts(thread)
        place = partial(self._place, thread, outbox)
        async with growing(
            ThreadReply(
                team, place, self._transcript.ours, outbox, partial(self._has_no_streams, channel), self._link_previews
            )
        ) as reply:
            if self._inside is not None:
                await self._inside.hearing.until_read(thread)
            yield reply

    @asynccontextmanager
    async def typing(self, thread: Thread) -> AsyncIterator[None]:
        """The reply shows it: it knows under which message."""
        yield

    async def download(self, image: Image, thread: Thread) -> bytes | None:
        """A picture, with the token of the workspace where it was said, whatever its address says."""
        inside = await self._until_ready()
        try:
            return await inside.hearing.fetch(parts(thread)[0], image.url, files.IMAGE_BYTES)
        except PlatformRefused as error:  # the bot was removed there
            log.info("a picture is not seen: %s", error)
            return None

    async def noted(self, noted: Noted) -> None:
        """A note below the answer that only they see, and that notifies nobody. Raises PlatformError."""
        inside = await self._until_ready()
        await inside.hearing.desk.note(noted)

    async def _place(self, thread: Thread, outbox: Outbox) -> Place:
        """Where to post for a conversation. Raises PlatformError, DatabaseError."""
        inside = await self._until_ready()
        team, channel, root = parts(thread)
        question = outbox.question or outbox.turn.first
        asker = await inside.hearing.asker(question)
        home, user = user_of(asker) if asker else (team, "")
        if home.startswith("E"):  # a person of an organisation; Slack wants to know the workspace
            known = await inside.hearing.desk.names.find(team, user)
            home = known.team if known and known.team else team
        return Place(
            client=await inside.workspaces.client(team),
            channel=channel,
            root=root or Spot.parse(question).ts,
            user=user,
            team=home,
            bot=(await inside.workspaces.us(team)).user,
            streams=bool(user) and channel not in self._streamless,
        )

    def _has_no_streams(self, channel: str) -> None:
        self._streamless[channel] = True
        if len(self._streamless) > CHANNELS:
            self._streamless.popitem(last=False)

    # What holds it together

    def _build(self, accept: Accept, session: aiohttp.ClientSession) -> _Inside:
        given = self._credentials
        workspaces: Workspaces
        pages = None
        if given.client_id:
            assert self._vault is not None
            workspaces = Installed(self._vault, given.client_id, given.client_secret, given.api_url, session)
            pages = oauth_flow(workspaces, self._rules)
        else:
            workspaces = OneWorkspace(given.bot_token, given.api_url, session)
        names = Names(workspaces.client)
        desk = Desk(
            self._commands, self._prefix, workspaces, names, Permalinks(workspaces.client), self._transcript,
            self._forgetting, self._run_beside, self._rules,
        )  # fmt: skip
        hearing = Hearing(
            accept, self._transcript, self._forgetting, workspaces, desk,
            Rooms(workspaces.client, names, self._run_beside), self._run_beside, given.api_url, self._forget_on_leave,
            self._rules,
        )  # fmt: skip
        return _Inside(workspaces, hearing, self._new_app(desk, session), pages)

    def _new_app(self, desk: Desk, session: aiohttp.ClientSession) -> AsyncApp:
        app = AsyncApp(
            logger=quiet,
            signing_secret=self._credentials.signing_secret,
            client=new_client(None, self._credentials.api_url, session),
            before_authorize=self._before_authorize,
            authorize=_Anyone(),  # type: ignore[no-untyped-call]  # the library's constructor
            ignoring_self_events_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )
        app.command(re.compile(".+"))(desk.on_slash)
        app.shortcut(re.compile(".+"))(desk.on_shortcut)
        app.action(re.compile(".+"))(desk.on_action)
        app.view_submission(re.compile(".+"))(desk.on_form)
        return app

    async def _before_authorize(
        self,
        req: AsyncBoltRequest,
        next: Callable[[], Awaitable[BoltResponse]],  # bolt's own name
    ) -> BoltResponse | None:
        """Events are taken in here, behind the signature and before the library acknowledges them by itself."""
        if req.body.get("type") == "app_rate_limited":
            log.warning("Slack holds events back: there are more than 30,000 an hour in one workspace")
            return BoltResponse(status=200, body="")
        if req.body.get("type") != "event_callback":
            return await next()
        try:
            assert self._inside is not None
            async with asyncio.timeout(HEAR_SECONDS):
                await self._inside.hearing.event(req.body)
        except (HathiError, TimeoutError) as error:
            if self._failing_since is None:
                self._failing_since = time.monotonic()
            log.warning("an event is not acknowledged, Slack delivers it again: %s", str(error) or "too slow")
            return BoltResponse(status=503, body="")
        except Exception:
            log.exception("an event is not acknowledged: a bug")
            return BoltResponse(status=500, body="")
        if self._failing_since is not None:
            failing, self._failing_since = time.monotonic() - self._failing_since, None
            await self._hears_again(failing)
        return BoltResponse(status=200, body="")

    async def _checked(self, workspaces: Workspaces) -> str:
        """What Slack says of us, as soon as it says something. Raises PlatformRefused."""

        def failed(state: tenacity.RetryCallState) -> None:
            self._trouble = str(state.outcome.exception()) if state.outcome else None
            log.warning("%s; trying again", self._trouble)

        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(PlatformDown),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=30.0),
            before_sleep=failed,
        )
        return str(await retrying(workspaces.check))

    async def _until_ready(self) -> _Inside:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._ready.wait()
        except TimeoutError as error:
            raise PlatformDown(self.trouble or NOT_CONNECTED) from error
        assert self._inside is not None
        return self._inside

    async def _hears_again(self, seconds: float) -> None:
        """After so long in which nothing reached us: Slack may have given up on some of it."""
        if seconds > GIVEN_UP_SECONDS:
            self._catch_up(time.time() - seconds)

    def _catch_up(self, seen: float) -> None:
        if self._catch_up_hours:
            self._catching_up = self._run_beside(self._read_what_was_missed(seen, self._catching_up))

    async def _read_what_was_missed(self, seen: float, before: "asyncio.Task[None] | None") -> None:
        """One look back after the other; one that is not ended is left to the next process."""
        if before is not None:
            await asyncio.wait([before])
        seen = await catching_up.begun(self._transcript, seen)
        assert self._inside is not None
        inside = self._inside
        async for team, channel, data in catching_up.missed(
            inside.workspaces.client, self._transcript, self._catch_up_hours, seen
        ):
            us = await inside.workspaces.us(team)
            while True:
                try:
                    await inside.hearing.said(data, Spot.of(team, channel, data), replace(us, id=team), late=True)
                    break
                except DatabaseDown as error:  # it has waited long before it says so
                    log.warning("catching up waits for the database: %s", error)
        if seen:
            await catching_up.ended(self._transcript, seen)

    def _run_beside(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Begin something that nobody waits for."""

        async def guarded() -> None:
            try:
                await work
            except HathiError as error:
                log.warning("%s", error)
            except Exception:
                log.exception("a bug")

        task = asyncio.create_task(guarded(), name="beside")
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    async def _leave(self) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
        if self._beside:
            await asyncio.wait(self._beside, timeout=LEAVING_SECONDS)
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)

    # HTTP

    async def _on_http(self, request: web.Request) -> web.Response:
        if self._inside is None:
            return web.Response(status=503)
        if not self._is_signed(await request.read(), request.headers):
            if self._warnings.allows():
                log.warning(
                    "refused a request that is not signed as Slack signs (said once a minute): if it came from Slack, "
                    "look at SLACK_SIGNING_SECRET and at the clock"
                )
            return web.Response(status=401)
        try:
            asked = await to_bolt_request(request)
        except (ValueError, AttributeError):  # no JSON, or no object
            return web.Response(status=400)
        return await to_aiohttp_response(await self._inside.app.async_dispatch(asked))

    def _is_signed(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Whether it comes from Slack. The library looks too, but only at what it has read before."""
        try:
            return SignatureVerifier(self._credentials.signing_secret).is_valid_request(body, dict(headers))
        except (ValueError, TypeError):  # a time that is no number, a signature that is not ASCII
            return False

    async def _on_page(self, request: web.Request) -> web.Response:
        """Where the bot is installed, and where Slack leads back to."""
        if self._inside is None or self._inside.pages is None:
            return web.Response(status=503)
        pages = self._inside.pages
        if request.path == pages.install_path and not self._installations.allows():
            return web.Response(
                status=429, headers={"Retry-After": "60"}, text="Too many at once. Try again in a minute."
            )
        handle = pages.handle_installation if request.path == pages.install_path else pages.handle_callback
        try:
            return await to_aiohttp_response(await handle(await to_bolt_request(request)))
        except PlatformRefused as error:
            log.warning("an installation is refused: %s", error)
            return web.Response(status=403, text="I am not to be installed there. Whoever runs me decides that.")
        except DatabaseError as error:
            log.warning("an installation fails: %s", error)
            return web.Response(status=503, text="My memory is out of reach right now. Please try again in a minute.")


class _Anyone(AsyncAuthorize):
    """Lets every request through: that it comes from Slack is proven, and tokens are found where they are needed."""

    async def __call__(
        self, *, context: AsyncBoltContext, enterprise_id: str | None, team_id: str | None, user_id: str | None,
        **_: object,
    ) -> AuthorizeResult:  # fmt: skip
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, user_id=user_id)
