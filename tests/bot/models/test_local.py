"""The embedded model with its real weights: hard on the plumbing, gentle on what it says."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.chat import Role, Usage
from bot.errors import KeyRefused, PromptTooLong, SettingsError
from bot.models.local import LocalModel, weights
from bot.models.remote import RemoteModel
from bot.ports import Said, Tool

on_one_loop = pytest.mark.asyncio(loop_scope="module")  # the model is started once and its connections belong to a loop


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[LocalModel]:
    model = LocalModel()
    yield model
    await model.close()


async def ask(model: LocalModel, *lines: str) -> tuple[list[str], Usage]:
    """What it says in a conversation of which it has heard `lines`, by turns the person's and its own."""
    roles: tuple[Role, Role] = ("user", "assistant")
    prompt = [Said(None, model.persona), *(Said(roles[place % 2], line) for place, line in enumerate(lines))]
    *texts, usage = [piece async for piece in model.complete(prompt)]
    assert isinstance(usage, Usage)
    return [text for text in texts if isinstance(text, str)], usage


@on_one_loop
async def test_it_answers_in_pieces_with_usage_and_prints_nothing(
    model: LocalModel, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    texts, usage = await ask(model, "Hello!")
    assert "".join(texts).strip()
    assert len(texts) > 1
    assert usage.prompt > 0
    assert usage.completion > 0
    assert [record.levelname for record in caplog.records if record.name == "bot.models.local"] == ["WARNING"]
    assert "OPENROUTER_API_KEY" in caplog.text
    assert capfd.readouterr() == ("", "")


@on_one_loop
async def test_it_knows_paris_in_a_conversation_and_rereads_only_what_is_new(model: LocalModel) -> None:
    lines: list[str] = []
    for question in ("My favorite color is Blue.", "What is my favorite color?", "What is the capital of France?"):
        texts, usage = await ask(model, *lines, question)
        lines += [question, "".join(texts)]
    assert "Paris" in lines[-1]
    assert usage.cached > usage.prompt / 2


@on_one_loop
async def test_it_calls_a_tool_within_the_bounds_of_its_schema(model: LocalModel) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 20},
            "facts": {"type": "array", "items": {"type": "string", "maxLength": 60}, "maxItems": 2},
        },
        "required": ["name", "facts"],
        "additionalProperties": False,
    }
    prompt = [Said(None, model.persona), Said("user", "My name is Ana and I live in Porto.")]
    found = await model.call(prompt, Tool("remember", "Note who that is, and what they say.", schema))
    assert set(found) == {"name", "facts"}
    assert len(found["name"]) <= 20
    assert len(found["facts"]) <= 2
    assert all(len(fact) <= 60 for fact in found["facts"])


@on_one_loop
async def test_an_answer_goes_before_a_call_that_nobody_waits_for(model: LocalModel) -> None:
    items = {"type": "string", "maxLength": 300}
    parameters = {
        "type": "object",
        "properties": {"story": {"type": "array", "items": items, "minItems": 4, "maxItems": 4}},
        "required": ["story"],
        "additionalProperties": False,
    }
    order = []

    async def call() -> None:
        assert (
            len((await model.call([Said("user", "Tell me a story.")], Tool("tell", "A story.", parameters)))["story"])
            == 4
        )
        order.append("call")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(call())
        while not model._calls:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # it writes
        assert [piece async for piece in model.complete([Said("user", "What is the capital of France?")])]
        order.append("answer")
    assert order == ["answer", "call"]


@on_one_loop
async def test_a_prompt_beyond_its_context_is_told_as_such(model: LocalModel) -> None:
    with pytest.raises(PromptTooLong, match="local/smollm2"):
        await ask(model, "word " * 5000)


@on_one_loop
async def test_others_on_this_machine_are_refused(model: LocalModel) -> None:
    stranger = RemoteModel(name="x/y", model="y", base_url=await model.address(), key="guess")
    with pytest.raises(KeyRefused):
        _ = [piece async for piece in stranger.complete([Said("user", "Hi")])]
    await stranger.close()


def test_there_is_one_embedded_model() -> None:
    with pytest.raises(SettingsError, match="local/smollm2"):
        LocalModel("llama")


async def test_a_model_that_never_started_closes_at_once() -> None:
    model = LocalModel()
    await model.close()
    await model.close()


STRICT = """
{%- set first = 1 if messages[0].role == 'system' else 0 %}
{%- for message in messages %}
{%- if message.role == 'system' and not loop.first %}
{{- raise_exception('System message must be at the beginning.') }}
{%- endif %}
{%- if message.role != 'system' and (message.role == 'user') != ((loop.index0 - first) % 2 == 0) %}
{{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
{%- endif %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""


async def test_a_strict_template_in_the_real_llama_cpp_is_learned() -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.n_ctx, params.n_parallel, params.fit_params, params.verbosity = 512, 1, False, -1
    params.endpoint_metrics = params.use_jinja = True
    params.chat_template = STRICT
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads, cpu.poll = 1, 0
    server = await asyncio.to_thread(xllamacpp.Server, params)
    server.handle_metrics()
    model = RemoteModel(name="openai/x", model="x", base_url=f"{server.listening_address}/v1", key="none", max_tokens=4)
    prompt = [
        *(Said(None, "Be brief."), Said("assistant", "Hello!"), Said("user", "Hi"), Said("user", "Are you there?")),
        *(Said(None, "Ana likes tea."), Said("user", "What do I like?", ("data:image/png;base64,AA==",))),
    ]
    for _ in range(2):
        assert [piece async for piece in model.complete(prompt) if isinstance(piece, str)]
    await model.close()
    assert not any(map(model.profile.takes, ("free turns", "late system", "images")))
