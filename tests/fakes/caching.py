"""A prompt cache of Anthropic's kind, as OpenRouter passes it on: what is marked is kept, and read when it comes again.

`fake.prompt_cache = PromptCache()` makes a FakeModel refuse what Anthropic refuses of marks, and count as it counts.
"""

import json
from typing import Any

Body = dict[str, Any]  # JSON as it came

MOST = 4  # marks in a request
BACK = 20  # blocks before a mark in which an earlier end is looked for


class PromptCache:
    """What was written, by its bytes. A word counts as a token, and there is no least number of them."""

    def __init__(self) -> None:
        self._written: set[tuple[str, ...]] = set()

    def complaint(self, body: Body) -> str:
        """What is wrong with the marks of a request; empty when all is well."""
        blocks = _blocks(body)
        marks = [block for block in blocks if "cache_control" in block]
        if len(marks) > MOST:
            return f"A maximum of {MOST} blocks with cache_control may be provided. Found {len(marks)}."
        if any(block["cache_control"] != {"type": "ephemeral"} for block in marks):
            return "cache_control: Input should be a valid dictionary"
        if any(block.get("type") == "text" and not block["text"].strip() for block in marks):
            return "cache_control cannot be set for empty text blocks"
        return ""

    def read(self, body: Body) -> tuple[int, int]:
        """Tokens that are read from the cache and written to it."""
        blocks = _blocks(body)
        plain = [
            json.dumps({name: part for name, part in block.items() if name != "cache_control"}) for block in blocks
        ]
        ends = [place + 1 for place, block in enumerate(blocks) if "cache_control" in block]
        found = [
            end for mark in ends for end in range(max(1, mark - BACK), mark + 1) if tuple(plain[:end]) in self._written
        ]
        self._written.update(tuple(plain[:end]) for end in ends)
        cached, written = max(found, default=0), max(ends, default=0)
        return _tokens(blocks[:cached]), _tokens(blocks[cached:written])


def _blocks(body: Body) -> list[Body]:
    """Tools first, then the messages; one that is plain text is one block of text."""
    blocks: list[Body] = list(body.get("tools", ()))
    for message in body["messages"]:
        content = message["content"]
        parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
        blocks += [{"role": message["role"], **part} for part in parts]
    return blocks


def _tokens(blocks: list[Body]) -> int:
    return sum(len(block.get("text", "").split()) for block in blocks)
