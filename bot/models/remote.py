"""Models behind an HTTP API of OpenAI's kind; the one file that knows the `openai` client and what it raises."""

import asyncio
import json
import logging
import math
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import ip_address
from typing import Any

import httpx2
import openai

from bot.chat import Usage
from bot.errors import (
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    ModelSilent,
    PromptTooLong,
    SettingsError,
)
from bot.models import arguments
from bot.models.calls import Calls
from bot.ports import Call, Prompt, Said, Tool

log = logging.getLogger(__name__)

CONNECT = 10.0  # seconds; a provider that is up accepts within one, a packet lost on the way takes three
SILENCE = 60.0  # seconds without a byte, from the request on: a large model may think that long before its first word
PATIENCE = 180.0  # seconds without a piece of the answer while the provider only keeps the line open with comments
RETRIES = 2  # of a request that got no answer; the client waits as long as Retry-After says, up to two minutes

# How providers say that a prompt is too long when they have no code for it: OpenAI, OpenRouter, vLLM ("maximum context
# length"), llama.cpp ("available context size"), Anthropic ("prompt is too long"), Gemini ("input token count").
_TOO_LONG = re.compile(
    r"context[ _-]?(length|size|window)|too many (input )?tokens|(prompt|input|request) (is )?too (long|large)"
    r"|input token count",
    re.IGNORECASE,
)
_TOO_LONG_CODES = {"context_length_exceeded", "exceed_context_size_error", "request_too_large"}
_NO_CREDIT = re.compile(r"credit balance|insufficient (credit|balance|quota|fund)", re.IGNORECASE)
_NO_CREDIT_CODES = {"insufficient_quota", "billing_error"}
_BUSY_CODES = {"overloaded_error", "rate_limit_error", "rate_limit_exceeded"}
_CODE = re.compile(r"[a-z0-9_.-]{1,60}")
_IN_STREAM = 0  # in place of an HTTP status: the error came inside an answer and names none


class _Way(Enum):
    """How a model is made to call a tool."""

    TOOL = "tool_choice"
    SCHEMA = "json_schema"  # in words, and bound by a response_format
    JSON = "json_object"  # in words, and bound to JSON of any kind


# The next way where a server does not go one, and how it says so. Statuses are as various as the words: Ollama 400
# ("does not support tools"), OpenRouter 404 ("No endpoints found that support tool use"), llama.cpp 500 ("tools param
# requires --jinja flag"), DeepSeek 400 ("Thinking mode does not support this tool_choice"; and it has no json_schema:
# "This response_format type is unavailable now").
_FURTHER = {
    _Way.TOOL: (_Way.SCHEMA, re.compile(r"tool|function.?call|grammar", re.IGNORECASE)),
    _Way.SCHEMA: (_Way.JSON, re.compile(r"response.?format|json.?schema|structured.?output|grammar", re.IGNORECASE)),
}
_TURNED_DOWN = {_IN_STREAM, 400, 404, 422, 500, 501}


class RemoteModel:
    """A model at a provider, or in a server of one's own. One pool of connections; close it at the end."""

    persona = None
    trusted = True
    sees = True  # most do; one that does not refuses, and is asked again without pictures

    def __init__(
        self,
        *,
        name: str,
        model: str,
        base_url: str,
        key: str,
        key_setting: str = "",
        url_setting: str = "",
        budget: int = 60_000,
        temperature: float | None = None,
        max_tokens: int | None = None,
        call_tokens: int | None = None,
        tools: bool = True,
        extra_body: Mapping[str, object] | None = None,
        connect: float = CONNECT,
        silence: float = SILENCE,
        patience: float = PATIENCE,
        retries: int = RETRIES,
    ) -> None:
        """`name` is what people know it by, `model` what the provider does; the settings are named in errors.

        `call_tokens` is to `call` what `max_tokens` is to `complete`; without `tools`, none are ever sent.
        """
        self.name = name
        self.budget = budget
        self._model = model
        sampling = {"temperature": temperature, "max_tokens": max_tokens}
        self._sampling = {name: value for name, value in sampling.items() if value is not None}
        self._extra_body = dict(extra_body) if extra_body else None
        self._calling = self._sampling | ({} if call_tokens is None else {"max_tokens": call_tokens})
        self._way = _Way.TOOL if tools else _Way.SCHEMA
        self._has_tools = tools
        self._patience = patience
        whole = max(silence, patience)  # what is not streamed is silent until it is complete
        self._whole = httpx2.Timeout(whole, connect=connect)
        self._longest = whole * (retries + 1)  # some keep the line open with blanks meanwhile
        timeout = httpx2.Timeout(silence, connect=connect)
        self._client, host = _reach(base_url, url_setting or "the address of the model", key, timeout, retries)
        self._place = _Place(name, host, key, key_setting, url_setting)

    async def complete(
        self, prompt: Prompt, tools: Sequence[Tool] = (), *, calling: bool = True
    ) -> AsyncGenerator[str | Call | Usage, None]:
        """Pieces of text, then calls, then at most one Usage. Raises ModelError, also half way.

        A connection that is lost after the provider has said that the answer is finished costs the Usage only.
        """
        heard = spoke = False
        finish = ""
        usage: Usage | None = None
        calls = Calls()
        with self._place.translating():
            stream, first = await self._ask(prompt, tools, calling)
        async with stream:
            yield ""  # it has begun to answer, and may think for long before its first word
            with self._place.translating():
                chunk = None if first is None else _read(first)
            while chunk is not None:
                heard = True
                usage = chunk.usage or usage
                finish = chunk.finish or finish
                if tools and calling:
                    calls.add(chunk.calls)
                if chunk.text:
                    spoke = spoke or not chunk.text.isspace()
                    yield chunk.text
                try:
                    chunk = await self._next(stream)
                except ModelError:
                    if finish:
                        break
                    raise
        called = calls.whole()
        self._place.judge(finish, heard=heard, spoke=spoke or bool(called))
        for call in called:
            yield call
        if usage:
            yield usage

    async def call(self, prompt: Prompt, tool: Tool) -> Mapping[str, Any]:
        """The arguments with which the model calls `tool`, valid for its schema. Raises ModelError.

        With a forced tool_choice, or as a JSON answer in the form of the schema where a server has no tools; which way
        worked is remembered. Arguments that are invalid are asked for once more, unless the same would come again.
        """
        way = self._way
        again = self._sampling.get("temperature") != 0
        while True:
            said = await self._called(prompt, tool, way)
            if said is None:
                way, _ = _FURTHER[way]
                continue
            try:
                found = arguments.read(said, tool)
            except arguments.NoArguments:
                if not again:
                    raise self._place.no_arguments() from None
                again = False
                # A small model's calls are anything; where answers are bound to a schema, they are valid.
                way = _Way.SCHEMA if way is _Way.TOOL else way
            else:
                self._way = way
                return found

    async def close(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._client.close()

    async def _ask(
        self, prompt: Prompt, tools: Sequence[Tool], calling: bool
    ) -> tuple[openai.AsyncStream[object], object]:
        """Ask, and wait for the first chunk; without tools where the server does not take them."""
        if not (tools and self._has_tools):
            return await self._begin(_messages(_in_words(prompt)))
        offered = {"tools": [_function(tool) for tool in tools], "tool_choice": "auto" if calling else "none"}
        try:
            return await self._begin(_messages(prompt), offered)
        except openai.APIError as error:
            if not _turned_down(error, _Way.TOOL):
                raise
            # It took them before, or what the model made of them is wrong (Groq's code): true of this request alone.
            once = error.code == "tool_use_failed" or any(said.calls for said in prompt)
        begun = await self._begin(_messages(_in_words(prompt)))
        if not once:
            self._go_without_tools()
        return begun

    def _go_without_tools(self) -> None:
        if self._has_tools:
            log.info("%s: it has no tools, and is asked without any from now on", self.name)
        self._has_tools = False

    async def _begin(
        self, messages: list[dict[str, object]], offered: Mapping[str, object] | None = None
    ) -> tuple[openai.AsyncStream[object], object]:
        """Ask through the client's own way to undocumented endpoints: plain JSON both ways.

        Its typed way, `chat.completions.create`, costs twice the processor time a turn (`benchmarks.turns`), for
        objects that it builds without checking them.
        """
        body: dict[str, object] = {
            "model": self._model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        body |= self._sampling | (self._extra_body or {}) | dict(offered or {})
        stream = await self._client.post(
            "/chat/completions", cast_to=object, body=body, stream=True, stream_cls=openai.AsyncStream[object]
        )
        try:
            async with asyncio.timeout(self._patience):
                return stream, await anext(stream, None)
        except BaseException:
            await stream.close()
            raise

    async def _next(self, stream: openai.AsyncStream[object]) -> "_Chunk | None":
        with self._place.translating():
            async with asyncio.timeout(self._patience):
                chunk = await anext(stream, None)
            return None if chunk is None else _read(chunk)

    async def _called(self, prompt: Prompt, tool: Tool, way: _Way) -> object | None:
        """What the model wrote for arguments; None where the server does not go this way. Raises ModelError."""
        body = {"model": self._model, **_asking(prompt, tool, way), **self._calling, **(self._extra_body or {})}
        with self._place.translating():
            try:
                whole = await self._answer(body)
            except openai.APIError as error:
                if _turned_down(error, way):
                    return None
                raise
        log.debug("%s: %s by %s: %s", self.name, tool.name, way.value, whole.usage)
        if way is _Way.TOOL:
            if tool.name in whole.calls:
                return whole.calls[tool.name]
            if whole.finish not in {"content_filter", "error"}:
                return None  # some servers know tools, but no tool_choice
        self._place.judge(whole.finish, heard=True, spoke=bool(whole.text.strip()))
        return whole.text

    async def _answer(self, body: Mapping[str, object]) -> "_Whole":
        """Ask for an answer in one piece; it comes as text, whatever its media type, and is read here."""
        async with asyncio.timeout(self._longest):
            text = await self._client.post(
                "/chat/completions", cast_to=str, body=body, options={"timeout": self._whole}
            )
        try:
            answer = _mapping(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise _NoAnswerError from error
        if refusal := _mapping(answer.get("error")):  # OpenRouter's, with status 200
            request = httpx2.Request("POST", self._client.base_url)
            raise openai.APIError(str(refusal.get("message")), request, body=dict(refusal))
        return _read_whole(answer)


def _messages(prompt: Prompt) -> list[dict[str, object]]:
    return [_message(said) for said in prompt]


def _message(said: Said) -> dict[str, object]:
    if said.role == "tool":
        return {"role": "tool", "tool_call_id": said.call, "content": said.text}
    if said.calls:
        calls = [{"id": call.id, "type": "function", "function": _repeated(call)} for call in said.calls]
        return {"role": "assistant", "content": said.text or None, "tool_calls": calls}
    return {"role": said.role or "system", "content": _content_of(said)}


def _repeated(call: Call) -> dict[str, object]:
    """What a model called, as servers take it back: they refuse names of another form, and some read the arguments."""
    try:
        valid = isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        valid = False
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", call.name)[:64]
    return {"name": name, "arguments": call.arguments if valid else "{}"}


def _in_words(prompt: Prompt) -> Prompt:
    """The prompt as a server reads it that has no tools: what they brought stands there as if somebody had said it."""
    if not any(said.calls for said in prompt):
        return prompt
    said = [replace(said, calls=()) for said in prompt if said.text]
    return [Said("user", f"(looked up: {one.text})") if one.role == "tool" else one for one in said]


def _function(tool: Tool) -> dict[str, object]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _asking(prompt: Prompt, tool: Tool, way: _Way) -> dict[str, object]:
    """What a request says to have a tool called."""
    schema = dict(tool.parameters)
    if way is _Way.TOOL:
        return {
            "messages": _messages(prompt),
            "tools": [_function(tool)],
            "tool_choice": {"type": "function", "function": {"name": tool.name}},
        }
    form: dict[str, object] = {"type": way.value}
    if way is _Way.SCHEMA:
        form["json_schema"] = {"name": tool.name, "schema": schema, "strict": False}
    return {"messages": _messages(arguments.in_words(prompt, tool)), "response_format": form}


def _content_of(said: Said) -> str | list[dict[str, object]]:
    """Plain text where that is all: some servers know nothing else."""
    if not said.images:
        return said.text
    parts: list[dict[str, object]] = [{"type": "text", "text": said.text}]
    parts += [{"type": "image_url", "image_url": {"url": url}} for url in said.images]
    return parts


@dataclass(frozen=True, slots=True)
class _Chunk:
    text: str = ""
    calls: object = None  # pieces of them
    finish: str = ""
    usage: Usage | None = None


class _NoAnswerError(Exception):
    """What came is JSON, but no part of an answer."""


def _read(chunk: object) -> _Chunk:
    """One chunk as plain values; what comes is checked here, nobody did before."""
    if not isinstance(chunk, dict):
        raise _NoAnswerError
    body: dict[str, object] = chunk
    usage = _usage(body.get("usage"))
    choices = body.get("choices")
    if choices is None and usage:
        return _Chunk(usage=usage)
    if not isinstance(choices, list):
        raise _NoAnswerError
    if not choices:  # the last chunk, which brings the usage; or a first one that brings remarks on the prompt
        return _Chunk(usage=usage)
    choice = _mapping(choices[0])
    delta = _mapping(choice.get("delta"))
    text = delta.get("content")
    finish = choice.get("finish_reason")
    return _Chunk(
        text=text if isinstance(text, str) else "",
        calls=delta.get("tool_calls"),
        finish=finish if isinstance(finish, str) else "",
        usage=usage,
    )


@dataclass(frozen=True, slots=True)
class _Whole:
    """An answer that came in one piece."""

    calls: Mapping[str, object]  # arguments by the tool's name: JSON as text, or from some servers as it is
    text: str
    finish: str
    usage: Usage | None


def _read_whole(answer: Mapping[str, object]) -> _Whole:
    choices = answer.get("choices")
    if not (isinstance(choices, list) and choices):
        raise _NoAnswerError
    choice = _mapping(choices[0])
    message = _mapping(choice.get("message"))
    listed = message.get("tool_calls")
    functions = [_mapping(_mapping(call).get("function")) for call in listed] if isinstance(listed, list) else []
    text = message.get("content")
    finish = "content_filter" if message.get("refusal") else choice.get("finish_reason")
    return _Whole(
        # Of several calls of one tool, the first.
        calls={str(function.get("name")): function.get("arguments", "") for function in reversed(functions)},
        text=text if isinstance(text, str) else "",
        finish=finish if isinstance(finish, str) and finish else "stop",  # it is whole, or it would not be JSON
        usage=_usage(answer.get("usage")),
    )


def _usage(value: object) -> Usage | None:
    counts = _mapping(value)
    if not counts:
        return None
    details = _mapping(counts.get("prompt_tokens_details"))
    return Usage(
        prompt=_count(counts.get("prompt_tokens")),
        completion=_count(counts.get("completion_tokens")),
        cached=_count(details.get("cached_tokens")),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _delay(error: openai.APIError) -> float | None:
    """Seconds after which the provider wants to be asked again, where it says so."""
    try:
        return float(error.response.headers["retry-after"]) if isinstance(error, openai.APIStatusError) else None
    except (KeyError, ValueError):
        return None


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


@dataclass(frozen=True, slots=True)
class _Place:
    """What an error may say about where it happened. Never a provider's own words: they may quote people, or a key."""

    name: str
    host: str
    key: str = field(repr=False)
    key_setting: str
    url_setting: str

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Vendor errors go in, ours come out."""
        try:
            yield
        except openai.APIStatusError as error:
            raise self._refusal(error) from error
        except (openai.APITimeoutError, TimeoutError) as error:
            raise self._error(
                ModelDown, "took too long over an answer of", "try again, or set FALLBACK_MODELS"
            ) from error
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, OSError, EOFError) as error:
            raise self._error(ModelDown, "cannot be reached, or was lost half way, for", self._way()) from error
        except openai.APIError as error:  # inside an answer
            raise self._refusal(error) from error
        except (_NoAnswerError, json.JSONDecodeError, UnicodeDecodeError, openai.OpenAIError) as error:
            raise self._no_answer() from error

    def judge(self, finish: str, *, heard: bool, spoke: bool) -> None:
        """Raise if what has come to its end is no answer."""
        if not heard:
            raise self._no_answer()
        if finish in {"", "error"}:
            raise self._error(ModelDown, "broke off in the middle of an answer of", "try again, or set FALLBACK_MODELS")
        if spoke:
            return
        if finish == "content_filter":
            raise self._error(ModelRefused, "filtered out the whole answer of", "what was asked is against its rules")
        if finish == "length":
            raise self._error(ModelSilent, "came to the token limit before the first word of", "choose another MODEL")
        raise self._error(ModelSilent, "passed on an empty answer of", "try again, or choose another MODEL")

    def no_arguments(self) -> ModelError:
        """What is raised when a tool was called with what its schema does not allow."""
        return self._error(ModelSilent, "passed on what is no answer of", "try again, or choose another MODEL")

    def _refusal(self, error: openai.APIError) -> ModelError:
        status = _status(error)
        code = self._code(error)
        account = self.key_setting or self._settings()
        kind = _kind(error, status, code)
        if kind is PromptTooLong:
            did, do = "got a prompt too long for", "shorten the conversation or PERSONA"
        elif kind is KeyRefused and status in {401, 403}:
            did, do = "refused the key for", f"check {account}"
        elif kind is KeyRefused:
            did, do = "asks for credit before it serves", f"top up the account behind {account}"
        elif kind is ModelRefused and status == 404:
            did, do = "does not know", f"check {self._settings()}"
        elif kind is ModelRefused and status == 403:
            did, do = "moderates, and did not pass on what was asked of", "what was asked is against its rules"
        elif kind is ModelRefused:
            did, do = "refused a request to", f"check {self._settings()}"
        elif kind is ModelBusy:
            did, do = "has no room for", "try later, or set FALLBACK_MODELS"
        else:
            did, do = "broke off while asking", "try again, or set FALLBACK_MODELS"
        detail = ", ".join(str(part) for part in (status, code) if part)
        refusal = self._error(kind, did, do, detail)
        if isinstance(refusal, ModelBusy):
            refusal.delay = _delay(error)
        return refusal

    def _no_answer(self) -> ModelError:
        return self._error(ModelSilent, "sent something that is no answer for", f"check {self._settings()}")

    def _error(self, kind: type[ModelError], did: str, do: str, detail: str = "") -> ModelError:
        return kind(f"{self.host} {did} {self.name}{f' ({detail})' if detail else ''}: {do}")

    def _way(self) -> str:
        if self.url_setting:
            return f"check {self.url_setting} and that the server runs"
        return "check the network" if self.key_setting else "try again"

    def _settings(self) -> str:
        return f"MODEL and {self.url_setting}" if self.url_setting else "MODEL"

    def _code(self, error: openai.APIError) -> str:
        """The provider's code or type for the error, if it is a plain word."""
        for code in (error.code, error.type):
            if isinstance(code, str) and _CODE.fullmatch(code) and not code.isdigit() and self.key not in code:
                return code
        return ""


def _turned_down(error: openai.APIError, way: _Way) -> bool:
    """Whether a server says that it does not know this way of calling, or not for this model."""
    status = _status(error)
    if way not in _FURTHER or status not in _TURNED_DOWN:
        return False
    if _kind(error, status, error.code or "") in {PromptTooLong, KeyRefused}:
        return False
    body = _mapping(error.body)
    passed_on = _mapping(body.get("metadata")).get("raw")  # OpenRouter's: what the provider behind it said
    _, words = _FURTHER[way]
    return words.search(f"{body.get('message') or error.message} {passed_on}") is not None


def _status(error: openai.APIError) -> int:
    """The HTTP status, or what stands for it inside an answer: OpenRouter puts one into its code."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code
    code = error.code or ""
    return int(code) if re.fullmatch(r"4\d\d", code) else _IN_STREAM


def _kind(error: openai.APIError, status: int, code: str) -> type[ModelError]:
    body = _mapping(error.body)
    text = str(body.get("message") or error.message)
    if code in _TOO_LONG_CODES or status == 413 or (status in {_IN_STREAM, 400, 422} and _TOO_LONG.search(text)):
        return PromptTooLong
    # OpenAI says it with 429, Anthropic with 400.
    if status == 402 or code in _NO_CREDIT_CODES or (status in {400, 429} and _NO_CREDIT.search(text)):
        return KeyRefused
    # OpenRouter's moderation answers 403 too; its metadata then says why.
    if status == 403 and "reasons" in _mapping(body.get("metadata")):
        return ModelRefused
    if status in {401, 403}:
        return KeyRefused
    if status in {409, 429} or status >= 500 or code in _BUSY_CODES:
        return ModelBusy
    return ModelDown if status in {_IN_STREAM, 408} else ModelRefused


def _reach(
    base_url: str, setting: str, key: str, timeout: httpx2.Timeout, retries: int
) -> tuple[openai.AsyncOpenAI, str]:
    """A client, and the host that it asks, without the user and password that an address may carry.

    Raises SettingsError, which names `setting`.
    """
    try:
        url = httpx2.URL(base_url)
        client = openai.AsyncOpenAI(
            api_key=key,
            base_url=url,
            timeout=timeout,
            max_retries=retries,
            # HTTP_PROXY is about the world outside: a proxy cannot reach what listens on this machine only.
            http_client=openai.DefaultAsyncHttpx2Client(trust_env=not _loopback(url.host)),
        )
    except httpx2.InvalidURL as error:
        raise SettingsError(f"{setting} is no usable address: {error}") from error
    # The client picks these up from OPENAI_ORG_ID and OPENAI_PROJECT_ID and would tell them to every provider.
    client.organization = client.project = None
    return client, url.host if url.port is None else f"{url.host}:{url.port}"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


EMBEDDING_SILENCE = 20.0  # seconds without a byte; an embedder answers within one
TOGETHER = 64  # texts in one request
READ = 8_000  # characters of a text; most embedders take 512 to 8,192 tokens, and several refuse what is more


class RemoteEmbedder:
    """An embedder at a provider, or in a server of one's own. One pool of connections; close it at the end."""

    def __init__(
        self,
        *,
        name: str,
        model: str,
        base_url: str,
        key: str,
        key_setting: str = "",
        url_setting: str = "",
        connect: float = CONNECT,
        silence: float = EMBEDDING_SILENCE,
        retries: int = RETRIES,
    ) -> None:
        """`name` is what people know it by, `model` what the provider does; the settings are named in errors."""
        self.name = name
        self._model = model
        self._longest = silence * (retries + 1)  # some keep the line open with blanks
        timeout = httpx2.Timeout(silence, connect=connect)
        self._client, host = _reach(base_url, url_setting or "the address of the embedder", key, timeout, retries)
        self._place = _EmbedderPlace(name, host, key, key_setting, url_setting)

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One unit vector for each text, all of the same dimension, in order. Raises ModelError."""
        vectors: list[list[float]] = []
        with self._place.translating():
            for start in range(0, len(texts), TOGETHER):
                vectors += await self._ask(texts[start : start + TOGETHER])
            if len({len(vector) for vector in vectors}) > 1:
                raise _NoAnswerError
        return vectors

    async def warm_up(self) -> None:
        """Nothing: there is nothing to load."""

    async def close(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._client.close()

    async def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        body: dict[str, object] = {
            "model": self._model,
            "input": [text[:READ] if text.strip() else "." for text in texts],  # an empty one is refused
            "encoding_format": "float",  # the client's default is base64, which not every server speaks
        }
        async with asyncio.timeout(self._longest):
            text = await self._client.post("/embeddings", cast_to=str, body=body)
        # Two megabytes of numbers take a while to read.
        answer = await asyncio.to_thread(_read_vectors, text, len(texts))
        if isinstance(answer, list):
            return answer
        request = httpx2.Request("POST", self._client.base_url)
        raise openai.APIError(str(answer.get("message")), request, body=dict(answer))


class _EmbedderPlace(_Place):
    """As with a model, except for the settings that help."""

    def _settings(self) -> str:
        return f"EMBEDDER and {self.url_setting}" if self.url_setting else "EMBEDDER"

    def _error(self, kind: type[ModelError], did: str, do: str, detail: str = "") -> ModelError:
        if kind is PromptTooLong:
            do = "choose another EMBEDDER"
        return super()._error(kind, did, do.removesuffix(", or set FALLBACK_MODELS"), detail)


def _read_vectors(text: str, count: int) -> list[list[float]] | Mapping[str, object]:
    """So many unit vectors; or the error that came in their place, OpenRouter's way. Raises _NoAnswerError."""
    try:
        answer = _mapping(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise _NoAnswerError from error
    if refusal := _mapping(answer.get("error")):
        return refusal
    rows = answer.get("data")
    if not (isinstance(rows, list) and len(rows) == count):
        raise _NoAnswerError
    found = {_place_of(row): _mapping(row).get("embedding") for row in rows}
    if set(found) != set(range(count)):
        raise _NoAnswerError
    return [_unit(found[place]) for place in range(count)]


def _place_of(row: object) -> int | None:
    index = _mapping(row).get("index")
    return index if isinstance(index, int) else None


def _unit(vector: object) -> list[float]:
    """Brought to length one; what comes is checked here, nobody did before."""
    if not (isinstance(vector, list) and all(type(number) in {int, float} for number in vector)):
        raise _NoAnswerError
    try:
        length = math.hypot(*vector)  # infinite or no number if one of them is
    except OverflowError as error:  # an integer beyond any float
        raise _NoAnswerError from error
    if not (length and math.isfinite(length)):
        raise _NoAnswerError
    return [number / length for number in vector]
