"""The questions that tell what a model and its server can do: each asks, and judges by what comes back.

A question is asked with what it is about in the request. Where the server refuses that, it is asked without, as in a
conversation: what had to be left out is the answer.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bot.chat import Usage
from bot.errors import ModelSilent
from bot.models import arguments
from bot.models.samples import picture, recording
from bot.ports import Call, Embedder, Prompt, Retraction, Said, Tool
from bot.prompt import tokens

if TYPE_CHECKING:
    from bot.models.remote import RemoteModel
    from bot.models.remote.profile import Way

RETRIES = 1  # of a request that got no answer
# Tokens of the beginning that is sent twice: OpenAI caches from 1,024 on, Claude Haiku 4.5 from 4,096.
PREFIX, MARKED_PREFIX = 1_600, 4_800
TRANSCRIBER = "whisper-1"  # OpenAI's name, which other servers take too

Verdict = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer, and what it rests on."""

    answer: Verdict
    detail: str


class Server:
    """A model's server, as it is asked for the table."""

    def __init__(self, model: "RemoteModel", open_embedder: Callable[[], Embedder | None]) -> None:
        self.model = model
        self.known = model.profile  # what is true of every question
        self.open_embedder = open_embedder
        self.tokens = 0

    def without(self, names: Collection[str] = ()) -> "RemoteModel":
        """The model with nothing learned but what is true of every question; and without what is named."""
        return self.model.anew(self.known.without(names), RETRIES)

    async def answer(
        self, model: "RemoteModel", prompt: Prompt, tools: Sequence[Tool] = ()
    ) -> tuple[str, list[Call], Usage | None]:
        """What it says and calls, and what that took. Raises ModelError."""
        text, calls, usage = "", list[Call](), None
        async with aclosing(model.complete(prompt, tools)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    usage = piece
                elif isinstance(piece, Call):
                    calls.append(piece)
                elif isinstance(piece, Retraction):
                    text = ""
                else:
                    text = "" if isinstance(piece, Retraction) else text + piece
        self.count(prompt, text, usage)
        return text, calls, usage

    def count(self, prompt: Prompt, text: str = "", usage: Usage | None = None) -> None:
        """Add up tokens: those that were counted, else an estimate."""
        estimate = sum(tokens(said.text) for said in prompt) + tokens(text)
        self.tokens += usage.prompt + usage.completion if usage else estimate


_WEATHER = Tool(
    "look_up_weather",
    "Look up the weather in a city.",
    {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 40}},
        "required": ["city"],
        "additionalProperties": False,
    },
)
_ASK_WEATHER: Prompt = [Said("user", "What is the weather in Porto right now? Look it up, do not guess.")]


async def late_system(server: Server) -> Finding:
    from bot.models.remote.profile import LATE_SYSTEM, SYSTEM

    model = server.without()
    prompt = [
        Said(None, "You are a helpful assistant. Be short."),
        Said("user", "Hello!"),
        Said("assistant", "Hello! How can I help?"),
        Said(None, "Known of the user: their cat is called Momo."),
        Said("user", "What is my cat called? Answer with one word."),
    ]
    text, _, _ = await server.answer(model, prompt)
    if not model.profile.takes(SYSTEM):
        return Finding("no", "it takes no system messages at all")
    if not model.profile.takes(LATE_SYSTEM):
        return Finding("no", "it refuses system messages after the first one")
    return Finding("yes", _taken("momo" in text.casefold()))


async def two_users(server: Server) -> Finding:
    from bot.models.remote.profile import FREE_TURNS

    model = server.without()
    prompt = [Said("user", "My cat is called Momo."), Said("user", "What is it called? Answer with one word.")]
    text, _, _ = await server.answer(model, prompt)
    if not model.profile.takes(FREE_TURNS):
        return Finding("no", "it wants user and assistant to take turns")
    return Finding("yes", _taken("momo" in text.casefold()))


def _taken(heeded: bool) -> str:
    return "taken, and the answer shows it" if heeded else "taken, though the answer does not show that it was read"


async def tools(server: Server) -> Finding:
    from bot.models.remote.profile import TOOLS

    if not server.known.takes(TOOLS):
        return Finding("no", "its chat template has no place for tools")
    model = server.without()
    _, calls, _ = await server.answer(model, _ASK_WEATHER, [_WEATHER])
    if not model.profile.takes(TOOLS):
        return Finding("no", "it refuses requests that offer tools")
    if not calls:
        return Finding("unknown", "tools are taken, but it called none when it should have")
    try:
        arguments.read(calls[0].arguments, _WEATHER)
    except arguments.NoArguments:
        return Finding("no", "what it calls a tool with does not fit the tool's schema")
    return Finding("yes", "it called the tool that it was offered")


async def forced_tool(server: Server) -> Finding:
    from bot.models.remote.profile import TOOLS, Way

    if not server.known.takes(TOOLS):
        return Finding("no", "it has no tools")
    model = server.without()
    instead = await _called(server, model, Way.TOOL)
    return (
        Finding("no", instead) if instead else Finding("yes", "it filled in the form of the tool that it had to call")
    )


async def json_schema(server: Server) -> Finding:
    from bot.models.remote.profile import FORCED_CALL, Way

    model = server.without({FORCED_CALL})
    instead = await _called(server, model, Way.SCHEMA)
    return Finding("no", instead) if instead else Finding("yes", "its answer was valid for the schema")


async def _called(server: Server, model: "RemoteModel", wanted: "Way") -> str:
    """What it does in place of answering in the way that is wanted; empty when it does so. Raises ModelError."""
    from bot.models.remote.profile import Way

    server.count(_ASK_WEATHER)
    try:
        await model.call(_ASK_WEATHER, _WEATHER)
    except ModelSilent:
        return "what it answers is not of the form that it is asked for"
    way = model.profile.way
    if way is wanted:
        return ""
    return {
        Way.SCHEMA: "it does not call the tool, but answers in JSON that is bound to the schema",
        Way.JSON: "it does not do that, but answers in JSON",
        Way.WORDS: "it does not do that, but gives the JSON that it is asked for in words",
    }[way]


async def stream_usage(server: Server) -> Finding:
    model = server.without()
    _, _, usage = await server.answer(model, [Said("user", "Answer with the one word: yes")])
    if usage:
        return Finding("yes", f"{usage.prompt} tokens read and {usage.completion} written for a short question")
    refused = not server.known.takes("stream_options")
    return Finding("no", "it refuses stream_options" if refused else "its stream ends without a count")


async def caching(server: Server) -> Finding:
    from bot.models.remote.profile import CACHE_MARKS

    model = server.without()
    size = min(MARKED_PREFIX if server.known.takes(CACHE_MARKS) else PREFIX, model.budget * 3 // 5)
    nonce = secrets.token_hex(8)  # so that no cache knows it from the last time
    prompt = [
        Said(None, _long_text(nonce, size), stable=True),
        Said("user", "What does box 2 hold? Answer with one word."),
    ]
    counts: Mapping[str, object] = {}
    for _ in range(2):
        counts = await model.usage(prompt, nonce)
        server.count(prompt)
    return judge_cache(counts)


def judge_cache(counts: Mapping[str, object]) -> Finding:
    """What a count of tokens says of a prompt that was sent for the second time."""
    from bot.models.remote.response import cached

    read, prompt = cached(counts), counts.get("prompt_tokens")
    if read is None:
        return Finding("unknown", "it does not say how much it has read from a cache")
    if read:
        return Finding("yes", f"{read} of {prompt} tokens were read from the cache at the second time")
    return Finding("no", f"none of {prompt} tokens was read from a cache at the second time")


def _long_text(nonce: str, size: int) -> str:
    text, number = f"List {nonce}.", 0
    while tokens(text) < size:
        number += 1
        text += f"\nBox {number} holds {number * 3} marbles, and stands on shelf {number % 9}."
    return text


async def pictures(server: Server) -> Finding:
    from bot.models.remote.profile import IMAGES

    model = server.without()
    prompt = [Said("user", "Which colour is this picture? Answer with one word, in English.", images=(picture(),))]
    text, _, _ = await server.answer(model, prompt)
    if not model.profile.takes(IMAGES):
        return Finding("no", "it refuses pictures")
    if "red" in text.casefold():
        return Finding("yes", "it named the colour of a small picture")
    return Finding("no", "it did not name the colour of a red picture")


async def embeddings(server: Server) -> Finding:
    embedder = server.open_embedder()
    if embedder is None:
        return Finding("no", "no EMBEDDER is set, and the model's provider has none that is known")
    try:
        (vector,) = await embedder.embed(["Momo is a cat."])
    finally:
        await embedder.close()
    return Finding("yes", f"{embedder.name} gave a vector of {len(vector)} numbers")


async def transcription(server: Server) -> Finding:
    if await server.without().transcribe(TRANSCRIBER, recording()) is None:
        return Finding("no", f"its server transcribes nothing, or not by a model called {TRANSCRIBER}")
    return Finding("yes", f"its server took a second of sound for the model {TRANSCRIBER}")
