"""A language model behind an HTTP API of OpenAI's kind."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from typing import Any, TypeVar

import httpx2
import openai

from bot.chat import Usage
from bot.errors import ModelError
from bot.models import arguments
from bot.models.reasoning import closes_alone
from bot.models.remote.client import CONNECT, RETRIES, reach
from bot.models.remote.errors import Place
from bot.models.remote.exchange import Exchange
from bot.models.remote.hearing import Hearing
from bot.models.remote.profile import FORCED_CALL, IMAGES, Profile
from bot.models.remote.request import Asked, way_of
from bot.models.remote.response import FILTER, LENGTH, NoAnswerError, Whole, mapping, read_whole, refused
from bot.models.remote.stream import Stream
from bot.ports import Call, Prompt, Retraction, Tool

log = logging.getLogger(__name__)
Result = TypeVar("Result")

SILENCE = 60.0  # seconds without a byte, from the request on: a large model may think that long before its first word
PATIENCE = 180.0  # seconds without a piece of the answer while the provider only keeps the line open with comments
CUT = "\n\n(My answer ends here: it came to the length that is set for it.)"
NO_SUCH_THING = {400, 404, 405, 422, 501}  # how servers answer where they have no such endpoint, or model


class RemoteModel:
    """A model at a provider, or in a server of one's own. One pool of connections; close it at the end."""

    persona = None
    trusted = True

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
        profile: Profile = Profile(),  # noqa: B008  # frozen
        key_field: str = "",
        extra_body: Mapping[str, object] | None = None,
        connect: float = CONNECT,
        silence: float = SILENCE,
        patience: float = PATIENCE,
        retries: int = RETRIES,
        tells_cut: bool = True,
        alone: bool | None = None,
    ) -> None:
        """`name` is what people know it by, `model` what the provider does; the settings are named in errors.

        `call_tokens` is to `call` what `max_tokens` is to `complete`; `profile` is what is known of the server
        beforehand; `key_field` is where a request names its conversation; `tells_cut`: whether the person is told that
        an answer came to its limit; `alone`: whether it ends its reasoning with a mark that it did not open.
        """
        self.name = name
        self.budget = budget
        self._model = model
        self._max_tokens = max_tokens
        self._call_tokens = max_tokens if call_tokens is None else call_tokens
        self._temperature = temperature
        self._fields = ({} if temperature is None else {"temperature": temperature}) | dict(extra_body or {})
        self._key_field = key_field
        self._exchange = Exchange(name, profile, retries)
        self._closes_alone = closes_alone(model) if alone is None else alone
        self._learned_alone = False
        self._tells_cut = tells_cut
        self._patience = patience
        whole = max(silence, patience)  # what is not streamed is silent until it is complete
        self._whole = httpx2.Timeout(whole, connect=connect)
        self._longest = whole * (retries + 1)  # some keep the line open with blanks meanwhile
        timeout = httpx2.Timeout(silence, connect=connect)
        self._client, host = reach(base_url, url_setting or "the address of the model", key, timeout, retries=0)
        self._place = Place(name, host, key, key_setting, url_setting)

    @property
    def profile(self) -> Profile:
        """What its server takes, as far as is known by now."""
        return self._exchange.profile

    @property
    def sees(self) -> bool:
        """Most do; one that does not refuses, and is asked again without pictures."""
        return self.profile.takes(IMAGES)

    async def complete(
        self, prompt: Prompt, tools: Sequence[Tool] = (), *, calling: bool = True, key: str = ""
    ) -> AsyncGenerator[str | Retraction | Call | Usage, None]:
        """Pieces of text, then calls, then at most one Usage. Raises ModelError, also half way.

        The first piece is empty: the model has begun to answer. A connection that is lost after the provider has said
        that the answer is finished costs the Usage only.
        """
        fields = self._fields | ({self._key_field: key} if key and self._key_field else {})
        asked = Asked(self._model, prompt, tools, calling, limit=self._max_tokens, fields=fields)
        hearing = Hearing(tools, alone=self._closes_alone)
        with self._place.translating():
            stream, body = await self._exchange.ask(asked, self._begin)
        async with stream:
            yield ""  # it has begun to answer, and may think for long before its first word
            while body is not None:
                with self._place.translating():
                    pieces = hearing.take(body)
                for piece in pieces:
                    yield piece
                try:
                    async with _started(self._next(stream)) as coming:
                        if (patience := hearing.patience()) is not None:
                            await asyncio.wait([coming], timeout=patience)
                            for piece in hearing.wait() if not coming.done() else ():
                                yield piece
                        body = await coming
                except ModelError:
                    if hearing.finish:
                        break
                    raise
        for piece in hearing.end():
            yield piece
        self._note_habit(hearing)
        self._place.judge(hearing.finish, heard=hearing.heard, spoke=hearing.spoke or (calling and bool(hearing.calls)))
        if hearing.finish == LENGTH and hearing.spoke and self._tells_cut:
            yield CUT
        for call in hearing.calls if calling else ():
            yield call
        if hearing.usage:
            yield hearing.usage

    def _note_habit(self, hearing: Hearing) -> None:
        """Note whether the model closes its reasoning with a mark alone: then its next answers are held until it."""
        if hearing.closed_alone and not self._learned_alone:
            log.info("%s: it ends its reasoning with a mark alone; its answers are shown when that has come", self.name)
            self._learned_alone = True
        self._closes_alone = self._learned_alone

    async def call(self, prompt: Prompt, tool: Tool) -> Mapping[str, Any]:
        """The arguments with which the model calls `tool`, valid for its schema. Raises ModelError.

        With a forced tool_choice, or as a JSON answer in the form of the schema where a server has no tools; which way
        worked is remembered. Arguments that are invalid are asked for once more, unless the same would come again.
        """
        again = self._temperature != 0
        unforced = frozenset[str]()
        while True:
            with self._place.translating():
                body, whole = await self._exchange.ask(self._asking(prompt, tool), self._answer, unforced)
            forced = "tools" in body
            log.debug("%s: %s by %s: %s", self.name, tool.name, way_of(body).value, whole.usage)
            called = tool.name in whole.calls
            if not called:
                in_words = forced and whole.finish != FILTER  # some servers know tools, but no tool_choice
                self._place.judge(whole.finish, heard=True, spoke=in_words or bool(whole.text.strip()))
            try:
                found = arguments.read(whole.calls[tool.name] if called else whole.text, tool)
            except arguments.NoArguments:
                if forced and not called:
                    unforced = frozenset({FORCED_CALL})
                    continue
                if not again:
                    raise self._place.no_arguments() from None
                again = False
                # A small model's calls are anything; where answers are bound to a schema, they are valid.
                unforced = unforced | {FORCED_CALL} if forced else unforced
            else:
                self._exchange.learn(unforced)
                return found

    def _asking(self, prompt: Prompt, tool: Tool) -> Asked:
        return Asked(self._model, prompt, forced=tool, stream=False, limit=self._call_tokens, fields=self._fields)

    async def close(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._client.close()

    async def wire(self) -> "RemoteModel":
        """Itself."""
        return self

    def anew(self, profile: Profile, retries: int = RETRIES) -> "RemoteModel":
        """The same model on the same connections, of whose server nothing is known but `profile`."""
        other = copy(self)
        other._exchange = Exchange(self.name, profile, retries)
        return other

    async def usage(self, prompt: Prompt, key: str) -> Mapping[str, object]:
        """What the server counts of a whole answer, as it says so; empty where it counts nothing. Raises ModelError."""
        fields = self._fields | ({self._key_field: key} if self._key_field else {})
        asked = Asked(self._model, prompt, stream=False, limit=self._max_tokens, fields=fields)

        async def post(body: Mapping[str, object]) -> Mapping[str, object]:
            text = await self._client.post(
                "/chat/completions", cast_to=str, body=body, options={"timeout": self._whole}
            )
            return mapping(mapping(json.loads(text)).get("usage"))

        with self._place.translating():
            return await self._exchange.ask(asked, post)

    async def transcribe(self, model: str, recording: bytes) -> str | None:
        """The words in a WAV file, by another model of the same server; None where it has none. Raises ModelError."""
        with self._place.translating():
            try:
                text = await self._client.post(
                    "/audio/transcriptions",
                    cast_to=str,
                    body={"model": model},
                    files=[("file", ("recording.wav", recording, "audio/wav"))],
                    options={"headers": {"Content-Type": "multipart/form-data"}},
                )
            except openai.APIStatusError as error:
                if error.status_code in NO_SUCH_THING:
                    return None
                raise
            words = mapping(json.loads(text)).get("text")
            if not isinstance(words, str):
                raise NoAnswerError
        return words

    async def _begin(self, body: Mapping[str, object]) -> tuple[Stream, object]:
        """Ask, and wait for the first chunk.

        Through the client's own way to undocumented endpoints: plain JSON both ways. Its typed way,
        `chat.completions.create`, costs twice the processor time a turn (`benchmarks.turns`), for objects that it
        builds without checking them.
        """
        stream = await self._client.post("/chat/completions", cast_to=object, body=body, stream=True, stream_cls=Stream)
        try:
            async with asyncio.timeout(self._patience):
                return stream, await anext(stream, None)
        except BaseException:
            await stream.close()
            raise

    async def _next(self, stream: Stream) -> object:
        with self._place.translating():
            async with asyncio.timeout(self._patience):
                return await anext(stream, None)

    async def _answer(self, body: Mapping[str, object]) -> "tuple[Mapping[str, object], Whole]":
        """Ask for an answer in one piece; it comes as text, whatever its media type, and is read here."""
        async with asyncio.timeout(self._longest):
            text = await self._client.post(
                "/chat/completions", cast_to=str, body=body, options={"timeout": self._whole}
            )
        try:
            answer = mapping(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise NoAnswerError from error
        if (refusal := refused(answer)) is not None:  # OpenRouter's, with status 200
            request = httpx2.Request("POST", self._client.base_url)
            raise openai.APIError(str(refusal.get("message")), request, body=dict(refusal))
        return body, read_whole(answer)


@asynccontextmanager
async def _started(work: Coroutine[object, object, Result]) -> AsyncIterator["asyncio.Task[Result]"]:
    """Something that goes on meanwhile, and ends with the block."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
