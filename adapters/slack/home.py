"""App Home: what is remembered about a person, with buttons to forget it, take it with them, and wipe it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters.slack import page as pages
from adapters.slack.reading import Json, is_direct, parts
from bot.ports import Counts, Kept, Page

FORGET, EXPORT, FORGET_ALL = "hathi:home-forget", "hathi:home-export", "hathi:home-forget-all"
COMMAND = "hathi:home-command"  # a button that gives a command
LINES = 30  # of a page that are shown
BUTTON_VALUE = 2000
CONVERSATIONS = 30  # that are shown; a home holds 100 blocks


def view(
    about: Counts, kept: Sequence[Kept], slash_forget: str, page: Page, links: Mapping[str, str]
) -> dict[str, Any]:
    """The page of one person. `kept`: the conversations, the latest first. `links`: to messages that are known."""
    messages = about["mastra_messages"]
    shown = [_conversation(each) for each in kept[:CONVERSATIONS] if each.thread.platform == "slack"]
    elsewhere = messages - sum(each.messages for each in kept[:CONVERSATIONS] if each.thread.platform == "slack")
    return {
        "type": "home",
        "blocks": [
            _header("What I remember about you"),
            _section(
                f"*{messages}* {'message' if messages == 1 else 'messages'}: what you said to me, and what I answered. "
                "What you tell me in a direct message never reaches a channel."
                if messages
                else "Nothing yet. Write to me in the Messages tab, or mention me in a channel."
            ),
            *([_section("You are *off the record*: I keep nothing of what you say.")] if page.paused else []),
            *([{"type": "divider"}, _header("You"), *pages.blocks(page, links, LINES)] if page.lines else []),
            *([{"type": "divider"}, _header("Conversations"), *shown] if shown else []),
            *([_context(f"and {elsewhere} more in older conversations")] if elsewhere > 0 and shown else []),
            {"type": "divider"},
            {
                "type": "actions",
                "elements": [
                    _command("Resume" if page.paused else "Pause", f"memory {'resume' if page.paused else 'pause'}"),
                    {**_command("Export", "memory export"), "action_id": EXPORT},
                    button("Forget everything", "all", FORGET_ALL, _question("everything about you, everywhere")),
                ],
            },
            _context(f"Export comes as a file in our direct message. {slash_forget} forgets everything, too."),
        ],
    }


def trouble(sentence: str) -> dict[str, Any]:
    """The page when it cannot be known what is remembered."""
    return {"type": "home", "blocks": [_header("What I remember about you"), _section(sentence)]}


def button(label: str, value: str, action: str, confirm: Json | None = None) -> Json:
    """A red button; with `confirm`, Slack asks before it is pressed."""
    shown = {
        "type": "button",
        "style": "danger",
        "text": {"type": "plain_text", "text": label},
        "action_id": action,
        "value": value[:BUTTON_VALUE],
    }
    return {**shown, "confirm": confirm} if confirm else shown


def _command(label: str, line: str) -> Json:
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "text": text, "action_id": COMMAND, "value": line}


def _conversation(kept: Kept) -> Json:
    _, channel, root = parts(kept.thread)
    where = "Our direct message" if is_direct(channel) else f"<#{channel}>"
    begun = f", the thread of {_day(datetime.fromtimestamp(float(root)).astimezone())}" if root else ""
    count = f"{kept.messages} {'message' if kept.messages == 1 else 'messages'}"
    return {
        **_section(f"*{where}*{begun}\n{count}, last on {_day(kept.at)}"),
        "accessory": button("Forget", str(kept.thread), FORGET, _question("what you said there, and my answers to it")),
    }


def _question(what: str) -> Json:
    return {
        "title": {"type": "plain_text", "text": "Forget this?"},
        "text": {"type": "mrkdwn", "text": f"This deletes {what}. There is no way back."},
        "confirm": {"type": "plain_text", "text": "Forget"},
        "deny": {"type": "plain_text", "text": "Keep"},
        "style": "danger",
    }


def _day(at: datetime) -> str:
    """As each person's Slack shows it."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}}|{at:%Y-%m-%d}>"


def _header(text: str) -> Json:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
