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
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

from aiohttp import web

from tests.fakes.slack_delivery import INTERACTIVE, SLASH, Asked, Delivery
from tests.fakes.slack_methods import Methods, kind_of
from tests.fakes.slack_rules import (
    JSON,
    TRUE,
    Problem,
    pings,
    posted_texts,
    shown,
    unpacked,
)
from tests.fakes.slack_world import Install, Place, World, told

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


class FakeSlack(Methods):
    """The server, its people, and its faults."""

    def __init__(self, *, rate_limited: bool = False) -> None:
        super().__init__()
        self.api_url = self.authorize_url = ""
        self.requests: list[tuple[str, JSON, str, float]] = []  # method, arguments, token, monotonic time
        self.faults: list[Fault] = []
        self.limited = Counter[str]()  # calls over a limit, by method
        self.mention_first = False
        self.installing = ""  # the team that consents at `authorize_url`; empty: the first one
        self.refuses_install = False
        self._rate_limited = rate_limited
        self._calls: dict[str, list[float]] = defaultdict(list)
        self._port = 0
        self._runner: web.AppRunner | None = None

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
        """Somebody says something; its ts. `announce=False`: the app is not told. `more` is put into the message."""
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
        self._store(channel, message := message | more)
        if announce:
            await self._announce(channel, message)
        return str(message["ts"])

    async def edit(self, channel: str, ts: str, text: str) -> None:
        """A person edits a message."""
        message = self.messages[channel][ts]
        before = dict(message)
        message |= {"text": text, "edited": {"user": message["user"], "ts": self._ts()}}
        await self._tell_of(channel, self._changed(channel, message, before))

    async def unfurl(self, channel: str, ts: str) -> None:
        """A link in a message gets its preview: a change of the same text."""
        message = self.messages[channel][ts]
        before = dict(message)
        message["attachments"] = [{"id": 1, "from_url": "https://example.org", "title": "Example", "fallback": "-"}]
        await self._tell_of(channel, self._changed(channel, message, before))

    async def delete(self, channel: str, ts: str) -> None:
        """A person deletes a message."""
        await self._tell_of(channel, self._deleted(channel, ts))

    async def delete_channel(self, channel: str) -> None:
        place = self.channels.pop(channel)
        self.messages.pop(channel, None)
        kind = "channel_deleted" if place.kind == "public" else "group_deleted"
        await self.event({"type": kind, "channel": channel}, team=place.team)

    async def home(self, user: str, tab: str = "home") -> None:
        """Somebody opens the app's home, or its messages."""
        event = {"type": "app_home_opened", "user": user, "channel": self.dm(user), "tab": tab}
        await self.event(event, team=self._team_of(user))

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
        overflow: bool = False,
        container: JSON | None = None,
    ) -> Asked:
        """Somebody presses a button: of a message, without `ts` of one that only they see, or of their home.

        With `overflow` they choose an option of a menu.
        """
        message = self.messages[channel].get(ts) if ts and not view else None
        blocks = (self.homes.get(user, {}) if view else message or {}).get("blocks") or []
        action: JSON = {"type": "button", "block_id": "block", "action_ts": self._ts()}
        for block in blocks:
            for element in [*block.get("elements", []), block.get("accessory", {})]:
                if element.get("action_id") == action_id:
                    action |= {"type": element["type"], "block_id": block.get("block_id", "block")}
        text = {"type": "plain_text", "text": "-", "emoji": True}
        action |= {"action_id": action_id}
        if overflow:
            action |= {"type": "overflow", "selected_option": {"text": text, "value": value}}
        else:
            action |= {"value": value, "text": text}
        team = self._team_of(user) if view else self.channels[channel].team
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

    async def submit(self, user: str, *typed: str, metadata: str | None = None) -> Asked:
        """Somebody sends the form that is open, with words for each of its fields; it closes if all is well.

        With `metadata` they have bent what the form keeps, and it stays open.
        """
        view = self.form() | ({} if metadata is None else {"private_metadata": metadata})
        fields = [block for block in view["blocks"] if block["type"] == "input"]
        assert view["submit"], "there is nothing to be pressed"
        values: JSON = {}
        for block, text in zip(fields, typed, strict=True):
            element = block["element"]
            assert text or block.get("optional"), "Slack does not let them"
            assert len(text) <= element.get("max_length", 3000), "nor that"
            values[block["block_id"]] = {element["action_id"]: {"type": element["type"], "value": text}}
        team = self._team_of(user)
        payload = self._interaction("view_submission", user, team) | {
            "view": view | {"state": {"values": values}}, "response_urls": [],
        }  # fmt: skip
        if self.workspaces[team].org:
            payload["team"] = None
        asked = await self._ask(INTERACTIVE, payload, answerable=False)
        if asked.acked is not None and not asked.ack and metadata is None:
            self.close()
        return asked

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
        base = told(message) | {"channel": channel, "event_ts": message["ts"]}
        envelopes = []
        if self._hears(channel):
            envelopes.append(self._envelope(base | {"channel_type": kind_of(place)}))
        mentioned = f"<@{self._me_in(place).bot_user}" in message["text"] and self._is_said(message)
        if mentioned and place.joined and place.kind != "im":
            mention = {name: value for name, value in base.items() if name not in {"subtype", "parent_user_id"}}
            at = 0 if self.mention_first else len(envelopes)
            envelopes.insert(at, self._envelope(mention | {"type": "app_mention"}))
        if envelopes:
            await self._tell(envelopes)

    async def _tell_of(self, channel: str, envelope: JSON) -> None:
        if self._hears(channel):
            await self._tell([envelope])

    def _is_said(self, message: JSON) -> bool:
        mine = message.get("app_id") == self.app_id
        return not mine and message.get("subtype") in {None, "file_share", "thread_broadcast", "bot_message"}

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
            return _json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(wait)} | self._scope_header())
        try:
            if problem is not None:
                raise problem
            install = self._installed(method, token)
            self._need(*scopes)
            answer = handler(args, install)
            if method in POSTING:
                self._look_for_pings(args)
            return _json({"ok": True, **answer}, headers=self._scope_header())
        except Problem as found:
            if found.error in SUSPECT:
                self.unexpected.append(f"{method}: {found.error} {found.more.get('response_metadata', '')}".strip())
            return self._say_no(found)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self.unexpected.append(f"{method}: {error!r} with {args}")
            return self._say_no(Problem("invalid_arguments"))

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


FORM_ONLY = set(
    "conversations.history conversations.info conversations.replies files.getUploadURLExternal files.info"
    " oauth.v2.access users.conversations users.info chat.getPermalink".split()
)
POSTING = set(
    "chat.postMessage chat.update chat.startStream chat.appendStream chat.stopStream"
    " files.completeUploadExternal assistant.threads.setStatus".split()
)
SUSPECT = set("invalid_arguments invalid_json json_not_object invalid_post_type invalid_blocks_format"
              " invalid_ts_oldest invalid_ts_latest".split())  # fmt: skip


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
