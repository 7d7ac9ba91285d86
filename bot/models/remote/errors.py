"""Vendor errors go in, ours come out; never a provider's own words: they may quote people, or a key."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import openai

from bot.errors import KeyRefused, ModelBusy, ModelDown, ModelError, ModelRefused, ModelSilent, PromptTooLong
from bot.models.remote.client import delay_of
from bot.models.remote.response import NoAnswerError, mapping

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
IN_STREAM = 0  # in place of an HTTP status: the error came inside an answer and names none


@dataclass(frozen=True, slots=True)
class Place:
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
        except (NoAnswerError, json.JSONDecodeError, UnicodeDecodeError, openai.OpenAIError) as error:
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
        status = status_of(error)
        code = self._code(error)
        account = self.key_setting or self._settings()
        kind = kind_of(error, status, code)
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
            refusal.delay = delay_of(error)
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


def status_of(error: openai.APIError) -> int:
    """The HTTP status, or what stands for it inside an answer: OpenRouter puts one into its code."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code
    code = error.code or ""
    return int(code) if re.fullmatch(r"4\d\d", code) else IN_STREAM


def kind_of(error: openai.APIError, status: int, code: str) -> type[ModelError]:
    body = mapping(error.body)
    text = str(body.get("message") or error.message)
    if code in _TOO_LONG_CODES or status == 413 or (status in {IN_STREAM, 400, 422} and _TOO_LONG.search(text)):
        return PromptTooLong
    # OpenAI says it with 429, Anthropic with 400.
    if status == 402 or code in _NO_CREDIT_CODES or (status in {400, 429} and _NO_CREDIT.search(text)):
        return KeyRefused
    # OpenRouter's moderation answers 403 too; its metadata then says why.
    if status == 403 and "reasons" in mapping(body.get("metadata")):
        return ModelRefused
    if status in {401, 403}:
        return KeyRefused
    if status in {409, 429} or status >= 500 or code in _BUSY_CODES:
        return ModelBusy
    return ModelDown if status in {IN_STREAM, 408} else ModelRefused
