"""What a message says, as the bot hears it: names for ids, words for what is no text. Pure, but for the files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from adapters import files
from bot.chat import Image, Message, Resource, Room, Thread

PLATFORM = "slack"
Json = Mapping[str, Any]  # as Slack defines it
PRIVATE_CHANNEL = "a private channel"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Workspace:
    """An installation of the bot, and who the bot is there."""

    id: str  # the workspace (T…), or the organisation (E…) that the bot was installed in as a whole
    user: str = ""
    bot: str = ""
    app: str = ""
    enterprise: str = ""  # the organisation that the workspace belongs to
    team: str = ""  # the workspace that an event comes from, also when the bot is installed in the organisation


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a message stands."""

    team: str
    channel: str
    ts: str  # a string: as a number it would lose digits
    thread_ts: str = ""  # of the message that its thread grew out of; empty when it stands in the channel itself
    shared: bool = False  # with people of other organisations

    @classmethod
    def of(cls, team: str, channel: str, data: Json, *, shared: bool = False) -> Self:
        """The spot of a message as Slack describes it; one that a thread grew out of names itself as its root."""
        ts = str(data.get("ts") or data.get("event_ts") or "")
        root = str(data.get("thread_ts") or "")
        return cls(team, channel, ts, "" if root == ts else root, shared)

    @classmethod
    def parse(cls, id_: str) -> Self:
        """Of a message or post by its id, `slack:T1:C1:17.4`."""
        _, team, channel, ts = id_.split(":")
        return cls(team, channel, ts)

    @property
    def id(self) -> str:
        """The message, as the transcript names it."""
        return f"{PLATFORM}:{self.team}:{self.channel}:{self.ts}"

    @property
    def root(self) -> str:
        """The message under which an answer stands."""
        return self.thread_ts or self.ts

    @property
    def direct(self) -> bool:
        """Whether it stands in a direct message."""
        return is_direct(self.channel)

    @property
    def thread(self) -> Thread:
        """The conversation: a thread, or a direct message outside of its threads."""
        if self.direct and not self.thread_ts:
            return Thread(PLATFORM, f"{self.team}:{self.channel}")
        return Thread(PLATFORM, f"{self.team}:{self.channel}:{self.root}")


def is_direct(channel: str) -> bool:
    """Whether a channel is a direct message with one person: Slack's ids tell."""
    return channel.startswith("D")


def parts(thread: Thread) -> tuple[str, str, str]:
    """Workspace, channel and root of a conversation; no root: a direct message outside of its threads."""
    team, channel, root = (*thread.id.split(":"), "")[:3]
    return team, channel, root


def person(data: Json, spot: Spot, workspace: Workspace) -> Resource:
    """Who said a message. A stranger from a connected workspace is known by that one: ids are unique in it alone."""
    team = data.get("user_team") or data.get("source_team") or data.get("team") if spot.shared else ""
    return resource(str(data.get("user") or data.get("bot_id") or ""), str(team or ""), workspace)


def resource(user: str, team: str, workspace: Workspace) -> Resource:
    """Somebody of a workspace; those of one organisation have one id in all of its workspaces."""
    home = workspace.enterprise or workspace.id
    ours = {workspace.id, workspace.enterprise, workspace.team, ""}
    return Resource(PLATFORM, f"{home if team in ours else team}:{user}")


def user_of(author: Resource) -> tuple[str, str]:
    """Workspace or organisation, and user."""
    team, _, user = author.id.partition(":")
    return team, user


def space_of(workspace: str) -> str:
    """A workspace, as the transcript names it."""
    return f"{PLATFORM}:{workspace}"


def room_of(spot: Spot, kind: str, home: str, *, closed: bool) -> Room:
    """Who reads along. `kind` is Slack's `channel_type`; what is not known counts as private, what is closed, too.

    `home`: the workspace, empty where only the organisation is known: nothing is public there. `closed`: outsiders or
    guests read there.
    """
    space = space_of(home or spot.team)
    if spot.direct:
        return Room("direct", f"{PLATFORM}:{spot.team}:{spot.channel}", space, closed)
    if kind == "channel" and home and not closed:
        return Room("public", space, space)
    return Room("private", f"{PLATFORM}:{spot.team}:{spot.channel}", space, closed)


def read(
    data: Json,
    spot: Spot,
    workspace: Workspace,
    room: Room,
    *,
    names: Mapping[str, str] = NOTHING,
    texts: Mapping[str, bytes | None] = MappingProxyType({}),
    zone: str = "",
) -> Message:
    """A message said to the bot. `names` by id of people and channels, `texts` of text files; `zone`: the author's."""
    author = person(data, spot, workspace)
    text = "\n".join(part for part in _parts(data, workspace, names, texts) if part)
    return Message(
        id=spot.id,
        thread=spot.thread,
        author=author,
        room=room,
        text=text or "(says nothing, but calls you)",
        at=at(spot.ts),
        name=names.get(str(data.get("user") or data.get("bot_id")), ""),
        images=_images(data, workspace),
        zone=zone,
    )


def ids_in(data: Json) -> set[str]:
    """People and channels that `read` wants to call by their names."""
    quoted = (str(each.get("text") or each.get("fallback") or "") for each in data.get("attachments") or ())
    text = " ".join((str(data.get("text") or ""), *quoted))
    found = {match[2] for match in _MENTION.finditer(text) if match[1] == "#" or not match[3]}
    return {*found, str(data.get("user") or "")} - {""}


def text_files(data: Json) -> list[Json]:
    """Those whose words `read` wants."""
    found = [file for file in _files(data) if not is_stub(file)]
    return [file for file in found if files.is_text(_name(file), str(file.get("mimetype") or ""), _size(file))]


def is_stub(file: Json) -> bool:
    """Whether Slack tells of a file only that there is one."""
    return file.get("file_access") == "check_file_info"


def unread(data: Json) -> bool:
    """Whether there are files of which `read` wants more than the event tells."""
    return bool(text_files(data)) or any(map(is_stub, _files(data)))


def plain(text: str, names: Mapping[str, str] = NOTHING) -> str:
    """Slack's markup as a person sees it."""

    def entity(match: re.Match[str]) -> str:
        inside, _, label = match[1].partition("|")
        kind, rest = inside[:1], inside[1:]
        if kind == "#":  # its label says a private channel's name to those who may not know it
            return f"#{names.get(rest) or PRIVATE_CHANNEL}"
        if kind == "@":
            return f"@{names.get(rest) or label.removeprefix('@') or 'unknown'}"
        if kind == "!":
            return label or "@" + rest.partition("^")[0]  # !here, !subteam^S1, !date^…
        address = inside.removeprefix("mailto:")
        return address if not label or label in {address, inside} or label in inside else f"{label} ({address})"

    text = re.sub(r"<([^<>\s][^<>]*)>", entity, text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def mentions(text: str, user: str) -> bool:
    """Whether somebody is called by their id."""
    return bool(user) and re.search(rf"<@{re.escape(user)}(\|[^<>]*)?>", text) is not None


def without_call(text: str, user: str) -> str:
    """A text without the mention of the bot that it begins with."""
    return re.sub(rf"^\s*<@{re.escape(user)}(?:\|[^<>]*)?>[\s,:]*", "", text) if user else text


def at(ts: str) -> datetime:
    """When a message was said."""
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)


_MENTION = re.compile(r"<([@#])([A-Z0-9]{2,30})(?:\|([^<>]*))?>")


def _parts(
    data: Json, workspace: Workspace, names: Mapping[str, str], texts: Mapping[str, bytes | None]
) -> Iterator[str]:
    yield plain(without_call(str(data.get("text") or ""), workspace.user), names)
    for attachment in data.get("attachments") or ():
        said = plain(str(attachment.get("text") or attachment.get("fallback") or ""), names)
        if attachment.get("is_share") or attachment.get("is_msg_unfurl"):
            yield f"[forwarded: {said or 'something without text'}]"
        elif data.get("bot_id") and said:  # people's attachments are previews of their links
            yield f"[card: {said}]"
    for file in _files(data):
        if str(file.get("id")) in texts:
            yield files.words(_name(file), texts[str(file["id"])])
        else:
            voice = file.get("subtype") == "slack_audio" or file.get("media_display_type") == "audio"
            yield files.named(_name(file), str(file.get("mimetype") or ""), _size(file), voice)


def _files(data: Json) -> Sequence[Json]:
    return [file for file in data.get("files") or () if file.get("mode") != "tombstone"]


def address(file: Json, data: Json, workspace: Workspace) -> str:
    """Where a file of the message `data` can be had; empty for one that is not Slack's own, or not this message's.

    An app may give a remote file (`mode: external`) any address, also that of a file which others have posted. So the
    path has to name the file itself, and the workspace where it was said, or that of its author in a shared channel.
    """
    url = str(file.get("url_private_download") or file.get("url_private") or "")
    found = _FILE.fullmatch(urlsplit(url).path)
    if found is None or file.get("mode") == "external" or file.get("is_external"):
        return ""
    teams = {workspace.id, workspace.team, workspace.enterprise, *(data.get(each) for each in _TEAMS)}
    plain_name = not {"/", "\\"} & set(unquote(found["name"]))
    return url if found["team"] in teams and found["file"] == file.get("id") and plain_name else ""


_FILE = re.compile(r"/files-pri/(?P<team>[A-Z0-9]+)-(?P<file>[A-Z0-9]+)/(download/)?(?P<name>[^/]+)")
_TEAMS = ("user_team", "source_team", "team")  # of a message's author, as Slack tells it


def _images(data: Json, workspace: Workspace) -> tuple[Image, ...]:
    """Pictures; one that is not to be fetched has no address, and the model is told that it cannot see it."""
    images = [Image(address(file, data, workspace), str(file.get("mimetype"))) for file in _files(data)]
    return tuple(image for image in images if image.type in files.IMAGE_TYPES)[: files.IMAGES]


def _name(file: Json) -> str:
    return " ".join(str(file.get("name") or file.get("title") or "without a name").split())


def _size(file: Json) -> int:
    return int(file.get("size") or 0)
