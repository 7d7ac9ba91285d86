"""Making a remote model call a tool, over the wire, with servers that can and servers that cannot."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bot.errors import (
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    ModelSilent,
    ModelUnknown,
    NoCredit,
    PromptTooLong,
    RequestRefused,
)
from bot.models import Keys, open_model
from bot.models.remote import TOOLS, Profile, RemoteModel
from bot.ports import Said, Tool
from tests.bot.models.test_remote import KEY, PROMPT, SECRET, ask, remote
from tests.fakes.model import (
    HTML,
    TOO_LONG,
    WITHOUT_SCHEMAS,
    WITHOUT_TOOLS,
    Answer,
    Body,
    Break,
    ErrorInside,
    FakeModel,
    Finish,
    Raw,
    Silence,
    Slow,
    Status,
    Unfinished,
)

TOOL = Tool(
    "remember",
    "Note what the person said of themselves.",
    {
        "type": "object",
        "properties": {
            "facts": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 5},
            "sure": {"type": "boolean"},
        },
        "required": ["facts", "sure"],
        "additionalProperties": False,
    },
)
WITHOUT = Profile().without({TOOLS})
VALID = {"facts": ["has a cat"], "sure": True}
INVALID = [SECRET, '{"facts": ["has a c', '{"facts": "[]", "sure": true}', f'{{"{SECRET}": 1}}', "[]"]


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    async with FakeModel(key=KEY) as server:
        yield server


@pytest.fixture
async def model(fake: FakeModel) -> AsyncIterator[RemoteModel]:
    model = remote(fake.base_url)
    yield model
    await model.close()


def ways(fake: FakeModel) -> list[str]:
    """How the fake was asked to be bound, call by call."""
    return ["tools" if "tools" in body else body["response_format"]["type"] for body in fake.calls]


async def test_the_arguments_of_a_call_come_back(fake: FakeModel, model: RemoteModel) -> None:
    fake.arguments = VALID
    assert await model.call(PROMPT, TOOL) == VALID
    assert fake.requests == [
        {
            "model": "fake-1",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": SECRET},
            ],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "remember",
                        "description": TOOL.description,
                        "parameters": TOOL.parameters,
                    },
                }
            ],
            "tool_choice": {"type": "function", "function": {"name": "remember"}},
        }
    ]


async def test_a_fake_that_was_told_nothing_answers_with_the_least(fake: FakeModel, model: RemoteModel) -> None:
    assert await model.call(PROMPT, TOOL) == {"facts": [], "sure": False}


async def test_arguments_that_come_as_an_object_are_as_good(fake: FakeModel, model: RemoteModel) -> None:
    fake.arguments, fake.sloppy = VALID, True
    assert await model.call(PROMPT, TOOL) == VALID


async def test_calls_and_answers_do_not_get_in_each_others_way(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = ["I see."]
    await model.call(PROMPT, TOOL)
    texts, _ = await ask(model)
    assert "".join(texts) == "I see."
    assert (len(fake.calls), len(fake.asked), len(fake.requests)) == (1, 1, 2)


@pytest.mark.parametrize("refusal", WITHOUT_TOOLS.values(), ids=WITHOUT_TOOLS)
async def test_without_tools_the_answer_is_bound_to_the_schema_and_that_is_remembered(
    fake: FakeModel, model: RemoteModel, refusal: Status
) -> None:
    fake.without_tools, fake.arguments = refusal, VALID
    assert [await model.call(PROMPT, TOOL) for _ in range(2)] == [VALID, VALID]
    assert ways(fake) == ["tools", "json_schema", "json_schema"]
    bound = fake.calls[-1]
    assert bound["response_format"]["json_schema"] == {"name": "remember", "schema": TOOL.parameters, "strict": False}
    assert bound["messages"][:-1] == fake.calls[0]["messages"][:-1]
    assert bound["messages"][-1]["content"].startswith(f"{SECRET}\n\n{TOOL.description}\n\n")
    assert not {"tools", "tool_choice"} & set(bound)


async def test_a_refusal_inside_an_answer_is_one_too(fake: FakeModel, model: RemoteModel) -> None:
    def answer(body: Body) -> Answer | dict[str, Any]:
        return ErrorInside(404, "No endpoints found that support tool use.") if "tools" in body else VALID

    fake.arguments = answer
    assert await model.call(PROMPT, TOOL) == VALID


@pytest.mark.parametrize("refusal", WITHOUT_SCHEMAS.values(), ids=WITHOUT_SCHEMAS)
async def test_without_schemas_too_any_json_is_asked_for_in_words(
    fake: FakeModel, model: RemoteModel, refusal: Status
) -> None:
    fake.without_tools, fake.without_schemas = WITHOUT_TOOLS["DeepSeek"], refusal
    assert [await model.call(PROMPT, TOOL) for _ in range(2)] == [{"facts": [], "sure": False}] * 2
    assert ways(fake) == ["tools", "json_schema", "json_object", "json_object"]


async def test_a_server_that_ignores_tool_choice_is_bound_to_the_schema(fake: FakeModel, model: RemoteModel) -> None:
    fake.ignores_tool_choice, fake.arguments = True, VALID
    assert [await model.call(PROMPT, TOOL) for _ in range(2)] == [VALID, VALID]
    assert ways(fake) == ["tools", "json_schema", "json_schema"]


async def test_a_call_of_something_else_is_none(fake: FakeModel, model: RemoteModel) -> None:
    def answer(body: Body) -> Answer | dict[str, Any]:
        call = '{"type": "function", "function": {"name": "forget", "arguments": "{}"}}'
        message = f'{{"role": "assistant", "content": null, "tool_calls": [{call}]}}'
        other = Raw(f'{{"choices": [{{"finish_reason": "tool_calls", "message": {message}}}]}}', "application/json")
        return other if "tools" in body else VALID

    fake.arguments = answer
    assert await model.call(PROMPT, TOOL) == VALID


async def test_a_fence_around_the_answer_is_taken_off(fake: FakeModel) -> None:
    model = remote(fake.base_url, profile=WITHOUT)
    fake.arguments = '```json\n{"facts": [], "sure": true}\n```'
    assert await model.call(PROMPT, TOOL) == {"facts": [], "sure": True}
    assert ways(fake) == ["json_schema"]
    await model.close()


@pytest.mark.parametrize("said", INVALID)
@pytest.mark.parametrize("tools", [True, False], ids=["with tools", "without"])
async def test_what_is_no_answer_is_asked_for_once_more_and_no_more(
    fake: FakeModel, said: str, tools: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    model = remote(fake.base_url, profile=Profile() if tools else WITHOUT)
    fake.arguments = said
    with pytest.raises(ModelSilent) as caught:
        await model.call(PROMPT, TOOL)
    await model.close()
    assert ways(fake) == ["tools" if tools else "json_schema", "json_schema"]
    assert "openai/fake-1" in str(caught.value)
    told = logging.Formatter().formatException((type(caught.value), caught.value, caught.value.__traceback__))
    assert SECRET not in told + caplog.text


async def test_what_is_valid_at_the_second_time_is_taken(fake: FakeModel, model: RemoteModel) -> None:
    said: Iterator[str | dict[str, Any]] = iter(["{", VALID])
    fake.arguments = lambda _: next(said)
    assert await model.call(PROMPT, TOOL) == VALID
    assert len(fake.calls) == 2


async def test_where_chance_plays_no_part_nothing_is_asked_twice(fake: FakeModel) -> None:
    model = remote(fake.base_url, profile=WITHOUT, temperature=0, max_tokens=160, call_tokens=512)
    fake.arguments = "{"
    with pytest.raises(ModelSilent):
        await model.call(PROMPT, TOOL)
    await model.close()
    [request] = fake.requests
    assert (request["temperature"], request["max_tokens"]) == (0, 512)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Status(401, "invalid_api_key", f"Incorrect API key provided: {KEY}"), KeyRefused),
        (Status(402, 402, "Insufficient credits for tool use"), NoCredit),
        (Status(404, "model_not_found", "The model `fake-1` does not exist"), ModelUnknown),
        (Status(400, "invalid_value", f"You wrote: {SECRET}"), RequestRefused),
        (Status(429, "rate_limit_exceeded", "Slow down"), ModelBusy),
        (Status(500, None, "Oops"), ModelBusy),
        (Status(503, None, "The tool is out of order"), ModelBusy),
        (TOO_LONG, PromptTooLong),
        (Status(400, None, "maximum context length is 10 tokens, you asked for 12 (2 in the tools)"), PromptTooLong),
        (ErrorInside(502), ModelDown),
        (ErrorInside(429, "Rate limited upstream"), ModelBusy),
        (ErrorInside(401, f"No auth credentials found: {KEY}"), KeyRefused),
        (Finish("content_filter"), ModelRefused),
        (Finish("error", "Half an answ"), ModelDown),
        (Finish("length"), ModelSilent),
        (Finish("stop"), ModelSilent),
        (Break(), ModelDown),
        (Silence(), ModelDown),
        (Slow("{}", first=30, comments=True), ModelDown),
        (Unfinished(), ModelSilent),
        (HTML, ModelSilent),
        (Raw("", "application/json"), ModelSilent),
        (Raw("null", "application/json"), ModelSilent),
        (Raw("[" * 100_000, "application/json"), ModelSilent),
        (Raw('{"choices": []}', "application/json"), ModelSilent),
        (Raw('{"choices": [3]}', "application/json"), ModelSilent),
        (Raw('{"choices": [{"message": {"tool_calls": 3}}]}', "application/json"), ModelSilent),
        (
            Raw('{"choices": [{"message": {"tool_calls": [{"function": "remember"}]}}]}', "application/json"),
            ModelSilent,
        ),
        (Raw('{"choices": [{"message": {"refusal": "I will not"}}]}', "application/json"), ModelRefused),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_each_failure_is_told_in_one_line_of_our_own(
    fake: FakeModel, model: RemoteModel, answer: Answer, error: type[ModelError]
) -> None:
    fake.arguments = answer
    with pytest.raises(ModelError) as caught:
        await model.call(PROMPT, TOOL)
    said = str(caught.value)
    assert type(caught.value) is error, said
    assert "openai/fake-1" in said
    assert said.isprintable()
    assert KEY not in said
    assert SECRET not in said


async def test_a_whole_answer_may_take_as_long_as_a_streamed_one_may_pause(fake: FakeModel) -> None:
    model = remote(fake.base_url, silence=0.2, patience=20)
    fake.arguments = Slow('{"facts": [], "sure": true}', first=0.6)  # longer than the silence that is allowed
    assert await model.call(PROMPT, TOOL) == {"facts": [], "sure": True}
    await model.close()


async def test_cancellation_goes_through(fake: FakeModel, model: RemoteModel) -> None:
    fake.arguments = Silence()
    task = asyncio.create_task(model.call(PROMPT, TOOL))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_pictures_come_along_whichever_way_it_goes(fake: FakeModel, model: RemoteModel) -> None:
    fake.without_tools = WITHOUT_TOOLS["Ollama"]
    picture = "data:image/png;base64,AA=="
    await model.call([Said("user", "Look", (picture,))], TOOL)
    for body in fake.calls:
        [words, image] = body["messages"][-1]["content"]
        assert words["text"].startswith("Look")
        assert image["image_url"]["url"] == picture


async def test_the_tokens_are_logged_and_nothing_that_was_said(
    fake: FakeModel, model: RemoteModel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    fake.arguments = VALID
    await model.call(PROMPT, TOOL)
    [record] = [record for record in caplog.records if record.name == "bot.models.remote.model"]
    assert record.levelno == logging.DEBUG
    assert "openai/fake-1: remember by tool_choice: Usage(prompt=9," in record.getMessage()
    assert "cat" not in record.getMessage()


async def test_a_model_that_is_reached_for_late_calls_as_well(fake: FakeModel) -> None:
    model = open_model("openai/mine", Keys(openai_base_url=fake.base_url, openai_api_key=KEY))
    fake.arguments = VALID
    assert await model.call(PROMPT, TOOL) == VALID
    await model.close()
