"""An embedder behind an HTTP API of OpenAI's kind."""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence

import httpx2
import openai

from bot.errors import ModelError, PromptTooLong
from bot.models.remote.client import CONNECT, RETRIES, reach
from bot.models.remote.errors import Place
from bot.models.remote.response import NoAnswerError, mapping

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
        self._client, host = reach(base_url, url_setting or "the address of the embedder", key, timeout, retries)
        self._place = _EmbedderPlace(name, host, key, key_setting, url_setting)

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One unit vector for each text, all of the same dimension, in order. Raises ModelError."""
        vectors: list[list[float]] = []
        with self._place.translating():
            for start in range(0, len(texts), TOGETHER):
                vectors += await self._ask(texts[start : start + TOGETHER])
            if len({len(vector) for vector in vectors}) > 1:
                raise NoAnswerError
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


class _EmbedderPlace(Place):
    """As with a model, except for the settings that help."""

    def _settings(self) -> str:
        return f"EMBEDDER and {self.url_setting}" if self.url_setting else "EMBEDDER"

    def _error(self, kind: type[ModelError], did: str, do: str, detail: str = "") -> ModelError:
        if kind is PromptTooLong:
            do = "choose another EMBEDDER"
        return super()._error(kind, did, do.removesuffix(", or set FALLBACK_MODELS"), detail)


def _read_vectors(text: str, count: int) -> list[list[float]] | Mapping[str, object]:
    """So many unit vectors; or the error that came in their place, OpenRouter's way. Raises NoAnswerError."""
    try:
        answer = mapping(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise NoAnswerError from error
    if refusal := mapping(answer.get("error")):
        return refusal
    rows = answer.get("data")
    if not (isinstance(rows, list) and len(rows) == count):
        raise NoAnswerError
    found = {_place_of(row): mapping(row).get("embedding") for row in rows}
    if set(found) != set(range(count)):
        raise NoAnswerError
    return [_unit(found[place]) for place in range(count)]


def _place_of(row: object) -> int | None:
    index = mapping(row).get("index")
    return index if isinstance(index, int) else None


def _unit(vector: object) -> list[float]:
    """Brought to length one; what comes is checked here, nobody did before."""
    if not (isinstance(vector, list) and all(type(number) in {int, float} for number in vector)):
        raise NoAnswerError
    try:
        length = math.hypot(*vector)  # infinite or no number if one of them is
    except OverflowError as error:  # an integer beyond any float
        raise NoAnswerError from error
    if not (length and math.isfinite(length)):
        raise NoAnswerError
    return [number / length for number in vector]
