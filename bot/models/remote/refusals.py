"""Refusals of a request sorted into our kinds: status, code and words in, a class of `bot.errors` out. Pure.

The words are the servers' own, as data: a row says who words it so. A new wording is a new row, with a test of the same
name in `tests/bot/models/test_refusals.py`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from bot.errors import (
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    ModelUnknown,
    NoCredit,
    PromptTooLong,
    RequestRefused,
)

IN_STREAM = 0  # in place of an HTTP status: the error came inside an answer and names none


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said in place of an answer."""

    status: int  # of HTTP, or the one that the error names inside an answer, or IN_STREAM
    code: str = ""  # its code or type
    message: str = ""  # with what the provider behind it said (OpenRouter's `metadata.raw`)
    flagged: bool = False  # OpenRouter's moderation says why, in its metadata


def kind(refusal: Refusal) -> type[ModelError]:
    """The class of our error: the first in `_KINDS` that it is."""
    return next(kind for kind, is_one in _KINDS if is_one(refusal))


def too_long(status: int, code: str, text: str) -> bool:
    """Whether the prompt is more than the model reads, however that is worded."""
    if code in _TOO_LONG_CODES or status == 413:
        return True
    if status in {401, 402, 403, 404, 408, 409}:
        return False
    if status == 429 or _RATE.search(text):
        # A limit of tokens a minute is a rate limit, unless this request alone is above it: waiting would not help.
        return bool(_ALONE.search(text)) and _names_excess(text)
    return any(words.search(text) for words in TOO_LONG.values()) or _names_excess(text)


def faulty_request(status: int, text: str) -> bool:
    """Whether an error of the server's (5xx) says what the request did wrong: it will never be answered as it is."""
    if _CANNOT.search(text):
        return True
    return status in {500, 501} and bool(_WRONG.search(text)) and not _PASSING.search(text)


def fewer_tokens(refusal: Refusal) -> int | None:
    """How long an answer the server would give, in tokens, where it says that the one asked for is too long or dear."""
    if refusal.status not in {IN_STREAM, 400, 402, 413, 422, 500}:
        return None
    for words in ROOM.values():  # with the answer it is too long: what the prompt leaves of the context
        if found := words.search(refusal.message):
            room = _int(found["all"]) - _int(found["prompt"])
            return room if room >= _LEAST else None
    found = next(filter(None, (words.search(refusal.message) for words in FEWER.values())), None)
    return _int(found["most"]) if found else None


def subject(text: str) -> str:
    """Names what a refusal is about, in words of our own; empty where it names nothing that is known."""
    return next((name for name, words in _SUBJECTS.items() if words.search(text)), "")


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


TOO_LONG = {
    "OpenAI, OpenRouter, vLLM, Mistral, LM Studio": _words(r"(?<!_)context[ _-]?(length|size|window|limit)"),
    "Anthropic": _words(r"(prompt|input|request|conversation|messages?|body|payload)( is| are)? too (long|large|big)"),
    "xAI": _words(r"max\w* prompt length"),
    "Kimi": _words(r"exceed\w* (the )?model token limit"),
    "GLM": _words(r"(prompt|input)s? exceeds? (the )?max\w* (length|tokens?)"),
    "DashScope": _words(r"range of input length"),
    "TGI": _words(r"`?inputs`? (tokens \+|must have less than)"),
    "Cohere": _words(r"too many (\w+ )?tokens"),
    "Gemini": _words(r"input token count|exceeds the max\w* number of tokens"),
    "Groq": _words(r"(reduce|shorten) (the|your) (length|size|prompt|input|messages?)"),
    "llama.cpp, Ollama": _words(r"exceed\w* (the |max )?(available )?context"),
    "LM Studio, before": _words(r"keep the first \d+ tokens"),
    "SGLang": _words(r"longer than the model'?s|requested token count exceeds"),
    "Mistral, by tokens": _words(r"tokens[^.]{0,40} too (large|long) for"),
    "vLLM, by length": _words(r"(longer|larger|greater|more) than (the )?(\w+ ){0,2}(max\w*|limit|context|allowed)\b"),
    "any": _words(r"(tokens?|length|prompt|input)[^.]{0,40} exceed\w* (the |your )?([\w-]+ ){0,4}(limit|max\w*)\b"),
    "any, shorter": _words(r"exceed\w* [^.]{0,30}(token limit|context|prompt|input)|token limit exceeded"),
    "in Chinese": _words(
        r"(输入|上下文|prompt|提示词|文本|长度).{0,12}(超长|过长|超过|超出)|(超过|超出).{0,12}(长度|上下文)"
    ),
}
_TOO_LONG_CODES = {
    *("context_length_exceeded", "exceed_context_size_error", "request_too_large", "model_context_window_exceeded"),
    *("context_window_exceeded", "context_limit_exceeded", "prompt_too_long", "input_too_long"),
    *("string_above_max_length", "tokens_limit_reached", "1261"),  # OpenAI, GitHub Models, GLM
}
_RATE = _words(r"tokens per (min|day|hour)|\b[TR]P[MD]\b|rate.?limit|per.?minute|quota")
_ALONE = _words(r"(request|input|prompt) too (large|long)|must be reduced|reduce (the|your)")
_SIZE = _words(r"token|length|context|character|prompt|input")
_LIMIT = _words(r"max|limit|exceed|at most|must be|up to|allowed|only|less than|<=|supports?\b|too (long|large)|larger")
_OF_ANSWER = _words(r"max_(completion_|new_|output_)?tokens|completion tokens|output tokens")
_OF_PROMPT = _words(r"input|prompt|message|context|request (has|contains)|requested")
_NUMBER = re.compile(
    r"(?<![\w.$-])\d{3,}(?:[,_]\d{3})*(?![\w%-]|\.\d)|(?<![\w.$-])\d{1,3}(?:[,_]\d{3})+(?![\w%-]|\.\d)"
)
_ABOVE = re.compile(r"(?<![\w.-])(\d[\d,_]*)\s*(?:\w+\s*)?>\s*(\d[\d,_]*)")
_OVER = re.compile(
    r"(?<![\w.$-])(\d[\d,_]*)[^\d.]{0,30}tokens?\b\D{0,60}\b(?:max\w*|limit\w*|most|allow\w*|only)\b\D{0,30}(\d[\d,_]*)",
    re.IGNORECASE,
)
_LEAST = 256  # tokens, that a limit can be: smaller numbers are those of fields


def _names_excess(text: str) -> bool:
    """Whether it names a limit and a size above it, in whatever order: `N > M`, M and then N, N tokens and then M."""
    if not (_SIZE.search(text) and _LIMIT.search(text)) and not _ABOVE.search(text):
        return False
    if _OF_ANSWER.search(text) and not _OF_PROMPT.search(text):
        return False
    if any(_int(more) > _int(limit) >= _LEAST for more, limit in _ABOVE.findall(text)):
        return True
    if any(_int(more) > _int(limit) >= _LEAST for more, limit in _OVER.findall(text)):
        return True
    sizes = [_int(number) for number in _NUMBER.findall(text)]
    return any(_LEAST <= limit < more for limit, more in pairwise(sizes[:3]))


def _int(number: str) -> int:
    return int(re.sub(r"\D", "", number)[:12])


FEWER = {
    "OpenRouter, without the money": _words(r"can only afford (?P<most>\d[\d,]*)"),
    "OpenAI": _words(r"supports at most (?P<most>\d[\d,]*) (?:completion|output) tokens"),
    "Anthropic": _words(r"max_tokens: \d+ > (?P<most>\d+), which is the max"),
    "Groq, Together": _words(
        r"max_(?:completion_|new_|output_)?tokens`?'? must be (?:less than or equal to|<=|at most) `?(?P<most>\d+)"
    ),
    "DashScope": _words(r"range of max_tokens should be \[\d+, ?(?P<most>\d+)\]"),
}
ROOM = {
    "vLLM": _words(r"max_(?:completion_)?tokens.{0,160}> (?P<all>\d+) - (?P<prompt>\d+)"),
    "vLLM, older; OpenAI, older": _words(
        r"maximum context length is (?P<all>\d+) tokens.{0,80}\((?P<prompt>\d+) (?:in|of) (?:the messages|text input)"
    ),
    "Anthropic": _words(r"(?P<prompt>\d+) \+ \d+ > (?P<all>\d+)"),
    "TGI": _words(r"must be <= (?P<all>\d+)\. Given: (?P<prompt>\d+) `?inputs"),
}

_NO_CREDIT = _words(
    r"credit balance|insufficient[ _](account )?(credit|balance|quota|fund)|exceeded your current quota"
    r"|out of credit|no (remaining )?credits?|billing (hard )?limit|payment required"
    r"|requires more credits|余额不足|欠费"
)
_NO_CREDIT_CODES = {
    *("insufficient_quota", "billing_error", "insufficient_balance", "billing_hard_limit_reached", "arrearage"),
    *("insufficient_user_quota", "exceeded_current_quota_error", "payment_required", "1113"),  # one-api, Kimi; GLM
}
_MODERATED = _words(
    r"moderat|flagged|content (management )?polic|content.?filter|usage polic|safety (system|filter|polic)"
    r"|(inappropriate|sensitive|prohibited|unsafe|harmful) content|data_inspection|敏感|不安全|违规"
)
_MODERATED_CODES = {
    *("content_filter", "content_policy_violation", "moderation_blocked", "responsibleaipolicyviolation"),
    *("data_inspection_failed", "datainspectionfailed", "prohibited_content", "1301", "content_moderation"),
}
_UNKNOWN = _words(
    r"\bmodel\b[^.]{0,120}(not (found|exist)|doesn'?t exist|unknown|(is )?not a valid|not (currently )?available"
    r"|no longer available|been (deprecated|decommissioned|retired|removed))"
    r"|not a valid model|(invalid|unknown|no such|unrecognized) model\b|model_not_found|try pulling it|模型不存在"
)
_UNKNOWN_CODES = {
    *("model_not_found", "model_not_available", "unknown_model", "invalid_model", "model_decommissioned"),
    *("modelnotfound", "deploymentnotfound", "not_found_error", "model_not_exist", "1211"),
}
_KEY = _words(
    r"(invalid|incorrect|missing|no|wrong).{0,20}api.?key|api.?key.{0,30}(invalid|not valid|missing|expired)"
    r"|authentication_error"
)
_BUSY_CODES = {
    "overloaded_error",
    "rate_limit_error",
    "rate_limit_exceeded",
    "engine_overloaded_error",
    "server_overloaded",
}
_FAULTY_CODES = {"invalid_request_error", "invalid_prompt", "invalid_value", "bad_request", "invalid_parameter_error"}

# What a model or its server cannot do, or its template cannot take, whatever the status: llama.cpp and Ollama say it
# with 500, OpenRouter with 404.
_CANNOT = _words(
    r"template|jinja|raise_exception|roles? must|must alternate|unable to generate parser|failed to parse (input|tool)"
    r"|(do|does|did) ?(not|n't) support|not supported|unsupported|no endpoints found that support|only supports?\b"
    r"|system (message|role|prompt)\b[^.]{0,60}(must|only|first|begin|not|single)|mmproj"
)
_WRONG = _words(
    r"\binvalid\b|unrecognized|unknown (parameter|field|argument|role)|must (be|have|not|contain|start|end|include)\b"
    r"|is required|missing required|unexpected (keyword|argument|role|field)|extra (inputs|fields)|cannot (be|have|use)"
    r"|not (allowed|permitted)|validation|grammar|json.?schema|tool_choice|expected (a|an|one|string|object|array)\b"
)
_PASSING = _words(
    r"upstream|gateway|temporar|try again|overload|capacity|loading|timed? ?out|unavailable|connection|memory|cuda"
)

_SUBJECTS = {
    "pictures": _words(r"image|vision|picture|multi.?modal|mmproj"),
    "the order of the messages": _words(r"template|jinja|roles?\b|alternat|system (message|role|prompt)|last message"),
    "tools": _words(r"tool|function"),
    "the form of the answer": _words(r"response.?format|json.?schema|structured|grammar"),
    "the length of the answer": _words(r"max_(completion_|new_|output_)?tokens"),
    "a parameter": _words(r"param|argument|field|temperature|stream_options|extra inputs"),
}

_SAID_NO = {IN_STREAM, 400, 401, 403, 404, 422, 451}


def _no_credit(refusal: Refusal) -> bool:
    status = refusal.status
    worded = status in {IN_STREAM, 400, 403, 429} and _NO_CREDIT.search(refusal.message)
    return status == 402 or refusal.code in _NO_CREDIT_CODES or bool(worded)


def _moderated(refusal: Refusal) -> bool:
    worded = refusal.flagged or refusal.code in _MODERATED_CODES or _MODERATED.search(refusal.message)
    return refusal.status in _SAID_NO and bool(worded)


def _unknown(refusal: Refusal) -> bool:
    worded = refusal.status in _SAID_NO - {401} and _UNKNOWN.search(refusal.message)
    return refusal.code in _UNKNOWN_CODES or bool(worded)


def _key_refused(refusal: Refusal) -> bool:
    worded = refusal.status in _SAID_NO and _KEY.search(f"{refusal.code} {refusal.message}")
    return refusal.status in {401, 403} or bool(worded)


def _faulty(refusal: Refusal) -> bool:
    """Whether it is about the request; an address without the API, or a model's that is not there, is a 404 too."""
    status = refusal.status
    if status >= 500:
        return faulty_request(status, refusal.message)
    if status == IN_STREAM:
        return refusal.code in _FAULTY_CODES or bool(_CANNOT.search(refusal.message))
    return status != 408 and (status != 404 or bool(_CANNOT.search(refusal.message)))


# The order is the meaning: what can be helped here comes before what cannot.
_KINDS: tuple[tuple[type[ModelError], Callable[[Refusal], bool]], ...] = (
    (PromptTooLong, lambda refusal: too_long(refusal.status, refusal.code, refusal.message)),
    (NoCredit, _no_credit),
    (ModelRefused, _moderated),
    (ModelUnknown, _unknown),
    (KeyRefused, _key_refused),
    (ModelBusy, lambda refusal: refusal.status in {409, 425, 429} or refusal.code in _BUSY_CODES),
    (RequestRefused, _faulty),
    (ModelBusy, lambda refusal: refusal.status >= 500),
    (ModelUnknown, lambda refusal: refusal.status == 404),
    (ModelDown, lambda refusal: True),
)
