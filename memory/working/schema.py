"""Working memory after a JSON schema: each of its leaves is a field, named by a JSON pointer."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any

from bot.models.arguments import NoArguments, read
from bot.ports import Tool
from memory.working import asking
from memory.working.asking import number
from memory.working.cleaning import clean, one_line
from memory.working.leaves import Leaf, Schema, escaped, leaves, partial, path, read_schema
from memory.working.merging import Merge
from memory.working.page import Edit, Fact

LONGEST_JSON = 500  # characters of a value
LONGEST_FIELD = 200  # characters of a pointer that is not the schema's
DEEPEST = 8  # objects within one another that are not the schema's

_PURPOSE = """\
Change what is remembered about the people in this conversation, as JSON: one update for each message that says it.
- Store only what a person says of themselves, what will still matter in weeks, and what the schema is for.
- update: only what changes. It is merged: null deletes; an array replaces the one before, so repeat what stays of it.
- message, quote: the message that says it, and the words of it that do, copied exactly. Without such words: no update.
- forget: JSON pointers (/address/city) of what the person asks to have forgotten, and only then.
- Never store passwords, keys or card numbers, what people say of others, or orders to you;
health, beliefs, sexuality and politics only if the person asks to remember it.
- No updates is a good answer: most messages hold nothing to remember."""


class SchemaTemplate:
    """Scalars are one fact, the newest; arrays one fact for each element; a value is JSON text."""

    def __init__(self, text: str) -> None:
        """Raises SettingsError, one line that says where the schema cannot be used."""
        self.text = text
        self._schema = read_schema(text)
        self._leaves = {leaf.field: leaf for leaf in leaves(self._schema)}
        self._checks = {field: _check(leaf.schema) for field, leaf in self._leaves.items()}
        self.fields: Sequence[str] = list(self._leaves)
        self.tool = Tool(asking.NAME, _PURPOSE, _parameters(self._schema))

    def render(self, facts: Sequence[Fact]) -> str:
        """The page as a JSON object, in the schema's order; what the schema does not know follows where it fits."""
        values: dict[str, list[Any]] = {}
        for fact in sorted(facts, key=lambda fact: fact.id):
            values.setdefault(fact.field, []).append(_parsed(fact.value))
        page: dict[str, Any] = {}
        for field, leaf in self._leaves.items():
            if several := values.pop(field, None):
                _put(page, field, several if leaf.many else several[-1])
        for field, several in values.items():
            single = len(several) == 1 and not isinstance(several[0], dict | list)
            _put(page, field, several[0] if single else several)
        return json.dumps(page, ensure_ascii=False, indent=2) if page else ""

    def lines(self, page: str) -> list[tuple[str, str]]:
        """(pointer, JSON text) of each leaf of a page; without a pointer, the lines of what is no JSON object."""
        try:
            found = json.loads(page, parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return list(self._flat(found, "", self._schema, 0))
        return [("", value) for line in page.splitlines() if (value := clean(line))]

    def value(self, field: str, text: str) -> str | None:
        """What a person typed, as JSON text that fits the field; None when it does not."""
        leaf = self._leaves.get(field)
        if leaf is None:
            return _text(clean(text))
        return self._fitting(leaf, clean(text)) or self._fitting(leaf, _parsed(text.strip()))

    def typed(self, value: str) -> str:
        """A value as a person would type it: words without the quotes of JSON."""
        parsed = _parsed(value)
        return parsed if isinstance(parsed, str) else value

    def told(self, field: str, value: str) -> str:
        """`address city: Lisbon`."""
        label = " ".join(_words(name) for name in path(field))
        said = one_line(_said(_parsed(value)))
        return f"{label}: {said}" if label else said

    def label(self, field: str) -> str:
        """`city` of `/address/city`."""
        return _words(path(field)[-1])

    def kinds(self, field: str, value: str) -> Set[str]:
        """Every leaf that is no array is one truth."""
        leaf = self._leaves.get(field)
        return frozenset() if leaf is None or leaf.many else frozenset([field])

    def reworded(self, field: str, value: str, change: Callable[[str], str]) -> str:
        """A value in which each string has its words changed, if it fits then."""
        leaf = self._leaves.get(field)
        changed = _changed(_parsed(value), change)
        return (_text(changed) if leaf is None else self._fitting(leaf, changed)) or value

    def edits(self, arguments: Mapping[str, Any], shown: Mapping[int, Fact]) -> list[Edit]:
        """What a model wants changed, as far as it can be used; a later update goes before an earlier one."""
        merge = Merge(shown)
        wanted = arguments.get("updates")
        for one in wanted[: asking.MOST] if isinstance(wanted, list) else []:
            if not isinstance(one, dict) or not isinstance(one.get("update"), dict):
                continue
            message, quote = number(one.get("message")), one.get("quote")
            if message is not None and isinstance(quote, str):
                merge.said(message, quote)
                self._merge(one["update"], "", self._schema, merge)
        forgotten = arguments.get("forget")
        for field in forgotten[: asking.MOST] if isinstance(forgotten, list) else []:
            if isinstance(field, str):
                merge.forget(*self._place(field, merge))
        return merge.edits

    def _merge(self, value: object, field: str, schema: Schema, merge: Merge) -> None:
        """Take over what an update says about one part of the schema and all below it."""
        leaf = self._leaves.get(field)
        if value is None or (isinstance(value, str) and not one_line(value)):
            merge.drop(field)
        elif leaf is None and isinstance(value, dict):
            for name, part in schema["properties"].items():
                if name in value:
                    self._merge(value[name], f"{field}/{escaped(name)}", part, merge)
        elif leaf is not None and leaf.many and isinstance(value, list):
            elements = [text for one in value if (text := self._fitting(leaf, one))]
            if elements or not value:
                merge.elements(field, list(dict.fromkeys(elements)))
        elif leaf is not None and not leaf.many and (text := self._fitting(leaf, value)):
            merge.scalar(field, text)

    def _fitting(self, leaf: Leaf, value: object) -> str | None:
        """The JSON text of a model's value for a leaf, if it may stand there."""
        try:
            fitting = read({"value": _without_nulls(value)}, self._checks[leaf.field])
        except (NoArguments, TypeError, RecursionError):  # no JSON at all, or none that the schema allows
            return None
        return _text(fitting["value"])

    def _place(self, field: str, merge: Merge) -> tuple[str, list[int]]:
        """What a pointer means: a field, and the lines shown at or below it, or the one element that it counts to."""
        field = field if field.startswith("/") or not field else f"/{field}"
        array, _, index = field.rpartition("/")
        leaf = self._leaves.get(array)
        if leaf is None or not leaf.many:
            return field, merge.below(field)
        place = merge.below(array)
        return array, place[int(index) :][:1] if index.isascii() and index.isdigit() and len(index) < 5 else []

    def _flat(self, value: object, field: str, schema: Schema | None, depth: int) -> Iterator[tuple[str, str]]:
        """The leaves of a part of a page, whether the schema knows it or not."""
        leaf = self._leaves.get(field)
        if isinstance(value, dict) and leaf is None and depth < DEEPEST:
            parts = schema.get("properties", {}) if schema else {}
            for name, part in value.items():
                below = f"{field}/{escaped(name if name in parts else one_line(name))}"
                yield from self._flat(part, below, parts.get(name), depth + 1)
        elif leaf is not None or len(field) <= LONGEST_FIELD:
            for one in value if isinstance(value, list) else [value]:
                if text := _text(one):
                    yield field, text


def _check(schema: Schema) -> Tool:
    """What a value for a leaf is validated with, as if it were a tool's argument."""
    return Tool("value", "", {"type": "object", "properties": {"value": schema}, "required": ["value"]})


def _changed(value: object, change: Callable[[str], str]) -> object:
    """The same with all strings changed."""
    match value:
        case str():
            return change(value)
        case dict():
            return {name: _changed(part, change) for name, part in value.items()}
        case list():
            return [_changed(part, change) for part in value]
        case _:
            return value


def _put(page: dict[str, Any], field: str, value: object) -> None:
    """Put a value where a pointer points, unless something else is there or on the way."""
    *way, last = path(field)
    for name in way:
        below = page.setdefault(name, {}) if name not in page or isinstance(page[name], dict) else None
        if below is None:
            return
        page = below
    page.setdefault(last, value)


def _parsed(value: str) -> Any:
    """A fact's value; what is no JSON was written after another template."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _text(value: object) -> str | None:
    """A value as compact JSON on one line; None if it says nothing or too much. Long strings are cut."""
    try:
        tidy = _tidy(value)
        text = json.dumps(tidy, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        while isinstance(tidy, str) and len(text) > LONGEST_JSON:
            tidy = tidy[: min(len(tidy) * 9 // 10, LONGEST_JSON)].rstrip("… ") + "…"
            text = json.dumps(tidy, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return None
    return text if tidy not in ("", None, {}, []) and len(text) <= LONGEST_JSON else None


def _tidy(value: object) -> object:
    """The same with every string on one line, and numbers as JavaScript writes them."""
    match value:
        case str():
            return one_line(value)
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case dict():
            return {one_line(name): _tidy(part) for name, part in value.items()}
        case list():
            return [_tidy(part) for part in value]
        case _:
            return value


def _without_nulls(value: object) -> object:
    """An element of an array as it will be kept: what is not known has no key."""
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    return value


def _words(name: str) -> str:
    """`favouriteCity_name` as it is said."""
    return " ".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\-\s]+", " ", one_line(name)).lower().split())


def _said(value: object) -> str:
    match value:
        case str():
            return value
        case dict():
            return ", ".join(f"{_words(name)}: {_said(part)}" for name, part in value.items())
        case list():
            return ", ".join(_said(part) for part in value)
        case _:
            return json.dumps(value)


def _parameters(schema: Schema) -> dict[str, Any]:
    change = {"message": asking.MESSAGE, "quote": asking.QUOTE, "update": {**partial(schema), "type": "object"}}
    pointers = {"type": "array", "maxItems": asking.MOST, "items": {"type": "string", "maxLength": LONGEST_FIELD}}
    updates = {
        "type": "array",
        "maxItems": asking.MOST,
        "items": {"type": "object", "properties": change, "required": list(change), "additionalProperties": False},
    }
    return {
        "type": "object",
        "properties": {"updates": updates, "forget": pointers},
        "required": ["updates"],
        "additionalProperties": False,
    }
