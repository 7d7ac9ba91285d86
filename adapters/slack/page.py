"""A person's page in their hands: lines with links, menus and forms to correct and forget them, and notes of new ones.

All that a menu or a form needs is in its value, so that it works for ever, whichever process is there then.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.slack.posting import escaped
from adapters.slack.reading import Json
from bot.commands import where
from bot.ports import Noted, Page, Remembered

LINE = "hathi:line"  # the menu of a line
CORRECT, FORGET = "hathi:correct", "hathi:forget"  # forms
VALUE = 150  # characters that an entry of a menu can hold
TYPED = 200  # characters of a line that is typed
NOTE = 300  # characters of what was noted


def blocks(page: Page, links: Mapping[str, str], most: int) -> list[Json]:
    """The newest lines, each with its menu. `links`: by message, where it is known."""
    left = len(page.lines) - most
    more = [_context(f"and {left} older ones, in the Home of the app or in the export")] if left > 0 else []
    return [*more, *(_line(line, links) for line in page.lines[-most:])]


def form(value: str, ear: Json) -> dict[str, Any]:
    """What an entry of a line's menu opens: `correct 12 Lisbon`. `ear`: where to say how it went."""
    does, _, rest = value.partition(" ")
    line, _, text = rest.partition(" ")
    common = {"type": "modal", "private_metadata": json.dumps({**ear, "line": line}), "close": _plain("Back")}
    if does == "forget":
        what = f"“{escaped(text)}”" if text else "this line"
        said = f"This deletes {what}, and every message of yours, and every answer to you, that says so. No way back."
        return {
            **common,
            "callback_id": FORGET,
            "title": _plain("Forget a line"),
            "submit": _plain("Forget"),
            "blocks": [_section(said)],
        }
    field: dict[str, Any] = {"type": "plain_text_input", "action_id": "text", "max_length": TYPED}
    field |= {"initial_value": text} if text else {}
    return {
        **common,
        "callback_id": CORRECT,
        "title": _plain("Correct a line"),
        "submit": _plain("Save"),
        "blocks": [{"type": "input", "block_id": "line", "label": _plain("It should read"), "element": field}],
    }


def submitted(view: Json) -> tuple[str, Json]:
    """The command that a form stands for, as it is typed, and where to say how it went."""
    ear: Json = json.loads(view.get("private_metadata") or "{}")
    line = str(ear.get("line") or "0")
    if view.get("callback_id") == FORGET:
        return f"memory forget {line} yes", ear
    values = ((view.get("state") or {}).get("values") or {}).get("line") or {}
    return f"memory correct {line} {(values.get('text') or {}).get('value') or ''}", ear


def note(noted: Noted) -> str:
    """What was noted, in one line."""
    if noted.gone:
        return f"Forgotten: {noted.gone} lines and messages."
    said = f"Noted: {'; '.join(noted.texts) or 'that something does not hold any more'}"
    return said if len(said) <= NOTE else f"{said[: NOTE - 1]}…"


def messages(page: Page, most: int) -> Sequence[str]:
    """The messages that the newest lines came from."""
    return [line.message for line in page.lines[-most:] if line.message]


def _line(line: Remembered, links: Mapping[str, str]) -> Json:
    link = links.get(line.message)
    learned = f"<{link}|{where(line)}>" if link else where(line)
    entries = [_entry("Correct", f"correct {line.id}", line.value), _entry("Forget", f"forget {line.id}", line.value)]
    menu = {"type": "overflow", "action_id": LINE, "options": entries}
    return {**_section(f"{escaped(line.text)}\n_{learned}_"), "accessory": menu}


def _entry(label: str, does: str, text: str) -> Json:
    """With what the line reads now, where there is room for it."""
    value = f"{does} {text}"
    return {"text": _plain(label), "value": value if len(value) <= VALUE else does}


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
