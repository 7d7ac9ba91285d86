"""Tools that are called inside a conversation: how servers stream such calls, and what they refuse to read of them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]  # JSON as it came

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, init=False)
class Calls:
    """An answer that calls tools: each with its name and its arguments, as values or as a text that need not be JSON.

    OpenAI's form, unless told otherwise: a piece with index, id and name, then pieces of the arguments with the index.
    """

    calls: tuple[tuple[str, object], ...]
    text: str  # said before
    reason: str
    ids: tuple[str, ...]  # empty: numbered from call_1; an empty one is left out
    indexes: str  # "each", "first": in a call's first piece only, "none", or "zero": the same for all
    whole: bool  # each call in one piece
    objects: bool  # arguments as an object, and so whole
    repeats: bool  # id and name in every piece

    def __init__(
        self,
        *calls: tuple[str, object],
        text: str = "",
        reason: str = "tool_calls",
        ids: tuple[str, ...] = (),
        indexes: str = "each",
        whole: bool = False,
        objects: bool = False,
        repeats: bool = False,
    ) -> None:
        values = locals()
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, values[name])

    def deltas(self) -> Iterator[Body]:
        """What the chunks bring."""
        for place, (name, given) in enumerate(self.calls):
            id_ = self.ids[place] if self.ids else f"call_{place + 1}"
            text = given if isinstance(given, str) else json.dumps(given)
            middle = len(text) // 2
            parts: list[object] = (
                [given] if self.objects else [text] if self.whole else ["", text[:middle], text[middle:]]
            )
            for number, part in enumerate(parts):
                piece: Body = {"function": {"arguments": part}}
                if number == 0 or self.repeats:
                    piece["function"]["name"] = name
                    piece |= {"type": "function"} | ({"id": id_} if id_ else {})
                if self.indexes in {"each", "zero"} or (self.indexes == "first" and number == 0):
                    piece["index"] = 0 if self.indexes == "zero" else place
                yield {"tool_calls": [piece]}


def holds_calls(message: object) -> bool:
    """Whether a message calls tools, or says what one brought."""
    return isinstance(message, dict) and ("tool_calls" in message or message.get("role") == "tool")


def complaint(body: Body) -> str:
    """What is refused about the calls in a conversation, in OpenAI's words; empty when all is well."""
    waiting: list[str] = []
    held = False
    for place, message in enumerate(body["messages"]):
        if message.get("role") == "tool":
            if wrong := _result_complaint(message, place, waiting):
                return wrong
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            break
        if "tool_calls" in message:
            held = True
            if wrong := _calling_complaint(message, f"messages[{place}]"):
                return wrong
            waiting = [call["id"] for call in message["tool_calls"]]
    if waiting:
        return (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(waiting)}"
        )
    if held and "tools" not in body:  # Anthropic's
        return "Requests which have `tool_use` or `tool_result` blocks in messages must define tools."
    return ""


def _result_complaint(message: Body, place: int, waiting: list[str]) -> str:
    if set(message) != {"role", "tool_call_id", "content"}:
        return f"messages[{place}] has not just a role, a tool_call_id and content"
    if message["tool_call_id"] not in waiting:
        return (
            f"Invalid parameter: messages[{place}]: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'."
        )
    if not (isinstance(message["content"], str) and message["content"].strip()):
        return f"messages[{place}].content is no text, or empty"
    return ""


def _calling_complaint(message: Body, where: str) -> str:
    if set(message) != {"role", "content", "tool_calls"} or message.get("role") != "assistant":
        return f"{where} has not just the role assistant, content and tool_calls"
    content = message["content"]
    if content is not None and not (isinstance(content, str) and content.strip()):
        return f"{where}.content is no text, or empty"
    if not (isinstance(message["tool_calls"], list) and message["tool_calls"]):
        return f"[] is too short - '{where}.tool_calls'"
    ids = [call.get("id") for call in message["tool_calls"]]
    if len(set(ids)) < len(ids) or not all(isinstance(id_, str) and id_ for id_ in ids):
        return f"{where}.tool_calls: each must have an id of its own"
    for number, call in enumerate(message["tool_calls"]):
        if wrong := _call_complaint(call):
            return f"Invalid '{where}.tool_calls[{number}]': {wrong}"
    return ""


def _call_complaint(call: Body) -> str:
    function = call.get("function")
    if set(call) != {"id", "type", "function"} or call["type"] != "function":
        return "not just an id, the type function and a function"
    if not isinstance(function, dict) or set(function) != {"name", "arguments"}:
        return "not just a name and arguments"
    if not (isinstance(function["name"], str) and _NAME.fullmatch(function["name"])):
        return "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
    try:
        valid = isinstance(json.loads(function["arguments"]), dict)
    except (TypeError, ValueError):
        valid = False
    return "" if valid else "Failed to parse tool call arguments as JSON"  # llama.cpp's
