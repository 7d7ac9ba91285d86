"""The table of what servers refuse, in which words, and what is asked without then.

Statuses are as various as the words: a template of llama.cpp that raises is a 500 or a 400, FastAPI's validation a 422,
OpenRouter's routing a 404. So the words decide. What a row leaves out is learned once the server has answered without.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import openai

from bot.errors import KeyRefused, ModelRefused, PromptTooLong, RequestRefused
from bot.models.remote import refusals
from bot.models.remote.errors import refusal_of
from bot.models.remote.profile import (
    CACHE_MARKS,
    FORCED_CALL,
    FREE_TURNS,
    IMAGES,
    JSON_OBJECT,
    JSON_SCHEMA,
    LATE_SYSTEM,
    SYSTEM,
    TOOL_CHOICE,
    TOOLS,
    Profile,
)
from bot.models.remote.response import mapping


@dataclass(frozen=True, slots=True)
class Difference:
    """How servers say that they do not take something that others do."""

    says: re.Pattern[str]
    leave_out: tuple[frozenset[str], ...]  # one after the other, until the server is content
    lasting: bool = True  # true of the model, and not of this request alone
    of_calls: bool = False  # may be about the calls that a prompt holds: then it is true of this request alone


def _row(says: str, *leave_out: str | set[str], lasting: bool = True, of_calls: bool = False) -> Difference:
    steps = tuple(frozenset({step} if isinstance(step, str) else step) for step in leave_out)
    return Difference(re.compile(says, re.IGNORECASE | re.DOTALL), steps, lasting, of_calls)


_NEW = r"(extra|unknown|unrecogni[sz]ed|unexpected|additional|not permitted|not allowed|forbidden|no such field)"
_NO = r"(not? (yet )?support|n't support|unsupported|not (enabled|allowed|permitted|available|accepted)|cannot|invalid)"

# The first row decides that fits the words and whose step would change the request.
ROWS: Sequence[Difference] = (
    # Mistral: "Unexpected role 'tool' after role 'user'". Before the rows about turns, which name tools as well.
    _row(r"(unexpected|unknown|invalid|unsupported)( message)? role:? ?(\w+\.)?['\"`]?tool\b", TOOLS),
    # Qwen 3.x, in llama.cpp (400 or 500), Ollama, vLLM: "System message must be at the beginning." Others: "the system
    # message must come first", "only the first message can be a system message", "multiple system messages".
    _row(
        r"\bsystem\b['\"`]?\s*(message|prompt|role|instruction)?s?\b.{0,40}"
        r"(must|should|has to|have to|only|can\b|expected).{0,40}(beginning|first|start\b|precede|index 0)"
        r"|unexpected system (message|prompt|role)"
        r"|system (message|prompt|role).{0,20}(at|in) (index|position|place) [1-9]"
        r"|first message.{0,30}\bsystem\b|only (the )?(first|one|a single).{0,30}\bsystem\b"
        r"|(multiple|more than one|several|second|duplicate).{0,20}system (message|prompt|role)"
        r"|unexpected role:? ['\"`]?system['\"`]? after|system (message|prompt|role)s?\b.{0,60}\b(middle|after|later)\b"
        r"|\b(after|between|middle)\b(?! the optional).{0,40}\bsystem (message|prompt|role)",
        LATE_SYSTEM,
    ),
    # Gemma: "System role not supported"; Mistral 7B: "Only user and assistant roles are supported!"; Gemini's API:
    # "Developer instruction is not enabled for models/gemma-3-27b-it"; MiniMax: "invalid message role: system".
    _row(
        rf"system[\s_-]*(role|message|prompt|instruction)?s?\b.{{0,30}}{_NO}"
        rf"|{_NO}.{{0,30}}\b(system|developer)\b[\s'\"`]*(role|message|prompt|instruction)?"
        rf"|(developer|system) instruction.{{0,20}}{_NO}"
        r"|only.{0,20}user.{0,20}assistant.{0,30}roles? (are|is) (supported|allowed)"
        r"|(unknown|unexpected|invalid)( message)? role:? ?['\"`]?(system|developer)"
        r"|system['\"`]? (is )?not a valid role|(got|found|received|but was) ['\"`]?system",
        {LATE_SYSTEM, SYSTEM},
        TOOLS,
    ),
    # "Conversation roles must alternate user/assistant/…" (Mistral's and Gemma's templates); "After the optional
    # system message, conversation roles must alternate user and assistant roles except for tool calls and results."
    # (Mistral 3, 500 in llama.cpp); "Expected last role User or Tool … but got assistant"; "The conversation must end
    # with a user message"; "first message must use the user role". Mistral 7B says it of any system message too.
    _row(
        r"\balternat(e|ing|ion)\b|interleav|same role|role order|message.?(sequence|order)|order of (the )?messages"
        r"|(consecutive|successive|two|2|multiple|repeated).{0,40}\b(user|assistant|role|messages)\b"
        r"|follow(s|ed|ing)? (by )?(an(other)? )?['\"`]?(user|assistant)|user, ?(then )?assistant, ?(then )?user"
        r"|expected (an? )?['\"`]?(user|assistant)|expected.{0,20}from.{0,10}(user|human)"
        r"|unexpected role|(expected|wrong|bad|invalid|incorrect) (last |first |next )?role"
        r"|(last|first|final) message.{0,40}\b(user|assistant|role)"
        r"|(begin|start|end|finish)s? with.{0,30}\b(user|assistant)|no user (query|message)"
        r"|add_generation_prompt|assistant message prefill|prefilling",
        {FREE_TURNS, LATE_SYSTEM},
        SYSTEM,
        TOOLS,
    ),
    # One picture is bad: true of this request alone.
    _row(
        r"(unsupported|invalid|corrupt(ed)?|broken|malformed) image|image.{0,60}(format|too (large|small|big)|size"
        r"|dimension|decod|process|download|fetch|corrupt|exceed|media.?type|mime|truncated)"
        r"|(could not|cannot|failed to|unable to).{0,30}image|too many images|at most [1-9]\d* image"
        r"|maximum.{0,20}images",
        IMAGES,
        lasting=False,
    ),
    # OpenRouter: "No endpoints found that support image input" (404); llama.cpp: "image input is not supported - hint:
    # … provide the mmproj" (500); vLLM: "… is not a multimodal model", "At most 0 image(s) may be provided"; DeepSeek:
    # "unknown variant `image_url`, expected `text`".
    _row(r"image|vision|multi-?modal|mmproj|only (support|accept)s? text|text.only", IMAGES),
    # "content must be a string": no list of parts, so neither marks nor pictures.
    _row(
        r"content\b.{0,60}(must|should|expect|need|only|valid).{0,30}\b(str|string|text)\b"
        r"|expected (a )?string|valid string|content part|parts? (are|is) not supported",
        CACHE_MARKS,
        IMAGES,
    ),
    _row(rf"tool_choice.{{0,80}}{_NEW}|{_NEW}.{{0,60}}tool_choice", TOOL_CHOICE),
    # DeepSeek: "Thinking mode does not support this tool_choice"; OpenRouter: "No endpoints found that support the
    # provided 'tool_choice' value"; llama.cpp cannot make a grammar of every schema.
    _row(r"tool_choice|forced? (tool|function)|grammar", FORCED_CALL),
    # Ollama: "… does not support tools"; OpenRouter: "No endpoints found that support tool use"; llama.cpp: "tools
    # param requires --jinja flag" (500).
    _row(r"tool|function.?call", TOOLS, of_calls=True),
    # DeepSeek: "This response_format type is unavailable now".
    _row(r"response.?format|json.?(schema|object|mode)|structured.?output|grammar", JSON_SCHEMA, JSON_OBJECT),
    # A template that raises for a reason of its own, or a server that does not like a role.
    _row(
        r"jinja|template|raise_exception|\broles?\b",
        {FREE_TURNS, LATE_SYSTEM},
        SYSTEM,
        TOOLS,
    ),
)

# Tried one after the other where no row helps. Only what is unusual is suspected; pictures are never written
# off on a suspicion.
GUESSES: Sequence[Difference] = (
    _row("", IMAGES, lasting=False),
    _row("", {FREE_TURNS, LATE_SYSTEM}),
)

# Fields of a request's body without which it means the same, nearly.
_NEEDED = {"model", "messages", "stream", "tools", "tool_choice", "response_format"}
_INSIDE = {"include_usage": "stream_options", CACHE_MARKS: CACHE_MARKS}  # what stands inside a field

_REFUSALS = {refusals.IN_STREAM, 400, 404, 405, 415, 422, 500, 501}
_TOOL_USE_FAILED = "tool_use_failed"  # Groq's code: what the model made of its tools is wrong, not the tools


@dataclass(frozen=True, slots=True)
class Change:
    """What a request is asked without after a refusal."""

    leave_out: frozenset[str]
    lasting: bool


def change_after(
    error: openai.APIError, body: Mapping[str, object], profile: Profile, build: Callable[[Profile], object]
) -> Change | None:
    """What to leave out of a request that was refused; None when asking again in another way would not help.

    `build` makes the body for a profile: what would not change it is no way out.
    """
    refusal = refusal_of(error)
    kind = refusals.kind(refusal)
    if refusal.status not in _REFUSALS or issubclass(kind, PromptTooLong | KeyRefused) or kind is ModelRefused:
        return None
    steps = _steps(_words_of(error, refusal.message), body)
    if kind is RequestRefused:
        steps += [(step, guess.lasting) for guess in GUESSES for step in guess.leave_out]
    for leave_out, lasting in steps:
        if build(profile.without(leave_out)) != body:
            return Change(leave_out, lasting)
    return None


def _words_of(error: openai.APIError, message: str) -> str:
    """What a refusal says, with the names that its body has in other places: OpenAI's `param`, FastAPI's `loc`."""
    source, raised, why = message.rpartition("Jinja Exception:")
    message = raised + why if raised else source + why  # llama.cpp quotes the template before: those words mean nothing
    body = mapping(error.body)
    details = body.get("detail")
    places = [mapping(detail).get("loc") for detail in details] if isinstance(details, list) else []
    return "\n".join(str(part) for part in (message, body.get("param"), error.code, error.type, *places) if part)


def _steps(words: str, body: Mapping[str, object]) -> list[tuple[frozenset[str], bool]]:
    """What may be left out, most likely first, and whether that would last."""
    fields = frozenset(name for name in body if name not in _NEEDED and _names(words, name))
    fields |= {field for inside, field in _INSIDE.items() if _names(words, inside)}
    steps = [(fields, True)] if fields else []
    calls = _holds_calls(body)
    for row in ROWS:
        if row.says.search(words):
            lasting = row.lasting and not (row.of_calls and (calls or _TOOL_USE_FAILED in words))
            # Before there were calls in it, the same prompt was taken.
            order = sorted(row.leave_out, key=lambda step: TOOLS not in step) if calls else row.leave_out
            steps += [(step, lasting) for step in order]
    return steps


def _names(words: str, field: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(field)}(?![\w-])", words) is not None


def _holds_calls(body: Mapping[str, object]) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and any("tool_calls" in message for message in messages)
