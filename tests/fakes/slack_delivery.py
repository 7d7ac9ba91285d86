"""How the small strict Slack reaches an app: Socket Mode and signed HTTP, acknowledgements, and up to three more tries.

Whoever is told something has `ack_seconds` to acknowledge it. A socket that is cut fails what waited on it at once, an
acknowledgement may come by another socket of the app.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import WSMsgType, web

from tests.fakes.slack_rules import FALSE, JSON, TEXT_LIMIT, TRUE, Problem, check_content, pings, posted_texts
from tests.fakes.slack_world import World

MOST_SOCKETS = 10
USES = 5  # of a response_url
EVENT, SLASH, INTERACTIVE = "events_api", "slash_commands", "interactive"


@dataclass(eq=False)
class Delivery:
    """One try to tell the app something."""

    id: str  # an event's id, or the kind of an interaction
    attempt: int  # 0 for the first
    payload: JSON
    at: float
    seconds: float | None = None  # until it was acknowledged
    status: int = 0  # 200: acknowledged; else the HTTP status, or 0
    reason: str = ""  # why it failed


@dataclass(eq=False)
class Asked:
    """An interaction and what became of it."""

    payload: JSON
    at: float
    response_url: str = ""
    acked: float | None = None  # seconds until it was acknowledged
    ack: Any = None  # what came with the acknowledgement
    answers: list[JSON] = field(default_factory=list)  # all that was posted to its response_url
    expired: bool = False  # after 30 minutes

    @property
    def texts(self) -> list[str]:
        """What the person was told, the acknowledgement's text first."""
        told = [self.ack] if isinstance(self.ack, dict) else [{"text": self.ack}] if self.ack else []
        return [answer.get("text", "") for answer in [*told, *self.answers]]


@dataclass(eq=False)
class _Link:  # an open socket
    socket: web.WebSocketResponse
    request: web.Request
    deaf: bool  # nothing comes out of it any more
    leaving: bool = False


class Courier(World):
    """Tells the app what happens."""

    def __init__(self) -> None:
        super().__init__()
        self.unexpected: list[str] = []  # what a real Slack would not take, or not like
        self.pings: list[str] = []  # of people and groups, by posts
        self.triggers: dict[str, float] = {}  # by id, since when; each opens one view
        self.exchanged: set[str] = set()  # those that have opened one
        self.endpoint = ""  # set: events and interactions are posted there
        self.ack_seconds = 3.0
        self.retry_delays = [0.05, 0.2, 0.5]
        self.deliveries: list[Delivery] = []
        self.given_up: list[Delivery] = []  # the last try of each
        self.tickets = 0  # how often the app asked for a socket's address
        self.silent = False  # sockets are accepted, and then nothing comes: no hello, no pong, no event
        self.refuse_sockets: bool | int = False  # 503, or the status
        self.twice = False  # every event comes twice, with one event_id
        self.reordered = False  # every other event waits until the one behind it was told
        self.challenge = "challenge-accepted"
        self.asked: dict[str, Asked] = {}  # by response_url's last part
        self._held: list[JSON] | None = None
        self._valid_tickets: set[str] = set()
        self._links: list[_Link] = []
        self._turn = 0
        self._acks: dict[str, tuple[_Link, asyncio.Future[Any]]] = {}
        self._sent: set[str] = set()  # envelopes
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def sockets(self) -> int:
        """How many are open."""
        return len(self._links)

    # Controls

    async def refresh(self, seconds: float = 5) -> None:
        """Every socket is to be replaced, one at a time; one that stays for `seconds` is cut."""
        for link in list(self._links):
            await self._replace(link, seconds)

    async def _replace(self, link: _Link, seconds: float) -> None:
        before, link.leaving = self.sockets, True
        await self._dismiss(link, "refresh_requested")
        await _within(seconds, lambda: link not in self._links)
        _cut(link)
        await _within(seconds, lambda: self.sockets >= before)

    async def drop(self) -> None:
        """All sockets are cut."""
        links = list(self._links)
        for link in links:
            _cut(link)
        await _within(1, lambda: not any(link in self._links for link in links))

    async def flush(self) -> None:
        """What waits for an event behind it is told."""
        held, self._held = self._held, None
        await self._tell_all(held or [])

    async def verify(self) -> tuple[int, str]:
        """What the endpoint answers when it is entered in the app's settings: the status, and the challenge."""
        body = json.dumps({"type": "url_verification", "token": self.verification_token, "challenge": self.challenge})
        status, answer, _ = await self._knock(body, "application/json", {})
        return status, answer.get("challenge", "") if isinstance(answer, dict) else str(answer or "")

    def sign(self, body: str, timestamp: float | None = None, secret: str | None = None) -> dict[str, str]:
        """The headers by which a request is known to come from Slack."""
        at = str(int(time.time() if timestamp is None else timestamp))
        digest = hmac.new((secret or self.signing_secret).encode(), f"v0:{at}:{body}".encode(), hashlib.sha256)
        return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest.hexdigest()}"}

    # Events

    async def event(self, event: JSON, *, team: str | None = None, **outer: Any) -> str:
        """Any event happens; its id. Awaited until it is acknowledged or given up."""
        envelope = self._envelope(event, team, **outer)
        await self._tell([envelope])
        return str(envelope["event_id"])

    def _envelope(self, event: JSON, team: str | None = None, **outer: Any) -> JSON:
        named = event.get("channel")
        place = self.channels.get(named) if isinstance(named, str) else None
        team = team or (place.team if place else self.team)
        me = self.workspaces[team]
        enterprise = me.enterprise or self.enterprise
        authorization = {"enterprise_id": enterprise, "team_id": None if me.org else team, "user_id": me.bot_user,
                         "is_bot": True, "is_enterprise_install": me.org}  # fmt: skip
        envelope = {
            "token": self.verification_token, "team_id": team, "api_app_id": self.app_id,
            "event": {"event_ts": self._ts(), **event}, "type": "event_callback", "event_id": self._id("Ev"),
            "event_time": int(time.time()), "authorizations": [authorization],
            "is_ext_shared_channel": bool(place and place.shared), "event_context": self._id("ec-"),
        }  # fmt: skip
        if enterprise:
            envelope["enterprise_id"] = enterprise
        if place is not None:
            envelope |= {"context_team_id": team, "context_enterprise_id": enterprise}
        return envelope | outer

    async def _tell(self, envelopes: list[JSON]) -> None:
        if self.reordered and self._held is None:
            self._held = envelopes
            return
        await self._tell_all(envelopes)
        await self.flush()

    async def _tell_all(self, envelopes: list[JSON]) -> None:
        """In order; the next one does not wait long for one that nobody acknowledges."""
        told: list[asyncio.Task[Any]] = []
        for envelope in envelopes:
            copies = [self._spawn(self._deliver(EVENT, envelope["event_id"], envelope)) for _ in "12"[: 1 + self.twice]]
            await asyncio.wait(copies, timeout=0.05)
            told += copies
        await asyncio.gather(*told)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Interactions

    async def _ask(self, kind: str, payload: JSON, *, answerable: bool = True) -> Asked:
        key = secrets.token_hex(8)
        asked = self.asked[key] = Asked(payload, time.monotonic())
        payload["trigger_id"] = f"{self._id('')}.trigger"
        self.triggers[payload["trigger_id"]] = time.monotonic()
        if answerable:
            payload["response_url"] = asked.response_url = f"{self.base}/response/{key}"
        delivery, asked.ack = await self._deliver(kind, payload.get("type", "slash"), payload)
        asked.acked = delivery.seconds
        return asked

    async def _respond(self, request: web.Request) -> web.Response:
        """Somebody posts to a response_url."""
        asked = self.asked.get(request.path.rpartition("/")[2])
        if asked is None or asked.expired or len(asked.answers) >= USES:
            used = asked is not None and not asked.expired
            return web.json_response({"ok": False, "error": "used_url" if used else "expired_url"}, status=404)
        if request.content_type != "application/json":
            self.unexpected.append(f"response_url: {request.content_type}")
            return web.Response(status=400, text="invalid_payload")
        answer: JSON = await request.json()
        try:
            if answer.get("delete_original") in {None, *FALSE}:
                check_content(answer)
        except Problem as problem:
            self.unexpected.append(f"response_url: {problem.error} {problem.more}")
            return web.Response(status=400, text=problem.error)
        changes = {name for name in ("delete_original", "replace_original") if answer.get(name) in TRUE}
        if changes and (asked.payload.get("type") != "block_actions" or len(changes) > 1):
            self.unexpected.append(f"response_url: nothing to {' and '.join(sorted(changes))}")
        self.pings += [ping for text in posted_texts(answer) for ping in pings(text)]
        if answer.get("response_type", "ephemeral") not in {"ephemeral", "in_channel"}:
            self.unexpected.append(f"response_url: {answer['response_type']}")
        if "text" in answer:
            answer["text"] = answer["text"][:TEXT_LIMIT]
        asked.answers.append(answer)
        return web.Response(text="ok")

    # One delivery

    async def _deliver(self, kind: str, id_: str, payload: JSON) -> tuple[Delivery, Any]:
        reason, delivery, answer = "", None, None
        for attempt, delay in enumerate([0.0, *(self.retry_delays[:3] if kind == EVENT else [])]):
            await asyncio.sleep(delay)
            delivery = Delivery(id_, attempt, payload, time.monotonic())
            self.deliveries.append(delivery)
            if self.endpoint:
                delivery.status, answer, reason = await self._send(kind, payload, attempt, reason)
            else:
                delivery.status, answer, reason = await self._emit(kind, payload, attempt, reason)
            delivery.reason = reason
            if delivery.status == 200:
                delivery.seconds = time.monotonic() - delivery.at
                return delivery, answer
            if reason == "no_retry":
                break
        assert delivery is not None
        self.given_up.append(delivery)
        return delivery, None

    async def _send(self, kind: str, payload: JSON, attempt: int, reason: str) -> tuple[int, Any, str]:
        headers = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason} if attempt else {}
        if kind == EVENT:
            return await self._knock(json.dumps(payload), "application/json", headers)
        form = payload if kind == SLASH else {"payload": json.dumps(payload)}
        return await self._knock(urlencode(form), "application/x-www-form-urlencoded", headers)

    async def _knock(self, body: str, type_: str, headers: dict[str, str]) -> tuple[int, Any, str]:
        headers = {"Content-Type": type_, "User-Agent": "Slackbot 1.0", **headers, **self.sign(body)}
        timeout = aiohttp.ClientTimeout(total=self.ack_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self.endpoint, data=body.encode(), headers=headers, allow_redirects=False) as response,
            ):
                answer: Any = await response.text()
        except TimeoutError:
            return 0, None, "http_timeout"
        except (aiohttp.ClientError, OSError):
            return 0, None, "connection_failed"
        if response.content_type == "application/json" and answer:
            answer = json.loads(answer)
        failed = "no_retry" if response.headers.get("X-Slack-No-Retry") == "1" else "http_error"
        return response.status, answer or None, "" if response.status == 200 else failed

    async def _emit(self, kind: str, payload: JSON, attempt: int, reason: str) -> tuple[int, Any, str]:
        links = [link for link in self._links if not link.leaving]
        if not links:
            return 0, None, "no_socket"
        self._turn += 1
        link, id_ = links[self._turn % len(links)], f"{secrets.token_hex(16)}"
        acked: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._acks[id_] = link, acked
        self._sent.add(id_)
        envelope = {"envelope_id": id_, "type": kind, "payload": payload, "accepts_response_payload": kind != EVENT}
        if kind == EVENT:
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        try:
            async with asyncio.timeout(self.ack_seconds):
                link.deaf = link.deaf or self.silent
                if not link.deaf:
                    await link.socket.send_json(envelope)
                return 200, await acked, ""
        except TimeoutError:
            return 0, None, "timeout"
        except ConnectionError:
            return 0, None, "connection_closed"
        finally:
            del self._acks[id_]

    # Sockets

    def _new_socket(self) -> str:
        """The address of a socket, good for one connection."""
        self.tickets += 1
        ticket = secrets.token_hex(8)
        self._valid_tickets.add(ticket)
        return f"{self.base.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={self.app_id}"

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        valid = ticket in self._valid_tickets
        self._valid_tickets.discard(ticket)
        if self.refuse_sockets:
            return web.Response(status=503 if self.refuse_sockets is True else self.refuse_sockets)
        if not valid:
            return web.Response(status=401)
        socket = web.WebSocketResponse(autoping=False, max_msg_size=0)
        await socket.prepare(request)
        link = _Link(socket, request, self.silent)
        if len(self._links) >= MOST_SOCKETS:
            self.unexpected.append("more than 10 sockets")
            await self._dismiss(link, "too_many_websockets")
            await socket.close()
            return socket
        if not link.deaf:
            await socket.send_json({
                "type": "hello", "num_connections": len(self._links) + 1, "connection_info": {"app_id": self.app_id},
                "debug_info": {"host": "applink-fake", "build_number": 1, "approximate_connection_time": 18060},
            })  # fmt: skip
        self._links.append(link)
        try:
            async for message in socket:
                if message.type == WSMsgType.PING:
                    link.deaf = link.deaf or self.silent
                    if not link.deaf:
                        await socket.pong(message.data)
                elif message.type == WSMsgType.TEXT and not link.deaf:
                    self._hear(message.data)
        except ConnectionError:
            pass
        finally:
            self._links.remove(link)
            for waited, acked in self._acks.values():
                if waited is link and not acked.done():
                    acked.set_exception(ConnectionResetError())
        return socket

    def _hear(self, data: str) -> None:
        try:
            frame = json.loads(data)
            id_ = frame["envelope_id"]
        except (ValueError, KeyError, TypeError):
            self.unexpected.append(f"socket: {data[:200]}")
            return
        if id_ not in self._sent or set(frame) - {"envelope_id", "payload"}:
            self.unexpected.append(f"socket: {data[:200]}")
        elif id_ in self._acks and not self._acks[id_][1].done():  # else: too late
            self._acks[id_][1].set_result(frame.get("payload"))

    async def _dismiss(self, link: _Link, reason: str) -> None:
        try:
            if not link.deaf:
                await link.socket.send_json(
                    {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-fake"}}
                )
        except ConnectionError:
            pass


def _cut(link: _Link) -> None:
    if link.request.transport is not None:
        link.request.transport.abort()


async def _within(seconds: float, true: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        await asyncio.sleep(0.005)
