"""Vendor errors go in, ours come out; never a provider's own words: they may quote people, or a key."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import openai

from bot.errors import (
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    ModelSilent,
    ModelUnknown,
    NoCredit,
    PromptTooLong,
    RequestRefused,
)
from bot.models.remote import refusals
from bot.models.remote.client import delay_of
from bot.models.remote.refusals import IN_STREAM
from bot.models.remote.response import NoAnswerError, mapping

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_LONGEST = 4_000  # characters of a refusal that are read


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
        refusal = refusal_of(error)
        kind = refusals.kind(refusal)
        did, do = self._told(kind, refusal)
        detail = [str(refusal.status or ""), self._code(error)]
        if kind is RequestRefused and (subject := refusals.subject(refusal.message)):
            detail.append(f"about {subject}")
        raised = self._error(kind, did, do, ", ".join(filter(None, detail)))
        if isinstance(raised, ModelBusy):
            raised.delay = delay_of(error)
        return raised

    def _told(self, kind: type[ModelError], refusal: refusals.Refusal) -> tuple[str, str]:
        """The words for a refusal: what the server did, and what the operator can do about it."""
        account = self.key_setting or self._settings()
        busy = "limits how often it is asked for" if refusal.status == 429 else "has no room for, or failed over,"
        return {
            PromptTooLong: ("got a prompt too long for", "shorten the conversation or PERSONA"),
            KeyRefused: ("refused the key for", f"check {account}"),
            NoCredit: ("asks for credit before it serves", f"top up the account behind {account}"),
            ModelUnknown: ("does not know", f"check {self._settings()}"),
            ModelRefused: ("moderates, and did not pass on what was asked of", "what was asked is against its rules"),
            RequestRefused: ("does not take such a request to", f"check {self._settings()}, or choose another model"),
            ModelBusy: (busy, "try later, or set FALLBACK_MODELS"),
        }.get(kind, ("broke off while asking", "try again, or set FALLBACK_MODELS"))

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


def refusal_of(error: openai.APIError) -> refusals.Refusal:
    """A refusal in plain values; with the words of the provider behind it, which OpenRouter passes on."""
    words = " ".join(_words_in(error.body)) or error.message
    flagged = "reasons" in mapping(mapping(error.body).get("metadata"))
    return refusals.Refusal(status_of(error), _code_of(error), words[:_LONGEST], flagged)


def _words_in(body: object, depth: int = 4) -> Iterator[str]:
    """What a body says: OpenAI's `message`, FastAPI's `detail`, TGI's bare `error`, a text, a list of any of them."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, list) and depth:
        for part in body[:4]:
            yield from _words_in(part, depth - 1)
    elif isinstance(body, Mapping) and depth:
        for name in ("message", "detail", "msg", "error", "errors", "metadata", "raw"):
            yield from _words_in(body.get(name), depth - 1)


def status_of(error: openai.APIError) -> int:
    """The HTTP status, or what stands for it inside an answer: OpenRouter puts one into its code."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code
    found = mapping(error.body).get("code") or mapping(error.body).get("status")
    return int(str(found)) if re.fullmatch(r"4\d\d", str(found)) else IN_STREAM


def _code_of(error: openai.APIError) -> str:
    """The code, or else the type, in lower case; a code that only repeats a status is none."""
    codes = [str(code).lower() for code in (error.code, error.type) if code]
    return next((code for code in codes if not re.fullmatch(r"[45]\d\d", code)), "")
