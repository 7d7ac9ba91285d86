"""Streams of odd servers, byte for byte: what they put between the events, leave out, or send in place of a stream."""

import json
from typing import Any

Body = dict[str, Any]


def chunk(finish: str | None = None, **delta: object) -> Body:
    """One chunk of an answer."""
    return {
        "id": "chatcmpl-odd",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def event(body: object, *, colon: str = "data: ", end: str = "\n\n") -> str:
    """One event with a body."""
    return f"{colon}{body if isinstance(body, str) else json.dumps(body)}{end}"


def stream(*bodies: object, done: bool = True, between: str = "", colon: str = "data: ", end: str = "\n\n") -> str:
    """A whole stream; `between` stands before every event."""
    events = [*bodies, "[DONE]"] if done else [*bodies]
    return "".join(between + event(body, colon=colon, end=end) for body in events)


def said(*texts: str, finish: str | None = "stop", **more: Any) -> str:
    """A stream that says these pieces."""
    chunks = [chunk(role="assistant", content=""), *(chunk(content=text) for text in texts)]
    return stream(*chunks, *([chunk(finish)] if finish else []), **more)


def whole(message: Body, finish: str | None = "stop", **more: object) -> str:
    """A completion in one piece."""
    choice = {"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish}
    return json.dumps({"id": "chatcmpl-odd", "object": "chat.completion", "choices": [choice]} | more)


def refusal(code: object, message: str, **more: object) -> str:
    """An error object, as it comes with the status 200."""
    return json.dumps({"error": {"code": code, "message": message} | more})
