"""The response: chunks of a stream and whole answers as plain values; what comes is checked here, nobody did before."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.chat import Usage


@dataclass(frozen=True, slots=True)
class Chunk:
    text: str = ""
    calls: object = None  # pieces of them
    finish: str = ""
    usage: Usage | None = None


class NoAnswerError(Exception):
    """What came is JSON, but no part of an answer."""


def read(chunk: object) -> Chunk:
    """One chunk as plain values; what comes is checked here, nobody did before."""
    if not isinstance(chunk, dict):
        raise NoAnswerError
    body: dict[str, object] = chunk
    usage = _usage(body.get("usage"))
    choices = body.get("choices")
    if choices is None and usage:
        return Chunk(usage=usage)
    if not isinstance(choices, list):
        raise NoAnswerError
    if not choices:  # the last chunk, which brings the usage; or a first one that brings remarks on the prompt
        return Chunk(usage=usage)
    choice = mapping(choices[0])
    delta = mapping(choice.get("delta"))
    text = delta.get("content")
    finish = choice.get("finish_reason")
    return Chunk(
        text=text if isinstance(text, str) else "",
        calls=delta.get("tool_calls"),
        finish=finish if isinstance(finish, str) else "",
        usage=usage,
    )


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that came in one piece."""

    calls: Mapping[str, object]  # arguments by the tool's name: JSON as text, or from some servers as it is
    text: str
    finish: str
    usage: Usage | None


def read_whole(answer: Mapping[str, object]) -> Whole:
    choices = answer.get("choices")
    if not (isinstance(choices, list) and choices):
        raise NoAnswerError
    choice = mapping(choices[0])
    message = mapping(choice.get("message"))
    listed = message.get("tool_calls")
    functions = [mapping(mapping(call).get("function")) for call in listed] if isinstance(listed, list) else []
    text = message.get("content")
    finish = "content_filter" if message.get("refusal") else choice.get("finish_reason")
    return Whole(
        # Of several calls of one tool, the first.
        calls={str(function.get("name")): function.get("arguments", "") for function in reversed(functions)},
        text=text if isinstance(text, str) else "",
        finish=finish if isinstance(finish, str) and finish else "stop",  # it is whole, or it would not be JSON
        usage=_usage(answer.get("usage")),
    )


# What providers call the tokens that were read from a cache and written to one: OpenAI and OpenRouter, Anthropic and
# LiteLLM, DeepSeek.
_CACHED = ("cached_tokens", "cache_read_input_tokens", "prompt_cache_hit_tokens")
_WRITTEN = ("cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens")


def _usage(value: object) -> Usage | None:
    counts = mapping(value)
    if not counts:
        return None
    counts = {**mapping(counts.get("prompt_tokens_details")), **counts}
    return Usage(
        prompt=_count(counts.get("prompt_tokens")),
        completion=_count(counts.get("completion_tokens")),
        cached=_first(counts, _CACHED),
        written=_first(counts, _WRITTEN),
    )


def cached(counts: Mapping[str, object]) -> int | None:
    """How many tokens of a prompt were read from a cache; None where the server does not say."""
    counts = {**mapping(counts.get("prompt_tokens_details")), **counts}
    said = [_count(counts[name]) for name in _CACHED if isinstance(counts.get(name), int)]
    return max(said, default=None)


def _first(counts: Mapping[str, object], names: tuple[str, ...]) -> int:
    return next((found for name in names if (found := _count(counts.get(name)))), 0)


def mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
