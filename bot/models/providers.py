"""The providers of models and embedders: where each is, and which settings it goes by."""

from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bot.errors import SettingsError

LIMITS = ("max_tokens", "max_completion_tokens")  # names for one field, the one to try first


@dataclass(frozen=True, slots=True)
class Keys:
    """The settings that models need, each under its environment name in lower case; empty when unset."""

    openrouter_api_key: str = field(default="", repr=False)
    openai_api_key: str = field(default="", repr=False)
    openai_base_url: str = ""
    anthropic_api_key: str = field(default="", repr=False)
    ollama_base_url: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider is and which settings it goes by."""

    url: str
    key_setting: str = ""  # empty: it needs no key
    url_setting: str = ""  # empty: it is always at `url`
    url_ending: str = ""  # what its API needs behind the address that people know
    budget: int = 60_000  # tokens; every model named in the README reads at least twice that
    # What only the provider's own address is sent; another server at `url_setting` may refuse a field that it does not
    # know. The models whose prompts are cached where a message says so (`cache_control`), by the beginning of the name:
    marked: tuple[str, ...] = ()
    key_field: str = ""  # names the conversation, so that its next prompt meets the cache of the last one
    limits: tuple[str, ...] = LIMITS


PROVIDERS = {
    # Its guide to prompt caching: Anthropic's and Alibaba's models have to be asked to, all others cache by themselves.
    "openrouter": Provider(
        "https://openrouter.ai/api/v1",
        key_setting="OPENROUTER_API_KEY",
        marked=("anthropic/", "qwen/"),
        key_field="session_id",
    ),
    "openai": Provider(
        "https://api.openai.com/v1",
        key_setting="OPENAI_API_KEY",
        url_setting="OPENAI_BASE_URL",
        key_field="prompt_cache_key",
        limits=LIMITS[::-1],  # its reasoning models refuse the other
    ),
    # Its compatible API has no prompt caching.
    "anthropic": Provider("https://api.anthropic.com/v1/", key_setting="ANTHROPIC_API_KEY"),
    # Ollama reads 4,096 tokens unless told otherwise or on a large GPU, and silently cuts what is more
    # (docs.ollama.com/context-length), so the prompt and the answer must fit in there.
    "ollama": Provider("http://127.0.0.1:11434", url_setting="OLLAMA_BASE_URL", url_ending="/v1", budget=3_000),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one model is, and what to say there."""

    name: str  # `provider/model`
    model: str  # as the provider calls it
    base_url: str
    key: str = field(repr=False)
    key_setting: str
    url_setting: str  # empty: the address is not the operator's


def divide(spec: str, kind: str, known: Collection[str]) -> tuple[str, str]:
    """`openrouter/openai/gpt-5` → `openrouter`, `openai/gpt-5`; `kind` is what it should be. Raises SettingsError."""
    provider, _, model = spec.strip().partition("/")
    if provider not in known:
        raise SettingsError(
            f"the {kind} {spec!r} names no provider that is known: write provider/model, with one of {', '.join(known)}"
        )
    if not model:
        raise SettingsError(f"the {kind} {spec!r} names a provider only: write {provider}/ and the model's name")
    return provider, model


def find(spec: str, provider_name: str, model: str, kind: str, keys: Keys) -> Place:
    """Where to ask for what `spec` was divided into. Raises SettingsError."""
    provider = PROVIDERS[provider_name]
    return Place(
        name=f"{provider_name}/{model}",
        model=model,
        base_url=_url(provider, keys),
        key=_key(provider, keys, f"the {kind} {spec!r}"),
        key_setting=provider.key_setting,
        url_setting=provider.url_setting if own_server(provider, keys) else "",
    )


@dataclass(frozen=True, slots=True)
class Extras:
    """What one model's requests hold beside what every server knows."""

    cache_marks: bool = False
    key_field: str = ""
    limits: tuple[str, ...] = LIMITS


def extras_of(provider: Provider, model: str, keys: Keys) -> Extras:
    """What is sent to the provider's own address for a model; nothing to another server in its place."""
    if own_server(provider, keys):
        return Extras()
    return Extras(model.startswith(provider.marked), provider.key_field, provider.limits)


def own_server(provider: Provider, keys: Keys) -> bool:
    """Whether the address is the operator's business and not the provider's."""
    return not provider.key_setting or bool(_value(keys, provider.url_setting))


def _key(provider: Provider, keys: Keys, meant: str) -> str:
    setting = provider.key_setting
    if not setting:
        return "none"  # the client insists on one
    key = _value(keys, setting)
    if not key and own_server(provider, keys):
        return "none"  # most need none; those that do say so
    if not key:
        raise SettingsError(f"{meant} needs a key: set {setting}")
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


def _value(keys: Keys, setting: str) -> str:
    return str(getattr(keys, setting.lower())).strip() if setting else ""
