"""The request: a prompt and its tools as they go over the wire."""

import json
import re
from dataclasses import replace
from enum import Enum

from bot.models import arguments
from bot.ports import Call, Prompt, Said, Tool


class Way(Enum):
    """How a model is made to call a tool."""

    TOOL = "tool_choice"
    SCHEMA = "json_schema"  # in words, and bound by a response_format
    JSON = "json_object"  # in words, and bound to JSON of any kind


def messages_of(prompt: Prompt) -> list[dict[str, object]]:
    return [_message(said) for said in prompt]


def _message(said: Said) -> dict[str, object]:
    if said.role == "tool":
        return {"role": "tool", "tool_call_id": said.call, "content": said.text}
    if said.calls:
        calls = [{"id": call.id, "type": "function", "function": _repeated(call)} for call in said.calls]
        return {"role": "assistant", "content": said.text or None, "tool_calls": calls}
    return {"role": said.role or "system", "content": _content(said)}


def _repeated(call: Call) -> dict[str, object]:
    """What a model called, as servers take it back: they refuse names of another form, and some read the arguments."""
    try:
        valid = isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        valid = False
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", call.name)[:64]
    return {"name": name, "arguments": call.arguments if valid else "{}"}


def in_words(prompt: Prompt) -> Prompt:
    """The prompt as a server reads it that has no tools: what they brought stands there as if somebody had said it."""
    if not any(said.calls for said in prompt):
        return prompt
    said = [replace(said, calls=()) for said in prompt if said.text]
    return [Said("user", f"(looked up: {one.text})") if one.role == "tool" else one for one in said]


def function_of(tool: Tool) -> dict[str, object]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def asking(prompt: Prompt, tool: Tool, way: Way) -> dict[str, object]:
    """What a request says to have a tool called."""
    schema = dict(tool.parameters)
    if way is Way.TOOL:
        return {
            "messages": messages_of(prompt),
            "tools": [function_of(tool)],
            "tool_choice": {"type": "function", "function": {"name": tool.name}},
        }
    form: dict[str, object] = {"type": way.value}
    if way is Way.SCHEMA:
        form["json_schema"] = {"name": tool.name, "schema": schema, "strict": False}
    return {"messages": messages_of(arguments.in_words(prompt, tool)), "response_format": form}


def _content(said: Said) -> str | list[dict[str, object]]:
    """Plain text where that is all: some servers know nothing else."""
    if not said.images:
        return said.text
    parts: list[dict[str, object]] = [{"type": "text", "text": said.text}]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in said.images]
    return parts
