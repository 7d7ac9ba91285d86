"""The app's manifest, from the registry of commands: `python -m adapters.slack.manifest` prints slack-manifest.yaml.

With `--url https://…` it prints the one for HTTP, with `--many` too for many workspaces, with `--prefix` the one for
SLACK_COMMAND_PREFIX.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from adapters.slack.declared import PROMPTS, SCOPES, slash_name
from bot.commands import Command, Commands

EVENTS = (
    "app_home_opened", "app_mention", "app_uninstalled", "channel_deleted", "channel_id_changed", "channel_shared",
    "channel_unshared", "group_deleted", "member_joined_channel", "message.channels", "message.groups", "message.im",
    "message.mpim", "tokens_revoked",
)  # fmt: skip
RESET, MESSAGE = "Reset this conversation", "message"


def shortcuts(commands: Commands) -> Iterator[tuple[str, str, str]]:
    """Entries in the menu of a message: the name of the command, its title, what it does."""
    yield "reset", RESET, "Delete what I keep of the conversation that this message belongs to"
    for command in commands.menu:
        yield command.name, command.menu, _sentence(command.summary)


def manifest(commands: Commands, prefix: str = "", url: str = "", *, many: bool = False) -> dict[str, Any]:
    """What Slack is told about the app: for Socket Mode, or with the address at which it is served.

    `many`: other workspaces and organisations install it too. Their tokens rotate; that cannot be switched off again.
    """
    events = {"request_url": f"{url}/slack/events"} if url else {}
    address = {"url": f"{url}/slack/events"} if url else {}
    redirect = {"redirect_urls": [f"{url}/slack/oauth_redirect"]} if url and many else {}
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Hathi",
            "description": "An assistant that remembers.",
            "long_description": LONG_DESCRIPTION.format(memory=slash_name("memory", prefix)),
            "background_color": "#3d5a6c",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Hathi", "always_online": True},
            "agent_view": {
                "agent_description": "Answers where you write, and remembers what was said: in this chat, in a thread.",
                "suggested_prompts": [{"title": title, "message": message} for title, message in PROMPTS],
            },
            "slash_commands": [
                {
                    "command": slash_name(command.name, prefix),
                    **address,
                    "description": _sentence(command.summary),
                    **({"usage_hint": hint} if (hint := _hint(command)) else {}),
                    "should_escape": False,
                }
                for command in commands.all
            ],
            "shortcuts": [
                {"name": title, "type": MESSAGE, "callback_id": name, "description": what}
                for name, title, what in shortcuts(commands)
            ],
        },
        "oauth_config": {**redirect, "scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**events, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **events},
            "org_deploy_enabled": many,
            "socket_mode_enabled": not url,
            "token_rotation_enabled": many,
        },
    }


def _hint(command: Command) -> str:
    """What may be typed behind a command's name."""
    if command.asks:
        return f"[{command.asks}]"
    return " | ".join(f"{choice.word} [{choice.asks}]" if choice.asks else choice.word for choice in command.choices)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def as_yaml(value: Any, depth: int = 0) -> str:
    """A manifest as YAML: mappings, lists, and scalars as JSON writes them, which YAML reads."""
    return "\n".join(_lines(value, depth)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield f"{pad}{key}:"
            yield from _lines(inner, depth + 1)
        elif isinstance(inner, Sequence) and not isinstance(inner, str):
            yield f"{pad}{key}:"
            for item in inner:
                if isinstance(item, dict):
                    first, *rest = _lines(item, depth + 2)
                    yield f"{pad}  - {first.strip()}"
                    yield from rest
                else:
                    yield f"{pad}  - {json.dumps(item, ensure_ascii=False)}"
        else:
            yield f"{pad}{key}: {json.dumps(inner, ensure_ascii=False)}"


LONG_DESCRIPTION = (
    "Hathi answers where you write to it: in a direct message, or in a thread under the message that mentions it. It "
    "follows the thread from then on, and remembers what was said there, also after a restart. What you tell it in a "
    "direct message stays there. Ask {memory} what it keeps, have it forget a message, a conversation, or everything "
    "about you, at any time."
)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--prefix", default="")
    arguments.add_argument("--url", default="")
    arguments.add_argument("--many", action="store_true")
    given = arguments.parse_args()
    registry = Commands(None, None, None, 0)  # type: ignore[arg-type]  # nothing is run
    sys.stdout.write(as_yaml(manifest(registry, given.prefix, given.url.rstrip("/"), many=given.many)))
