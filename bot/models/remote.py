"""Models behind an HTTP API of OpenAI's kind; the one file that knows the `openai` client and what it raises."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

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
from bot.ports import Prompt, Said

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
_IN_STREAM = 0  # in place of an HTTP status: the error came inside a stream and names none


class RemoteModel:
    """A model at a provider, or in a server of one's own. One pool of connections; close it at the end."""

    persona = None
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
        extra_body: Mapping[str, object] | None = None,
        connect: float = CONNECT,
        silence: float = SILENCE,
        patience: float = PATIENCE,
        retries: int = RETRIES,
    ) -> None:
        """`name` is what people know it by, `model` what the provider does; the settings are named in errors."""
        self.name = name
        self.budget = budget
        self._model = model
        sampling = {"temperature": temperature, "max_tokens": max_tokens}
        self._sampling = {name: value for name, value in sampling.items() if value is not None}
        self._extra_body = dict(extra_body) if extra_body else None
        self._patience = patience
        try:
            url = httpx2.URL(base_url)
            self._client = openai.AsyncOpenAI(
                api_key=key,
                base_url=url,
                timeout=httpx2.Timeout(silence, connect=connect),
                max_retries=retries,
                # HTTP_PROXY is about the world outside: a proxy cannot reach what listens on this machine only.
                http_client=openai.DefaultAsyncHttpx2Client(trust_env=not _loopback(url.host)),
            )
        except httpx2.InvalidURL as error:
            raise SettingsError(f"{url_setting or 'the address of the model'} is no usable address: {error}") from error
        # The client picks these up from OPENAI_ORG_ID and OPENAI_PROJECT_ID and would tell them to every provider.
        self._client.organization = self._client.project = None
        # Without the user and password that an address may carry.
        host = url.host if url.port is None else f"{url.host}:{url.port}"
        self._place = _Place(name, host, key, key_setting, url_setting)

    async def complete(self, prompt: Prompt) -> AsyncGenerator[str | Usage, None]:
        """Pieces of text, then at most one Usage. Raises ModelError, also half way.

        A connection that is lost after the provider has said that the answer is finished costs the Usage only.
        """
        heard = spoke = False
        finish = ""
        usage: Usage | None = None
        with self._place.translating():
            stream = await self._ask(prompt)
        async with stream:
            while True:
                try:
                    chunk = await self._next(stream)
                except ModelError:
                    if finish:
                        break
                    raise
                if chunk is None:
                    break
                heard = True
                usage = chunk.usage or usage
                finish = chunk.finish or finish
                if chunk.text:
                    spoke = spoke or not chunk.text.isspace()
                    yield chunk.text
        self._place.judge(finish, heard=heard, spoke=spoke)
        if usage:
            yield usage

    async def close(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._client.close()

    async def _ask(self, prompt: Prompt) -> openai.AsyncStream[object]:
        """Ask through the client's own way to undocumented endpoints: plain JSON both ways.

        Its typed way, `chat.completions.create`, costs twice the processor time a turn (`benchmarks.turns`), for
        objects that it builds without checking them.
        """
        body: dict[str, object] = {
            "model": self._model,
            "messages": [{"role": said.role or "system", "content": _content_of(said)} for said in prompt],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        body |= self._sampling | (self._extra_body or {})
        return await self._client.post(
            "/chat/completions", cast_to=object, body=body, stream=True, stream_cls=openai.AsyncStream[object]
        )

    async def _next(self, stream: openai.AsyncStream[object]) -> "_Chunk | None":
        with self._place.translating():
            async with asyncio.timeout(self._patience):
                chunk = await anext(stream, None)
            return None if chunk is None else _read(chunk)


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
    text = _mapping(choice.get("delta")).get("content")
    finish = choice.get("finish_reason")
    return _Chunk(
        text=text if isinstance(text, str) else "",
        finish=finish if isinstance(finish, str) else "",
        usage=usage,
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
            raise self._refusal(error, error.status_code) from error
        except (openai.APITimeoutError, TimeoutError) as error:
            raise self._error(
                ModelDown, "took too long over an answer of", "try again, or set FALLBACK_MODELS"
            ) from error
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, OSError, EOFError) as error:
            raise self._error(ModelDown, "cannot be reached, or was lost half way, for", self._way()) from error
        except openai.APIError as error:  # inside a stream; OpenRouter puts an HTTP status into its code
            code = error.code or ""
            status = int(code) if re.fullmatch(r"4\d\d", code) else _IN_STREAM
            raise self._refusal(error, status) from error
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

    def _refusal(self, error: openai.APIError, status: int) -> ModelError:
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


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"
