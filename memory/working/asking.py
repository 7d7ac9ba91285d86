"""What the tools of all templates have in common."""

from typing import Any

NAME = "update_working_memory"
MOST = 20  # changes of one call

MESSAGE: dict[str, Any] = {"type": "integer", "description": "number of the message that says it"}
QUOTE: dict[str, Any] = {"type": "string", "maxLength": 300, "description": "the words that say it, copied exactly"}


def number(value: object) -> int | None:
    """A model's whole number, which may be 3.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
