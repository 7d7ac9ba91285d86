"""What Discord takes of components, forms, commands and files; the rest it refuses.

Each function takes a part of a request, as https://discord.com/developers/docs has it, and raises Refused, which says
what is wrong with it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

JSON = Mapping[str, Any]  # as it crosses the wire
ROW, BUTTON, STRING_SELECT, TEXT_INPUT, LABEL = 1, 2, 3, 4, 18  # components
CHAT_INPUT = 1  # a command that is typed
SUBCOMMAND, GROUP, STRING = 1, 2, 3  # options of one
FILE_BYTES = 10 * 2**20


class Refused(Exception):
    """Discord does not take this."""


def components(rows: Sequence[JSON]) -> None:
    """The rows under a message."""
    _want(len(rows) <= 5, "at most 5 rows")
    for row in rows:
        _want(row.get("type") == ROW, "a message's components stand in rows")
        inside = row["components"]
        kinds = {component.get("type") for component in inside}
        _want(kinds in ({BUTTON}, {STRING_SELECT}), f"a row holds buttons, or one menu, and not {kinds}")
        _want(len(inside) <= (1 if kinds == {STRING_SELECT} else 5), "a row has 5 buttons at most, or one menu")
        for component in inside:
            (_button if component["type"] == BUTTON else _select)(component)
    _unique([component["custom_id"] for row in rows for component in row["components"]], "custom_id")


def form(data: JSON) -> None:
    """A modal."""
    _long(data, "title", 1, 45)
    _long(data, "custom_id", 1, 100)
    _want(1 <= len(data["components"]) <= 5, "a form has 1 to 5 parts")
    for label in data["components"]:
        _want(label.get("type") == LABEL, "a form's parts are labels: rows are on their way out")
        _long(label, "label", 1, 45)
        _long(label, "description", 1, 100, needed=False)
        _text_input(label["component"])
    _unique([label["component"]["custom_id"] for label in data["components"]], "custom_id")


def commands(all_: Sequence[JSON]) -> None:
    """What an application can be asked."""
    _unique([(command.get("type", CHAT_INPUT), command["name"]) for command in all_], "name of a command")
    for command in all_:
        if command.get("type", CHAT_INPUT) != CHAT_INPUT:
            _long(command, "name", 1, 32)
            _want(not command.get("description") and not command.get("options"), "a menu's entry has only a name")
            continue
        _named(command)
        _options(command.get("options") or (), depth=0)


def files(attachments: Sequence[JSON], sent: Mapping[str, tuple[str, bytes]]) -> None:
    """The files of a multipart request: each is announced in `attachments`."""
    _want({f"files[{each['id']}]" for each in attachments} == set(sent), "files and attachments are the same")
    for each in attachments:
        _want(each["filename"] == sent[f"files[{each['id']}]"][0], "a file's name is told twice")
    _want(sum(len(data) for _, data in sent.values()) <= FILE_BYTES, "Request entity too large")


def inside(rows: Sequence[JSON]) -> Iterator[JSON]:
    """The buttons and menus in rows."""
    for row in rows:
        yield from row["components"]


def _button(button: JSON) -> None:
    _want(button.get("style") in {1, 2, 3, 4}, f"no style of a button with an id: {button.get('style')}")
    _long(button, "custom_id", 1, 100)
    _long(button, "label", 1, 80)


def _select(menu: JSON) -> None:
    _long(menu, "custom_id", 1, 100)
    _long(menu, "placeholder", 0, 150, needed=False)
    options = menu.get("options") or ()
    _want(1 <= len(options) <= 25, "a menu has 1 to 25 options")
    _unique([option["value"] for option in options], "value")
    for option in options:
        _long(option, "label", 1, 100)
        _long(option, "value", 1, 100)
        _long(option, "description", 1, 100, needed=False)
    chosen = sum(bool(option.get("default")) for option in options)
    _want(chosen <= menu.get("max_values", 1), "more is chosen than may be")


def _text_input(field: JSON) -> None:
    _want(field.get("type") == TEXT_INPUT, "only text inputs are known here")
    _want(field.get("style") in {1, 2}, "no style of a text input")
    _want(field.get("label") is None, "the label of a text input stands around it")
    _long(field, "custom_id", 1, 100)
    _long(field, "placeholder", 0, 100, needed=False)
    most = field.get("max_length", 4000)
    _want(1 <= most <= 4000, "max_length is 1 to 4000")
    _long(field, "value", field.get("min_length") or 0, most, needed=False)


def _options(options: Sequence[JSON], depth: int) -> None:
    _want(len(options) <= 25, "at most 25 options")
    _unique([option["name"] for option in options], "name of an option")
    subcommands = [option["type"] == SUBCOMMAND for option in options]
    _want(
        not any(subcommands) or (all(subcommands) and depth == 0), "subcommands stand alone, and in none of their own"
    )
    required = [bool(option.get("required")) for option in options]
    _want(required == sorted(required, reverse=True), "required options come first")
    for option in options:
        _named(option)
        _want(option["type"] in {SUBCOMMAND, STRING}, f"not known here: an option of type {option['type']}")
        _want(option["type"] == SUBCOMMAND or not option.get("options"), "a string has no options")
        _want(option["type"] == STRING or "required" not in option, "a subcommand is not required")
        _options(option.get("options") or (), depth + 1)


def _named(thing: JSON) -> None:
    _want(re.fullmatch(r"[-_a-z0-9]{1,32}", thing["name"]) is not None, f"no name: {thing['name']!r}")
    _long(thing, "description", 1, 100)


def _long(thing: JSON, name: str, least: int, most: int, *, needed: bool = True) -> None:
    """Discord counts code points, and so does len()."""
    text = thing.get(name)
    if text is None and not needed:
        return
    _want(isinstance(text, str) and least <= len(text) <= most, f"{name} is {least} to {most} in length: {text!r}")


def _unique(values: Sequence[object], what: str) -> None:
    _want(len(set(values)) == len(values), f"twice the same {what}")


def _want(true: bool, what: str) -> None:
    if not true:
        raise Refused(f"Invalid Form Body: {what}")
