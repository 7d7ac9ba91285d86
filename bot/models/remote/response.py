"""The response: chunks of a stream and whole answers as plain values; what comes is checked here, nobody did before."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.chat import Usage

LENGTH, FILTER, BROKEN = "length", "content_filter", "error"  # ends of an answer; anything else is its natural one

_ENDS = {
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens"), LENGTH),
    **dict.fromkeys(
        ("content_filter", "content_filtered", "safety", "sensitive", "refusal", "recitation", "blocklist"), FILTER
    ),
    **dict.fromkeys(("error", "network_error", "abort"), BROKEN),
}
_REASONING = ("reasoning_content", "reasoning", "reasoning_text")
_THOUGHTS = {"thinking", "reasoning", "thought"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of an answer, or all of it."""

    text: str = ""
    reasoning: str = ""  # that came apart from the text
    calls: object = None  # pieces of them
    finish: str = ""
    usage: Usage | None = None


class NoAnswerError(Exception):
    """What came is JSON, but no part of an answer."""


def refused(body: object, *, error: bool = False) -> Mapping[str, object] | None:
    """The error that a body holds in place of an answer, or beside it; `error`: its event is called one."""
    found = mapping(body)
    inside = found.get("error") or mapping(_first_choice(found)).get("error")
    if isinstance(body, str) and error:
        inside = body
    if isinstance(inside, str):
        return {**found, "message": inside}
    if inside:
        return mapping(inside) or {"message": str(inside)}
    alone = "choices" not in found and ("message" in found or "detail" in found or found.get("object") == "error")
    return found if error or alone else None


def read(body: object) -> Chunk | None:
    """One chunk, or a whole answer, as plain values; what comes is checked here, nobody did before.

    None for an object that is no part of an answer. Raises NoAnswerError.
    """
    found = mapping(body)
    usage = _usage(found.get("usage"))
    choices = found.get("choices")
    if isinstance(body, Mapping) and choices is None and not usage:
        return None
    if not isinstance(choices, list) and not (choices is None and usage):
        raise NoAnswerError
    choice = _first_choice(found)
    if (
        choice is None
    ):  # the last chunk, which brings the usage; a first one with remarks on the prompt; a second answer
        return Chunk(usage=usage)
    said = mapping(choice.get("delta")) or mapping(choice.get("message"))
    text, reasoning = _content(said.get("content", choice.get("text")))
    finish = choice.get("finish_reason")
    whole = "stop" if mapping(choice.get("message")) and "delta" not in choice else ""
    finish = _ENDS.get(finish.lower(), "stop") if isinstance(finish, str) and finish else whole
    call = mapping(said.get("function_call"))  # as OpenAI's was before there were tools
    return Chunk(
        text=text,
        reasoning=reasoning or next((part for name in _REASONING if isinstance(part := said.get(name), str)), ""),
        calls=said.get("tool_calls") or ([{"index": 0, "function": call}] if call else None),
        finish=FILTER if said.get("refusal") and not text else finish,
        usage=usage,
    )


def _first_choice(body: Mapping[str, object]) -> Mapping[str, object] | None:
    choices = body.get("choices")
    found = [mapping(choice) for choice in choices] if isinstance(choices, list) else []
    return next((choice for choice in found if choice.get("index") in (0, None)), None)


def _content(value: object) -> tuple[str, str]:
    """Text and reasoning: in a text, or in a list of parts (Mistral's and Anthropic's)."""
    if isinstance(value, str):
        return value, ""
    texts, thoughts = list[str](), list[str]()
    for part in value if isinstance(value, list) else ():
        kind = mapping(part).get("type")
        said = (
            part
            if isinstance(part, str)
            else next(
                (mapping(part).get(name) for name in ("text", "thinking", "reasoning") if name in mapping(part)), ""
            )
        )
        text = said if isinstance(said, str) else "".join(_content(said))
        (thoughts if kind in _THOUGHTS else texts).append(text)
    return "".join(texts), "".join(thoughts)


class Halves:
    """Puts the two halves of a surrogate pair together that come in two pieces; one that stays alone is replaced."""

    def __init__(self) -> None:
        self._half = ""

    def add(self, text: str) -> str:
        """The text that can be passed on by now."""
        if self._half or not text.isascii():
            text, self._half = self._half + text, ""
            if text and "\ud800" <= text[-1] <= "\udbff":
                text, self._half = text[:-1], text[-1]
            return whole_characters(text)
        return text

    def end(self) -> str:
        """What stayed alone."""
        half, self._half = self._half, ""
        return whole_characters(half)


def whole_characters(text: str) -> str:
    """The text with its surrogates joined, or replaced where they are alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that came in one piece."""

    calls: Mapping[str, object]  # arguments by the tool's name: JSON as text, or from some servers as it is
    text: str
    finish: str
    usage: Usage | None


def read_whole(answer: Mapping[str, object]) -> Whole:
    """An answer in one piece as plain values."""
    chunk = read(answer)
    if chunk is None:
        raise NoAnswerError
    if _first_choice(answer) is None:
        raise NoAnswerError
    listed = chunk.calls if isinstance(chunk.calls, list) else []
    functions = [mapping(mapping(call).get("function")) for call in listed]
    return Whole(
        # Of several calls of one tool, the first.
        calls={str(function.get("name")): function.get("arguments", "") for function in reversed(functions)},
        text=chunk.text if chunk.text.strip() or chunk.finish == LENGTH else chunk.reasoning,
        finish=chunk.finish or "stop",  # it is whole, or it would not be JSON
        usage=chunk.usage,
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
