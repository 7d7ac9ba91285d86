"""App Home: what is remembered about a person, in their hands: to correct, forget, pause, take along, and wipe."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.slack.blocks import actions, button, context, escaped, header, plain_text, said, section
from adapters.slack.reading import PLATFORM, Json, is_direct, parts
from bot.chat import Thread
from bot.ports import Counts, Kept, Page

FORGET, EXPORT, FORGET_ALL = "hathi:home-forget", "hathi:home-export", "hathi:home-forget-all"
LINES, CONVERSATIONS = 40, 30  # that are shown; a home holds 100 blocks


@dataclass(frozen=True, slots=True)
class Shown:
    """A page, as it is shown."""

    page: Page
    lines: Iterable[Json]  # the newest of them
    pausing: Json  # the button
    notice: str = ""  # what was just done


def view(about: Counts, kept: Sequence[Kept], shown: Shown, slash_forget: str) -> dict[str, Any]:
    """The home of one person. `kept`: the conversations, the latest first."""
    forget_all = button(
        "Forget everything", "all", FORGET_ALL, style="danger", confirm=_question("everything about you, everywhere")
    )
    return {
        "type": "home",
        "blocks": [
            header("What I remember about you"),
            *([said(shown.notice)] if shown.notice else []),
            section(_count(about, shown.page)),
            *([context(f"You are one person here and as {_names(shown.page)}.")] if shown.page.linked else []),
            *_lines(shown),
            *_conversations(about["mastra_messages"], kept),
            {"type": "divider"},
            *([section("You are off the record: I keep nothing of what you say.")] if shown.page.paused else []),
            actions(shown.pausing, button("Export", "all", EXPORT), forget_all),
            context(f"Export comes as a file in our direct message. {slash_forget} forgets everything, too."),
        ],
    }


def trouble(sentence: str) -> dict[str, Any]:
    """The home when it cannot be known what is remembered."""
    return {"type": "home", "blocks": [header("What I remember about you"), section(sentence)]}


def conversation(value: str, team: str) -> Thread | None:
    """What a button of the home is about; None when it is none of ours, or of another workspace."""
    try:
        thread = Thread.parse(value)
    except ValueError:
        return None
    return thread if thread.platform == PLATFORM and parts(thread)[0] == team else None


def _count(about: Counts, page: Page) -> str:
    messages = about["mastra_messages"]
    if not messages and not page.lines:
        return "Nothing yet. Write to me in the Messages tab, or mention me in a channel."
    return (
        f"*{messages}* {'message' if messages == 1 else 'messages'}: what you said to me, and what I answered. "
        "What you tell me in a direct message never reaches a channel."
    )


def _names(page: Page) -> str:
    return escaped(", ".join(map(str, page.linked)))


def _lines(shown: Shown) -> Sequence[Json]:
    lines = list(shown.lines)
    if not lines:
        return []
    older = len(shown.page.lines) - len(lines)
    more = [context(f"and {older} older {'line' if older == 1 else 'lines'}")] if older else []
    return [{"type": "divider"}, header("Your page"), *lines, *more]


def _conversations(messages: int, kept: Sequence[Kept]) -> Sequence[Json]:
    here = [each for each in kept[:CONVERSATIONS] if each.thread.platform == "slack"]
    if not here:
        return []
    elsewhere = messages - sum(each.messages for each in here)
    more = [context(f"and {elsewhere} more in older conversations")] if elsewhere > 0 else []
    return [{"type": "divider"}, header("Conversations"), *map(_conversation, here), *more]


def _conversation(kept: Kept) -> Json:
    _, channel, root = parts(kept.thread)
    where = "Our direct message" if is_direct(channel) else f"<#{channel}>"
    begun = f", the thread of {_day(datetime.fromtimestamp(float(root)).astimezone())}" if root else ""
    count = f"{kept.messages} {'message' if kept.messages == 1 else 'messages'}"
    question = _question("what you said there, and my answers to it")
    return {
        **section(f"*{where}*{begun}\n{count}, last on {_day(kept.at)}"),
        "accessory": button("Forget", str(kept.thread), FORGET, style="danger", confirm=question),
    }


def _question(what: str) -> Json:
    return {
        "title": plain_text("Forget this?"),
        "text": {"type": "mrkdwn", "text": f"This deletes {what}. There is no way back."},
        "confirm": plain_text("Forget"),
        "deny": plain_text("Keep"),
        "style": "danger",
    }


def _day(at: datetime) -> str:
    """As each person's Slack shows it."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}}|{at:%Y-%m-%d}>"
