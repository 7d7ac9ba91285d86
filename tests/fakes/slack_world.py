"""The world of the small strict Slack: workspaces, people, channels, messages, files and tokens."""

import secrets
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.fakes.slack_rules import JSON

SCOPES = set(
    "app_mentions:read assistant:write channels:history channels:read chat:write commands files:read files:write"
    " groups:history groups:read im:history im:read im:write mpim:history mpim:read mpim:write reactions:read"
    " reactions:write users:read".split()
)
FAMILY = {"public": "channels", "private": "groups", "im": "im", "mpim": "mpim"}  # how scopes name the kinds
OURS = {"markdown_text", "unfurl_links", "unfurl_media", "metadata", "chunks"}  # kept for the tests, not told again


@dataclass(eq=False)
class Place:
    """A channel, a direct message or a group of them."""

    id: str
    name: str
    kind: str  # public, private, mpim, im
    team: str
    shared: bool = False
    joined: bool = True  # the bot is in it
    members: list[str] = field(default_factory=list)
    more: JSON = field(default_factory=dict)  # that conversations.info tells


@dataclass(frozen=True)
class Named:
    """Somebody on a page of people."""

    id: str


@dataclass(eq=False)
class Install:
    """The app in one workspace: its bot user there, and the code with which it is to be installed."""

    team: str
    bot_user: str
    bot_id: str
    token: str
    code: str
    installer: str
    enterprise: str | None = None
    org: bool = False  # for the whole organization
    refresh_token: str = ""


class World:
    """All that Slack knows."""

    def __init__(self) -> None:
        self.base = ""  # http://127.0.0.1:port
        self.app_id, self.verification_token = "A0HATHI", "verification-token"
        self.app_token = "xapp-1-A0HATHI-fake"
        self.signing_secret, self.client_id, self.client_secret = "signing-secret", "1111.2222", "client-secret"
        self.enterprise: str | None = None
        self.scopes = set(SCOPES)
        self.token_seconds: int | None = None  # set: tokens that are issued expire, and come with a refresh token
        self.codes: dict[str, Install] = {}  # what an OAuth code installs; used up by its exchange
        self.channels: dict[str, Place] = {}
        self.messages: dict[str, dict[str, JSON]] = defaultdict(dict)  # by channel, by ts
        self.people: dict[str, JSON] = {}
        self.files: dict[str, JSON] = {}
        self.fetched: list[tuple[str, str]] = []  # files that were asked for, and with which token
        self.workspaces: dict[str, Install] = {}
        self._tokens: dict[str, Install] = {}
        self._expired: set[str] = set()
        self._ends: dict[str, float] = {}  # when a token expires
        self._refreshers: dict[str, Install] = {}
        self._data: dict[str, tuple[bytes, bool]] = {}  # of files; whether a login page comes instead
        self._last_id = 0
        self._last_ts = 0
        mine = self.installs("T0PORCH")
        self.team, self.bot_user, self.bot_id, self.bot_token = mine.team, mine.bot_user, mine.bot_id, mine.token

    def installs(self, team: str | None = None, *, enterprise: str | None = None, org: bool = False) -> Install:
        """Another workspace, with its own bot user, a token, and a code with which OAuth gets one more."""
        team = team or self._id("T")
        bot = self.person("Hathi", bot=True, team=team)
        installer = self.person("Installer", admin=True, team=team)
        install = Install(
            team, bot, self.people[bot]["profile"]["bot_id"], "", f"code-{team}", installer, enterprise, org
        )
        install.token = self._issue(install)
        self.workspaces[team] = self.codes[install.code] = install
        return install

    def _issue(self, install: Install) -> str:
        token = f"xoxb-{install.team}-{secrets.token_hex(6)}"
        self._tokens[token] = install
        return token

    def expire(self, token: str) -> None:
        """A bot token is good no more."""
        self._expired.add(token)

    def person(
        self,
        name: str,
        *,
        admin: bool = False,
        bot: bool = False,
        team: str | None = None,
        display_name: str | None = None,
        zone: str = "Etc/UTC",
        guest: str = "",
        teams: Iterable[str] = (),
    ) -> str:
        """Somebody, or somebody's bot; a `guest` is restricted or ultra_restricted; `teams` of one organisation."""
        id_ = self._id("U")
        profile = {"display_name": name if display_name is None else display_name, "real_name": name}
        if bot:
            profile["bot_id"] = self._id("B")
        self.people[id_] = {"id": id_, "team_id": team or self.team, "name": name.lower(), "real_name": name,
                            "is_admin": admin, "is_owner": False, "is_bot": bot, "deleted": False, "tz": zone,
                            "is_restricted": bool(guest), "is_ultra_restricted": guest == "ultra_restricted",
                            "profile": profile}  # fmt: skip
        if teams := list(teams):
            self.people[id_]["enterprise_user"] = {"id": id_, "teams": teams}
        return id_

    def channel(
        self,
        name: str = "general",
        kind: str = "public",
        *,
        shared: bool = False,
        members: Iterable[str] = (),
        joined: bool = True,
        team: str | None = None,
    ) -> str:
        """A place for several; `shared` with another workspace, `joined` by the bot."""
        id_ = self._id("C")
        self.channels[id_] = Place(id_, name, kind, team or self.team, shared, joined, list(members))
        return id_

    def dm(self, user: str) -> str:
        """The direct messages of somebody and the bot."""
        for place in self.channels.values():
            if place.kind == "im" and place.members == [user]:
                return place.id
        id_ = self._id("D")
        self.channels[id_] = Place(id_, "", "im", self._team_of(user), members=[user])
        return id_

    def file(
        self, name: str, data: bytes, mimetype: str, *, html: bool = False, stub: bool = False, team: str | None = None
    ) -> JSON:
        """A file, for `say(files=[…])`; `html`: its address shows a login page; `stub`: only files.info tells of it."""
        id_ = self._id("F")
        address = f"{self.base}/files-pri/{team or self.team}-{id_}"
        self._data[id_] = data, html
        self.files[id_] = {
            "id": id_, "name": name, "title": name, "mimetype": mimetype, "filetype": name.rpartition(".")[2],
            "pretty_type": mimetype, "mode": "hosted", "size": len(data), "is_external": False,
            "url_private": f"{address}/{name}", "url_private_download": f"{address}/download/{name}",
            "permalink": f"https://porch.slack.com/files/{id_}/{name}", "created": int(time.time()),
        }  # fmt: skip
        return {"id": id_, "mode": "file_access", "file_access": "check_file_info"} if stub else self.files[id_]

    def _team_of(self, user: str) -> str:
        """Where the app meets somebody: their workspace, or the first one when the app is not in theirs."""
        team: str = self.people[user]["team_id"]
        return team if team in self.workspaces else self.team

    def _me_in(self, place: Place | str) -> Install:
        return self.workspaces[place.team if isinstance(place, Place) else place]

    def _store(self, channel: str, message: JSON) -> JSON:
        self.messages[channel][message["ts"]] = message
        root = self.messages[channel].get(message.get("thread_ts", ""))
        if root is not None and root is not message:
            users = root.get("reply_users", [])
            root |= {"thread_ts": root["ts"], "reply_count": root.get("reply_count", 0) + 1,
                     "reply_users": [*users, *({message["user"]} - set(users))],
                     "latest_reply": message["ts"]}  # fmt: skip
        return message

    def _thread(self, channel: str, ts: str) -> list[JSON]:
        """The answers of a thread, oldest first."""
        answers = [m for m in self.messages[channel].values() if m.get("thread_ts") == ts and m["ts"] != ts]
        return sorted(answers, key=lambda m: float(m["ts"]))

    def _ts(self) -> str:
        """The time, as Slack names messages; never the same twice."""
        self._last_ts = max(self._last_ts + 100, int(time.time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def _id(self, kind: str) -> str:
        self._last_id += 1
        return f"{kind}0{self._last_id:08d}"


def told(message: JSON, *, metadata: bool = False) -> JSON:
    """A message as Slack tells it."""
    return {name: value for name, value in message.items() if name not in OURS or (metadata and name == "metadata")}
