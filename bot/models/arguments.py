"""What a model calls a tool with: asked for in words where a server has no tools, and never trusted unchecked."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, NoReturn

import fastjsonschema

from bot.chat import storable
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
    """The arguments in what a model wrote, as JSON text or as values; storable and valid. Raises NoArguments."""
    valid = _validator(json.dumps(dict(tool.parameters)))
    try:
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
        if len(text) > MOST:
            raise NoArguments
        found = _clean(json.loads(_bare(text), parse_constant=_refuse), DEPTH)
        valid(found)
    except fastjsonschema.JsonSchemaValueException as error:
        raise NoArguments(error.message) from None
    except (ValueError, RecursionError):
        raise NoArguments from None
    if not isinstance(found, dict):
        raise NoArguments
    return found


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


def _bare(text: str) -> str:
    """Without the fence that some models put around JSON."""
    text = text.strip()
    if len(text) > 6 and text.startswith("```") and text.endswith("```"):
        return text[3:-3].removeprefix("json")
    return text


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


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity, which Python reads and nobody else does."""
    raise NoArguments
