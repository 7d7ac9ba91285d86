"""Which messages are said to the bot, and which are commands. Pure: what Slack sent goes in, a decision comes out."""

from collections.abc import Iterable
from dataclasses import dataclass

from adapters.slack.reading import Json, Spot, Workspace, mentions, plain, without_call


@dataclass(frozen=True, slots=True)
class Rules:
    """Whom the bot listens to: ids of people, channels, workspaces and organisations. An empty `allow` allows all."""

    allow: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()

    def permit(self, ids: Iterable[object]) -> bool:
        """Whether something with these ids may be read: none of them is denied, one of them is allowed."""
        known = {str(id_) for id_ in ids if id_}
        return not known & self.deny and (not self.allow or bool(known & self.allow))

    def permit_message(self, data: Json, channel: str, us: Workspace) -> bool:
        """Whether a message may be read."""
        names = ("user", "bot_id", "team", "user_team", "source_team")
        return self.permit((*(data.get(name) for name in names), channel, us.id, us.team, us.enterprise))

    def permit_install(self, installer: str, team: str, enterprise: str) -> bool:
        """Whether the bot may be installed; an `allow` that names channels alone says nothing about that."""
        who = frozenset(id_ for id_ in self.allow if id_[:1] in "TEUW")
        return Rules(who, self.deny).permit((installer, team, enterprise))


SPOKEN = {"", "file_share", "thread_broadcast"}  # subtypes of what people say; all else is Slack's own, or a bot's


def addressed(data: Json, spot: Spot, us: Workspace) -> bool | None:
    """Whether a message is said to the bot; None: it is if the bot takes part in the thread where it stands."""
    if str(data.get("subtype") or "") not in SPOKEN or is_ours(data, us) or not (data.get("user") or is_bot(data)):
        return False
    called = mentions(str(data.get("text") or ""), us.user)
    if is_bot(data):
        return called
    if called or spot.direct or data.get("type") == "app_mention":
        return True
    return None if spot.thread_ts else False


def is_bot(data: Json) -> bool:
    """Whether a program said it."""
    return bool(data.get("bot_id"))


def is_ours(data: Json, us: Workspace) -> bool:
    """Whether the bot said it itself."""
    if us.user and data.get("user") == us.user:
        return True
    return is_bot(data) and (data["bot_id"] == us.bot or bool(us.app and data.get("app_id") == us.app))


def is_told_twice(data: Json, us: Workspace) -> bool:
    """Whether an event is the copy of a mention that comes, maybe to another process, as `app_mention` too."""
    in_channel = data.get("type") == "message" and data.get("channel_type") in {"channel", "group"}
    return in_channel and mentions(str(data.get("text") or ""), us.user)


def is_changed(event: Json) -> bool:
    """Whether somebody changed what a message says; Slack tells of previews in the same way."""
    new, old = event.get("message") or {}, event.get("previous_message")
    if old is None:
        return bool(new.get("edited"))
    return (new.get("text"), _file_ids(new)) != (old.get("text"), _file_ids(old))


def typed(text: str, us: Workspace, usages: frozenset[str]) -> list[str]:
    """The words of a command that is typed: behind a `!`, or as all that follows a mention of the bot; else none.

    `usages`: commands as they are typed, `forget me`, however large. Behind a mention anything else is a sentence.
    What follows a name behind a `!` is as it was written.
    """
    said = without_call(text, us.user)
    words = plain(said).split()
    if not words:
        return []
    name = words[0].removeprefix("!").lower()
    if words[0].startswith("!") and any(usage.split()[0] == name for usage in usages):
        return [name, *words[1:]]
    line = " ".join(words).lower()
    return line.split() if said != text and line in usages else []


def _file_ids(data: Json) -> list[str]:
    return [str(file.get("id")) for file in data.get("files") or () if file.get("mode") != "tombstone"]
