"""A JSON schema as far as working memory can use it: checked, taken apart into leaves, and made a tool's."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from bot.errors import SettingsError
from memory.working.cleaning import one_line
from memory.working.page import LONGEST

DEEPEST = 5  # properties and items within one another
MOST_LEAVES = 100
MOST_ELEMENTS = 50  # of an array that a model writes
MOST_PROPERTIES = 20  # of an object whose properties are not known

Schema = Mapping[str, Any]

_SCALARS = ("string", "number", "integer", "boolean")
_USED = {"type", "properties", "items", "enum", "description", "title", "additionalProperties"}
_LENGTHS = ("minLength", "maxLength")
_BOUNDS = (*_LENGTHS, "minimum", "maximum")
_IGNORED = {"format", "required", "pattern", "$schema", "$id", "default", "examples"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A place in the schema that holds facts."""

    field: str  # JSON pointer
    schema: Schema  # of one value: an element, if there may be many
    many: bool


def read_schema(text: str) -> Schema:
    """The schema in a file's text. Raises SettingsError, one line that says what of it cannot be used, and where."""
    try:
        schema = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        _refuse(f"line {error.lineno} column {error.colno}", f"is no JSON: {error.msg.lower()}")
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        _refuse("it", "is no JSON that can be read")
    _check(schema, "", 0)
    if kind(schema) != "object" or not schema.get("properties"):
        _refuse("/", "must be of type object and have properties")
    count = sum(1 for _ in leaves(schema))
    if count > MOST_LEAVES:
        _refuse("/properties", f"has {count} leaves, at most {MOST_LEAVES} can be used")
    return {**schema}


def kind(schema: Schema) -> str:
    """Its type, null aside; empty if it has only an enum."""
    named = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "")
    return str(next((one for one in named if one != "null"), "")) if isinstance(named, list) else str(named)


def leaves(schema: Schema, field: str = "") -> Iterator[Leaf]:
    """The leaves of a checked schema in order."""
    if properties := schema.get("properties"):
        for name, part in properties.items():
            yield from leaves(part, f"{field}/{escaped(name)}")
    elif kind(schema) == "array":
        yield Leaf(field, bounded(schema["items"]), True)
    else:
        yield Leaf(field, bounded(schema), False)


def bounded(schema: Schema) -> dict[str, Any]:
    """The same for a model's value that is not null: with an end to everything, and nothing required."""
    kept = {name: schema[name] for name in ("description", "title", "enum", "minimum", "maximum") if name in schema}
    if kept.get("enum") is not None:
        kept["enum"] = [one for one in kept["enum"] if one is not None]
    if type_ := kind(schema):
        kept["type"] = type_
    if type_ == "string" and "enum" not in schema:
        kept["maxLength"] = min(schema.get("maxLength", LONGEST), LONGEST)
        kept["minLength"] = min(schema.get("minLength", 0), kept["maxLength"])
    elif type_ == "array":
        kept |= {"items": bounded(schema["items"]), "maxItems": MOST_ELEMENTS}
    elif type_ == "object" and schema.get("properties"):
        properties = {name: partial(part) for name, part in schema["properties"].items()}
        kept |= {"properties": properties, "additionalProperties": False}
    elif type_ == "object":
        anything = {"type": ["string", "number", "boolean"], "maxLength": LONGEST}
        kept |= {"additionalProperties": anything, "maxProperties": MOST_PROPERTIES}
    return kept


def partial(schema: Schema) -> dict[str, Any]:
    """The same for a change: null takes away what was there."""
    changed = bounded(schema)
    if "type" in changed:
        changed["type"] = [changed["type"], "null"]
    if "enum" in changed:
        changed["enum"] = [*changed["enum"], None]
    return changed


def escaped(name: str) -> str:
    """A name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def path(field: str) -> list[str]:
    """The names in a JSON pointer; what is none is one name."""
    if not field.startswith("/"):
        return [field]
    return [name.replace("~1", "/").replace("~0", "~") for name in field[1:].split("/")]


def _refuse(where: str, problem: str) -> NoReturn:
    raise SettingsError(one_line(f"WORKING_MEMORY_TEMPLATE: {where} {problem}"))


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity, which Python reads and nobody else does."""
    _refuse(name, "is no JSON")


def _check(schema: object, where: str, depth: int) -> None:
    """Raises SettingsError for the first part that cannot be used."""
    if not isinstance(schema, dict):
        _refuse(where or "/", "must be a schema in braces")
    if depth > DEEPEST:
        _refuse(where, f"is nested deeper than {DEEPEST}")
    for name in schema:
        if name not in _USED and name not in _BOUNDS and name not in _IGNORED:
            _refuse(f"{where}/{escaped(name)}", "is not supported")
    _check_words(schema, where)
    type_ = kind(schema)
    if "properties" in schema and type_ != "object":
        _refuse(f"{where}/properties", "needs the type object")
    if "items" in schema and type_ != "array":
        _refuse(f"{where}/items", "needs the type array")
    if type_ == "array":
        if "items" not in schema:
            _refuse(where or "/", "needs items, which say what the array holds")
        _check(schema["items"], f"{where}/items", depth + 1)
    for name, part in schema.get("properties", {}).items():
        _check(part, f"{where}/properties/{escaped(name)}", depth + 1)


def _check_words(schema: Mapping[str, Any], where: str) -> None:
    """Raises SettingsError for a keyword with a value that it cannot have."""
    named = schema.get("type", kind(schema))
    types: Sequence[object] = named if isinstance(named, list) else [named]
    real = [one for one in types if one != "null"]
    if "type" in schema and not (len(real) == 1 and real[0] in (*_SCALARS, "object", "array") and len(types) <= 2):
        _refuse(f"{where}/type", 'must be one type, or one and "null"')
    if not kind(schema) and "enum" not in schema:
        _refuse(where or "/", "needs a type")
    for name in _BOUNDS:
        bound = schema.get(name, 0)
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            _refuse(f"{where}/{name}", "must be a number")
        if name in _LENGTHS and not (isinstance(bound, int) and bound >= 0):
            _refuse(f"{where}/{name}", "must be a whole number, at least 0")
    choices = schema.get("enum", [""])
    if not (isinstance(choices, list) and any(one is not None for one in choices)):
        _refuse(f"{where}/enum", "must be a list of values")
    nested = any(isinstance(one, dict | list) for one in choices)
    if nested or ("enum" in schema and kind(schema) in ("object", "array")):
        _refuse(f"{where}/enum", "can list only strings, numbers, true and false")
    if not isinstance(schema.get("properties", {}), dict):
        _refuse(f"{where}/properties", "must be an object")
    if not isinstance(schema.get("additionalProperties", True), bool):
        _refuse(f"{where}/additionalProperties", "can only be true or false")
    for name in ("title", "description"):
        if not isinstance(schema.get(name, ""), str):
            _refuse(f"{where}/{name}", "must be a string")
