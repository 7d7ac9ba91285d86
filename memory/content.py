"""A stored message's content, as Mastra and its older versions write it, or as any other program does."""

import json
import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from bot.chat import storable

log = logging.getLogger(__name__)

LONGEST = 8_000_000  # characters of one message's content; Mastra's may hold pictures


def text_of(content: str, type_: str, message: str = "") -> str:
    """The words in a stored message, as Mastra and its older versions wrote it: `{"format": 2, "parts": […]}`, a list
    of parts, or plain text. Parts that are not text (tool calls, errors, files) have none.

    Content that is too long or too deeply nested to be read has none either; the log names its `message`, once.
    """
    if len(content) > LONGEST:
        _leave_out(message, f"its content is longer than {LONGEST:,} characters")
        return ""
    try:
        parsed = json.loads(content)
    except ValueError:
        return content
    except RecursionError:
        _leave_out(message, "its content is nested too deeply")
        return ""
    return storable(_words(parsed, content, type_))  # what JSON escapes may be no text


def content_of(text: str, metadata: dict[str, str] | None = None) -> str:
    text = storable(text)
    content: dict[str, Any] = {"format": 2, "parts": [{"type": "text", "text": text}], "content": text}
    if metadata:
        content["metadata"] = metadata
    return json.dumps(content, ensure_ascii=False)


def _words(parsed: object, content: str, type_: str) -> str:
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


@lru_cache(maxsize=1000)  # once for each of them: they are met in every turn of their thread
def _leave_out(message: str, why: str) -> None:
    log.warning("message %s is not read: %s", message or "(of no known id)", why)
