"""Calls of tools that a model wrote as text, read in the forms that models are trained on. Pure.

What was written counts only if it names a tool that was offered; the arguments are validated by whoever uses the tool.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.models import loose_json
from bot.ports import Tool

MOST = 20_000  # characters of one block that are read


@dataclass(frozen=True, slots=True)
class Written:
    name: str
    arguments: str  # JSON


def read(text: str, tools: Sequence[Tool]) -> tuple[Written, ...]:
    """The calls in what stood between two marks; `tools` say which of the parameters are texts."""
    text = text[:MOST].replace("｜DSML｜", "")
    schemas = {tool.name: tool.parameters for tool in tools}
    for form in (_tagged, _keyed, _named, _objects):
        found = tuple(form(text, schemas))
        if found:
            return found
    return ()


def whole(text: str, tools: Sequence[Tool]) -> tuple[Written, ...]:
    """The calls in an answer that is nothing but JSON, in a fence or not, and calls tools that were offered."""
    bare = _FENCE.sub(r"\1", text.strip()[:MOST])
    names = {tool.name for tool in tools}
    if not bare.startswith(("{", "[")):
        return ()
    found = tuple(_objects(bare, {}))
    return found if found and all(call.name in names for call in found) else ()


def may_be_whole(text: str) -> bool:
    """Whether the beginning of an answer may become one that is nothing but a call."""
    found = _BEGUN.match(text)
    if found is None or not found["key"]:
        return found is not None and found.end() == len(text)
    if found.end() < len(text) or found["closed"]:
        return bool(found["closed"]) and found["key"] in _KEYS
    return any(key.startswith(found["key"]) for key in _KEYS)


_FENCE = re.compile(r"^```\w*\s*(.*?)\s*```$", re.DOTALL)
_NAMES = ("name", "tool_name", "tool", "function", "action")
_ARGUMENTS = ("arguments", "parameters", "args", "input", "tool_input", "action_input")
_KEYS = {*_NAMES, *_ARGUMENTS, "type", "id", "tool_calls", "tool_call_id"}
_BEGUN = re.compile(r'\s*(?:`{1,2}$|```\w*\s*)?(?:\[\s*)?(?:\{\s*(?:"(?P<key>\w*)(?P<closed>")?)?)?')

_TAGGED = re.compile(
    r"<(?:\w+:)?(?:function|invoke)\s*(?:=\s*|\s+name\s*=\s*)\"?([\w.:-]+)\"?\s*>(.*?)"
    r"(?:</(?:\w+:)?(?:function|invoke)>|(?=<(?:\w+:)?(?:function|invoke)\b)|$)",
    re.DOTALL,
)
_PARAMETER = re.compile(
    r"<(?:\w+:)?parameter\s*(?:=\s*|\s+name\s*=\s*)\"?([\w.-]+)\"?[^>]*>\n?(.*?)"
    r"(?:\n?</(?:\w+:)?parameter>|(?=<(?:\w+:)?parameter\b)|$)",
    re.DOTALL,
)
_KEYED = re.compile(r"([\w.-]+)\s*((?:<arg_key>.*?</arg_key>\s*<arg_value>.*?</arg_value>\s*)+)", re.DOTALL)
_PAIR = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
# A name before its arguments: DeepSeek, Kimi, Mistral, Gemma, gpt-oss.
_NAMED = re.compile(
    r"(?:[|｜]tool[_▁]sep[|｜]>|tool_call_begin\|>|\[TOOL_CALLS\]|call:|\bto=|call[_▁]begin[|｜]>(?!function\b))\s*([\w.-]+)(?::\d+)?"
    r"(?P<between>(?:(?!call[_▁]begin|\[TOOL_CALLS\]|call:)[^{])*)(?=\{)"
)


def _tagged(text: str, schemas: Mapping[str, Mapping[str, object]]) -> Iterator[Written]:
    """`<function=look_up>`, with JSON or with parameters in tags of their own; `<invoke name="look_up">`."""
    for name, body in _TAGGED.findall(text):
        pairs = _PARAMETER.findall(body)
        if pairs:
            yield _written(name, _typed(pairs, schemas.get(_bare(name), {})))
            continue
        objects = [value for value in loose_json.values(body) if isinstance(value, dict)]
        yield _written(name, objects[-1] if objects else {})


def _keyed(text: str, schemas: Mapping[str, Mapping[str, object]]) -> Iterator[Written]:
    """GLM's: a name, then keys and values in tags."""
    for name, pairs in _KEYED.findall(text):
        yield _written(name, _typed(_PAIR.findall(pairs), schemas.get(_bare(name), {})))


def _named(text: str, schemas: Mapping[str, Mapping[str, object]]) -> Iterator[Written]:
    """A name and an object after it, each kind with its own marks between."""
    text = re.sub(r'<\|"\|>', '"', text)
    for found in _NAMED.finditer(text):
        body = text[found.end() :]
        if "call:" in found[0]:
            body = re.sub(r"([{,]\s*)(\w+):", r'\1"\2":', body)  # Gemma leaves the quotes of names out
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(body)
        except (ValueError, RecursionError):
            continue
        yield _written(found[1], value)


def _objects(text: str, schemas: Mapping[str, Mapping[str, object]]) -> Iterator[Written]:
    """`{"name": …, "arguments": …}` and its kin, one or several."""
    for value in loose_json.values(text):
        for one in value if isinstance(value, list) else [value]:
            call = _call(one)
            if call:
                yield call


def _call(value: object) -> Written | None:
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    if isinstance(function, dict):
        return _call(function)
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), "")
    given = next((value[key] for key in _ARGUMENTS if key in value), None)
    if not name or not isinstance(given, dict | str | None) or (given is None and set(value) - {"name", "type", "id"}):
        return None
    return _written(name, given or {})


def _typed(pairs: Sequence[tuple[str, str]], schema: Mapping[str, object]) -> dict[str, object]:
    """Values that stand as bare words: texts where the schema wants texts, else what they are as JSON."""
    properties = schema.get("properties")
    found: dict[str, object] = {}
    for name, value in pairs:
        wanted = properties.get(name) if isinstance(properties, Mapping) else None
        text = isinstance(wanted, Mapping) and wanted.get("type") == "string"
        try:
            found[name.strip()] = value if text else json.loads(value)
        except (ValueError, RecursionError):
            found[name.strip()] = value
    return found


def _written(name: str, given: object) -> Written:
    return Written(_bare(name), given if isinstance(given, str) else json.dumps(given, ensure_ascii=False))


def _bare(name: str) -> str:
    return name.removeprefix("functions.").partition(":")[0]
