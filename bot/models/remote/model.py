"""A language model behind an HTTP API of OpenAI's kind."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import httpx2
import openai

from bot.chat import Usage
from bot.errors import ModelError
from bot.models import arguments
from bot.models.calls import Calls
from bot.models.remote.client import CONNECT, RETRIES, reach
from bot.models.remote.errors import Place
from bot.models.remote.request import Way, asking, function_of, in_words, messages_of
from bot.models.remote.response import Chunk, NoAnswerError, Whole, mapping, read, read_whole
from bot.models.remote.ways import FURTHER, turned_down
from bot.ports import Call, Prompt, Tool

log = logging.getLogger(__name__)

SILENCE = 60.0  # seconds without a byte, from the request on: a large model may think that long before its first word
PATIENCE = 180.0  # seconds without a piece of the answer while the provider only keeps the line open with comments


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
        self._way = Way.TOOL if tools else Way.SCHEMA
        self._has_tools = tools
        self._patience = patience
        whole = max(silence, patience)  # what is not streamed is silent until it is complete
        self._whole = httpx2.Timeout(whole, connect=connect)
        self._longest = whole * (retries + 1)  # some keep the line open with blanks meanwhile
        timeout = httpx2.Timeout(silence, connect=connect)
        self._client, host = reach(base_url, url_setting or "the address of the model", key, timeout, retries)
        self._place = Place(name, host, key, key_setting, url_setting)

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
            with self._place.translating():
                chunk = None if first is None else read(first)
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
                way, _ = FURTHER[way]
                continue
            try:
                found = arguments.read(said, tool)
            except arguments.NoArguments:
                if not again:
                    raise self._place.no_arguments() from None
                again = False
                # A small model's calls are anything; where answers are bound to a schema, they are valid.
                way = Way.SCHEMA if way is Way.TOOL else way
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
            return await self._begin(messages_of(in_words(prompt)))
        offered = {"tools": [function_of(tool) for tool in tools], "tool_choice": "auto" if calling else "none"}
        try:
            return await self._begin(messages_of(prompt), offered)
        except openai.APIError as error:
            if not turned_down(error, Way.TOOL):
                raise
            # It took them before, or what the model made of them is wrong (Groq's code): true of this request alone.
            once = error.code == "tool_use_failed" or any(said.calls for said in prompt)
        begun = await self._begin(messages_of(in_words(prompt)))
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

    async def _next(self, stream: openai.AsyncStream[object]) -> "Chunk | None":
        with self._place.translating():
            async with asyncio.timeout(self._patience):
                chunk = await anext(stream, None)
            return None if chunk is None else read(chunk)

    async def _called(self, prompt: Prompt, tool: Tool, way: Way) -> object | None:
        """What the model wrote for arguments; None where the server does not go this way. Raises ModelError."""
        body = {"model": self._model, **asking(prompt, tool, way), **self._calling, **(self._extra_body or {})}
        with self._place.translating():
            try:
                whole = await self._answer(body)
            except openai.APIError as error:
                if turned_down(error, way):
                    return None
                raise
        log.debug("%s: %s by %s: %s", self.name, tool.name, way.value, whole.usage)
        if way is Way.TOOL:
            if tool.name in whole.calls:
                return whole.calls[tool.name]
            if whole.finish not in {"content_filter", "error"}:
                return None  # some servers know tools, but no tool_choice
        self._place.judge(whole.finish, heard=True, spoke=bool(whole.text.strip()))
        return whole.text

    async def _answer(self, body: Mapping[str, object]) -> "Whole":
        """Ask for an answer in one piece; it comes as text, whatever its media type, and is read here."""
        async with asyncio.timeout(self._longest):
            text = await self._client.post(
                "/chat/completions", cast_to=str, body=body, options={"timeout": self._whole}
            )
        try:
            answer = mapping(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise NoAnswerError from error
        if refusal := mapping(answer.get("error")):  # OpenRouter's, with status 200
            request = httpx2.Request("POST", self._client.base_url)
            raise openai.APIError(str(refusal.get("message")), request, body=dict(refusal))
        return read_whole(answer)
