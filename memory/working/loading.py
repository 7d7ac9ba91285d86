"""Reads the template of the pages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.ports import Tool
from memory.working.page import Edit, Fact, Template


class _Stub:
    text = "- **Facts**:"
    fields = ("Name", "Location", "Preferences", "Projects", "Interests", "Facts")

    @property
    def tool(self) -> Tool:
        item = {
            "type": "object",
            "properties": {
                "field": {"enum": list(self.fields)},
                "value": {"type": "string"},
                "message": {"type": "integer"},
                "quote": {"type": "string"},
                "replaces": {"type": "array", "items": {"type": "integer"}},
                "forget": {"type": "boolean"},
            },
            "required": ["field", "value", "message", "quote"],
        }
        parameters = {
            "type": "object",
            "properties": {"edits": {"type": "array", "items": item}},
            "required": ["edits"],
        }
        return Tool("update_working_memory", "Change pages.", parameters)

    def edits(self, arguments: Mapping[str, Any], shown: Mapping[int, Fact]) -> list[Edit]:
        return [
            Edit(
                edit["field"],
                edit["value"] or None,
                edit["message"],
                edit["quote"],
                tuple(edit.get("replaces", ())),
                edit.get("forget", False),
            )
            for edit in arguments["edits"]
        ]

    def render(self, facts: Sequence[Fact]) -> str:
        return "\n".join(f"- **{fact.field}**: {fact.value}" for fact in facts)

    def lines(self, page: str) -> list[tuple[str, str]]:
        found = []
        for line in page.splitlines():
            field, _, value = line.removeprefix("- **").partition("**: ")
            if value:
                found.append((field, value))
        return found

    def value(self, field: str, text: str) -> str | None:
        return " ".join(text.split()) or None

    def told(self, field: str, value: str) -> str:
        return f"{field}: {value}"


def read_template(path: Path | None) -> Template:
    return _Stub()
