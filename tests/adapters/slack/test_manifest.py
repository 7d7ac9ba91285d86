"""The app's manifest: what Slack takes, what the code needs, and the file that people paste."""

import ast
import asyncio
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.declared import PROMPTS, SCOPES
from adapters.slack.manifest import EVENTS, as_yaml, manifest
from bot.commands import Commands
from tests.adapters.slack.conftest import House

TOP = Path(__file__).parents[3]
SLACK = TOP / "adapters" / "slack"
COMMANDS = Commands(None, None, None, 0)  # type: ignore[arg-type]  # nothing is run
FORMS = [("", ""), ("elephant-", ""), ("", "https://hathi.example.org"), ("elephant-", "https://hathi.example.org")]

# What Slack's schema knows (github.com/slackapi/manifest-schema), with the most that each may hold.
KEYS: dict[str, Any] = {
    "_metadata": {"major_version": 2, "minor_version": 1},
    "display_information": {"name": 35, "description": 140, "long_description": 4000, "background_color": 7},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": True},
        "bot_user": {"display_name": 80, "always_online": True},
        "agent_view": {
            "agent_description": 300,
            "suggested_prompts": (4, {"title": 100, "message": 1000}),
            "actions": (10, {"name": 100, "description": 300}),
        },
        "slash_commands": (
            50, {"command": 32, "description": 2000, "usage_hint": 1000, "url": 3000, "should_escape": True},
        ),
        "shortcuts": (10, {"name": 24, "type": 10, "callback_id": 255, "description": 150}),
    },
    "oauth_config": {"redirect_urls": (1000, 3000), "scopes": {"bot": (255, 100), "user": (255, 100)}},
    "settings": {
        "event_subscriptions": {"request_url": 3000, "bot_events": (100, 100), "user_events": (100, 100)},
        "interactivity": {"is_enabled": True, "request_url": 3000},
        "org_deploy_enabled": True,
        "socket_mode_enabled": True,
        "token_rotation_enabled": True,
    },
}  # fmt: skip

# What each method needs (https://docs.slack.dev/reference/methods). Channels are read by kind.
HISTORY = {"channels:history", "groups:history", "im:history", "mpim:history"}
METHODS: dict[str, set[str]] = {
    "apps.connections.open": set(),  # the app's token
    "assistant.threads.setStatus": {"chat:write"},
    "assistant.threads.setSuggestedPrompts": {"assistant:write"},
    "assistant.threads.setTitle": {"assistant:write"},
    "auth.test": set(),
    "chat.appendStream": {"chat:write"},
    "chat.delete": {"chat:write"},
    "chat.getPermalink": set(),
    "chat.postEphemeral": {"chat:write"},
    "chat.postMessage": {"chat:write"},
    "chat.startStream": {"chat:write"},
    "chat.stopStream": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": HISTORY,
    "conversations.info": {"channels:read", "groups:read", "mpim:read"},  # of direct messages the id tells enough
    "conversations.members": {"channels:read", "groups:read", "mpim:read"},
    "conversations.open": {"im:write"},
    "conversations.replies": HISTORY,
    "files.info": {"files:read"},
    "files_upload_v2": {"files:write"},
    "users.conversations": {"channels:read", "groups:read", "im:read", "mpim:read"},
    "users.info": {"users:read"},
    "users.list": {"users:read"},
    "views.open": set(),
    "views.publish": set(),
    "views.update": set(),
}
# What each event needs (https://docs.slack.dev/reference/events).
EVENT_SCOPES: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "app_uninstalled": set(),
    "channel_deleted": {"channels:read"},
    "channel_id_changed": {"channels:read"},
    "channel_shared": {"channels:read"},
    "channel_unshared": {"channels:read"},
    "group_deleted": {"groups:read"},
    "member_joined_channel": {"channels:read", "groups:read"},
    "message.channels": {"channels:history"},
    "message.groups": {"groups:history"},
    "message.im": {"im:history"},
    "message.mpim": {"mpim:history"},
    "tokens_revoked": set(),
}
BESIDES = {"commands"}  # slash commands and shortcuts


def printed(prefix: str = "", url: str = "", *, many: bool = False) -> dict[str, Any]:
    return manifest(COMMANDS, prefix, url, many=many)


def misfits(value: Any, known: Any, where: str = "") -> Iterator[str]:
    """What a manifest holds that Slack does not know, or that is too long."""
    match known:
        case bool():
            if not isinstance(value, bool):
                yield f"{where}: {value!r} is neither true nor false"
        case dict():
            for key, inner in value.items():
                if key not in known:
                    yield f"{where}.{key} is not known"
                else:
                    yield from misfits(inner, known[key], f"{where}.{key}")
        case (most, item):
            if not 1 <= len(value) <= most:
                yield f"{where}: {len(value)} items"
            for each in value:
                yield from misfits(each, item, where)
        case int() if where.startswith("._metadata"):
            if value != known:
                yield f"{where} is {value}"
        case int():
            if not isinstance(value, str) or not 1 <= len(value) <= known:
                yield f"{where}: {value!r}"


def called_methods() -> set[str]:
    """Each method of Slack's that the adapter's source names, as the library names it."""
    methods = dict(inspect.getmembers(AsyncWebClient, inspect.iscoroutinefunction))
    named = {getattr(node, "attr", getattr(node, "value", "")) for node in all_nodes()}
    found = set()
    for name in methods.keys() & {each for each in named if isinstance(each, str)} - {"api_call"}:
        asked = re.search(r'self\.api_call\(\s*"([\w.]+)"', inspect.getsource(methods[name]))
        found.add(asked[1] if asked else name)
    return found


def all_nodes() -> Iterator[ast.AST]:
    for path in SLACK.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute | ast.Constant):
                yield node


def handled_events() -> set[str]:
    """The types of events that the adapter's one `match` knows."""
    tree = ast.parse((SLACK / "hearing.py").read_text())
    (method,) = [n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef) and n.name == "event"]
    cases = [node.value for node in ast.walk(method) if isinstance(node, ast.MatchValue)]
    return {str(case.value) for case in cases if isinstance(case, ast.Constant)}


def read_yaml(text: str) -> Any:
    """The part of YAML that a manifest is written in: blocks by their indentation, scalars as JSON has them."""
    lines = [(len(line) - len(line.lstrip()), line.strip()) for line in text.splitlines()]

    def block(at: int, depth: int) -> tuple[Any, int]:
        made: Any = [] if lines[at][1].startswith("- ") else {}
        while at < len(lines) and lines[at][0] == depth:
            line = lines[at][1]
            if isinstance(made, list):
                item = line.removeprefix("- ")
                assert item != line, line
                if re.match(r"\w+:", item):  # a mapping whose first line stands behind the dash
                    lines[at] = depth + 2, item
                    inner, at = block(at, depth + 2)
                    made.append(inner)
                else:
                    made.append(json.loads(item))
                    at += 1
                continue
            key, colon, value = line.partition(":")
            assert colon, line
            assert re.fullmatch(r"\w+", key), line
            assert key not in made, line
            if value:
                assert value.startswith(" "), line
                made[key] = json.loads(value)
                at += 1
            else:
                assert lines[at + 1][0] > depth, line
                made[key], at = block(at + 1, lines[at + 1][0])
        assert at == len(lines) or lines[at][0] < depth, lines[at]
        return made, at

    made, end = block(0, 0)
    assert end == len(lines)
    return made


async def run(*arguments: str) -> str:
    command = sys.executable, "-m", "adapters.slack.manifest", *arguments
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=TOP, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    return out.decode()


async def test_the_file_at_the_top_is_what_the_module_prints() -> None:
    assert (TOP / "slack-manifest.yaml").read_text() == await run() == as_yaml(printed())


async def test_the_options_print_the_other_forms() -> None:
    assert await run("--prefix", "elephant-") == as_yaml(printed("elephant-"))
    address = "https://hathi.example.org"
    assert await run("--url", f"{address}/") == as_yaml(printed("", address))
    assert await run("--url", address, "--many") == as_yaml(printed("", address, many=True))


@pytest.mark.parametrize(("prefix", "url"), FORMS)
def test_slack_knows_all_that_it_says_and_none_of_it_is_too_long(prefix: str, url: str) -> None:
    made = printed(prefix, url)
    assert list(misfits(made, KEYS)) == []
    assert len(made["display_information"]["long_description"]) >= 175
    assert re.fullmatch(r"#[0-9a-f]{6}", made["display_information"]["background_color"])
    assert {each["type"] for each in made["features"]["shortcuts"]} <= {"message", "global"}
    assert all(re.fullmatch(r"/[a-z0-9_-]+", each["command"]) for each in made["features"]["slash_commands"])


def test_what_slack_does_not_know_or_take_is_noticed() -> None:
    made = printed()
    made["features"]["magic"] = {}
    made["features"]["shortcuts"][0]["name"] = "x" * 25
    made["features"]["agent_view"]["suggested_prompts"] *= 2
    made["settings"]["socket_mode_enabled"] = "true"
    assert len(list(misfits(made, KEYS))) == 4


@pytest.mark.parametrize(("prefix", "url"), FORMS)
def test_what_is_written_is_read_as_the_same(prefix: str, url: str) -> None:
    made = printed(prefix, url)
    assert read_yaml(as_yaml(made)) == made


def test_it_holds_every_command_and_menu_entry() -> None:
    features = printed()["features"]
    assert [(each["command"], each["should_escape"]) for each in features["slash_commands"]] == [
        ("/reset", False), ("/forget", False), ("/memory", False), ("/link", False), ("/unlink", False),
        ("/hathi-help", False),
    ]  # fmt: skip
    hints = {each["command"]: each["usage_hint"] for each in features["slash_commands"] if "usage_hint" in each}
    assert hints == {"/forget": "me | about [what]", "/link": "[code]"}
    assert [each["callback_id"] for each in features["shortcuts"]] == ["reset", "forget-message"]
    assert len(COMMANDS.all) == len(features["slash_commands"])
    assert [each["title"] for each in features["agent_view"]["suggested_prompts"]] == [title for title, _ in PROMPTS]


def test_with_a_prefix_every_command_has_it() -> None:
    commands = [each["command"] for each in printed("elephant-")["features"]["slash_commands"]]
    assert [command.removeprefix("/elephant-") for command in commands] == [
        "reset", "forget", "memory", "link", "unlink", "help",
    ]  # fmt: skip
    assert "Ask /elephant-memory what it keeps" in printed("elephant-")["display_information"]["long_description"]


def test_without_an_address_it_is_for_socket_mode_and_with_one_for_http() -> None:
    sockets, http = printed(), printed("", "https://hathi.example.org")
    assert sockets["settings"]["socket_mode_enabled"]
    assert "url" not in json.dumps(sockets)
    assert not http["settings"]["socket_mode_enabled"]
    assert http["oauth_config"].keys() == {"scopes"}
    asked = {each["url"] for each in http["features"]["slash_commands"]}
    asked |= {http["settings"][each]["request_url"] for each in ("event_subscriptions", "interactivity")}
    assert asked == {"https://hathi.example.org/slack/events"}


def test_tokens_rotate_only_where_many_workspaces_install_it() -> None:
    one, many = printed("", "https://hathi.example.org"), printed("", "https://hathi.example.org", many=True)
    for name in ("token_rotation_enabled", "org_deploy_enabled"):
        assert (one["settings"][name], many["settings"][name]) == (False, True)
    assert many["oauth_config"]["redirect_urls"] == ["https://hathi.example.org/slack/oauth_redirect"]


def test_it_subscribes_to_the_events_that_are_handled_and_to_no_others() -> None:
    assert {event.partition(".")[0] for event in EVENTS} == handled_events()
    assert set(EVENTS) == set(EVENT_SCOPES)
    assert len(EVENTS) == len(set(EVENTS))


def test_its_scopes_are_those_that_the_calls_and_events_need_and_no_others() -> None:
    assert called_methods() == set(METHODS)
    needed = BESIDES.union(*METHODS.values(), *EVENT_SCOPES.values())
    assert set(SCOPES) == needed
    assert list(SCOPES) == sorted(SCOPES)


@pytest.mark.parametrize("mode", ["sockets", "http"])
async def test_the_bot_does_all_that_it_does_with_no_more_than_these_scopes(house: House, mode: str) -> None:
    house.slack.scopes = set(SCOPES)
    if mode == "http":
        await house.start(slack_app_token="")
    else:
        await house.start()
    other = house.slack.channel("other", "private")
    root = await house.slack.say(house.bob, house.channel, "lunch?")
    await house.ask(f"{house.at} what do you think, <#{other}>?", thread_ts=root)
    await house.ask("hello", channel=house.dm, files=[house.slack.file("note.txt", b"a note", "text/plain")])
    assert "a note" in " ".join(house.asked())
    for tab in ("home", "messages"):
        await house.slack.home(house.ana, tab)
    await house.slack.until(lambda: house.ana in house.slack.homes and house.slack.prompts)
    await house.slack.press(house.ana, house.dm, None, "hathi:home-export", "all", view=True)
    await house.slack.until(lambda: house.slack.uploads)
    await house.slack.say(house.ana, house.channel, "!memory", thread_ts=root)
    await house.slack.until(lambda: house.slack.ephemerals)
    await house.stop()
    await house.start(**({"slack_app_token": ""} if mode == "http" else {}))
    await house.slack.until(lambda: house.slack.calls("users.conversations"))
    await house.quiet()
    documented = {*METHODS, "files.getUploadURLExternal", "files.completeUploadExternal"}
    assert {method for method, _, _, _ in house.slack.requests} <= documented
