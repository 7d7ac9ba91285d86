"""The forms in which a line of a page is corrected or forgotten.

A form has to be opened within three seconds, so it comes up empty and is filled when it is known what the line says.
"""

from collections.abc import Mapping
from typing import Any

from adapters.slack.blocks import escaped, plain_text, said, section
from adapters.slack.reading import Json
from bot.commands import Told, where
from bot.ports import Remembered

FORM = "hathi:form"
LONGEST = 200  # characters of what is typed
TITLES = {"correct": "Correct a line", "forget": "Forget a line"}  # at most 24 characters
_TEXT = "hathi:text"


def waiting(word: str) -> dict[str, Any]:
    """While it is not known what the line says."""
    return _form(word, [section("One moment…")])


def correcting(line: Remembered, metadata: str) -> dict[str, Any]:
    """Where a line is typed anew, with what it says now."""
    field = {
        "type": "plain_text_input",
        "action_id": _TEXT,
        "initial_value": line.value[:LONGEST],
        "max_length": LONGEST,
        "focus_on_load": True,
    }
    asked = {"type": "input", "block_id": _TEXT, "label": plain_text("It should read"), "element": field}
    now = section(f"{escaped(line.text[:500])}\n_{where(line)}_")
    return {
        **_form("correct", [now, asked]),
        "submit": plain_text("Save"),
        "close": plain_text("Cancel"),
        "private_metadata": metadata,
    }


def forgetting(told: Told, metadata: str) -> dict[str, Any]:
    """Whether somebody is sure."""
    return {
        **_form("forget", [said(told.text)]),
        "submit": plain_text(told.button[:24]),
        "close": plain_text("Keep"),
        "private_metadata": metadata,
    }


def sentence(word: str, text: str) -> dict[str, Any]:
    """What is said when there is nothing to fill in."""
    return _form(word, [said(text)])


def typed(view: Json) -> str:
    """What was typed into a form."""
    values: Mapping[str, Any] = (view.get("state") or {}).get("values") or {}
    text = str((values.get(_TEXT, {}).get(_TEXT) or {}).get("value") or "")
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _form(word: str, blocks: list[Json]) -> dict[str, Any]:
    return {"type": "modal", "callback_id": FORM, "title": plain_text(TITLES[word]), "blocks": blocks}
