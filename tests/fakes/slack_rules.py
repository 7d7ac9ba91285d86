"""What Slack accepts and what a person then reads: the rules of the small strict Slack, without its state."""

import json
import re
from collections.abc import Iterator
from typing import Any

JSON = dict[str, Any]  # as it crosses the wire
TEXT_LIMIT = 40_000
MARKDOWN_LIMIT = 12_000
BLOCKS_LIMIT = 13_200
SECTION_LIMIT = 3_000
PING = re.compile(r"<!(?:channel|here|everyone)(?:\|[^>]*)?>|<!subteam\^[^>]+>|<@[UW][A-Z0-9]+(?:\|[^>]*)?>")
BLOCKS = set(
    "actions alert card context context_actions divider file header image input markdown plan rich_text section table"
    " task_card video".split()
)
UNREAD = {"action_id", "block_id", "callback_id", "channel", "event_type", "metadata", "private_metadata", "token",
          "value", "recipient_user_id", "user", "user_id", "initial_value"}  # fmt: skip
ELEMENTS = {
    "button",
    "feedback_buttons",
    "icon_button",
    "image",
    "overflow",
    "plain_text_input",
}  # as far as we know them
TRUE = {True, "1", "true", "True"}
FALSE = {False, "0", "false", "False"}


class Problem(Exception):
    """An answer of the API that is not ok."""

    def __init__(self, error: str, **more: Any) -> None:
        self.error, self.more = error, more
        super().__init__(error)


def check_content(args: JSON, *, blocks_at_most: int = 50) -> None:
    """What every message must be like."""
    text, markdown, blocks = args.get("text"), args.get("markdown_text"), args.get("blocks")
    for name in ("text", "markdown_text"):
        if name in args and not isinstance(args[name], str):
            raise Problem("invalid_arguments", response_metadata={"messages": [f"[ERROR] {name} must be a string"]})
    if markdown and (text or blocks):
        raise Problem("markdown_text_conflict")
    check_markdown(markdown or "")
    if blocks is not None:
        check_blocks(blocks, at_most=blocks_at_most)
    if not (text or "").strip() and not (markdown or "").strip() and not blocks and not args.get("attachments"):
        raise Problem("no_text")


def check_markdown(text: str) -> None:
    if len(text) > MARKDOWN_LIMIT:
        raise Problem("msg_too_long")


def check_blocks(blocks: Any, *, at_most: int = 50) -> None:
    """As far as a chat bot builds them."""
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise Problem("invalid_blocks_format")
    if len(blocks) > at_most:
        raise _wrong_block(f"no more than {at_most} items allowed")
    _check_all(blocks)
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > MARKDOWN_LIMIT or sum(map(len, _values_of("text", blocks))) > BLOCKS_LIMIT:
        raise Problem("msg_blocks_too_long")


def _check_all(blocks: list[JSON]) -> None:
    for block in blocks:
        _check_block(block)
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        raise _wrong_block("block_id appears twice")


def _check_block(block: JSON) -> None:
    kind = block.get("type")
    if kind not in BLOCKS:
        raise _wrong_block(f"unsupported type: {kind}")
    if len(block.get("block_id", "")) > 255:
        raise _wrong_block("block_id is over 255 characters")
    if kind == "markdown" and not (isinstance(block.get("text"), str) and block["text"]):
        raise _wrong_block("a markdown block needs text")
    if kind == "section":
        _check_section(block)
    if kind == "header":
        _check_plain(block.get("text"), 150)
    if kind == "input":
        _check_input(block)
    elements = block.get("elements", [])
    if kind in {"actions", "context_actions", "context"}:
        most = {"actions": 25, "context_actions": 5, "context": 10}[kind]
        if not isinstance(elements, list) or not 1 <= len(elements) <= most:
            raise _wrong_block(f"{kind} takes 1 to {most} elements")
    if kind == "context" and any(each.get("type") not in {"mrkdwn", "plain_text", "image"} for each in elements):
        raise _wrong_block("a context takes texts and images")
    if kind == "context":
        for element in elements:
            _check_text(element)
    if kind in {"actions", "context_actions"}:
        for element in elements:
            _check_element(element)
        ids = [each["action_id"] for each in elements if "action_id" in each]
        if len(ids) != len(set(ids)):
            raise _wrong_block("action_id appears twice in a block")


def _check_section(block: JSON) -> None:
    texts = [block["text"]] if "text" in block else []
    if not texts and not block.get("fields"):
        raise _wrong_block("a section needs text or fields")
    for text in texts:
        if not isinstance(text, dict) or text.get("type") not in {"mrkdwn", "plain_text"}:
            raise _wrong_block("a section's text is a text object")
        _check_text(text)
        if not 1 <= len(text.get("text", "")) <= SECTION_LIMIT:
            raise _wrong_block(f"a section's text has 1 to {SECTION_LIMIT} characters")
    if any(len(field.get("text", "")) > 2000 for field in block.get("fields", [])):
        raise _wrong_block("a section's field is over 2000 characters")
    if "accessory" in block:
        _check_element(block["accessory"])


def _check_text(text: JSON) -> None:
    known = {"mrkdwn": {"type", "text", "verbatim"}, "plain_text": {"type", "text", "emoji"}}
    if text.get("type") in known and set(text) - known[text["type"]]:
        raise _wrong_block(f"a text has no {', '.join(sorted(set(text) - known[text['type']]))}")


def _check_input(block: JSON) -> None:
    _check_plain(block.get("label"), 2000)
    element = block.get("element") or {}
    if element.get("type") != "plain_text_input":
        raise _wrong_block("an input takes a plain_text_input")
    _check_element(element)
    for name, least in (("max_length", 1), ("min_length", 0)):
        if not least <= element.get(name, least) <= 3000:
            raise _wrong_block(f"{name} is from {least} to 3000")
    initial = element.get("initial_value", "")
    if not isinstance(initial, str) or len(initial) > element.get("max_length", 3000):
        raise _wrong_block("initial_value is longer than it may become")
    if "placeholder" in element:
        _check_plain(element["placeholder"], 150)


def _check_element(element: JSON) -> None:
    if element.get("type") not in ELEMENTS:
        raise _wrong_block(f"unsupported element: {element.get('type')}")
    if len(element.get("action_id", "")) > 255:
        raise _wrong_block("action_id is over 255 characters")
    buttons = [element] if element.get("type") == "button" else []
    if element.get("type") == "feedback_buttons":
        buttons = [element.get("positive_button", {}), element.get("negative_button", {})]
    for button in buttons:
        _check_plain(button.get("text"), 75)
        if not isinstance(button.get("value", ""), str) or len(button.get("value", "")) > 2000:
            raise _wrong_block("a button's value is a string of up to 2000 characters")
        if button.get("style", "danger") not in {"danger", "primary"}:
            raise _wrong_block("a button's style is danger or primary")
    if element["type"] == "overflow":
        _check_options(element.get("options"))
    if "confirm" in element:
        _check_confirm(element["confirm"])


def _check_options(options: Any) -> None:
    if not isinstance(options, list) or not 2 <= len(options) <= 5:
        raise _wrong_block("an overflow menu has 2 to 5 options")
    for option in options:
        _check_plain(option.get("text"), 75)
        if not isinstance(option.get("value"), str) or not 1 <= len(option["value"]) <= 150:
            raise _wrong_block("an option's value is a string of up to 150 characters")


def _check_confirm(confirm: JSON) -> None:
    _check_plain(confirm.get("title"), 100)
    if not 1 <= len((confirm.get("text") or {}).get("text", "")) <= 300:
        raise _wrong_block("a confirmation's text has 1 to 300 characters")
    for name in ("confirm", "deny"):
        _check_plain(confirm.get(name), 30)


def _check_plain(text: Any, at_most: int) -> None:
    if not isinstance(text, dict) or text.get("type") != "plain_text":
        raise _wrong_block("expected plain_text")
    if not 1 <= len(text.get("text", "")) <= at_most:
        raise _wrong_block(f"plain_text has 1 to {at_most} characters here")


def _wrong_block(reason: str) -> Problem:
    return Problem("invalid_blocks", response_metadata={"messages": [f"[ERROR] {reason}"]})


def check_view(view: Any, kind: str) -> None:
    """A home tab, or a form (`modal`)."""
    if not isinstance(view, dict) or view.get("type") != kind or not isinstance(view.get("blocks"), list):
        raise Problem("invalid_arguments", response_metadata={"messages": [f"[ERROR] a {kind} view with blocks"]})
    if len(view["blocks"]) > 100:
        raise Problem("view_too_large")
    if len(view.get("private_metadata", "")) > 3000 or len(view.get("callback_id", "")) > 255:
        raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] too long to be kept"]})
    if any(block.get("type") == "markdown" for block in view["blocks"]):  # blocks of this kind are for messages
        raise _wrong_block("unsupported type: markdown")
    _check_all(view["blocks"])
    if kind == "modal":
        if not view["blocks"]:
            raise _wrong_block("a form has blocks")
        _check_plain(view.get("title"), 24)
        for name in ("submit", "close"):
            if view.get(name) is not None:
                _check_plain(view[name], 24)
        if any(block["type"] == "input" for block in view["blocks"]) and not view.get("submit"):
            raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] a form with fields: submit"]})
    elif view.keys() & {"title", "submit", "close"}:
        raise Problem("invalid_arguments", response_metadata={"messages": ["[ERROR] a home has no such things"]})


def chunk_text(args: JSON) -> str:
    """What a call to a stream adds to its text."""
    chunks = args.get("chunks") or []
    if not isinstance(chunks, list) or not all(isinstance(chunk, dict) for chunk in chunks):
        raise Problem("invalid_chunks")
    if any(chunk.get("type") not in {"markdown_text", "task_update", "plan_update", "blocks"} for chunk in chunks):
        raise Problem("invalid_chunks")
    text: str = args.get("markdown_text") or ""
    text += "".join(chunk["text"] for chunk in chunks if chunk["type"] == "markdown_text")
    check_markdown(text)
    return text


def pings(text: str) -> list[str]:
    """Whom a text would ping."""
    return PING.findall(text)


def posted_texts(value: Any) -> Iterator[str]:
    """All that a person may get to read of a call's arguments."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from posted_texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name not in UNREAD:
                yield from posted_texts(each)


def _values_of(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _values_of(name, each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == name and isinstance(each, str):
                yield each
            else:
                yield from _values_of(name, each)


def shown(message: JSON) -> str:
    """What a person reads."""
    if message.get("markdown_text"):
        return str(message["markdown_text"])
    markdown = [block["text"] for block in message.get("blocks") or [] if block.get("type") == "markdown"]
    if markdown:
        return "\n".join(markdown)
    return str(message.get("text") or "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def unpacked(form: JSON) -> JSON:
    """A form's values: those that are structures come as JSON in strings."""
    args = dict(form)
    for name in ("blocks", "metadata", "view", "attachments", "files", "prompts", "chunks", "loading_messages"):
        if isinstance(args.get(name), str):
            try:
                args[name] = json.loads(args[name])
            except ValueError:
                if name == "loading_messages":
                    args[name] = args[name].split(",")
                else:
                    raise Problem("invalid_arguments") from None
    return args
