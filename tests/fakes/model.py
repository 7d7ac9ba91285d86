"""A small strict server that speaks OpenAI's chat completions API, answers what it is told to, and fails on demand.

In a test: `async with FakeModel() as fake:`, then `fake.base_url`, `fake.requests`, and `fake.answers` for what comes
next. A request that is bound to a tool or a schema is a call: it is answered with the least that is valid, or with
`fake.arguments`, and takes none of the `answers`. As a process: `python -m tests.fakes.model --port 0 --key KEY
[--log FILE] [--delay SECONDS]`; its base URL is the first line of its output, and each request body becomes a line of
FILE.
"""

import argparse
import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from tests.fakes import calls, conversations
from tests.fakes.caching import PromptCache
from tests.fakes.conversations import Calls
from tests.fakes.strict import Strict

Body = dict[str, Any]  # JSON as it came


@dataclass(frozen=True)
class Status:
    """An HTTP error before anything else; `message` and `code` as OpenAI words them."""

    status: int
    code: str | int | None = None
    message: str = "scripted by the test"
    type: str | None = "scripted"
    headers: tuple[tuple[str, str], ...] = ()
    metadata: Mapping[str, object] | None = None  # OpenRouter's


@dataclass(frozen=True)
class Break:
    """The connection is reset after so many pieces."""

    after: int = 2
    text: str = "This answer never comes to its end."


@dataclass(frozen=True)
class Unfinished:
    """The stream ends in good order, but without finish_reason and [DONE]."""

    text: str = "This answer just stops"


@dataclass(frozen=True)
class ErrorInside:
    """Status 200, some pieces, then an error object, as OpenRouter sends it."""

    code: str | int = 502
    message: str = "Provider disconnected"
    type: str | None = None
    after: int = 1


@dataclass(frozen=True)
class Raw:
    """Status 200 and exactly this."""

    body: str
    content_type: str = "text/event-stream"


@dataclass(frozen=True)
class Silence:
    """Not a byte, until the client hangs up or the server closes. With `after`, that many pieces first."""

    after: int | None = None


@dataclass(frozen=True)
class Slow:
    """An answer that takes its time: seconds before the first piece and before each further one."""

    text: str = "Slowly but surely."
    first: float = 0.2
    each: float = 0.05
    comments: bool = False  # keep the line open with SSE comments meanwhile, as OpenRouter does


@dataclass(frozen=True)
class Finish:
    """A complete answer that ends for another reason than "stop"."""

    reason: str
    text: str = ""


@dataclass(frozen=True)
class Held:
    """An answer whose first word comes when the test lets it go."""

    text: str
    go: asyncio.Event


HTML = Raw("<!doctype html><html><body><h1>Welcome to the hotel WiFi</h1></body></html>", "text/html")
BAD_JSON = Raw("data: {this is no JSON}\n\ndata: [DONE]\n\n")
NO_CHOICES = Raw('data: {"object": "list", "data": []}\n\ndata: [DONE]\n\n')
NOTHING = Finish("stop")
TOO_LONG = Status(
    400,
    "context_length_exceeded",
    "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.",
    "invalid_request_error",
)

# What servers that cannot be made to call tools say to a request that tries, by who says it.
WITHOUT_TOOLS = {
    "Ollama": Status(400, None, "registry.ollama.ai/library/gemma:2b does not support tools", "invalid_request_error"),
    "OpenRouter": Status(404, 404, "No endpoints found that support tool use. To learn more, visit: ...", None),
    "OpenRouter, no choice": Status(
        404, 404, "No endpoints found that support the provided 'tool_choice' value. To learn more, visit: ...", None
    ),
    "OpenRouter, passed on": Status(
        400,
        400,
        "Provider returned error",
        None,
        metadata={"raw": '{"error":{"message":"Thinking mode does not support this tool_choice"}}'},
    ),
    "llama.cpp": Status(500, 500, "tools param requires --jinja flag", "server_error"),
    "DeepSeek": Status(
        400, "invalid_request_error", "Thinking mode does not support this tool_choice", "invalid_request_error"
    ),
}
# The same of a response_format with a schema.
WITHOUT_SCHEMAS = {
    "DeepSeek": Status(
        400, "invalid_request_error", "This response_format type is unavailable now", "invalid_request_error"
    ),
}

Answer = str | Status | Break | Unfinished | ErrorInside | Raw | Silence | Slow | Finish | Held | Calls
Arguments = Mapping[str, object] | Answer | None


class FakeModel:
    """The server. `requests` holds every body it was sent, in order, those it refused too."""

    def __init__(
        self, *, key: str = "", models: Sequence[str] = (), delay: float = 0, log: Path | None = None, port: int = 0
    ) -> None:
        """With `key`, only that bearer key may ask; with `models`, only those exist; `delay` precedes each answer."""
        self.base_url = ""
        self.requests: list[Body] = []
        self.answers: list[Answer] = []  # for the next requests, one each
        self.otherwise: Answer | Callable[[Body], Answer] | None = (
            None  # for every one after those; None: `You said: …`
        )
        # For calls: arguments as a mapping, a text that need not be JSON, or another Answer; made by a function of the
        # request's body, or always the same. None: the least that is valid for the schema.
        self.arguments: Arguments | Callable[[Body], Arguments] = None
        self.without_tools: Status | None = None  # what requests with tools are refused with: see WITHOUT_TOOLS
        self.without_schemas: Status | None = None  # the same for those with a schema as response_format
        self.ignores_tool_choice = False  # answer with text where a tool must be called, as Ollama may
        self.sloppy = False  # send a call's arguments as an object, and not as the text of one
        self.strict: Sequence[Strict] = ()  # the rules of a stricter server than OpenAI's: see tests.fakes.strict
        self.spoke_from = self.spoke_until = (
            0.0  # first and last word of the latest Slow answer, on the monotonic clock
        )
        self.cached = 0  # prompt tokens reported as read before
        # Other endpoints of its API, by their paths: `embeddings`, `audio/transcriptions`.
        self.others: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {}
        self.prompt_cache: PromptCache | None = None  # counts them, and those that are written, by the marks
        self.hung_up = asyncio.Event()  # a client left before its answer was complete
        self._key = key
        self._models = tuple(models)
        self._delay = delay
        self._log = log
        self._port = port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self._completions)
        app.router.add_get("/v1/models", self._list)
        app.router.add_post("/v1/{path:.+}", self._other)
        # A handler ends when its client hangs up; one that still waits at the end of the test is cut off.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    @property
    def calls(self) -> list[Body]:
        """Those of the requests that were bound to a tool or a schema."""
        return [body for body in self.requests if calls.is_call(body)]

    @property
    def asked(self) -> list[Body]:
        """Those of the requests that were not: the ones for an answer in words."""
        return [body for body in self.requests if not calls.is_call(body)]

    async def _list(self, request: web.Request) -> web.Response:
        if refusal := self._stranger(request):
            return refusal
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "fake"} for name in self._models or ("fake",)]
        return web.json_response({"object": "list", "data": data})

    async def _other(self, request: web.Request) -> web.StreamResponse:
        if refusal := self._stranger(request):
            return refusal
        other = self.others.get(request.match_info["path"])
        return await other(request) if other else _error(Status(404, None, f"Invalid URL (POST {request.path})"))

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await request.json()
        except ValueError:
            return _error(Status(400, None, "We could not parse the JSON body of your request."))
        self.requests.append(body)
        if self._log:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(body) + "\n")
        if refusal := self._stranger(request):
            return refusal
        if complaint := _complaint(body):
            return _error(Status(400, None, complaint, "invalid_request_error"))
        if self.prompt_cache and (complaint := self.prompt_cache.complaint(body)):
            return _error(Status(400, None, complaint, "invalid_request_error"))
        for rule in self.strict:
            if refusal := rule.refusal(body):
                return refusal
        if self._models and body["model"] not in self._models:
            return _error(Status(404, "model_not_found", f"The model {body['model']!r} does not exist"))
        try:
            await asyncio.sleep(self._delay)
            return await (self._call(request, body) if calls.is_call(body) else self._answer(request, body))
        except (asyncio.CancelledError, ConnectionError):
            self.hung_up.set()
            raise

    def _stranger(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if self._key and given != f"Bearer {self._key}":
            # OpenAI quotes the key too, with its middle left out.
            message = f"Incorrect API key provided: {given.removeprefix('Bearer ')}."
            return _error(Status(401, "invalid_api_key", message, "invalid_request_error"))
        return None

    async def _call(self, request: web.Request, body: Body) -> web.StreamResponse:
        if "tools" in body and self.without_tools:
            return _error(self.without_tools)
        if calls.has_schema(body) and self.without_schemas:
            return _error(self.without_schemas)
        if "tools" in body and self.ignores_tool_choice:
            return web.json_response(self._whole(body, Finish("stop", "Let me think about that.")))
        answer = self.arguments(body) if callable(self.arguments) else self.arguments
        if isinstance(answer, Held):
            await answer.go.wait()
            answer = answer.text or None
        match answer:
            case Status():
                return _error(answer)
            case ErrorInside(code, message, kind):
                return web.json_response({"error": {"code": code, "message": message, "type": kind}})
            case Raw(text, content_type):
                return web.Response(text=text, content_type=content_type)
            case Unfinished(text):
                return web.Response(text=f'{{"choices": ["{text}', content_type="application/json")
            case Break():
                reset(request)
            case Silence():
                await asyncio.Event().wait()
            case Slow(text):
                return await self._trickle(request, body, answer)
            case Finish():
                return web.json_response(self._whole(body, answer))
        return web.json_response(self._called(body, calls.least_for(body) if answer is None else answer))

    async def _trickle(self, request: web.Request, body: Body, answer: Slow) -> web.StreamResponse:
        """Blanks, and at last the answer, as OpenRouter keeps a connection alive that is not streamed."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        end = time.monotonic() + answer.first
        while time.monotonic() < end:
            if answer.comments:
                await response.write(b" \n")
            await asyncio.sleep(0.05)
        await response.write(json.dumps(self._called(body, answer.text)).encode())
        return response

    async def _answer(self, request: web.Request, body: Body) -> web.StreamResponse:
        if "tools" in body and self.without_tools:
            return _error(self.without_tools)
        answer = self.answers.pop(0) if self.answers else self.otherwise
        if callable(answer):
            answer = answer(body)
        if answer is None:
            said = [text_in(message["content"]) for message in body["messages"] if message["role"] == "user"]
            answer = f"You said: {said[-1] if said else ''}"
        if isinstance(answer, Status):
            return _error(answer)
        if isinstance(answer, Raw):
            return web.Response(text=answer.body, content_type=answer.content_type)
        if answer == Silence():
            await asyncio.Event().wait()
        if isinstance(answer, Held):
            await answer.go.wait()
            answer = answer.text
        if isinstance(answer, str):
            answer = Finish("stop", answer)
        if isinstance(answer, Finish) and not body.get("stream"):
            return web.json_response(self._whole(body, answer))
        stream = _Stream(request, body)
        await stream.begin()
        await self._stream(stream, answer)
        return stream.response

    async def _stream(
        self, stream: "_Stream", answer: Break | Unfinished | ErrorInside | Silence | Slow | Finish | Calls
    ) -> None:
        match answer:
            case Calls():
                await stream.say(answer.text)
                for delta in answer.deltas():
                    await stream.chunk({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
                await self._end(stream, answer.text, answer.reason)
            case Finish(reason, text):
                await stream.say(text)
                await self._end(stream, text, reason)
            case Slow(text, first, each, comments):
                await stream.wait(first, comments)
                self.spoke_from = time.monotonic()
                for piece in pieces(text):
                    self.spoke_until = time.monotonic()
                    await stream.delta(piece)
                    await stream.wait(each, comments)
                await self._end(stream, text, "stop")
            case Unfinished(text):
                await stream.say(text)
            case Break(after, text):
                await stream.say(text, after)
                await asyncio.sleep(0.05)  # a reset discards what the client has not read yet
                reset(stream.request)
            case ErrorInside(code, message, kind, after):
                await stream.say("As far as this and no further.", after)
                await stream.error({"code": code, "message": message, "type": kind})
            case Silence(after):
                await stream.say("A beginning without an end.", after or 0)
                await asyncio.Event().wait()

    async def _end(self, stream: "_Stream", text: str, reason: str) -> None:
        await stream.chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if (stream.body.get("stream_options") or {}).get("include_usage"):
            await stream.chunk({"choices": [], "usage": self._usage(stream.body, text)})
        await stream.write("data: [DONE]\n\n")

    def _whole(self, body: Body, answer: Finish) -> Body:
        message = {"role": "assistant", "content": answer.text, "refusal": None}
        return {
            "id": "chatcmpl-fake",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.reason}],
            "usage": self._usage(body, answer.text),
        }

    def _called(self, body: Body, arguments: object) -> Body:
        """A call of the tool that is forced, or text where a response_format is; `arguments` as text, or to be one."""
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        whole = self._whole(body, Finish("stop", text))
        if "tools" in body:
            function = {"name": calls.forced(body), "arguments": arguments if self.sloppy else text}
            whole["choices"][0]["message"] |= {
                "content": None,
                "tool_calls": [{"id": "call_fake", "type": "function", "function": function}],
            }
        return whole

    def _usage(self, body: Body, text: str) -> Body:
        """A word counts as a token."""
        prompt = sum(len(text_in(message["content"]).split()) for message in body["messages"])
        completion = len(text.split())
        details: Body = {"cached_tokens": self.cached}
        if self.prompt_cache:
            details["cached_tokens"], details["cache_write_tokens"] = self.prompt_cache.read(body)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": details,
        }


class _Stream:
    """One streamed answer on its way."""

    def __init__(self, request: web.Request, body: Body) -> None:
        self.request = request
        self.body = body
        self.response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})

    async def begin(self) -> None:
        await self.response.prepare(self.request)
        delta = {"role": "assistant", "content": "", "refusal": None}
        await self.chunk({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    async def say(self, text: str, most: int | None = None) -> None:
        for piece in pieces(text)[:most]:
            await self.delta(piece)

    async def delta(self, piece: str) -> None:
        await self.chunk({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})

    async def error(self, error: Body) -> None:
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
        await self.chunk({"error": error, "choices": [choice]})

    async def wait(self, seconds: float, comments: bool) -> None:
        end = time.monotonic() + seconds
        while comments and time.monotonic() < end:
            await self.write(": OPENROUTER PROCESSING\n\n")
            await asyncio.sleep(0.05)
        await asyncio.sleep(max(0, end - time.monotonic()))

    async def chunk(self, content: Body) -> None:
        head = {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 0, "model": self.body["model"]}
        await self.write(f"data: {json.dumps(head | content)}\n\n")

    async def write(self, text: str) -> None:
        await self.response.write(text.encode())


def reset(request: web.Request) -> None:
    """Cut the connection so that the other end sees a TCP reset and not an orderly end."""
    transport = request.transport
    if transport:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


def pieces(text: str) -> list[str]:
    """How an answer is cut for streaming: a word each, and a single word in two."""
    words = re.findall(r"\s*\S+(?:\s+$)?|\s+", text)
    if len(words) == 1 and len(text) > 1:
        return [text[:1], text[1:]]
    return words


_KNOWN = {
    *("model", "messages", "stream", "stream_options", "n", "stop", "seed", "user", "prompt_cache_key", "session_id"),
    *("temperature", "top_p", "frequency_penalty", "presence_penalty", "repeat_penalty", "reasoning_effort"),
    *("max_tokens", "max_completion_tokens", "response_format", "tools", "tool_choice"),
}


def _complaint(body: object) -> str:
    """What OpenAI would refuse in a request; empty when it is well formed."""
    if not isinstance(body, dict):
        return "the body is no object"
    if unknown := sorted(set(body) - _KNOWN):
        return f"Unrecognized request arguments supplied: {', '.join(unknown)}"
    if not (isinstance(body.get("model"), str) and body["model"]):
        return "you must provide a model parameter"
    if "stream_options" in body and not body.get("stream"):
        return "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    messages = body.get("messages")
    if not (isinstance(messages, list) and messages):
        return "[] is too short - 'messages'"
    for place, message in enumerate(messages):
        if conversations.holds_calls(message):
            continue
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            return f"messages[{place}] has not just a role and content"
        if message["role"] not in {"system", "user", "assistant"}:
            return f"messages[{place}].role is none of system, user, assistant"
        if not text_in(message["content"]).strip():
            return f"messages[{place}].content is no text, or empty"
    return conversations.complaint(body) or calls.complaint(body)


def text_in(content: object) -> str:
    """The words of a message: plain text, or parts of which some are pictures; empty where it is neither."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    for part in parts:
        if part.get("type") == "image_url" and not part["image_url"]["url"].startswith(("data:image/", "https://")):
            return ""
    return "\n".join(part["text"] for part in parts if part.get("type") == "text")


def _error(error: Status) -> web.Response:
    body: Body = {"message": error.message, "type": error.type, "param": None, "code": error.code}
    if error.metadata is not None:
        body["metadata"] = dict(error.metadata)
    return web.json_response({"error": body}, status=error.status, headers=dict(error.headers))


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.model", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--delay", type=float, default=0)
    options = parser.parse_args()
    async with FakeModel(key=options.key, delay=options.delay, log=options.log, port=options.port) as fake:
        print(fake.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main())
