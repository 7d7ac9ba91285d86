"""A small strict Discord: REST and gateway for the real discord.py, people who talk there, and faults on demand.

    async with FakeDiscord() as discord:
        ana, channel = discord.person("Ana"), discord.channel(discord.guild())
        ...  # start the bot on discord.api_url, discord.gateway_url and discord.token
        await discord.say(ana, channel, f"<@{BOT}> hello")
        discord.posts(channel)  # what the bot posted there, in order, with all that it said before it was edited

It is strict where Discord is (https://discord.com/developers/docs): content types, the length of a message, nonces,
rate limits with their headers, who may edit what, when an interaction may still be answered.
"""

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import WSMsgType, web

from tests.fakes import discord_rules as rules

JSON = dict[str, Any]  # as it crosses the wire
BOT = 1000
EPOCH = 1420070400000  # milliseconds: where Discord's snowflakes begin
LIMIT = 2000
ALL_PERMISSIONS = "2251799813685247"
MANAGE_MESSAGES = 1 << 13
MESSAGE_CONTENT = 1 << 15
NONCE_SECONDS = 180
EPHEMERAL = 64  # a message's flag
TEXT, DIRECT, VOICE, PUBLIC_THREAD, PRIVATE_THREAD, STAGE, FORUM = 0, 1, 2, 11, 12, 13, 15
REPLY, JOIN, THREAD_STARTER = 19, 7, 21
COMMAND, COMPONENT, SUBMIT = 2, 3, 5  # interactions
MESSAGE, LATER, EDIT_LATER, MODAL = 4, 5, 6, 9  # what may be answered to one, as far as it is known here


@dataclass
class Post:
    """A message of the bot: all that it has said, with the times on the monotonic clock; the last is what it says."""

    id: int
    texts: list[tuple[float, str]]
    payload: JSON  # as it was first sent
    gone: bool = False
    components: list[JSON] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.texts[-1][1]


@dataclass
class Asked:
    """An interaction and what became of it."""

    id: int
    type: int
    token: str
    at: float
    acknowledged: float | None = None
    response: JSON | None = None
    texts: list[str] = field(default_factory=list)  # its answer, as edited
    follow_ups: list[JSON] = field(default_factory=list)
    components: list[JSON] = field(default_factory=list)
    expired: bool = False
    flags: int = 0  # of its answer, as edited
    post: tuple[int, int] | None = None  # channel and id of the post whose button was pressed, if all can read it

    @property
    def form(self) -> JSON | None:
        """The form that was opened."""
        return self.response["data"] if self.response is not None and self.response["type"] == MODAL else None

    @property
    def ephemeral(self) -> bool:
        return bool(((self.response or {}).get("data") or {}).get("flags", 0) & EPHEMERAL)

    @property
    def buttons(self) -> list[str]:
        """The custom ids of the buttons under the answer."""
        return [component["custom_id"] for component in rules.inside(self.components)]

    @property
    def labels(self) -> list[str]:
        """What the buttons say that can be pressed."""
        buttons = [each for each in rules.inside(self.components) if each["type"] == rules.BUTTON]
        return [button["label"] for button in buttons if not button.get("disabled")]

    @property
    def menu(self) -> JSON:
        """The one menu under the answer."""
        (found,) = [each for each in rules.inside(self.components) if each["type"] == rules.STRING_SELECT]
        return dict(found)

    def button(self, label: str) -> str:
        """The custom id of the button with this label."""
        return next(str(each["custom_id"]) for each in rules.inside(self.components) if each.get("label") == label)


@dataclass
class Fault:
    """What happens instead of, or after, the next `times` requests whose `METHOD path` matches."""

    pattern: str
    times: int
    status: int = 0  # an HTTP error; 0: the connection is reset
    after: bool = False  # the request is carried out first
    headers: dict[str, str] = field(default_factory=dict)
    body: JSON = field(default_factory=lambda: {"message": "scripted by the test", "code": 0})
    seconds: float = 0.0


class _Problem(Exception):  # an answer of the API
    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


@dataclass(eq=False)
class _Session:
    """One gateway session: it outlives its connection, so that it can be resumed."""

    id: str
    shard: tuple[int, int]
    intents: int
    socket: web.WebSocketResponse | None = None
    seq: int = 0
    sent: list[JSON] = field(default_factory=list)
    held: JSON | None = None


class FakeDiscord:
    """The server, its people, and its faults."""

    def __init__(self, *, rate_limited: bool = True) -> None:
        self.token = "fake-token"
        self.api_url = self.gateway_url = ""
        self.requests: list[tuple[float, str, str, JSON | None, int]] = []
        self.unexpected: list[str] = []  # routes that this server does not know
        self.file_bytes = rules.FILE_BYTES  # of a file that answers an interaction
        self.refused: list[str] = []  # what was sent that Discord does not take
        self.commands: list[JSON] = []
        self.puts = 0  # times that the commands were set
        self.interactions: dict[int, Asked] = {}
        self.content_intent_allowed = True
        self.application_flags = 1 << 19
        self.faults: list[Fault] = []
        self.forbidden: set[int] = set()  # channels where the bot may not post
        self.twice = False  # every event is dispatched twice
        self.reordered = False  # every other message comes after the event behind it
        self.deaf = False  # gateway connections are refused
        self.limited = Counter[str]()  # requests over a limit, by route
        self.identifies: list[tuple[float, Any]] = []
        self.resumes = 0
        self.lost: set[str] = set()  # sessions that cannot be resumed
        self.channels: dict[int, JSON] = {}
        self.messages: dict[int, dict[int, JSON]] = defaultdict(dict)  # by channel, by id
        self._rate_limited = rate_limited
        self._users: dict[int, JSON] = {}
        self._guilds: dict[int, JSON] = {}
        self._members: dict[tuple[int, int], JSON] = {}
        self._posts: dict[int, dict[int, Post]] = defaultdict(dict)
        self._nonces: dict[tuple[int, str], tuple[float, int]] = {}
        self._buckets: dict[str, list[float]] = defaultdict(list)
        self._sessions: dict[str, _Session] = {}
        self._files: dict[str, tuple[bytes, str]] = {}
        self._last_id = 0
        self._port = 0
        self._runner: web.AppRunner | None = None
        self._users[BOT] = self._user(BOT, "Hathi", bot=True)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()

    async def open(self) -> None:
        """Let clients in, on the same port as before."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.api_url = f"http://127.0.0.1:{self._port}/api/v10"
        self.gateway_url = f"ws://127.0.0.1:{self._port}/gateway"

    async def shut(self) -> None:
        """Out of reach: all connections are cut, new ones refused. What is said meanwhile waits for a resume."""
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    # The world

    def person(
        self,
        name: str,
        *,
        bot: bool = False,
        guild: int | None = None,
        nick: str | None = None,
        roles: Sequence[int] = (),
    ) -> int:
        """Somebody; with `guild`, called `nick` there, and with `roles`."""
        id_ = self._snowflake()
        self._users[id_] = self._user(id_, name, bot=bot)
        if guild is not None:
            self._members[guild, id_] = {"nick": nick, "roles": list(map(str, roles))}
        return id_

    def role(self, guild: int, name: str) -> int:
        """A role that some people in a guild have."""
        id_ = self._snowflake()
        everyone = self._guilds[guild]["roles"][0]
        self._guilds[guild]["roles"].append({**everyone, "id": str(id_), "name": name, "permissions": "0"})
        return id_

    def guild(self, name: str = "Porch") -> int:
        id_ = self._snowflake()
        role = {"id": str(id_), "name": "@everyone", "permissions": "1071698660929", "position": 0, "color": 0,
                "hoist": False, "managed": False, "mentionable": False}  # fmt: skip
        self._guilds[id_] = {"id": str(id_), "name": name, "owner_id": "1", "roles": [role], "member_count": 3,
                             "emojis": [], "stickers": [], "voice_states": [], "presences": [],
                             "features": []}  # fmt: skip
        return id_

    def channel(self, guild: int, name: str = "general", *, private: bool = False, type_: int = TEXT) -> int:
        id_ = self._snowflake()
        hidden = [{"id": str(guild), "type": 0, "allow": "0", "deny": "1024"}] if private else []
        self.channels[id_] = {"id": str(id_), "type": type_, "guild_id": str(guild), "name": name, "position": 0,
                              "permission_overwrites": hidden, "nsfw": False, "parent_id": None,
                              "last_message_id": None}  # fmt: skip
        if type_ in {VOICE, STAGE}:
            self.channels[id_] |= {"bitrate": 64_000, "user_limit": 0, "rtc_region": None}
        return id_

    async def permit(self, channel: int, *, deny: int = 0, allow: int = 0) -> None:
        """What everyone may do in a channel changes, and the bot is told."""
        place = self.channels[channel]
        place["permission_overwrites"] = [
            {"id": place["guild_id"], "type": 0, "allow": str(allow), "deny": str(deny)}
        ]  # fmt: skip
        await self.dispatch("CHANNEL_UPDATE", place, int(place["guild_id"]))

    async def permit_everywhere(self, guild: int, permissions: int) -> None:
        """What everyone may do in a guild changes."""
        role = self._guilds[guild]["roles"][0]
        role["permissions"] = str(permissions)
        await self.dispatch("GUILD_ROLE_UPDATE", {"guild_id": str(guild), "role": role}, guild)

    async def move(self, thread: int, parent: int) -> None:
        """A thread stands under another channel."""
        place = self.channels[thread]
        place["parent_id"] = str(parent)
        await self.dispatch("THREAD_UPDATE", place, int(place["guild_id"]))

    def direct(self, user: int) -> int:
        """The direct messages of somebody and the bot."""
        for id_, channel in self.channels.items():
            if channel["type"] == DIRECT and channel["recipients"][0]["id"] == str(user):
                return id_
        id_ = self._snowflake()
        self.channels[id_] = {"id": str(id_), "type": DIRECT, "recipients": [self._users[user]],
                              "last_message_id": None}  # fmt: skip
        return id_

    async def thread(
        self, parent: int, *, message: int | None = None, private: bool = False, joined: bool = False
    ) -> int:
        """A thread, out of a message or not; `joined`: the bot was added to it."""
        id_ = message or self._snowflake()
        channel = {
            "id": str(id_), "type": PRIVATE_THREAD if private else PUBLIC_THREAD, "parent_id": str(parent),
            "guild_id": self.channels[parent]["guild_id"], "name": "a thread", "owner_id": "1", "message_count": 0,
            "member_count": 1, "last_message_id": None, "rate_limit_per_user": 0,
            "thread_metadata": {"archived": False, "auto_archive_duration": 60, "locked": False,
                                "archive_timestamp": _iso(0)},
        }  # fmt: skip
        if joined:
            channel["member"] = {"id": str(id_), "user_id": str(BOT), "join_timestamp": _iso(0), "flags": 0}
        self.channels[id_] = channel
        await self.dispatch("THREAD_CREATE", channel, int(channel["guild_id"]))
        return id_

    def file(self, name: str, data: bytes, type_: str) -> JSON:
        """An attachment, for `say(attachments=[…])`."""
        id_ = self._snowflake()
        self._files[str(id_)] = data, type_
        url = f"http://127.0.0.1:{self._port}/attachments/{id_}/{name}"
        return {
            "id": str(id_),
            "filename": name,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "content_type": type_,
        }

    def expire(self, file: JSON) -> None:
        """The address of an attachment holds no more."""
        del self._files[file["id"]]

    async def say(self, user: int, channel: int, text: str, *, reply_to: int | None = None, **more: Any) -> int:
        """Somebody says something; the id of the message."""
        message = self._message(user, channel, text, reply_to, **more)
        await self._announce("MESSAGE_CREATE", message)
        return int(message["id"])

    def say_unheard(self, user: int, channel: int, text: str) -> int:
        """The same, and no session is told: the bot was away."""
        return int(self._message(user, channel, text, None)["id"])

    async def edit(self, channel: int, message: int, text: str | None) -> None:
        """A person edits a message; None: a link in it gets its preview."""
        stored = self.messages[channel][message]
        if text is None:
            stored["embeds"] = [{"type": "link", "url": "https://example.org"}]
        else:
            stored |= {
                "content": text,
                "edited_timestamp": _iso(time.time()),
                "mentions": self._mentioned(text, stored),
            }
        await self._announce("MESSAGE_UPDATE", stored)

    async def delete(self, channel: int, *messages: int) -> None:
        """A person deletes messages; several at once come as one event."""
        place = self.channels[channel]
        for message in messages:
            self.messages[channel].pop(message, None)
            if message in self._posts[channel]:
                self._posts[channel][message].gone = True
        event: JSON = {"channel_id": str(channel)} | ({"guild_id": place["guild_id"]} if "guild_id" in place else {})
        event |= {"ids": [str(m) for m in messages]} if len(messages) > 1 else {"id": str(messages[0])}
        name = "MESSAGE_DELETE_BULK" if len(messages) > 1 else "MESSAGE_DELETE"
        await self.dispatch(name, event, _guild_of(place))

    async def delete_channel(self, channel: int) -> None:
        place = self.channels.pop(channel)
        kind = "THREAD_DELETE" if place["type"] in {PUBLIC_THREAD, PRIVATE_THREAD} else "CHANNEL_DELETE"
        await self.dispatch(kind, place, _guild_of(place))

    async def remove_bot(self, guild: int) -> None:
        """The bot is thrown out of a guild."""
        await self.dispatch("GUILD_DELETE", {"id": str(guild)}, guild)

    async def slash(
        self, user: int, channel: int, name: str, *subcommand: str, manages: bool = False, **typed: str
    ) -> Asked:
        """Somebody uses a slash command, one that Discord knows, with what is typed into its fields."""
        await self.until(lambda: self.commands)
        fields = [{"type": rules.STRING, "name": field, "value": value} for field, value in typed.items()]
        data: JSON = {"id": "1", "name": name, "type": 1, "options": fields}
        known = next(command for command in self.commands if command["name"] == name)
        for word in subcommand:
            data["options"] = [{"type": rules.SUBCOMMAND, "name": word, "options": fields}]
            known = next(option for option in known["options"] if option["name"] == word)
        options = {option["name"]: option for option in known.get("options") or ()}
        assert all(options[field]["type"] == rules.STRING for field in typed)
        missing = {option["name"] for option in options.values() if option.get("required")} - set(typed)
        assert not missing, f"Discord's client does not send this without {missing}"
        assert all(option["type"] != rules.SUBCOMMAND for option in options.values()), "a subcommand is needed"
        return await self._interact(user, channel, COMMAND, data, manages)

    async def menu(self, user: int, channel: int, name: str, message: int, *, manages: bool = False) -> Asked:
        """Somebody uses an entry of a message's menu."""
        target = self.messages[channel][message]
        data = {"id": "1", "name": name, "type": 3, "target_id": str(message),
                "resolved": {"messages": {str(message): target}}}  # fmt: skip
        return await self._interact(user, channel, COMMAND, data, manages)

    async def press(
        self,
        user: int,
        channel: int,
        custom_id: str,
        *,
        manages: bool = False,
        post: int | None = None,
        picks: str | None = None,
        bent: str | None = None,
    ) -> Asked:
        """Somebody presses a button, or `picks` from a menu, under an answer that only they see, or under a `post`.

        What they press says `bent` instead of what we said.
        """
        offered = self._offered() if post is None else self.messages[channel][post]["components"]
        pressed = next(each for each in rules.inside(offered) if each["custom_id"] == custom_id)
        assert not pressed.get("disabled"), "Discord's client does not let this be pressed"
        data: JSON = {"custom_id": bent or custom_id, "component_type": pressed["type"]}
        if picks is not None:
            assert picks in {option["value"] for option in pressed["options"]}
            data["values"] = [picks]
        message = self._answer_for_one(channel) if post is None else self.messages[channel][post]
        return await self._interact(user, channel, COMPONENT, data, manages, message)

    async def submit(self, user: int, channel: int, form: JSON, text: str) -> Asked:
        """Somebody sends off a form with one field, which was opened from an answer that only they see."""
        (label,) = form["components"]
        field = label["component"]
        assert int(field.get("required", True)) <= len(text) <= field["max_length"]
        typed = {"type": rules.TEXT_INPUT, "id": 2, "custom_id": field["custom_id"], "value": text}
        data = {"custom_id": form["custom_id"], "components": [{"type": rules.LABEL, "id": 1, "component": typed}]}
        return await self._interact(user, channel, SUBMIT, data, False, self._answer_for_one(channel))

    def _offered(self) -> list[JSON]:
        """What there is to press that only one person sees."""
        return [row for asked in self.interactions.values() for row in asked.components]

    def _answer_for_one(self, channel: int) -> JSON:
        return self._plain_message(BOT, channel, "an answer") | {"flags": EPHEMERAL}

    def posts(self, channel: int) -> list[Post]:
        """What the bot posted in a channel and is still there, in order."""
        return [post for post in self._posts[channel].values() if not post.gone]

    def texts(self, channel: int) -> list[str]:
        return [post.text for post in self.posts(channel)]

    async def until(self, true: Callable[[], object], seconds: float = 20) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.01)

    # Faults

    def fail(self, pattern: str, times: int = 1, status: int = 0, **more: Any) -> None:
        """Let the next requests whose `METHOD path` matches end badly; see Fault."""
        self.faults.append(Fault(pattern, times, status, **more))

    async def drop(self, code: int | None = None) -> None:
        """Every gateway connection ends; `code` None: without a word. Sessions can be resumed."""
        for session in list(self._sessions.values()):
            socket, session.socket = session.socket, None
            if socket is not None and not socket.closed:
                if code is None and socket._req is not None and socket._req.transport is not None:
                    socket._req.transport.abort()
                else:
                    await socket.close(code=code or 1000)

    async def tell_to_reconnect(self) -> None:
        """Op 7."""
        for session in self._sessions.values():
            await self._send(session, {"op": 7, "d": None})

    def lose_sessions(self) -> None:
        """The next RESUME gets op 9: nothing is replayed."""
        self.lost |= set(self._sessions)

    async def dispatch(self, name: str, event: JSON, guild: int | None, *, raw: object = None) -> None:
        """An event for every session that holds the guild's shard; without a guild, shard 0."""
        for session in self._listening(guild):
            await self._tell(session, name, event if raw is None else raw)

    def _listening(self, guild: int | None) -> list[_Session]:
        return [
            session for session in self._sessions.values()
            if session.id not in self.lost
            and session.shard[0] == (0 if guild is None else (guild >> 22) % session.shard[1])
        ]  # fmt: skip

    async def _tell(self, session: _Session, name: str, event: object) -> None:
        for _ in range(2 if self.twice and name != "READY" else 1):
            session.seq += 1
            frame = {"op": 0, "t": name, "s": session.seq, "d": event}
            session.sent.append(frame)
            if self.reordered and name == "MESSAGE_CREATE" and session.held is None:
                session.held = frame  # the next one overtakes it
                return
            await self._send(session, frame)
            held, session.held = session.held, None
            if held is not None:
                await self._send(session, held)

    # What is said

    def _message(self, user: int, channel: int, text: str, reply_to: int | None, **more: Any) -> JSON:
        message = self._plain_message(user, channel, text) | more
        if reply_to is not None:
            above = self.messages[channel].get(reply_to)
            message |= {
                "type": REPLY,
                "message_reference": {"type": 0, "message_id": str(reply_to), "channel_id": str(channel)},
                "referenced_message": above,
            }
            pinged = [above["author"]] if above and more.get("ping", True) else []
            message["mentions"] = [*message["mentions"], *(u for u in pinged if u not in message["mentions"])]
        message.pop("ping", None)
        self._store(channel, message)
        return message

    def _plain_message(self, user: int, channel: int, text: str) -> JSON:
        place = self.channels[channel]
        message: JSON = {
            "id": str(self._snowflake()), "channel_id": str(channel), "author": self._users[user], "content": text,
            "type": 0, "timestamp": _iso(time.time()), "edited_timestamp": None, "tts": False,
            "mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
            "pinned": False, "components": [],
        }  # fmt: skip
        if "guild_id" in place:
            message |= {"guild_id": place["guild_id"], "member": self._member(int(place["guild_id"]), user)}
        message["mentions"] = self._mentioned(text, message)
        return message

    def _mentioned(self, text: str, message: JSON) -> list[JSON]:
        ids = [int(id_) for id_ in re.findall(r"<@!?(\d+)>", text)]
        guild = message.get("guild_id")
        return [
            self._users[id_] | ({"member": self._member(int(guild), id_)} if guild else {})
            for id_ in dict.fromkeys(ids) if id_ in self._users
        ]  # fmt: skip

    def _store(self, channel: int, message: JSON) -> None:
        self.messages[channel][int(message["id"])] = message
        self.channels[channel]["last_message_id"] = message["id"]

    async def _announce(self, name: str, message: JSON) -> None:
        place = self.channels[int(message["channel_id"])]
        public = (
            "guild_id" not in place or message["author"]["id"] == str(BOT)
            or any(user["id"] == str(BOT) for user in message["mentions"])
        )  # fmt: skip
        hidden = {"content": "", "embeds": [], "attachments": [], "components": []}
        for session in self._listening(_guild_of(place)):
            readable = public or session.intents & MESSAGE_CONTENT
            await self._tell(session, name, message if readable else message | hidden)

    async def _interact(
        self, user: int, channel: int, type_: int, data: JSON, manages: bool, message: JSON | None = None
    ) -> Asked:
        id_ = self._snowflake()
        asked = self.interactions[id_] = Asked(id_, type_, f"token-{id_}", time.monotonic())
        if message is not None and not message.get("flags", 0) & EPHEMERAL:
            asked.post = channel, int(message["id"])
        place = self.channels[channel]
        permissions = str(MANAGE_MESSAGES if manages else 0)
        event: JSON = {
            "id": str(id_), "application_id": str(BOT), "type": type_, "token": asked.token, "version": 1, "data": data,
            "channel_id": str(channel), "channel": place | {"permissions": permissions}, "entitlements": [],
            "attachment_size_limit": self.file_bytes, "authorizing_integration_owners": {}, "context": 0,
        }  # fmt: skip
        if "guild_id" in place:
            member = self._member(int(place["guild_id"]), user) | {
                "user": self._users[user],
                "permissions": permissions,
            }
            event |= {"guild_id": place["guild_id"], "member": member}
        else:
            event |= {"user": self._users[user]}
        if message is not None:
            event["message"] = message
        await self.dispatch("INTERACTION_CREATE", event, _guild_of(place))
        return asked

    def _user(self, id_: int, name: str, *, bot: bool) -> JSON:
        username, global_name = (name, None) if bot else (name.lower(), name)
        return {"id": str(id_), "username": username, "global_name": global_name, "discriminator": "0",
                "avatar": None, "bot": bot}  # fmt: skip

    def _member(self, guild: int, user: int) -> JSON:
        return {"roles": [], "joined_at": _iso(0), "deaf": False, "mute": False, "flags": 0, "nick": None,
                **self._members.get((guild, user), {})}  # fmt: skip

    def _snowflake(self) -> int:
        self._last_id = max(self._last_id + 1, (int(time.time() * 1000) - EPOCH) << 22)
        return self._last_id

    # The gateway

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        if self.deaf:
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}, "s": None, "t": None})
        async for message in socket:
            if message.type != WSMsgType.TEXT:
                break
            frame = json.loads(message.data)
            handler = {1: self._on_heartbeat, 2: self._on_identify, 6: self._on_resume}.get(frame["op"])
            if handler is not None:
                await handler(socket, frame["d"])
        return socket

    async def _on_heartbeat(self, socket: web.WebSocketResponse, data: JSON) -> None:
        await socket.send_json({"op": 11})

    async def _on_identify(self, socket: web.WebSocketResponse, data: JSON) -> None:
        if data["token"] != self.token:
            await socket.close(code=4004)
            return
        if data["intents"] & MESSAGE_CONTENT and not self.content_intent_allowed:
            await socket.close(code=4014)
            return
        shard: tuple[int, int] = tuple(data.get("shard") or (0, 1))
        self.identifies.append((time.monotonic(), shard))
        session = _Session(f"session-{self._snowflake()}", shard, data["intents"], socket)
        self._sessions = {id_: each for id_, each in self._sessions.items() if each.socket is not None}
        self._sessions[session.id] = session
        guilds = {id_: guild for id_, guild in self._guilds.items() if (id_ >> 22) % shard[1] == shard[0]}
        ready = {
            "v": 10, "user": self._users[BOT], "guilds": [{"id": str(id_), "unavailable": True} for id_ in guilds],
            "session_id": session.id, "resume_gateway_url": self.gateway_url, "shard": list(shard),
            "application": {"id": str(BOT), "flags": self.application_flags},
        }  # fmt: skip
        await self._tell(session, "READY", ready)
        for id_, guild in guilds.items():
            inside = [c for c in self.channels.values() if c.get("guild_id") == str(id_)]
            threads = [c for c in inside if c["type"] in {PUBLIC_THREAD, PRIVATE_THREAD}]
            me = self._member(id_, BOT) | {"user": self._users[BOT]}
            channels = [c for c in inside if c not in threads]
            inside_it = {"channels": channels, "threads": threads, "members": [me]}
            await self._tell(session, "GUILD_CREATE", guild | inside_it)

    async def _on_resume(self, socket: web.WebSocketResponse, data: JSON) -> None:
        session = self._sessions.get(data["session_id"])
        if session is None or session.id in self.lost:
            self._sessions.pop(data["session_id"], None)
            await socket.send_json({"op": 9, "d": False})
            return
        self.resumes += 1
        session.socket = socket
        for frame in [frame for frame in session.sent if frame["s"] > data["seq"]]:
            await self._send(session, frame)
        await self._tell(session, "RESUMED", {})

    async def _send(self, session: _Session, frame: JSON) -> None:
        socket = session.socket
        if socket is not None and not socket.closed:
            try:
                await socket.send_json(frame)
            except ConnectionError:
                session.socket = None

    # REST

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path.startswith("/gateway"):
            return await self._gateway(request)
        if path.startswith("/attachments/"):
            data = self._files.get(path.split("/")[2])
            return (
                web.Response(status=404)
                if data is None
                else web.Response(body=data[0], headers={"Content-Type": data[1]})
            )
        body = await self._body(request)
        name = f"{request.method} {path.removeprefix('/api/v10')}"
        fault = next((each for each in self.faults if re.search(each.pattern, name)), None)
        if fault is not None:
            fault.times -= 1
            if not fault.times:
                self.faults.remove(fault)
            await asyncio.sleep(fault.seconds)
            if fault.after:
                await self._answer(request, name, body)
            if fault.status or fault.after or not fault.seconds:
                return self._fail(request, name, body, fault)
        answer = await self._answer(request, name, body)
        self.requests.append((time.monotonic(), request.method, name.partition(" ")[2], body, answer.status))
        return answer

    def _fail(self, request: web.Request, name: str, body: JSON | None, fault: Fault) -> web.Response:
        self.requests.append((time.monotonic(), request.method, name.partition(" ")[2], body, fault.status))
        if fault.status:
            return _json(fault.body, fault.status, fault.headers)
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    async def _body(self, request: web.Request) -> JSON | None:
        if request.content_type == "multipart/form-data":
            form = await request.post()
            parts = {name: part for name, part in form.items() if isinstance(part, web.FileField)}
            files = {name: (part.filename, part.file.read()) for name, part in parts.items()}
            return dict(json.loads(str(form["payload_json"]))) | {"files": files}
        if not request.can_read_body:
            return None
        if request.headers.get("Content-Type") != "application/json":
            return {"unreadable": request.headers.get("Content-Type")}
        body: JSON | list[JSON] = await request.json()
        return {"list": body} if isinstance(body, list) else body

    async def _answer(self, request: web.Request, name: str, body: JSON | None) -> web.Response:
        unsigned = re.match(r"\w+ /(webhooks|interactions)/", name)
        if not unsigned and request.headers.get("Authorization") != f"Bot {self.token}":
            return _json({"message": "401: Unauthorized", "code": 0}, 401)
        if body is not None and "unreadable" in body:
            return _json({"message": "Expected application/json", "code": 50035}, 400)
        for pattern, handler in self._routes().items():
            match = re.fullmatch(pattern, name)
            if match is None:
                continue
            headers, wait = self._limit(pattern, match)
            if wait:
                self.limited[pattern] += 1
                return _json({"message": "You are being rate limited.", "retry_after": wait, "global": False}, 429,
                             headers | {"Via": "1.1 google", "Retry-After": str(wait)})  # fmt: skip
            try:
                result = await handler(body or {}, *map(_number, match.groups()), **dict(request.query))
            except _Problem as problem:
                return _json({"message": str(problem), "code": problem.code}, problem.status, headers)
            except rules.Refused as refused:
                self.refused.append(f"{name}: {refused}")
                return _json({"message": str(refused), "code": 50035}, 400, headers)
            return web.Response(status=204, headers=headers) if result is None else _json(result, 200, headers)
        self.unexpected.append(name)
        return _json({"message": "404: Not Found", "code": 0}, 404)

    def _limit(self, pattern: str, match: re.Match[str]) -> tuple[dict[str, str], float]:
        """Five in five seconds for posts and for edits of a channel; the rest is not counted."""
        counted = self._rate_limited and re.match(r"(POST|PATCH) /channels/\S+/messages", pattern)
        key = f"{pattern}:{match[1]}" if counted else pattern
        used, now = self._buckets[key], time.monotonic()
        used[:] = [at for at in used if at > now - 5]
        wait = round(used[0] + 5 - now, 3) if counted and len(used) >= 5 else 0.0
        if not wait:
            used.append(now)
        left = max(0, 5 - len(used)) if counted else 99
        after = used[0] + 5 - now
        headers = {"X-RateLimit-Limit": "5" if counted else "100", "X-RateLimit-Remaining": str(left),
                   "X-RateLimit-Reset": f"{time.time() + after:.3f}", "X-RateLimit-Reset-After": f"{after:.3f}",
                   "X-RateLimit-Bucket": str(abs(hash(pattern)))}  # fmt: skip
        return headers, wait

    def _routes(self) -> dict[str, Callable[..., Awaitable[Any]]]:
        return {
            r"GET /users/@me": self._me,
            r"GET /oauth2/applications/@me": self._application,
            r"GET /applications/(\d+)/commands": self._get_commands,
            r"PUT /applications/(\d+)/commands": self._put_commands,
            r"POST /users/@me/channels": self._open_direct,
            r"GET /guilds/(\d+)/members/(\d+)": self._get_member,
            r"GET /channels/(\d+)": self._get_channel,
            r"GET /channels/(\d+)/messages": self._history,
            r"GET /channels/(\d+)/messages/(\d+)": self._get_message,
            r"POST /channels/(\d+)/messages": self._post_message,
            r"PATCH /channels/(\d+)/messages/(\d+)": self._edit_message,
            r"DELETE /channels/(\d+)/messages/(\d+)": self._delete_message,
            r"POST /channels/(\d+)/typing": self._typing,
            r"POST /interactions/(\d+)/([\w-]+)/callback": self._callback,
            r"PATCH /webhooks/\d+/([\w-]+)/messages/@original": self._edit_original,
            r"POST /webhooks/\d+/([\w-]+)": self._follow_up,
        }

    async def _me(self, body: JSON) -> JSON:
        return self._users[BOT]

    async def _application(self, body: JSON) -> JSON:
        return {"id": str(BOT), "name": "Hathi", "description": "", "icon": None, "bot_public": True,
                "bot_require_code_grant": False, "owner": self._users[BOT], "verify_key": "",
                "flags": self.application_flags}  # fmt: skip

    async def _get_commands(self, body: JSON, application: int, **query: str) -> list[JSON]:
        return self.commands

    async def _put_commands(self, body: JSON, application: int) -> list[JSON]:
        self.puts += 1
        added = {"application_id": str(application), "version": "1", "default_member_permissions": None, "nsfw": False,
                 "dm_permission": True, "name_localizations": None, "description_localizations": None}  # fmt: skip
        rules.commands(body["list"])
        self.commands = [
            {"description": "", **added, **_returned(command), "id": str(self._snowflake())} for command in body["list"]
        ]
        return self.commands

    async def _open_direct(self, body: JSON) -> JSON:
        return self.channels[self.direct(int(body["recipient_id"]))]

    async def _get_channel(self, body: JSON, channel: int) -> JSON:
        return self._place(channel)

    async def _history(
        self, body: JSON, channel: int, limit: str = "50", before: str = "", after: str = ""
    ) -> list[JSON]:
        self._place(channel)
        if not 1 <= int(limit) <= 100:
            raise _Problem(400, 50035, "Invalid Form Body: limit")
        found = [m for id_, m in sorted(self.messages[channel].items())
                 if id_ > int(after or 0) and (not before or id_ < int(before))]  # fmt: skip
        chosen = found[: int(limit)] if after else found[-int(limit) :]
        return [{k: v for k, v in m.items() if k not in {"member", "guild_id"}} for m in reversed(chosen)]

    async def _get_member(self, body: JSON, guild: int, user: int) -> JSON:
        if (guild, user) not in self._members:
            raise _Problem(404, 10007, "Unknown Member")
        return self._member(guild, user) | {"user": self._users[user]}

    async def _get_message(self, body: JSON, channel: int, message: int) -> JSON:
        self._place(channel)
        return self._stored(channel, message)

    async def _post_message(self, body: JSON, channel: int) -> JSON:
        self._place(channel)
        if channel in self.forbidden:
            raise _Problem(403, 50013, "Missing Permissions")
        content, nonce = self._checked(body), body.get("nonce")
        if nonce is not None and len(str(nonce)) > 25:
            raise _Problem(400, 50035, "Invalid Form Body: nonce")
        known = self._nonces.get((channel, str(nonce)))
        if nonce is not None and body.get("enforce_nonce") and known and known[0] > time.monotonic() - NONCE_SECONDS:
            existing = self.messages[channel].get(known[1])
            if existing is not None:
                return existing
        reference = body.get("message_reference")
        above = self.messages[channel].get(int(reference["message_id"])) if reference else None
        if reference and above is None and reference.get("fail_if_not_exists", True):
            raise _Problem(400, 50035, "Invalid Form Body: Unknown message")
        message = self._plain_message(BOT, channel, content) | {"nonce": nonce}
        message["components"] = body.get("components") or []
        if above is not None:
            message |= {"type": REPLY, "message_reference": reference, "referenced_message": above}
        message["pings"] = _pings(content, body.get("allowed_mentions"), above)
        self._store(channel, message)
        id_ = int(message["id"])
        self._nonces[channel, str(nonce)] = time.monotonic(), id_
        self._posts[channel][id_] = Post(id_, [(time.monotonic(), content)], body)
        await self._announce("MESSAGE_CREATE", message)
        return message

    async def _edit_message(self, body: JSON, channel: int, message: int) -> JSON:
        self._place(channel)
        stored = self._stored(channel, message)
        if stored["author"]["id"] != str(BOT):
            raise _Problem(403, 50005, "Cannot edit a message authored by another user")
        content = self._checked({"content": stored["content"], **body})
        stored |= {"content": content, "edited_timestamp": _iso(time.time())}
        stored["components"] = body.get("components", stored["components"]) or []
        self._posts[channel][message].components = stored["components"]
        if "content" in body:
            stored["pings"] = stored["pings"] + _pings(content, body.get("allowed_mentions"), None)
            self._posts[channel][message].texts.append((time.monotonic(), content))
        await self._announce("MESSAGE_UPDATE", stored)
        return stored

    async def _delete_message(self, body: JSON, channel: int, message: int) -> None:
        self._stored(channel, message)
        await self.delete(channel, message)

    async def _typing(self, body: JSON, channel: int) -> None:
        self._place(channel)

    async def _callback(self, body: JSON, id_: int, token: str, **query: str) -> JSON:
        asked = self._asked(token)
        if time.monotonic() > asked.at + 3:
            raise _Problem(404, 10062, "Unknown interaction")
        if asked.acknowledged is not None:
            raise _Problem(400, 40060, "Interaction has already been acknowledged.")
        allowed = {
            COMMAND: {MESSAGE, LATER, MODAL},
            COMPONENT: {MESSAGE, LATER, EDIT_LATER, MODAL},
            SUBMIT: {MESSAGE, LATER, EDIT_LATER},
        }  # fmt: skip
        if body["type"] not in allowed[asked.type]:
            raise _Problem(400, 50035, f"Invalid Form Body: type {body['type']}")
        if body["type"] == MODAL:
            rules.form(body["data"])
        if body["type"] == MESSAGE:
            asked.texts.append(self._checked(body["data"]))
            asked.components = body["data"].get("components") or []
        asked.acknowledged, asked.response = time.monotonic(), body
        return {"interaction": {"id": str(id_), "type": asked.type, "response_message_id": str(self._snowflake())},
                "resource": {"type": body["type"]}}  # fmt: skip

    async def _edit_original(self, body: JSON, token: str, **query: str) -> JSON:
        asked = self._asked(token)
        if asked.expired:
            raise _Problem(401, 50027, "Invalid Webhook Token")
        if asked.response is None or asked.response["type"] == MODAL:
            raise _Problem(404, 10008, "Unknown Message")
        if asked.post is not None and asked.response["type"] == EDIT_LATER:  # then that is what is edited
            return await self._edit_message(body, *asked.post)
        asked.flags = body.get("flags", asked.flags)
        said = asked.texts[-1] if asked.texts else "an answer"
        asked.texts.append(self._checked({"content": said, **body}))
        asked.components = body.get("components", asked.components) or []
        return self._interaction_message(asked.texts[-1])

    async def _follow_up(self, body: JSON, token: str, **query: str) -> JSON:
        asked = self._asked(token)
        if asked.response is None:
            raise _Problem(404, 10015, "Unknown Webhook")
        self._checked(body)
        asked.follow_ups.append(body)
        return self._interaction_message(body["content"])

    def _interaction_message(self, text: str) -> JSON:
        channel = next(iter(self.channels))
        return self._plain_message(BOT, channel, text) | {"flags": EPHEMERAL}

    def _asked(self, token: str) -> Asked:
        asked = next((each for each in self.interactions.values() if each.token == token), None)
        if asked is None:
            raise _Problem(404, 10015, "Unknown Webhook")
        return asked

    def _place(self, channel: int) -> JSON:
        if channel not in self.channels:
            raise _Problem(404, 10003, "Unknown Channel")
        return self.channels[channel]

    def _stored(self, channel: int, message: int) -> JSON:
        if message not in self.messages[channel]:
            raise _Problem(404, 10008, "Unknown Message")
        return self.messages[channel][message]

    def _checked(self, body: JSON) -> str:
        content: str = body.get("content") or ""
        if len(content) > LIMIT:
            raise _Problem(400, 50035, "Invalid Form Body: Must be 2000 or fewer in length.")
        rules.components(body.get("components") or ())
        rules.files(body.get("attachments") or (), body.get("files") or {})
        if not content.strip() and not body.get("files"):
            raise _Problem(400, 50006, "Cannot send an empty message")
        return content.strip()


def _returned(command: JSON) -> JSON:
    """A command or an option as Discord gives it back: without what is not so, or empty."""
    options = [_returned(option) for option in command.get("options") or ()]
    kept = {name: value for name, value in command.items() if name != "options" and value not in (False, None)}
    return kept | ({"options": options} if options else {})


def _pings(content: str, allowed: JSON | None, above: JSON | None) -> list[str]:
    """Whom a post would ping."""
    parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse", ()))
    found = []
    if "everyone" in parse:
        found += re.findall(r"@(?:everyone|here)", content)
    if "users" in parse:
        found += re.findall(r"<@!?\d+>", content)
    if "roles" in parse:
        found += re.findall(r"<@&\d+>", content)
    if above is not None and (allowed is None or allowed.get("replied_user", False)):
        found.append(above["author"]["id"])
    return found


def _guild_of(place: JSON) -> int | None:
    return int(place["guild_id"]) if "guild_id" in place else None


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Exactly `application/json`: with a charset behind it discord.py reads text."""
    return web.Response(
        body=json.dumps(body).encode(), status=status, headers={**(headers or {}), "Content-Type": "application/json"}
    )


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + "+00:00"
