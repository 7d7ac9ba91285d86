"""A small strict server that speaks OpenAI's embeddings API: texts that share words are near, and it fails on demand.

In a test: `async with FakeEmbeddings() as fake:`, then `fake.base_url`, `fake.requests`, and `fake.answers` for what
comes next.
"""

import asyncio
import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Self

from aiohttp import web

from tests.fakes.model import Raw, Silence, Status

Body = dict[str, Any]  # JSON as it came
Change = Callable[[Body], object]  # makes of a good answer a bad one

MOST = 2048  # texts in a request, as OpenAI has it


def too_few(answer: Body) -> object:
    """One vector less than there were texts."""
    return answer | {"data": answer["data"][:-1]}


def too_many(answer: Body) -> object:
    """The last vector comes again."""
    return answer | {"data": [*answer["data"], answer["data"][-1]]}


def nothing(answer: Body) -> object:
    """No vectors at all."""
    return answer | {"data": []}


def one_place_twice(answer: Body) -> object:
    """Two vectors for the first text, none for another."""
    return answer | {"data": [row | {"index": 0} for row in answer["data"]]}


def no_places(answer: Body) -> object:
    """Nothing says which vector is whose."""
    return answer | {"data": [row | {"index": []} for row in answer["data"]]}


def other_order(answer: Body) -> object:
    """As it should be, backwards."""
    return answer | {"data": answer["data"][::-1]}


def longer_by_one(answer: Body) -> object:
    """Every vector has another dimension than before."""
    return answer | {"data": [row | {"embedding": [*row["embedding"], 0.5]} for row in answer["data"]]}


def mixed(answer: Body) -> object:
    """The last vector has another dimension than the others."""
    *rows, last = answer["data"]
    return answer | {"data": [*rows, last | {"embedding": last["embedding"][:-1]}]}


def with_number(number: object) -> Change:
    """Every vector ends with this, whatever it is."""

    def change(answer: Body) -> object:
        return answer | {"data": [row | {"embedding": [*row["embedding"][:-1], number]} for row in answer["data"]]}

    return change


def with_vector(vector: object) -> Change:
    """Every vector is this, whatever it is."""
    return lambda answer: answer | {"data": [row | {"embedding": vector} for row in answer["data"]]}


def error_inside(answer: Body) -> object:
    """Status 200 and an error, as OpenRouter sends it."""
    return {"error": {"message": "Provider disconnected", "code": 502}}


HTML = Raw("<!doctype html><html><body><h1>Welcome to the hotel WiFi</h1></body></html>", "text/html")
BAD_JSON = Raw('{"data": [', "application/json")

Answer = Status | Raw | Silence | Change | None


class FakeEmbeddings:
    """The server. `requests` holds every body it was sent, in order, those it refused too."""

    def __init__(self, *, key: str = "", models: Sequence[str] = (), dimension: int = 256, length: float = 3.0) -> None:
        """With `key`, only that bearer key may ask; with `models`, only those exist; vectors have that `length`."""
        self.base_url = ""
        self.requests: list[Body] = []
        self.answers: list[Answer] = []  # for the next requests, one each; None: as it should be
        self.otherwise: Answer = None  # for every one after those
        self.dimension = dimension
        self._length = length
        self._key = key
        self._models = tuple(models)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/embeddings", self.embeddings)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    @property
    def texts(self) -> list[str]:
        """Every text that was to be embedded, in order."""
        return [text for body in self.requests for text in body["input"]]

    async def embeddings(self, request: web.Request) -> web.Response:
        """What it answers; also for a server that has other endpoints too."""
        try:
            body = await request.json()
        except ValueError:
            return _error(Status(400, None, "We could not parse the JSON body of your request."))
        self.requests.append(body)
        given = request.headers.get("Authorization", "")
        if self._key and given != f"Bearer {self._key}":
            message = f"Incorrect API key provided: {given.removeprefix('Bearer ')}."
            return _error(Status(401, "invalid_api_key", message, "invalid_request_error"))
        if complaint := _complaint(body):
            return _error(Status(400, None, complaint, "invalid_request_error"))
        if self._models and body["model"] not in self._models:
            return _error(Status(404, "model_not_found", f"The model {body['model']!r} does not exist"))
        answer = self.answers.pop(0) if self.answers else self.otherwise
        match answer:
            case Status():
                return _error(answer)
            case Raw(text, content_type):
                return web.Response(text=text, content_type=content_type)
            case Silence():
                await asyncio.Event().wait()
        whole = self._whole(body)
        # Python's JSON writes NaN and Infinity, as servers in Python do.
        return web.Response(
            text=json.dumps(answer(whole) if callable(answer) else whole), content_type="application/json"
        )

    def _whole(self, body: Body) -> Body:
        data = [
            {"object": "embedding", "index": index, "embedding": vector_of(text, self.dimension, self._length)}
            for index, text in enumerate(body["input"])
        ]
        words = sum(len(text.split()) for text in body["input"])
        usage = {"prompt_tokens": words, "total_tokens": words}
        return {"object": "list", "model": body["model"], "data": data, "usage": usage}


def vector_of(text: str, dimension: int, length: float = 1.0) -> list[float]:
    """A bag of words: each word is a direction, always the same; no words are a direction too."""
    vector = [0.0] * dimension
    for word in re.findall(r"\w+", text.lower()) or [text]:
        number = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
        vector[number % dimension] += 1.0
    norm = math.hypot(*vector)
    return [number * length / norm for number in vector]


class Hashed:
    """An embedder without a model or a server: bags of words."""

    def __init__(self, dimension: int = 256, name: str = "fake/hashed") -> None:
        self.name = name
        self.dimension = dimension
        self.texts: list[str] = []  # all that was embedded, in order

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors, in order."""
        self.texts += texts
        return [vector_of(text, self.dimension) for text in texts]

    async def warm_up(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to let go of."""


_KNOWN = {"model", "input", "encoding_format", "dimensions", "user"}


def _complaint(body: object) -> str:
    """What OpenAI would refuse in a request; empty when it is well formed."""
    if not isinstance(body, dict):
        return "the body is no object"
    if unknown := sorted(set(body) - _KNOWN):
        return f"Unrecognized request arguments supplied: {', '.join(unknown)}"
    if not (isinstance(body.get("model"), str) and body["model"]):
        return "you must provide a model parameter"
    if body.get("encoding_format") != "float":
        return "this server knows no encoding_format but float"
    texts = body.get("input")
    if not (isinstance(texts, list) and 0 < len(texts) <= MOST):
        return "'input' is no array of texts, or empty, or too long"
    if not all(isinstance(text, str) and text.strip() for text in texts):
        return "'input' holds what is no text, or empty"
    return ""


def _error(error: Status) -> web.Response:
    body: Body = {"message": error.message, "type": error.type, "param": None, "code": error.code}
    return web.json_response({"error": body}, status=error.status, headers=dict(error.headers))
