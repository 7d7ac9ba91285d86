"""A stored message's content, as Mastra and its older versions write it."""

import json
from collections.abc import Sequence
from typing import Any

from bot.chat import storable


def text_of(content: str, type_: str) -> str:
    """The words in a stored message, as Mastra and its older versions wrote it: `{"format": 2, "parts": […]}`, a list
    of parts, or plain text. Parts that are not text (tool calls, errors, files) have none.
    """
    try:
        parsed = json.loads(content)
    except ValueError:
        return content
    if isinstance(parsed, dict):
        parts = parsed.get("parts")
        if isinstance(parts, list):
            return _join(parts)
        return parsed["content"] if isinstance(parsed.get("content"), str) else content
    if isinstance(parsed, list) and all(isinstance(part, dict) and "type" in part for part in parsed):
        return _join(parsed)
    return parsed if isinstance(parsed, str) and type_ == "v2" else content


def _join(parts: Sequence[object]) -> str:
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))


def content_of(text: str, metadata: dict[str, str] | None = None) -> str:
    text = storable(text)
    content: dict[str, Any] = {"format": 2, "parts": [{"type": "text", "text": text}], "content": text}
    if metadata:
        content["metadata"] = metadata
    return json.dumps(content, ensure_ascii=False)
