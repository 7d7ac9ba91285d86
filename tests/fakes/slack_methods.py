"""The methods of the small strict Slack's Web API, with the state that they change."""

import asyncio
import mimetypes
import re
import secrets
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.fakes.slack_rules import (
    FALSE,
    JSON,
    TEXT_LIMIT,
    TRUE,
    Problem,
    check_blocks,
    check_content,
    chunk_text,
    pings,
    shown,
)
from tests.fakes.slack_views import Views
from tests.fakes.slack_world import FAMILY, Install, Named, Place, told

UPDATE_TEXT_LIMIT = 4_000
MAX_LOADING_MESSAGES = 10
Handler = Callable[[JSON, Install], JSON]


class Methods(Views):
    """What an app may ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.history_limit: tuple[int, int] | None = None  # calls a minute, objects a call
        self.mentions_only = False  # of channels the app hears no more than its mentions
        self.echo = True  # the bot is told of its own posts too
        self.streaming = True
        self.close_streams_after: int | None = None  # appends
        self.stream_seconds: float | None = None
        self.statuses: list[tuple[str, str, str, float]] = []  # channel, thread, status, monotonic time
        self.status_now: dict[tuple[str, str], str] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.prompts: list[JSON] = []
        self.ephemerals: list[JSON] = []
        self.uploads: list[tuple[str, str, bytes]] = []  # channel, name, content
        self._appends = Counter[tuple[str, str]]()
        self._methods = self._all_methods()

    # Events of messages

    def _hears(self, channel: str) -> bool:
        place = self.channels[channel]
        return place.joined and (place.kind == "im" or not self.mentions_only)

    def _changed(self, channel: str, message: JSON, before: JSON) -> JSON:
        return self._envelope({
            "type": "message", "subtype": "message_changed", "hidden": True, "channel": channel, "ts": self._ts(),
            "channel_type": kind_of(self.channels[channel]), "message": told(message),
            "previous_message": told(before),
        })  # fmt: skip

    def _deleted(self, channel: str, ts: str) -> JSON:
        message = self.messages[channel].pop(ts)
        root = self.messages[channel].get(message.get("thread_ts", ""))
        if root is not None:
            root["reply_count"] -= 1
        return self._envelope({
            "type": "message", "subtype": "message_deleted", "hidden": True, "channel": channel, "ts": self._ts(),
            "channel_type": kind_of(self.channels[channel]), "deleted_ts": ts, "previous_message": told(message),
        })  # fmt: skip

    def _echo(self, channel: str, *envelopes: JSON) -> None:
        if self.echo and self._hears(channel):
            self._spawn(self._tell(list(envelopes)))

    def _echo_post(self, channel: str, message: JSON) -> None:
        event = told(message) | {"channel": channel, "channel_type": kind_of(self.channels[channel])}
        self._echo(channel, self._envelope(event | {"event_ts": message["ts"]}))

    # OAuth

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
        self.fetched.append((id_, token))
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
        type_ = mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = self.file(name, b"", type_, team=me.team) | {"size": int(length)}
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
        if args.get("thread_ts") and not self._thread(place.id, args["thread_ts"]):
            self.unexpected.append("chat.postEphemeral: nobody sees it, there is no such thread yet")
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
        added, before = chunk_text(args), str(message.get("markdown_text", ""))
        self.pings += (Counter(pings(before + added)) - Counter(pings(before)) - Counter(pings(added))).elements()
        message["text"] = message["markdown_text"] = before + added
        message["chunks"] = [*message.get("chunks", []), *(args.get("chunks") or [])]

    def _close(self, channel: str, message: JSON) -> None:
        before = dict(message)
        message["streaming_state"] = "completed"
        self._echo(channel, self._changed(channel, message, before))

    async def _close_later(self, channel: str, message: JSON, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if message["streaming_state"] == "in_progress" and message["ts"] in self.messages.get(channel, {}):
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

    def _members(self, args: JSON, me: Install) -> JSON:
        place = self._place(args.get("channel"), me, inside=False)
        self._need(f"{FAMILY[place.kind]}:read")
        page, cursor = _page([Named(each) for each in (me.bot_user, *place.members)], args, 100)
        return {"members": [each.id for each in page], "response_metadata": {"next_cursor": cursor}}

    def _people(self, args: JSON, me: Install) -> JSON:
        team = str(args.get("team_id") or me.team)
        if me.org and not args.get("team_id"):
            raise Problem("missing_argument")
        ours = [Named(id_) for id_, each in self.people.items() if each["team_id"] == team]
        page, cursor = _page(ours, args, 1000, 1000)
        return {"members": [self.people[each.id] for each in page], "response_metadata": {"next_cursor": cursor}}

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

    def _need(self, *any_of: str) -> None:
        if any_of and not self.scopes.intersection(any_of):
            raise Problem("missing_scope", needed=any_of[0], provided=",".join(sorted(self.scopes)))

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
            "conversations.members": (self._members, ()),
            "conversations.open": (self._open_dm, ("im:write",)),
            "conversations.replies": (self._replies, ()),
            "files.completeUploadExternal": (self._complete_upload, ("files:write",)),
            "files.getUploadURLExternal": (self._upload_url, ("files:write",)),
            "files.info": (self._file_info, ("files:read",)),
            "oauth.v2.access": (self._oauth_access, ()),
            "reactions.add": (self._react, ("reactions:write",)),
            "users.conversations": (self._my_channels, ()),
            "users.info": (self._user_info, ("users:read",)),
            "users.list": (self._people, ("users:read",)),
            "views.open": (self._open_view, ()),
            "views.publish": (self._publish, ()),
            "views.update": (self._update_view, ()),
        }


def _fill(message: JSON, args: JSON) -> None:
    """The words of a message, new or changed: blocks stay if none are given, words in Markdown replace all."""
    text, markdown, blocks = args.get("text"), args.get("markdown_text"), args.get("blocks")
    if markdown or (markdown is not None and text is None and blocks is None):
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
    described |= place.more
    return described | ({"user": place.members[0]} if place.kind == "im" else {"name": place.name})


def kind_of(place: Place) -> str:
    return {"public": "channel", "private": "group"}.get(place.kind, place.kind)
