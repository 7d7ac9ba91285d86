"""The request: a prompt and its tools as they go over the wire, in the form that a model's server takes."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from bot.models import arguments
from bot.models.remote.profile import (
    CACHE_MARKS,
    FREE_TURNS,
    IMAGES,
    LATE_SYSTEM,
    SYSTEM,
    TOOL_CHOICE,
    TOOLS,
    Profile,
    Way,
)
from bot.ports import Call, Prompt, Said, Tool
from bot.prompt import UNSEEN

EARLIER = "(What was said before this is left out.)"  # where a server wants the user to begin
GO_ON = "(Go on.)"  # where a server wants the user to end


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked, whatever its server takes."""

    model: str  # as the provider calls it
    prompt: Prompt
    tools: Sequence[Tool] = ()
    calling: bool = True  # tools may be called
    forced: Tool | None = None  # the one that must be called
    stream: bool = True
    limit: int | None = None  # tokens of the answer
    fields: Mapping[str, object] = field(default_factory=dict)  # of the body, beside


def body_of(asked: Asked, profile: Profile) -> dict[str, object]:
    """The body of a request for what is asked, without what is left out."""
    prompt, more = _with_tools(asked, profile) if asked.forced is None else _forced(asked.prompt, asked.forced, profile)
    body: dict[str, object] = {"model": asked.model, "messages": messages_of(prompt, profile)}
    if asked.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if asked.limit is not None and profile.limit:
        body[profile.limit] = asked.limit
    body |= asked.fields
    if profile.left_out:
        body = {name: value for name, value in body.items() if profile.takes(name)}
    return body | more


def way_of(body: Mapping[str, object]) -> Way:
    """The way in which a body has a tool called."""
    if "tools" in body:
        return Way.TOOL
    form = body.get("response_format")
    return Way(form["type"]) if isinstance(form, Mapping) else Way.WORDS


def messages_of(prompt: Prompt, profile: Profile) -> list[dict[str, object]]:
    """The messages, in the roles and the order that the server takes."""
    said = prompt
    if profile.left_out:
        said = _shaped(prompt, profile)
    marks = _marks(said) if profile.takes(CACHE_MARKS) else ()
    return [_message(one, marked=place in marks) for place, one in enumerate(said)]


def _with_tools(asked: Asked, profile: Profile) -> tuple[Prompt, dict[str, object]]:
    """The prompt, and the fields that offer tools."""
    offered = bool(asked.tools) and profile.takes(TOOLS)
    if not offered or not (asked.calling or profile.takes(TOOL_CHOICE)):
        return _without_calls(asked.prompt), {}
    more: dict[str, object] = {"tools": [_function(tool) for tool in asked.tools]}
    if profile.takes(TOOL_CHOICE):
        more["tool_choice"] = "auto" if asked.calling else "none"
    return asked.prompt, more


def _forced(prompt: Prompt, tool: Tool, profile: Profile) -> tuple[Prompt, dict[str, object]]:
    """The prompt, and the fields that have a tool called, in the best way there is."""
    way = profile.way
    if way is Way.TOOL:
        choice = {"type": "function", "function": {"name": tool.name}}
        return prompt, {"tools": [_function(tool)], "tool_choice": choice}
    said = arguments.in_words(prompt, tool)
    if way is Way.WORDS:
        return said, {}
    form: dict[str, object] = {"type": way.value}
    if way is Way.SCHEMA:
        form["json_schema"] = {"name": tool.name, "schema": dict(tool.parameters), "strict": False}
    return said, {"response_format": form}


def _shaped(prompt: Prompt, profile: Profile) -> Prompt:
    said = prompt
    if not profile.takes(IMAGES):
        said = [replace(one, text=f"{one.text} {UNSEEN}", images=()) if one.images else one for one in said]
    if not profile.takes(LATE_SYSTEM):
        said = [*said[:1], *(one if one.role else replace(one, role="user") for one in said[1:])]
    if not profile.takes(SYSTEM):
        said = _instructed(said)
    if not profile.takes(FREE_TURNS):
        said = _in_turns(said)
    return said


def _instructed(prompt: Prompt) -> Prompt:
    """The prompt with its instructions at the beginning of the user's first message."""
    instructions = [one for one in prompt if one.role is None]
    others = [one for one in prompt if one.role is not None]
    if not instructions:
        return prompt
    if not others or others[0].role != "user":
        others = [Said("user", EARLIER, stable=True), *others]
    return [_joined([*instructions, others[0]], others[0]), *others[1:]]


def _in_turns(prompt: Prompt) -> Prompt:
    """The prompt as turns of user and assistant, the user's first and last; what tools bring stays in place."""
    said = _merged(prompt)
    first = next((place for place, one in enumerate(said) if one.role is not None), len(said))
    if first < len(said) and said[first].role == "assistant":
        said.insert(first, Said("user", EARLIER, stable=True))
    if said[-1].role not in {"user", "tool"}:
        said.append(Said("user", GO_ON))
    return said


def _merged(prompt: Prompt) -> list[Said]:
    """The prompt with the neighbours of one role as one message; neither calls nor what they brought."""
    said: list[Said] = []
    for one in prompt:
        if said and said[-1].role == one.role != "tool" and not said[-1].calls:
            said[-1] = _joined([said[-1], one], one)
        else:
            said.append(one)
    return said


def _joined(several: Sequence[Said], like: Said) -> Said:
    return replace(
        like,
        text="\n\n".join(one.text for one in several if one.text),
        images=tuple(image for one in several for image in one.images),
        stable=all(one.stable for one in several),
    )


def _marks(prompt: Prompt) -> set[int]:
    """The places of the messages whose end is marked: that of the instructions, and of all that is stable."""
    stable = list(takewhile(lambda one: one.stable, prompt))
    instructions = list(takewhile(lambda one: one.role is None, stable))
    return {len(part) - 1 for part in (stable, instructions) if part}


def _message(said: Said, *, marked: bool) -> dict[str, object]:
    if said.role == "tool":
        return {"role": "tool", "tool_call_id": said.call, "content": said.text}
    if said.calls:
        calls = [{"id": call.id, "type": "function", "function": _repeated(call)} for call in said.calls]
        return {"role": "assistant", "content": said.text or None, "tool_calls": calls}
    return {"role": said.role or "system", "content": _content(said, marked=marked)}


def _repeated(call: Call) -> dict[str, object]:
    """What a model called, as servers take it back: they refuse names of another form, and some read the arguments."""
    try:
        valid = isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        valid = False
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", call.name)[:64]
    return {"name": name, "arguments": call.arguments if valid else "{}"}


def _without_calls(prompt: Prompt) -> Prompt:
    """The prompt as a server reads it that has no tools: what they brought stands there as if somebody had said it."""
    if not any(said.calls for said in prompt):
        return prompt
    said = [replace(said, calls=()) for said in prompt if said.text]
    return [Said("user", f"(looked up: {one.text})") if one.role == "tool" else one for one in said]


def _function(tool: Tool) -> dict[str, object]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _content(said: Said, *, marked: bool) -> str | list[dict[str, object]]:
    """Plain text where that is all: some servers know nothing else."""
    if not (said.images or marked):
        return said.text
    parts: list[dict[str, object]] = [{"type": "text", "text": said.text}]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in said.images]
    if marked:
        parts[-1]["cache_control"] = {"type": "ephemeral"}
    return parts
