"""A small strict Slack: Web API, Socket Mode and signed HTTP for the real slack_bolt, people, and faults on demand.

    async with FakeSlack() as slack:
        ana, channel = slack.person("Ana"), slack.channel()
        ...  # start the bot on slack.api_url with slack.bot_token and slack.app_token, or set slack.endpoint
        await slack.say(ana, channel, f"<@{slack.bot_user}> hello")
        slack.texts(channel)  # what a person reads of the bot there, in order

It is strict where Slack is (https://docs.slack.dev): scopes, who may change what, how long things may be, which texts
ping or unfurl, which state a stream is in. What Slack would merely not like is noted in `unexpected` and `pings`.
"""

import asyncio
import inspect
import json
import math
import re
import secrets
import time
from base64 import b64decode, b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.slack_delivery import INTERACTIVE, SLASH, Asked, Courier, Delivery
from tests.fakes.slack_rules import (
    FALSE,
    JSON,
    TEXT_LIMIT,
    TRUE,
    Problem,
    check_blocks,
    check_content,
    check_view,
    chunk_text,
    pings,
    posted_texts,
    shown,
    unpacked,
)
from tests.fakes.slack_world import FAMILY, Install, Place, World, told

__all__ = ["Asked", "Delivery", "FakeSlack", "Fault", "Install", "Place", "World", "shown"]

UPDATE_TEXT_LIMIT = 4_000
MAX_LOADING_MESSAGES = 10
BUDGETS = {"chat.update": (10, 2.0), "chat.appendStream": (20, 2.0)}  # calls, seconds
POST_BURST, POST_SECONDS = 4, 1.0  # chat.postMessage, by channel
Handler = Callable[[JSON, Install], JSON]


@dataclass
class Fault:
    """What happens instead of, or after, the next `times` calls of a method whose name matches.

    With nothing but `seconds` the call is late and else as always.
    """

    pattern: str
    times: int
    status: int = 0  # an HTTP error; 0 without an error: the connection is reset
    error: str = ""  # of an answer that is not ok
    headers: dict[str, str] = field(default_factory=dict)
    body: JSON | str | None = None
    after: bool = False  # the call is carried out first
    seconds: float = 0.0  # the answer is late


class FakeSlack(Courier):
    """The server, its people, and its faults."""

    def __init__(self, *, rate_limited: bool = False) -> None:
        super().__init__()
        self.api_url = self.authorize_url = ""
        self.requests: list[tuple[str, JSON, str, float]] = []  # method, arguments, token, monotonic time
        self.pings: list[str] = []  # of people and groups, by posts
        self.faults: list[Fault] = []
        self.limited = Counter[str]()  # calls over a limit, by method
        self.history_limit: tuple[int, int] | None = None  # calls a minute, objects a call
        self.mention_first = False
        self.mentions_only = False
        self.echo = True  # the bot is told of its own posts too
        self.streaming = True
        self.close_streams_after: int | None = None  # appends
        self.stream_seconds: float | None = None
        self.statuses: list[tuple[str, str, str, float]] = []  # channel, thread, status, monotonic time
        self.status_now: dict[tuple[str, str], str] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.prompts: list[JSON] = []
        self.ephemerals: list[JSON] = []
        self.homes: dict[str, JSON] = {}  # by user
        self.uploads: list[tuple[str, str, bytes]] = []  # channel, name, content
        self.installing = ""  # the team that consents at `authorize_url`; empty: the first one
        self.refuses_install = False
        self._rate_limited = rate_limited
        self._calls: dict[str, list[float]] = defaultdict(list)
        self._appends = Counter[tuple[str, str]]()
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._methods = self._all_methods()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def open(self) -> None:
        """Let clients in, on the same port as before."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.base = f"http://127.0.0.1:{self._port}"
        self.api_url, self.authorize_url = f"{self.base}/api/", f"{self.base}/oauth/v2/authorize"

    async def shut(self) -> None:
        """Out of reach: all sockets are cut, new connections refused. The app is still posted to at its endpoint."""
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    async def until(self, true: Callable[[], object], seconds: float = 20) -> None:
        """Wait for something to become true."""
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds} s: {_source(true)}; unexpected: {self.unexpected}")
            await asyncio.sleep(0.01)

    def fail(
        self,
        pattern: str,
        times: int = 1,
        status: int = 0,
        error: str = "",
        headers: dict[str, str] | None = None,
        body: JSON | str | None = None,
        *,
        after: bool = False,
        seconds: float = 0.0,
    ) -> None:
        """Let the next calls go wrong; `upload`, `files-pri` and `response` are paths without a method."""
        self.faults.append(Fault(pattern, times, status, error, headers or {}, body, after, seconds))

    # What people do

    async def say(
        self,
        user: str,
        channel: str,
        text: str,
        *,
        thread_ts: str | None = None,
        files: Iterable[JSON] = (),
        subtype: str | None = None,
        announce: bool = True,
        **more: Any,
    ) -> str:
        """Somebody says something; its ts. `announce=False`: the app is not told."""
        person = self.people[user]
        message: JSON = {"type": "message", "user": user, "text": text, "ts": self._ts(), "team": person["team_id"],
                         "client_msg_id": secrets.token_hex(16)}  # fmt: skip
        if thread_ts is not None:
            root = self.messages[channel].get(thread_ts)
            message |= {"thread_ts": thread_ts} | ({"parent_user_id": root["user"]} if root else {})
        if person["is_bot"]:
            message |= {"bot_id": person["profile"]["bot_id"], "app_id": "A0OTHER"}
        if person["team_id"] != self.channels[channel].team:
            message |= {"user_team": person["team_id"], "source_team": person["team_id"]}
        if attached := list(files):
            message["files"] = attached
        if subtype or attached:
            message["subtype"] = subtype or "file_share"
        self._store(channel, message | more)
        if announce:
            await self._announce(channel, message | more)
        return str(message["ts"])

    async def edit(self, channel: str, ts: str, text: str) -> None:
        """A person edits a message."""
        message = self.messages[channel][ts]
        before = dict(message)
        message |= {"text": text, "edited": {"user": message["user"], "ts": self._ts()}}
        await self._tell([self._changed(channel, message, before)])

    async def unfurl(self, channel: str, ts: str) -> None:
        """A link in a message gets its preview: a change of the same text."""
        message = self.messages[channel][ts]
        before = dict(message)
        message["attachments"] = [{"id": 1, "from_url": "https://example.org", "title": "Example", "fallback": "-"}]
        await self._tell([self._changed(channel, message, before)])

    async def delete(self, channel: str, ts: str) -> None:
        """A person deletes a message."""
        await self._tell([self._deleted(channel, ts)])

    async def delete_channel(self, channel: str) -> None:
        place = self.channels.pop(channel)
        self.messages.pop(channel, None)
        kind = "channel_deleted" if place.kind == "public" else "group_deleted"
        await self.event({"type": kind, "channel": channel}, team=place.team)

    async def home(self, user: str, tab: str = "home") -> None:
        """Somebody opens the app's home, or its messages."""
        event = {"type": "app_home_opened", "user": user, "channel": self.dm(user), "tab": tab}
        await self.event(event, team=self.people[user]["team_id"])

    async def slash(self, user: str, channel: str, command: str, text: str = "") -> Asked:
        """Somebody uses a slash command, never in a thread."""
        place, person = self.channels[channel], self.people[user]
        name = {"im": "directmessage", "private": "privategroup"}.get(place.kind, place.name)
        form = {"token": self.verification_token, "team_id": place.team, "team_domain": place.team.lower(),
                "channel_id": channel, "channel_name": name, "user_id": user, "user_name": person["name"],
                "command": command, "text": text, "api_app_id": self.app_id,
                "is_enterprise_install": str(self._me_in(place).org).lower()}  # fmt: skip
        if enterprise := self._me_in(place).enterprise or self.enterprise:
            form |= {"enterprise_id": enterprise, "enterprise_name": enterprise.lower()}
        return await self._ask(SLASH, form)

    async def shortcut(self, user: str, channel: str, ts: str, callback_id: str) -> Asked:
        """Somebody uses an entry of a message's menu."""
        payload = self._interaction("message_action", user, self.channels[channel].team) | {
            "channel": self._named(channel), "callback_id": callback_id, "message_ts": ts,
            "message": told(self.messages[channel][ts]), "action_ts": self._ts(),
        }  # fmt: skip
        return await self._ask(INTERACTIVE, payload)

    async def press(
        self,
        user: str,
        channel: str,
        ts: str | None,
        action_id: str,
        value: str,
        *,
        view: bool = False,
        container: JSON | None = None,
    ) -> Asked:
        """Somebody presses a button: of a message, without `ts` of one that only they see, or of their home."""
        message = self.messages[channel].get(ts) if ts and not view else None
        blocks = (self.homes.get(user, {}) if view else message or {}).get("blocks") or []
        action: JSON = {"type": "button", "block_id": "block", "action_ts": self._ts()}
        for block in blocks:
            for element in [*block.get("elements", []), block.get("accessory", {})]:
                if element.get("action_id") == action_id:
                    action |= {"type": element["type"], "block_id": block.get("block_id", "block")}
        action |= {"action_id": action_id, "value": value, "text": {"type": "plain_text", "text": "-", "emoji": True}}
        team = self.people[user]["team_id"] if view else self.channels[channel].team
        payload = self._interaction("block_actions", user, team) | {"actions": [action], "state": {"values": {}}}
        if view:
            shown_view = {"id": f"V{user[1:]}", "team_id": team, "type": "home", **self.homes.get(user, {})}
            payload |= {"container": {"type": "view", "view_id": shown_view["id"]}, "view": shown_view}
        else:
            place = {"type": "message", "message_ts": ts or self._ts(), "channel_id": channel, "is_ephemeral": not ts}
            if message is not None:
                payload["message"] = told(message)
                if "thread_ts" in message:
                    place["thread_ts"] = message["thread_ts"]
            payload |= {"container": place, "channel": self._named(channel)}
        if container is not None:
            payload["container"] = container
        return await self._ask(INTERACTIVE, payload, answerable=not view)

    # What the bot did

    def calls(self, method: str) -> list[JSON]:
        """The arguments of each call of a method."""
        return [args for name, args, _, _ in self.requests if name == method]

    def posts(self, channel: str, thread_ts: str | None = None) -> list[JSON]:
        """The bot's messages that are still there, in order; with `thread_ts`, those of a thread."""
        bots = {install.bot_user for install in self.workspaces.values()}
        found = [m for m in self.messages[channel].values() if m["user"] in bots]
        return [m for m in found if thread_ts is None or m.get("thread_ts") == thread_ts]

    def texts(self, channel: str, thread_ts: str | None = None) -> list[str]:
        """What a person reads of them."""
        return [shown(message) for message in self.posts(channel, thread_ts)]

    @staticmethod
    def shown(message: JSON) -> str:
        """What a person reads of a message."""
        return shown(message)

    # Events of messages

    async def _announce(self, channel: str, message: JSON) -> None:
        place = self.channels[channel]
        if not place.joined:
            return
        base = told(message) | {"channel": channel, "event_ts": message["ts"]}
        envelopes = []
        if not self.mentions_only:
            envelopes.append(self._envelope(base | {"channel_type": _type_of(place)}))
        if f"<@{self._me_in(place).bot_user}" in message["text"] and place.kind != "im" and self._is_said(message):
            mention = {name: value for name, value in base.items() if name not in {"subtype", "parent_user_id"}}
            at = 0 if self.mention_first else len(envelopes)
            envelopes.insert(at, self._envelope(mention | {"type": "app_mention"}))
        if envelopes:
            await self._tell(envelopes)

    def _is_said(self, message: JSON) -> bool:
        mine = message.get("app_id") == self.app_id
        return not mine and message.get("subtype") in {None, "file_share", "thread_broadcast", "bot_message"}

    def _changed(self, channel: str, message: JSON, before: JSON) -> JSON:
        return self._envelope({
            "type": "message", "subtype": "message_changed", "hidden": True, "channel": channel, "ts": self._ts(),
            "channel_type": _type_of(self.channels[channel]), "message": told(message),
            "previous_message": told(before),
        })  # fmt: skip

    def _deleted(self, channel: str, ts: str) -> JSON:
        message = self.messages[channel].pop(ts)
        root = self.messages[channel].get(message.get("thread_ts", ""))
        if root is not None:
            root["reply_count"] -= 1
        return self._envelope({
            "type": "message", "subtype": "message_deleted", "hidden": True, "channel": channel, "ts": self._ts(),
            "channel_type": _type_of(self.channels[channel]), "deleted_ts": ts, "previous_message": told(message),
        })  # fmt: skip

    def _echo(self, channel: str, *envelopes: JSON) -> None:
        if self.echo and self.channels[channel].joined:
            self._spawn(self._tell(list(envelopes)))

    def _echo_post(self, channel: str, message: JSON) -> None:
        event = told(message) | {"channel": channel, "channel_type": _type_of(self.channels[channel])}
        self._echo(channel, self._envelope(event | {"event_ts": message["ts"]}))

    def _interaction(self, type_: str, user: str, team: str) -> JSON:
        person = self.people[user]
        install = self.workspaces[team]
        enterprise = install.enterprise or self.enterprise
        return {
            "type": type_, "token": self.verification_token, "api_app_id": self.app_id,
            "team": {"id": team, "domain": team.lower()},
            "enterprise": {"id": enterprise, "name": enterprise.lower()} if enterprise else None,
            "is_enterprise_install": install.org,
            "user": {"id": user, "username": person["name"], "name": person["name"], "team_id": person["team_id"]},
        }  # fmt: skip

    def _named(self, channel: str) -> JSON:
        place = self.channels[channel]
        return {"id": channel, "name": {"im": "directmessage", "private": "privategroup"}.get(place.kind, place.name)}

    # The server

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        door = request.path.split("/")[1]
        if door == "link":
            return await self._serve_socket(request)
        if door == "oauth":
            return self._authorize(request)
        name = request.path.removeprefix("/api/") if door == "api" else door
        args, token, problem = await self._read(request, name) if door == "api" else ({}, "", None)
        if door == "api":
            self.requests.append((name, args, token, time.monotonic()))
        fault = next((each for each in self.faults if re.search(each.pattern, name)), None)
        if fault is None:
            return await self._carry_out(request, door, name, args, token, problem)
        fault.times -= 1
        if not fault.times:
            self.faults.remove(fault)
        answer = await self._carry_out(request, door, name, args, token, problem) if fault.after else None
        await asyncio.sleep(fault.seconds)
        if fault.status or fault.error or fault.body is not None:
            return _scripted(fault)
        if fault.seconds and not fault.after:
            return await self._carry_out(request, door, name, args, token, problem)
        if fault.seconds and answer is not None:
            return answer
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    async def _carry_out(
        self, request: web.Request, door: str, name: str, args: JSON, token: str, problem: Problem | None
    ) -> web.Response:
        if door == "api":
            return self._answer(name, args, token, problem)
        doors = {"response": self._respond, "upload": self._take_upload, "files-pri": self._give_file}
        if door in doors:
            return await doors[door](request)
        self.unexpected.append(f"{request.method} {request.path}")
        return web.Response(status=404)

    async def _read(self, request: web.Request, method: str) -> tuple[JSON, str, Problem | None]:
        """A call's arguments, however they come, its token, and what is wrong with them."""
        args: JSON = dict(request.query)
        problem = None
        try:
            args = unpacked(args | await self._body(request, method))
        except ValueError:
            problem = Problem("invalid_json")
        except Problem as found:
            problem = found
        token = str(args.pop("token", ""))
        header = request.headers.get("Authorization", "")
        if header.startswith("Bearer "):
            token = header.removeprefix("Bearer ")
        elif header.startswith("Basic "):
            login, _, password = b64decode(header.removeprefix("Basic ")).decode().partition(":")
            args |= {"client_id": login, "client_secret": password}
        return args, token, problem

    async def _body(self, request: web.Request, method: str) -> JSON:
        if not request.can_read_body:
            return {}
        if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        if request.content_type != "application/json":
            raise Problem("invalid_post_type")
        body = await request.json()
        if not isinstance(body, dict):
            raise Problem("json_not_object")
        if method in FORM_ONLY:
            self.unexpected.append(f"{method}: takes no JSON")
        return body

    def _answer(self, method: str, args: JSON, token: str, problem: Problem | None) -> web.Response:
        if method not in self._methods:
            self.unexpected.append(f"unknown method {method}")
            return self._say_no(Problem("unknown_method", req_method=method))
        handler, scopes = self._methods[method]
        wait = self._over_limit(method, args, token)
        if wait:
            self.limited[method] += 1
            return _json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(wait)})
        try:
            if problem is not None:
                raise problem
            install = self._installed(method, token)
            self._need(*scopes)
            if method in POSTING:
                self._look_for_pings(args)
            return _json({"ok": True, **handler(args, install)}, headers=self._scope_header())
        except Problem as found:
            if found.error in SUSPECT:
                self.unexpected.append(f"{method}: {found.error} {found.more.get('response_metadata', '')}".strip())
            return self._say_no(found)

    def _say_no(self, problem: Problem) -> web.Response:
        return _json({"ok": False, "error": problem.error, **problem.more}, headers=self._scope_header())

    def _scope_header(self) -> dict[str, str]:
        return {"x-oauth-scopes": ",".join(sorted(self.scopes))}

    def _installed(self, method: str, token: str) -> Install:
        if method == "oauth.v2.access":
            return self.workspaces[self.team]
        if not token:
            raise Problem("not_authed")
        wanted = "app" if method == "apps.connections.open" else "bot"
        if token == self.app_token or (wanted == "app" and token in self._tokens):
            if (token == self.app_token) != (wanted == "app"):
                raise Problem("not_allowed_token_type")
            return self.workspaces[self.team]
        if wanted == "app" or token not in self._tokens:
            raise Problem("invalid_auth")
        if token in self._expired or self._ends.get(token, math.inf) < time.monotonic():
            raise Problem("token_expired")
        return self._tokens[token]

    def _need(self, *any_of: str) -> None:
        if any_of and not self.scopes.intersection(any_of):
            raise Problem("missing_scope", needed=any_of[0], provided=",".join(sorted(self.scopes)))

    def _over_limit(self, method: str, args: JSON, token: str) -> int:
        """Seconds to wait, 0 for none."""
        now = time.monotonic()
        if self.history_limit and method in {"conversations.history", "conversations.replies"}:
            return self._spend(f"{method} {token}", self.history_limit[0], 60.0, now)
        if not self._rate_limited:
            return 0
        if method in BUDGETS:
            return self._spend(f"{method} {token}", *BUDGETS[method], now)
        if method != "chat.postMessage":
            return 0
        line = self._calls[f"{method} {args.get('channel')}"]  # when each call of the burst is paid for
        line[:] = [at for at in line if at > now]
        if len(line) >= POST_BURST:
            return 1
        line.append((line[-1] if line else now) + POST_SECONDS)
        return 0

    def _spend(self, key: str, calls: int, seconds: float, now: float) -> int:
        used = self._calls[key]
        used[:] = [at for at in used if at > now - seconds]
        if len(used) >= calls:
            return max(1, round(used[0] + seconds - now)) if seconds > 2 else 1
        used.append(now)
        return 0

    def _look_for_pings(self, args: JSON) -> None:
        for text in posted_texts({k: v for k, v in args.items() if k not in {"thread_ts", "ts", "parse"}}):
            self.pings += pings(text)
        if args.get("link_names") in TRUE:
            self.pings.append("link_names")
        if args.get("parse") == "full":
            self.pings.append("parse=full")

    # OAuth

    def _authorize(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        if query.get("client_id") != self.client_id or "scope" not in query or "redirect_uri" not in query:
            self.unexpected.append(f"authorize: {query}")
            return web.Response(status=400, text="not an installation")
        install = self.workspaces[self.installing or self.team]
        self.codes[install.code] = install
        answer = {"error": "access_denied"} if self.refuses_install else {"code": install.code}
        location = f"{query['redirect_uri']}?{urlencode({**answer, 'state': query.get('state', '')})}"
        return web.Response(status=302, headers={"Location": location})

    def _oauth_access(self, args: JSON, _: Install) -> JSON:
        if args.get("client_id") != self.client_id:
            raise Problem("invalid_client_id")
        if args.get("client_secret") != self.client_secret:
            raise Problem("bad_client_secret")
        if args.get("grant_type") == "refresh_token":
            install = self._refreshers.pop(args.get("refresh_token", ""), None)
            if install is None:
                raise Problem("invalid_refresh_token")
        else:
            install = self.codes.pop(args.get("code", ""), None)
            if install is None:
                raise Problem("invalid_code")
        token = self._issue(install)
        enterprise = install.enterprise or self.enterprise
        answer: JSON = {
            "access_token": token, "token_type": "bot", "scope": ",".join(sorted(self.scopes)),
            "bot_user_id": install.bot_user, "app_id": self.app_id, "is_enterprise_install": install.org,
            "team": None if install.org else {"id": install.team, "name": install.team.lower()},
            "enterprise": {"id": enterprise, "name": enterprise.lower()} if enterprise else None,
            "authed_user": {"id": install.installer},
        }  # fmt: skip
        if self.token_seconds is not None:
            install.refresh_token = f"xoxe-1-{secrets.token_hex(8)}"
            self._refreshers[install.refresh_token] = install
            self._ends[token] = time.monotonic() + self.token_seconds
            answer |= {"refresh_token": install.refresh_token, "expires_in": self.token_seconds}
        install.token = token
        return answer

    # Files

    async def _give_file(self, request: web.Request) -> web.Response:
        id_ = request.path.split("/")[2].rpartition("-")[2]
        data, html = self._data.get(id_, (b"", True))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if html or token not in self._tokens or token in self._expired or "files:read" not in self.scopes:
            return web.Response(text="<!DOCTYPE html><html><title>Sign in | Slack</title></html>",
                                content_type="text/html")  # fmt: skip
        return web.Response(body=data, content_type=self.files[id_]["mimetype"])

    async def _take_upload(self, request: web.Request) -> web.Response:
        id_ = request.path.rpartition("/")[2]
        if id_ not in self.files:
            return web.Response(status=404, text="not found")
        data = await request.read()
        if request.content_type == "multipart/form-data":
            parts = [value for value in (await request.post()).values() if isinstance(value, web.FileField)]
            data = b"".join(part.file.read() for part in parts)
        if len(data) != self.files[id_]["size"]:
            self.unexpected.append(f"upload: {len(data)} bytes instead of {self.files[id_]['size']}")
            return web.Response(status=400, text="length mismatch")
        self._data[id_] = data, False
        return web.Response(text=f"OK - {len(data)}")

    def _upload_url(self, args: JSON, me: Install) -> JSON:
        name, length = str(args.get("filename", "")), str(args.get("length", ""))
        if not name or not length.isdigit() or not int(length):
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] filename and length"]})
        file = self.file(name, b"", "application/octet-stream", team=me.team) | {"size": int(length)}
        self.files[file["id"]] = file
        del self._data[file["id"]]
        return {"upload_url": f"{self.base}/upload/v1/{file['id']}", "file_id": file["id"]}

    def _complete_upload(self, args: JSON, me: Install) -> JSON:
        if not isinstance(args.get("files"), list) or not args["files"]:
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] files"]})
        named = [args["channel_id"]] if args.get("channel_id") else []
        places = [self._place(id_, me) for id_ in named or (args.get("channels") or "").split(",") if id_]
        for place in places:
            self._check_thread(place, args)
        files = []
        for each in args["files"]:
            if each.get("id") not in self._data:
                raise Problem("file_not_found")
            files.append(self.files[each["id"]] | {"title": each.get("title", self.files[each["id"]]["name"])})
        for place in places:
            self.uploads += [(place.id, file["name"], self._data[file["id"]][0]) for file in files]
            more = {"files": files, "subtype": "file_share"}
            self._post(place, {"text": args.get("initial_comment", ""), "thread_ts": args.get("thread_ts")}, me, **more)
        return {"files": files}

    def _file_info(self, args: JSON, me: Install) -> JSON:
        if args.get("file") not in self.files:
            raise Problem("file_not_found")
        return {"file": self.files[args["file"]], "comments": [], "response_metadata": {"next_cursor": ""}}

    # Posting

    def _post_message(self, args: JSON, me: Install) -> JSON:
        place = self._place(args.get("channel"), me)
        check_content(args)
        self._check_thread(place, args)
        for name in ("unfurl_links", "unfurl_media"):
            if args.get(name) not in FALSE:
                self.unexpected.append(f"chat.postMessage: {name} is not false")
        broadcast = args.get("reply_broadcast") in TRUE and args.get("thread_ts")
        message = self._post(place, args, me, **({"subtype": "thread_broadcast"} if broadcast else {}))
        return {"channel": place.id, "ts": message["ts"], "message": told(message)}

    def _post(self, place: Place, args: JSON, me: Install, **more: Any) -> JSON:
        message: JSON = {"type": "message", "user": me.bot_user, "bot_id": me.bot_id, "app_id": self.app_id,
                         "team": me.team, "ts": self._ts(), "text": ""}  # fmt: skip
        kept = "metadata unfurl_links unfurl_media attachments streaming_state chunks".split()
        message |= {name: args[name] for name in kept if args.get(name) is not None} | more
        if args.get("thread_ts"):
            message["thread_ts"] = args["thread_ts"]
            self.status_now.pop((place.id, args["thread_ts"]), None)
        _fill(message, args)
        self._store(place.id, message)
        self._echo_post(place.id, message)
        return message

    def _update(self, args: JSON, me: Install) -> JSON:
        place, message = self._own(args, me)
        if message.get("streaming_state") == "in_progress":
            raise Problem("streaming_state_conflict")
        check_content(args)
        if len(args.get("text") or "") > UPDATE_TEXT_LIMIT:
            raise Problem("msg_too_long")
        before = dict(message)
        _fill(message, args)
        message |= {name: args[name] for name in ("attachments", "metadata") if args.get(name) is not None}
        message["edited"] = {"user": me.bot_user, "ts": self._ts()}
        self._echo(place.id, self._changed(place.id, message, before))
        return {"channel": place.id, "ts": message["ts"], "text": message["text"], "message": told(message)}

    def _delete(self, args: JSON, me: Install) -> JSON:
        place, message = self._own(args, me, "cant_delete_message")
        self._echo(place.id, self._deleted(place.id, message["ts"]))
        return {"channel": place.id, "ts": message["ts"]}

    def _post_ephemeral(self, args: JSON, me: Install) -> JSON:
        place = self._place(args.get("channel"), me)
        check_content(args)
        self._check_thread(place, args)
        if args.get("user") not in self.people:
            raise Problem("user_not_in_channel")
        self.ephemerals.append(args)
        return {"message_ts": self._ts()}

    def _permalink(self, args: JSON, me: Install) -> JSON:
        place = self._place(args.get("channel"), me)
        message = self.messages[place.id].get(args.get("message_ts", ""))
        if message is None:
            raise Problem("message_not_found")
        link = f"https://{place.team.lower()}.slack.com/archives/{place.id}/p{message['ts'].replace('.', '')}"
        root = message.get("thread_ts", message["ts"])
        link += f"?thread_ts={root}&cid={place.id}" if root != message["ts"] else ""
        return {"channel": place.id, "permalink": link}

    # Streams

    def _start_stream(self, args: JSON, me: Install) -> JSON:
        place = self._place(args.get("channel"), me)
        if not self.streaming:
            raise Problem("method_not_supported_for_channel_type")
        if not args.get("thread_ts"):
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] thread_ts is missing"]})
        self._check_thread(place, args)
        if place.kind != "im":
            for name in ("recipient_team_id", "recipient_user_id"):
                if not args.get(name):
                    self.unexpected.append(f"chat.startStream: no {name}")
                    raise Problem(f"missing_{name}")
            if args["recipient_user_id"] not in self.people:
                raise Problem("user_not_found")
            if args["recipient_team_id"] not in {each["team_id"] for each in self.people.values()}:
                raise Problem("team_not_found")
        if "blocks" in args:
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] blocks come at the end"]})
        content = {"markdown_text": chunk_text(args), "thread_ts": args["thread_ts"]}
        message = self._post(place, content | {"streaming_state": "in_progress"}, me)
        message["chunks"] = list(args.get("chunks") or [])
        if self.stream_seconds is not None:
            self._spawn(self._close_later(place.id, message, self.stream_seconds))
        if self.close_streams_after == 0:
            self._close(place.id, message)
        return {"channel": place.id, "ts": message["ts"]}

    def _append_stream(self, args: JSON, me: Install) -> JSON:
        place, message = self._streamed(args, me)
        if "blocks" in args:
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] blocks come at the end"]})
        if not args.get("markdown_text") and not args.get("chunks"):
            raise Problem("no_text")
        self._add(message, args)
        key = place.id, message["ts"]
        self._appends[key] += 1
        if self.close_streams_after is not None and self._appends[key] >= self.close_streams_after:
            self._close(place.id, message)
        return {"channel": place.id, "ts": message["ts"]}

    def _stop_stream(self, args: JSON, me: Install) -> JSON:
        place, message = self._streamed(args, me)
        if "blocks" in args:
            check_blocks(args["blocks"])
        self._add(message, args)
        message |= {name: args[name] for name in ("blocks", "metadata") if args.get(name) is not None}
        self._close(place.id, message)
        return {"channel": place.id, "ts": message["ts"], "message": told(message)}

    def _streamed(self, args: JSON, me: Install) -> tuple[Place, JSON]:
        place, message = self._own(args, me)
        if message.get("streaming_state") != "in_progress":
            raise Problem("message_not_in_streaming_state")
        return place, message

    def _add(self, message: JSON, args: JSON) -> None:
        """More of a stream; a ping may come in pieces."""
        added, before = chunk_text(args), message.get("markdown_text", "")
        whole, alone = pings(before + added), len(pings(before)) + len(pings(added))
        self.pings += whole[alone:]
        message["text"] = message["markdown_text"] = before + added
        message["chunks"] = [*message.get("chunks", []), *(args.get("chunks") or [])]

    def _close(self, channel: str, message: JSON) -> None:
        before = dict(message)
        message["streaming_state"] = "completed"
        self._echo(channel, self._changed(channel, message, before))

    async def _close_later(self, channel: str, message: JSON, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if message["streaming_state"] == "in_progress" and channel in self.channels:
            self._close(channel, message)

    # The assistant's surface

    def _set_status(self, args: JSON, me: Install) -> JSON:
        place = self._thread_of(args, me)
        loading = args.get("loading_messages") or []
        if not isinstance(args.get("status"), str) or not isinstance(loading, list):
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] status must be a string"]})
        if len(loading) > MAX_LOADING_MESSAGES:
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] loading_messages: up to 10"]})
        key = place.id, args["thread_ts"]
        self.statuses.append((*key, args["status"], time.monotonic()))
        if args["status"]:
            self.status_now[key] = args["status"]
        else:
            self.status_now.pop(key, None)
        return {}

    def _set_title(self, args: JSON, me: Install) -> JSON:
        place = self._thread_of(args, me)
        if not isinstance(args.get("title"), str) or not args["title"]:
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] title"]})
        self.titles[place.id, args["thread_ts"]] = args["title"]
        return {}

    def _set_prompts(self, args: JSON, me: Install) -> JSON:
        place = self._place(args.get("channel_id"), me)
        if args.get("thread_ts"):
            self._check_thread(place, args)
        prompts = args.get("prompts")
        if not isinstance(prompts, list) or not 1 <= len(prompts) <= 4 or not all(
            isinstance(each, dict) and each.get("title") and each.get("message") for each in prompts
        ):  # fmt: skip
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] 1 to 4 prompts"]})
        self.prompts.append(args)
        return {}

    def _thread_of(self, args: JSON, me: Install) -> Place:
        place = self._place(args.get("channel_id"), me)
        if not args.get("thread_ts"):
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] thread_ts is missing"]})
        self._check_thread(place, args)
        return place

    def _publish(self, args: JSON, me: Install) -> JSON:
        if args.get("user_id") not in self.people:
            raise Problem("user_not_found")
        check_view(args.get("view"))
        self.homes[args["user_id"]] = args["view"]
        return {"view": {"id": f"V{args['user_id'][1:]}", "hash": self._id(""), **args["view"]}}

    def _react(self, args: JSON, me: Install) -> JSON:
        place = self._place(args.get("channel"), me)
        message = self.messages[place.id].get(args.get("timestamp", ""))
        if message is None:
            raise Problem("message_not_found")
        if any(
            each["name"] == args.get("name") and me.bot_user in each["users"] for each in message.get("reactions", [])
        ):
            raise Problem("already_reacted")
        message.setdefault("reactions", []).append({"name": args.get("name"), "users": [me.bot_user], "count": 1})
        return {}

    # Reading

    def _auth_test(self, args: JSON, me: Install) -> JSON:
        enterprise = me.enterprise or self.enterprise
        return {"url": f"https://{me.team.lower()}.slack.com/", "team": me.team.lower(), "user": "hathi",
                "team_id": enterprise if me.org else me.team, "user_id": me.bot_user, "bot_id": me.bot_id,
                "is_enterprise_install": me.org} | ({"enterprise_id": enterprise} if enterprise else {})  # fmt: skip

    def _open_socket(self, args: JSON, me: Install) -> JSON:
        return {"url": self._new_socket()}

    def _user_info(self, args: JSON, me: Install) -> JSON:
        if args.get("user") not in self.people:
            raise Problem("user_not_found")
        return {"user": self.people[args["user"]]}

    def _channel_info(self, args: JSON, me: Install) -> JSON:
        place = self._place(args.get("channel"), me, inside=False)
        self._need(f"{FAMILY[place.kind]}:read")
        return {"channel": _described(place)}

    def _my_channels(self, args: JSON, me: Install) -> JSON:
        kinds = {"public_channel": "public", "private_channel": "private"}
        wanted = {kinds.get(each, each) for each in (args.get("types") or "public_channel").split(",")}
        for kind in sorted(wanted):
            if kind not in FAMILY:
                raise Problem("invalid_types")
            self._need(f"{FAMILY[kind]}:read")
        mine = [p for p in self.channels.values() if p.kind in wanted and p.joined and self._reaches(p, me)]
        page, cursor = _page(mine, args, 100)
        return {"channels": [_described(place) for place in page], "response_metadata": {"next_cursor": cursor}}

    def _open_dm(self, args: JSON, me: Install) -> JSON:
        if args.get("channel"):
            return {"channel": {"id": self._place(args["channel"], me).id}}
        users = [each for each in (args.get("users") or "").split(",") if each]
        if not users:
            raise Problem("users_list_not_supplied")
        if any(each not in self.people for each in users):
            raise Problem("user_not_found")
        if len(users) == 1:
            return {"channel": {"id": self.dm(users[0])}}
        self._need("mpim:write")
        return {"channel": {"id": self.channel("mpdm", "mpim", members=users, team=me.team)}}

    def _history(self, args: JSON, me: Install) -> JSON:
        place = self._readable(args, me)
        found = [m for m in self.messages[place.id].values()
                 if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("subtype") == "thread_broadcast"]  # fmt: skip
        found.sort(key=lambda m: float(m["ts"]), reverse=True)
        return self._some(_between(found, args), args, [])

    def _replies(self, args: JSON, me: Install) -> JSON:
        place = self._readable(args, me)
        if not isinstance(args.get("ts"), str):
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] ts is missing"]})
        root = self.messages[place.id].get(args["ts"])
        answers = self._thread(place.id, args["ts"])
        if root is None and not answers:
            raise Problem("thread_not_found")
        return self._some(_between(answers, args), args, [] if root is None else [root])

    def _some(self, found: list[JSON], args: JSON, first: list[JSON]) -> JSON:
        most = self.history_limit[1] if self.history_limit else 999
        page, cursor = _page(found, args, 100, most)
        metadata = args.get("include_all_metadata") in TRUE
        messages = [told(message, metadata=metadata) for message in [*first, *page]]
        return {"messages": messages, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}

    def _readable(self, args: JSON, me: Install) -> Place:
        for name in ("oldest", "latest"):
            if name in args and not re.fullmatch(r"\d+(\.\d+)?", str(args[name])):
                raise Problem(f"invalid_ts_{name}")
        place = self._place(args.get("channel"), me)
        self._need(f"{FAMILY[place.kind]}:history")
        return place

    # Checks

    def _place(self, channel: Any, me: Install, *, inside: bool = True) -> Place:
        if channel in self.people and self.people[channel]["team_id"] == me.team:
            channel = self.dm(channel)
        place = self.channels.get(channel) if isinstance(channel, str) else None
        if place is None or not self._reaches(place, me) or (place.kind != "public" and not place.joined):
            raise Problem("channel_not_found")
        if inside and not place.joined:
            raise Problem("not_in_channel")
        return place

    def _reaches(self, place: Place, me: Install) -> bool:
        return place.team == me.team or place.shared or me.org

    def _check_thread(self, place: Place, args: JSON) -> None:
        thread = args.get("thread_ts")
        if thread is None:
            return
        if not isinstance(thread, str):
            self.unexpected.append(f"thread_ts is no string: {thread!r}")
            raise Problem("thread_not_found")
        if thread not in self.messages[place.id]:
            raise Problem("thread_not_found")

    def _own(self, args: JSON, me: Install, error: str = "cant_update_message") -> tuple[Place, JSON]:
        place = self._place(args.get("channel"), me)
        if not isinstance(args.get("ts"), str):
            self.unexpected.append(f"ts is no string: {args.get('ts')!r}")
            raise Problem("message_not_found")
        message = self.messages[place.id].get(args["ts"])
        if message is None:
            raise Problem("message_not_found")
        if message["user"] != me.bot_user:
            raise Problem(error)
        return place, message

    def _all_methods(self) -> dict[str, tuple[Handler, tuple[str, ...]]]:
        """Each method with the scopes of which it needs one."""
        write = ("chat:write",)
        assistant = ("assistant:write", "chat:write")
        return {
            "apps.connections.open": (self._open_socket, ()),
            "assistant.threads.setStatus": (self._set_status, assistant),
            "assistant.threads.setSuggestedPrompts": (self._set_prompts, assistant),
            "assistant.threads.setTitle": (self._set_title, assistant),
            "auth.test": (self._auth_test, ()),
            "chat.appendStream": (self._append_stream, write),
            "chat.delete": (self._delete, write),
            "chat.getPermalink": (self._permalink, ()),
            "chat.postEphemeral": (self._post_ephemeral, write),
            "chat.postMessage": (self._post_message, write),
            "chat.startStream": (self._start_stream, write),
            "chat.stopStream": (self._stop_stream, write),
            "chat.update": (self._update, write),
            "conversations.history": (self._history, ()),
            "conversations.info": (self._channel_info, ()),
            "conversations.open": (self._open_dm, ("im:write",)),
            "conversations.replies": (self._replies, ()),
            "files.completeUploadExternal": (self._complete_upload, ("files:write",)),
            "files.getUploadURLExternal": (self._upload_url, ("files:write",)),
            "files.info": (self._file_info, ("files:read",)),
            "oauth.v2.access": (self._oauth_access, ()),
            "reactions.add": (self._react, ("reactions:write",)),
            "users.conversations": (self._my_channels, ()),
            "users.info": (self._user_info, ("users:read",)),
            "views.publish": (self._publish, ()),
        }


FORM_ONLY = set(
    "conversations.history conversations.info conversations.replies files.getUploadURLExternal files.info"
    " oauth.v2.access users.conversations users.info chat.getPermalink".split()
)
POSTING = set("chat.postMessage chat.update chat.startStream chat.appendStream chat.stopStream"
              " files.completeUploadExternal assistant.threads.setStatus".split())  # fmt: skip
SUSPECT = set("invalid_arguments invalid_json json_not_object invalid_post_type invalid_blocks_format"
              " invalid_ts_oldest invalid_ts_latest".split())  # fmt: skip


def _fill(message: JSON, args: JSON) -> None:
    """The words of a message, new or changed: blocks stay if none are given, words in Markdown replace all."""
    text, markdown, blocks = args.get("text"), args.get("markdown_text"), args.get("blocks")
    if markdown is not None and not text:
        message |= {"markdown_text": markdown, "text": markdown}
        message.pop("blocks", None)
        return
    if text is not None or blocks is not None:
        message.pop("markdown_text", None)
    if blocks is not None:
        message["blocks"] = blocks
    if text is not None:
        message["text"] = text[:TEXT_LIMIT]
    elif blocks is not None:
        message["text"] = shown({"blocks": blocks})


def _between(messages: list[JSON], args: JSON) -> list[JSON]:
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    inclusive = args.get("inclusive") in TRUE
    return [
        m for m in messages
        if oldest < float(m["ts"]) < latest or (inclusive and float(m["ts"]) in {oldest, latest})
    ]  # fmt: skip


def _page(found: list[Any], args: JSON, default: int, most: int = 999) -> tuple[list[Any], str]:
    """A page and the cursor of the next one."""
    limit, cursor = str(args.get("limit") or default), str(args.get("cursor") or "")
    if not limit.isdigit() or not int(limit):
        raise Problem("invalid_limit")
    start = 0
    if cursor:
        try:
            after = b64decode(cursor).decode()
            start = 1 + [each["ts"] if isinstance(each, dict) else each.id for each in found].index(after)
        except ValueError:
            raise Problem("invalid_cursor") from None
    page = found[start : start + min(int(limit), most)]
    if start + len(page) >= len(found) or not page:
        return page, ""
    last = page[-1]["ts"] if isinstance(page[-1], dict) else page[-1].id
    return page, b64encode(last.encode()).decode()


def _described(place: Place) -> JSON:
    described = {"id": place.id, "is_channel": place.kind == "public", "is_group": place.kind == "private",
                 "is_im": place.kind == "im", "is_mpim": place.kind == "mpim", "is_private": place.kind != "public",
                 "is_member": place.joined, "is_archived": False, "is_shared": place.shared,
                 "is_ext_shared": place.shared, "context_team_id": place.team,
                 "num_members": len(place.members) + 1}  # fmt: skip
    return described | ({"user": place.members[0]} if place.kind == "im" else {"name": place.name})


def _type_of(place: Place) -> str:
    return {"public": "channel", "private": "group"}.get(place.kind, place.kind)


def _scripted(fault: Fault) -> web.Response:
    status = fault.status or 200
    headers = ({"Retry-After": "1"} if status == 429 else {}) | fault.headers
    if isinstance(fault.body, str):
        return web.Response(text=fault.body, status=status, headers=headers, content_type="text/html")
    error = fault.error or ("ratelimited" if status == 429 else "internal_error")
    return _json({"ok": False, "error": error} if fault.body is None else fault.body, status, headers)


def _json(body: JSON, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=json.dumps(body), status=status, headers=headers, content_type="application/json")


def _source(true: Callable[[], object]) -> str:
    try:
        return inspect.getsource(true).strip()
    except (OSError, TypeError):
        return repr(true)
