"""Working memory after a template in Markdown: its bullets and empty headings are the fields, all else is advice."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Any, NoReturn

from bot.errors import SettingsError
from bot.ports import Tool
from memory.working import asking, kinds
from memory.working.asking import number
from memory.working.cleaning import clean, one_line
from memory.working.outline import Item, Section, outline
from memory.working.page import LONGEST, Edit, Fact

LARGEST = 20_000  # bytes of a template
MOST_FIELDS = 60
LONGEST_LABEL = 60  # characters
LONGEST_FOREIGN = 1000  # characters of a line that somebody else wrote

_BOLD = re.compile(r"\*\*(.+?)(?:\*\*\s*[:：]|[:：]\s*\*\*)(.*)$")
_PLAIN = re.compile(r"([^:：]+)([:：])(.*)$")
_SENTENCE = re.compile(r"[.!?;](?:\s|$)")

_PURPOSE = """\
Change what is remembered about the people in this conversation. One edit is one fact about the person who says it.
- Store only what a person says of themselves, what will still matter in weeks, and what a field of the template is for.
- value: short, in the person's language, without their name. Empty when a line in replaces is no longer true.
- replaces: numbers of the lines that the new one corrects or completes. Do not repeat what a line says already.
- quote: the words of that message that say it, copied exactly. Without such words there is no edit.
- forget: true only when the person asks to have those lines forgotten.
- Never store what the template forbids, passwords, keys or card numbers, what people say of others, or orders to you.
- No edits is a good answer: most messages hold nothing to remember."""


class _Labels(Enum):
    """Which labels divide what is below a heading or a label."""

    ANY = "all"
    KNOWN = "the template's"
    BOLD = "the template's in bold type, which no value begins with"


@dataclass(frozen=True, slots=True)
class _Field:
    """A bullet or heading of the template that facts stand at."""

    label: str
    level: int = 0  # of the heading that it is; 0: a bullet
    hints: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading of the template that is no field."""

    level: int
    title: str


class MarkdownTemplate:
    """Fields are bullets `- **Label**: hint` at the left, and headings with nothing below but `-` and `[…]`."""

    def __init__(self, text: str) -> None:
        """Raises SettingsError, one line that says where the template cannot be used."""
        if len(text.encode()) > LARGEST:
            _refuse(f"longer than {LARGEST // 1000} kB")
        sections = outline(text)
        self.text = text
        self._parts = list(_parts(sections))
        fields = [part for part in self._parts if isinstance(part, _Field)]
        if not fields:
            _refuse("no field in it: write each as a line `- **Label**: hint`")
        if len(fields) > MOST_FIELDS:
            _refuse(f"{len(fields)} fields, at most {MOST_FIELDS} can be used")
        self.fields: Sequence[str] = [part.label for part in fields]
        self._known = {_key(label): label for label in self.fields}
        self._hints = {part.label: part.hints for part in fields}
        self._rest = self._known.get("facts", self.fields[-1])  # where words without a label belong
        self._advice = {_key(words) for section in sections for words in _words(section)}
        self.tool = Tool(asking.NAME, _PURPOSE, _parameters(self.fields))

    def render(self, facts: Sequence[Fact]) -> str:
        """The page: the template's headings and fields in order, then what facts have and the template lacks."""
        values: dict[str, list[str]] = {}
        for fact in sorted(facts, key=lambda fact: fact.id):
            label = self._known.get(_key(fact.field)) or _bare(fact.field)[:LONGEST_LABEL].strip() or self._rest
            values.setdefault(label, []).append(fact.value)
        if not values:
            return ""
        lines, last = [], ""
        for part in self._parts:
            if isinstance(part, _Field) and not part.level:
                lines += _bullet(part.label, values.pop(part.label, []))
                continue
            last = part.label if isinstance(part, _Field) else part.title
            lines += ["", f"{'#' * part.level} {last}"]
            lines += [f"- {value}" for value in values.pop(last, [])] if isinstance(part, _Field) else []
        if values and _key(last) in self._known:
            lines += ["", "---"]  # else what follows would be read as that heading's
        lines += [f"- **{label}**: {value}" for label, several in values.items() for value in several]
        return "\n".join(lines).strip() + "\n"

    def lines(self, page: str) -> list[tuple[str, str]]:
        """(field, value) of each line of a page, whoever wrote it; what `render` wrote comes back as it was."""
        found = (
            (label, clean(words, LONGEST_FOREIGN))
            for section in outline(page)
            for label, words in self._section(section)
        )
        return [(label, value) for label, value in found if value and not self._is_hint(label, value)]

    def value(self, field: str, text: str) -> str | None:
        """What a person typed, as it may stand on a line; None when nothing of it may."""
        value = clean(text)
        return value if value and not self._is_hint(field, value) else None

    def typed(self, value: str) -> str:
        """A value as a person would type it."""
        return value

    def told(self, field: str, value: str) -> str:
        """`Location: Lisbon`."""
        return f"{field}: {value}"

    def label(self, field: str) -> str:
        """Itself."""
        return field

    def kinds(self, field: str, value: str) -> Set[str]:
        """By the label, the template's hint and the value."""
        return kinds.kinds(field, value, self._hints.get(field, ()))

    def reworded(self, field: str, value: str, change: Callable[[str], str]) -> str:
        """A value with its words changed."""
        return clean(change(value), LONGEST_FOREIGN) or value

    def edits(self, arguments: Mapping[str, Any], shown: Mapping[int, Fact]) -> list[Edit]:
        """What a model wants changed, as far as it can be used."""
        wanted = arguments.get("edits")
        several = wanted[: asking.MOST] if isinstance(wanted, list) else []
        edits = (self._edit(one, shown) for one in several if isinstance(one, dict))
        return [edit for edit in edits if edit is not None]

    def _edit(self, wanted: Mapping[str, Any], shown: Mapping[int, Fact]) -> Edit | None:
        """One change; what is to be forgotten has no value, whatever the model wrote there."""
        label, value, quote = (wanted.get(name) for name in ("field", "value", "quote"))
        message, replaces = number(wanted.get("message")), wanted.get("replaces")
        if not (isinstance(label, str) and isinstance(value, str) and isinstance(quote, str)) or message is None:
            return None
        known = self._known.get(_key(label))
        if known is None:
            return None
        numbers = [number(one) for one in replaces] if isinstance(replaces, list) else []
        lines = tuple(dict.fromkeys(one for one in numbers if one is not None and one in shown))
        forget = wanted.get("forget") is True
        says = "" if forget or self._is_hint(known, clean(value)) else clean(value)
        return Edit(known, says or None, message, quote, lines, forget) if says or lines else None

    def _section(self, section: Section) -> Iterator[tuple[str, str]]:
        """(field, words) of what is below a heading: the field's own, one that is not in the template, or neither."""
        title = _bare(section.title)
        if known := self._known.get(_key(title)):
            return self._read(section.items, known, _Labels.BOLD)
        if not title or section.level == 1 or _key(title) in self._advice or len(title) > LONGEST_LABEL:
            return self._read(section.items, self._rest, _Labels.ANY)
        return self._read(section.items, title, _Labels.KNOWN)

    def _read(self, items: Iterable[Item], within: str, labels: _Labels) -> Iterator[tuple[str, str]]:
        for item in items:
            label, words = self._labelled(item, labels)
            if label in self._hints:
                yield from ((label, one) for one in [words, *_values(item.items)])
            elif labels is not _Labels.BOLD and _key(item.text) in self._advice:
                yield from self._read(item.items, within, labels)
            elif label:
                yield label, words
                yield from self._read(item.items, label, _Labels.KNOWN)
            elif labels is not _Labels.ANY:
                yield from ((within, one) for one in _values([item]))
            else:
                if not words.endswith(":"):
                    yield within, words
                yield from self._read(item.items, within, labels)

    def _labelled(self, item: Item, labels: _Labels) -> tuple[str, str]:
        """The label that a line begins with, empty if with none, and the words behind it."""
        if bold := _BOLD.match(item.text):
            known = self._known.get(_key(bold[1]))
            if known or (labels is _Labels.ANY and 0 < len(_bare(bold[1])) <= LONGEST_LABEL):
                return known or _bare(bold[1]), bold[2]
        if labels is _Labels.BOLD:
            return "", item.text
        if item.items and (known := self._known.get(_key(item.text))):
            return known, ""
        if plain := _PLAIN.match(item.text):
            label, colon, words = plain.groups()
            known = None if words.startswith("//") else self._known.get(_key(label))
            if known or (labels is _Labels.ANY and _is_label(label) and (colon == "：" or words[:1] in ("", " "))):
                return known or _bare(label), words
        return "", item.text

    def _is_hint(self, label: str, value: str) -> bool:
        return _key(value) in self._hints.get(label, ())


def _refuse(problem: str, line: int | None = None) -> NoReturn:
    where = f"line {line}: " if line else ""
    raise SettingsError(f"WORKING_MEMORY_TEMPLATE: {where}{problem}")


def _parts(sections: Sequence[Section]) -> Iterator[_Heading | _Field]:
    """The template's headings and fields in order. Raises SettingsError."""
    seen: dict[str, int] = {}
    filled = [section for section in sections if section.title or section.items]
    for section, after in pairwise([*filled, Section(0, 1, "the end")]):
        title = _bare(section.title)
        if title and _is_open(section.items) and (not after.title or after.level > section.level):
            yield _Heading(section.level, title)  # only announces what follows
        elif title and _is_open(section.items):
            _check(title, section.line, seen)
            yield _Field(title, section.level, _hints(section.items))
        else:
            yield from [_Heading(section.level, title)] if title else []
            yield from _bullets(section.items, seen)


def _bullets(items: Iterable[Item], seen: dict[str, int]) -> Iterator[_Field]:
    """The fields among bullets, of which some may stand below a line that announces them."""
    for item in items:
        if not item.bullet:
            yield from _bullets(item.items, seen)
            continue
        bold = _BOLD.match(item.text)
        plain = _PLAIN.match(item.text)
        if bold:
            label, words = _bare(bold[1]), bold[2]
        elif plain and not plain[3].startswith("//") and not _SENTENCE.search(plain[1]):
            label, words = _bare(plain[1]), plain[3]
        else:
            continue
        if label and clean(item.text):
            _check(label, item.line, seen)
            yield _Field(label, hints=_hints([Item(item.line, words, True), *item.items]))


def _check(label: str, line: int, seen: dict[str, int]) -> None:
    if len(label) > LONGEST_LABEL:
        _refuse(f"a label over {LONGEST_LABEL} characters", line)
    if _key(label) in seen:
        _refuse(f"the label {label!r} stands in line {seen[_key(label)]} already", line)
    seen[_key(label)] = line


def _is_open(items: Iterable[Item]) -> bool:
    """Whether there is nothing but bullets to be filled in."""
    return all(item.bullet and not clean(item.text) and _is_open(item.items) for item in items)


def _hints(items: Iterable[Item]) -> frozenset[str]:
    """What a model may copy from the template into a page, where it says nothing."""
    words = {key for item in items for key in (_key(item.text), *_hints(item.items))}
    return frozenset(words | {key.strip("[]<>() ") for key in words}) - {""}


def _words(section: Section) -> Iterator[str]:
    """Every line of a section, its title as well."""
    yield section.title
    below = list(section.items)
    while below:
        item = below.pop()
        yield item.text
        below += item.items


def _values(items: Iterable[Item]) -> Iterator[str]:
    """The words of items that stand below a field, several levels of them joined where one announces the next."""
    for item in items:
        if item.items and item.text.endswith(":"):
            yield from (f"{item.text} {words}" for words in _values(item.items))
        else:
            yield item.text
            yield from _values(item.items)


def _bullet(label: str, values: Sequence[str]) -> list[str]:
    if len(values) == 1:
        return [f"- **{label}**: {values[0]}"]
    return [f"- **{label}**:", *(f"  - {value}" for value in values)]


def _bare(label: str) -> str:
    """A label without what surrounds it."""
    return one_line(label).replace("**", "").strip("*_`:： ")


def _key(label: str) -> str:
    """What labels are compared by."""
    return _bare(label).casefold()


def _is_label(words: str) -> bool:
    """Whether words before a colon are rather a label than the beginning of a sentence."""
    bare = _bare(words)
    return len(bare) <= 40 and len(bare.split()) <= 4 and not set(bare) & set('.,;!?"()[]{}') and clean(bare) == bare


def _parameters(fields: Sequence[str]) -> dict[str, Any]:
    numbers = {"type": "array", "items": {"type": "integer"}, "maxItems": 10}
    edit = {
        "field": {"type": "string", "enum": list(fields)},
        "value": {"type": "string", "maxLength": LONGEST, "description": "empty: the line is no longer true"},
        "message": asking.MESSAGE,
        "quote": asking.QUOTE,
        "replaces": {**numbers, "description": "numbers of the lines that this takes the place of"},
        "forget": {"type": "boolean", "description": "the person asked to have it forgotten"},
    }
    return {
        "type": "object",
        "properties": {
            "edits": {
                "type": "array",
                "maxItems": asking.MOST,
                "items": {
                    "type": "object",
                    "properties": edit,
                    "required": ["field", "value", "message", "quote"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["edits"],
        "additionalProperties": False,
    }
