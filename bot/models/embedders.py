"""Which embedder is meant: `provider/model` and the settings that go with it, turned into something that embeds."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bot.errors import SettingsError
from bot.models.late import Late
from bot.models.minilm import MiniLM, installed
from bot.models.providers import PROVIDERS, Keys, divide, find, own_server
from bot.ports import Embedder

if TYPE_CHECKING:
    from bot.models.remote import RemoteEmbedder

KNOWN = ("openrouter", "openai", "ollama", "local")


def open_embedder(spec: str, keys: Keys) -> Embedder:
    """`openai/text-embedding-3-small` → something that embeds. Sends nothing. Raises SettingsError."""
    if spec.strip().partition("/")[0] == "anthropic":
        raise SettingsError(f"the embedder {spec!r} cannot be: Anthropic has none; choose one of {', '.join(KNOWN)}")
    provider, model = divide(spec, "embedder", KNOWN)
    if provider == "local":
        return MiniLM(model)
    place = find(spec, provider, model, "embedder", keys)

    def reach() -> "RemoteEmbedder":
        from bot.models.remote import RemoteEmbedder

        return RemoteEmbedder(
            name=place.name,
            model=place.model,
            base_url=place.base_url,
            key=place.key,
            key_setting=place.key_setting,
            url_setting=place.url_setting,
        )

    return LateEmbedder(place.name, reach)


def default_embedder(model_spec: str, keys: Keys) -> str | None:
    """The embedder for those who chose none: the embedded one, else what the model's provider is sure to have."""
    if installed():
        return MiniLM.name
    provider = model_spec.strip().partition("/")[0]
    if provider == "openai" and not own_server(PROVIDERS[provider], keys):
        return "openai/text-embedding-3-small"
    return {
        "openrouter": "openrouter/openai/text-embedding-3-small",
        "ollama": "ollama/nomic-embed-text",
    }.get(provider)


class LateEmbedder:
    """A remote embedder that is reached for at its first question, as a LateModel is."""

    def __init__(self, name: str, reach: "Callable[[], RemoteEmbedder]") -> None:
        self.name = name
        self._late = Late(reach)

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One unit vector for each text, all of the same dimension, in order. Raises ModelError."""
        return await (await self._late.there()).embed(texts)

    async def warm_up(self) -> None:
        """Import the vendor's client, in a thread."""
        await self._late.there()

    async def close(self) -> None:
        """Let go of the connections; a second time does nothing."""
        await self._late.close()
