"""What a model calls a tool with: asked for in words where a server has no tools, and never trusted unchecked."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import fastjsonschema

from bot.chat import storable
from bot.models import loose_json
from bot.models.reasoning import read_whole
from bot.ports import Prompt, Said, Tool

MOST = 200_000  # characters; what a model writes in one answer is a tenth of that
WHY = 200  # characters
DEPTH = 32  # objects and lists within one another


class NoArguments(Exception):
    """What came is no arguments for this tool. Says no more than that: the rest would be a model's words."""

    def __init__(self, why: str = "that is no JSON of this form") -> None:
        super().__init__()
        self.why = why[:WHY]  # for the model alone: it may quote it


def read(said: object, tool: Tool) -> Mapping[str, Any]:
    """The arguments in what a model wrote, as JSON text or as values; storable and valid. Raises NoArguments.

    What it wrote around the JSON is passed over: reasoning, a fence, sentences. Of several, the last that is valid.
    """
    valid = _validator(json.dumps(dict(tool.parameters)))
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    if len(text) > MOST:
        raise NoArguments
    wrong = NoArguments()
    for value in reversed(_values(text, tool)):
        for found in _forms(value, tool):
            try:
                clean = _clean(found, DEPTH)
                valid(clean)
            except fastjsonschema.JsonSchemaValueException as error:
                wrong = NoArguments(error.message)
            except RecursionError:
                continue
            else:
                if isinstance(clean, dict):
                    return clean
    raise wrong from None


def in_words(prompt: Prompt, tool: Tool) -> Prompt:
    """The prompt with the tool's purpose and schema behind the last thing that a person said."""
    schema = json.dumps(dict(tool.parameters), ensure_ascii=False)
    words = f"{tool.description}\n\nAnswer with nothing but JSON that is valid for this schema:\n{schema}"
    lines = list(prompt)
    for place in reversed(range(len(lines))):
        if lines[place].role == "user":
            lines[place] = replace(lines[place], text=f"{lines[place].text}\n\n{words}")
            return lines
    return [*lines, Said("user", words)]


@lru_cache(maxsize=64)
def _validator(schema: str) -> fastjsonschema.Validator:
    """Compiled once: that takes as long as a thousand validations."""
    return fastjsonschema.compile(json.loads(schema), use_default=False)


def _values(text: str, tool: Tool) -> list[object]:
    """What of a text is JSON and was meant: not in reasoning, and of a call in words its arguments."""
    found = loose_json.values(text)
    if len(found) == 1 and text.lstrip()[:1] in "{[":
        return found
    answer, calls = read_whole(text, [tool])
    return [*loose_json.values(answer), *(value for call in calls for value in loose_json.values(call.arguments))]


def _forms(value: object, tool: Tool) -> Iterator[object]:
    """The arguments that a value may hold: itself, or what a call of the tool, or a list, has within."""
    if isinstance(value, Mapping):
        yield value
        function = value.get("function")
        call = function if isinstance(function, Mapping) else value
        if tool.name in (call.get("name"), call.get("function"), call.get("tool")):
            for name in ("arguments", "parameters", "input"):
                given = call.get(name)
                yield from loose_json.values(given) if isinstance(given, str) else [given]
        if set(value) == {tool.name}:
            yield value[tool.name]
    elif isinstance(value, list):
        if len(value) == 1:
            yield from _forms(value[0], tool)
        properties = tool.parameters.get("properties")
        if isinstance(properties, Mapping) and len(properties) == 1:
            [(name, schema)] = properties.items()
            if isinstance(schema, Mapping) and schema.get("type") == "array":
                yield {name: value}


def _clean(value: object, depth: int) -> object:
    """The same, as Postgres and JSON can hold it; at most `depth` deep."""
    match value:
        case str():
            return storable(value)
        case float() if not math.isfinite(value):  # 1e999
            raise NoArguments
        case dict() | list() if depth == 0:
            raise NoArguments
        case dict():
            return {storable(name): _clean(part, depth - 1) for name, part in value.items()}
        case list():
            return [_clean(part, depth - 1) for part in value]
        case _:
            return value
