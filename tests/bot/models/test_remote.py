"""The remote model over the wire: a real client talks to a small real server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from bot.chat import Usage
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
    SettingsError,
)
from bot.models.remote import RemoteModel
from bot.models.remote.model import CUT
from bot.ports import Said
from tests.fakes.model import (
    BAD_JSON,
    HTML,
    NO_CHOICES,
    NOTHING,
    TOO_LONG,
    Answer,
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

KEY = "sk-test-7f3a9c"
SECRET = "my cat is called Wednesday"  # what a person said: never in an error
PROMPT = [Said(None, "Be brief."), Said("user", "Hi"), Said("assistant", "Hello!"), Said("user", SECRET)]
ERRORS = (KeyRefused, ModelBusy, ModelDown, ModelRefused, ModelSilent, ModelUnknown, PromptTooLong)
FINER = (NoCredit, RequestRefused)


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    async with FakeModel(key=KEY) as server:
        yield server


@pytest.fixture
async def model(fake: FakeModel) -> AsyncIterator[RemoteModel]:
    model = remote(fake.base_url)
    yield model
    await model.close()


def remote(base_url: str, **changes: Any) -> RemoteModel:
    arguments: dict[str, Any] = {
        "name": "openai/fake-1",
        "model": "fake-1",
        "key": KEY,
        "key_setting": "OPENAI_API_KEY",
        "url_setting": "OPENAI_BASE_URL",
        "connect": 1,
        "silence": 0.5,
        "patience": 1,
        "retries": 0,
        "alone": False,
    }
    return RemoteModel(base_url=base_url, **arguments | changes)


async def ask(model: RemoteModel) -> tuple[list[str], list[Usage]]:
    """The pieces and the usage, which must come last."""
    got = [piece async for piece in model.complete(PROMPT)]
    texts = [piece for piece in got if isinstance(piece, str)]
    usages = [piece for piece in got if isinstance(piece, Usage)]
    assert got == [*texts, *usages]
    return texts, usages


async def test_an_answer_comes_in_pieces_and_then_its_usage(fake: FakeModel, model: RemoteModel) -> None:
    fake.cached = 2
    texts, usages = await ask(model)
    assert "".join(texts) == f"You said: {SECRET}"
    assert len(texts) > 1
    assert usages == [Usage(prompt=9, completion=7, cached=2)]


async def test_the_whole_prompt_arrives_in_order_with_instructions_as_system(
    fake: FakeModel, model: RemoteModel
) -> None:
    await ask(model)
    assert fake.requests == [
        {
            "model": "fake-1",
            "stream": True,
            "stream_options": {"include_usage": True},
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": SECRET},
            ],
        }
    ]


async def test_sampling_and_extra_fields_are_sent_as_given(fake: FakeModel) -> None:
    model = remote(fake.base_url, temperature=0, max_tokens=160, extra_body={"repeat_penalty": 1.03})
    await ask(model)
    await model.close()
    [request] = fake.requests
    assert (request["temperature"], request["max_tokens"], request["repeat_penalty"]) == (0, 160, 1.03)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Status(401, "invalid_api_key", f"Incorrect API key provided: {KEY}"), KeyRefused),
        (Status(402, 402, "Insufficient credits"), NoCredit),
        (Status(403, None, "You have insufficient permissions"), KeyRefused),
        (Status(429, "insufficient_quota", "You exceeded your current quota", "insufficient_quota"), NoCredit),
        (Status(400, None, "Your credit balance is too low to access the Anthropic API."), NoCredit),
        (Status(400, "invalid_value", f"You wrote: {SECRET}"), RequestRefused),
        (Status(403, 403, "Flagged", None, metadata={"reasons": ["violence"], "flagged_input": SECRET}), ModelRefused),
        (Status(404, "model_not_found", "The model `fake-1` does not exist"), ModelUnknown),
        (Status(422, None, "Unprocessable"), RequestRefused),
        (Status(408, 408, "Your request timed out"), ModelDown),
        (Status(409, None, "Conflict"), ModelBusy),
        (Status(429, "rate_limit_exceeded", "Slow down", headers=(("Retry-After", "1"),)), ModelBusy),
        (Status(500, None, "Oops"), ModelBusy),
        (Status(503, 503, "No provider"), ModelBusy),
        (Status(529, None, "Overloaded", "overloaded_error"), ModelBusy),
        (TOO_LONG, PromptTooLong),
        (Status(413, None, "Request exceeds the maximum size", "request_too_large"), PromptTooLong),
        (Status(400, None, "the request exceeds the available context size, try increasing it"), PromptTooLong),
        (Status(400, 400, "This endpoint's maximum context length is 200000 tokens. However, ..."), PromptTooLong),
        (Status(400, None, "prompt is too long: 200001 tokens > 200000 maximum"), PromptTooLong),
        (Break(after=2), ModelDown),
        (Unfinished(), ModelDown),
        (Finish("error", "Half an answ"), ModelDown),
        (ErrorInside(502), ModelDown),
        (ErrorInside("server_error"), ModelDown),
        (ErrorInside(429, "Rate limited upstream"), ModelBusy),
        (ErrorInside("", "Overloaded", "overloaded_error"), ModelBusy),
        (ErrorInside(401, f"No auth credentials found: {KEY}"), KeyRefused),
        (ErrorInside(400, f"maximum context length is 10, you said {SECRET}"), PromptTooLong),
        (Silence(), ModelDown),
        (Silence(after=2), ModelDown),
        (Slow(first=30, comments=True), ModelDown),
        (HTML, ModelSilent),
        (BAD_JSON, ModelSilent),
        (NO_CHOICES, ModelSilent),
        (Raw('data: "text"\n\n'), ModelSilent),
        (Raw('data: {"choices": 3}\n\n'), ModelSilent),
        (Raw("data: null\n\ndata: [DONE]\n\n"), ModelSilent),
        (Raw("data: [DONE]\n\n"), ModelSilent),
        (Raw(""), ModelSilent),
        (Raw('{"object": "list"}', "application/json"), ModelSilent),
        (NOTHING, ModelSilent),
        (Finish("stop", " \n"), ModelSilent),
        (Finish("length"), ModelSilent),
        (Finish("content_filter"), ModelRefused),
    ],
    ids=repr,
)
async def test_each_failure_is_told_in_one_line_of_our_own(
    fake: FakeModel, model: RemoteModel, answer: Answer, error: type[ModelError]
) -> None:
    fake.otherwise = answer
    with pytest.raises(ModelError) as caught:
        await ask(model)
    said = str(caught.value)
    assert type(caught.value) is error, said
    assert "openai/fake-1" in said
    assert said.isprintable()
    assert KEY not in said
    assert SECRET not in said
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Status(401, "invalid_api_key"), ["(401, invalid_api_key)", "check OPENAI_API_KEY", "127.0.0.1:"]),
        (Status(402), ["(402, scripted)", "OPENAI_API_KEY", "credit"]),
        (Status(404, "model_not_found"), ["does not know openai/fake-1", "MODEL and OPENAI_BASE_URL"]),
        (Status(429, "rate_limit_exceeded"), ["FALLBACK_MODELS"]),
        (Status(400, f"no {SECRET}", type=f"{KEY}"), ["(400)"]),  # a code that is no plain word, a type that is the key
        (Status(400, "x" * 61, type=None), ["(400)"]),
    ],
    ids=repr,
)
async def test_an_error_says_what_to_do(fake: FakeModel, model: RemoteModel, answer: Status, words: list[str]) -> None:
    fake.answers = [answer]
    with pytest.raises(ModelError) as caught:
        await ask(model)
    assert [word for word in words if word not in str(caught.value)] == []


async def test_the_wrong_key_is_told_without_the_key(fake: FakeModel) -> None:
    model = remote(fake.base_url, key="sk-wrong-1234")
    with pytest.raises(KeyRefused) as caught:
        await ask(model)
    await model.close()
    assert "sk-" not in str(caught.value)
    assert "sk-" not in repr(model)


async def test_nobody_listening_is_told_with_host_and_setting() -> None:
    with socket.socket() as taken:  # bound, but it does not listen
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        model = remote(f"http://user:pass@127.0.0.1:{port}/v1")
        with pytest.raises(ModelDown) as caught:
            await ask(model)
        await model.close()
    assert str(caught.value).startswith(f"127.0.0.1:{port} ")
    assert "check OPENAI_BASE_URL and that the server runs" in str(caught.value)
    assert "pass" not in str(caught.value)


async def test_an_address_that_is_none_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL"):
        remote("http://[::1/v1")


async def test_a_rate_limit_that_passes_is_one_answer(fake: FakeModel) -> None:
    model = remote(fake.base_url, retries=2)
    fake.answers = [Status(429, "rate_limit_exceeded", headers=(("Retry-After", "1"),)), Status(503), "Here I am."]
    started = asyncio.get_running_loop().time()
    texts, _ = await ask(model)
    await model.close()
    assert "".join(texts) == "Here I am."
    assert len(fake.requests) == 3
    assert fake.requests[0] == fake.requests[1] == fake.requests[2]
    assert asyncio.get_running_loop().time() - started > 1


async def test_retries_come_to_an_end(fake: FakeModel) -> None:
    model = remote(fake.base_url, retries=1)
    fake.otherwise = Status(500)
    with pytest.raises(ModelBusy):
        await ask(model)
    await model.close()
    assert len(fake.requests) == 2


async def test_pieces_that_came_before_a_break_are_passed_on(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Break(after=2)]
    got: list[object] = []
    with pytest.raises(ModelDown):  # noqa: PT012
        async for piece in model.complete(PROMPT):
            got.append(piece)
    assert got == ["This", " answer"]


async def test_what_is_lost_after_the_end_of_an_answer_does_not_spoil_it(fake: FakeModel, model: RemoteModel) -> None:
    text = '{"choices": [{"index": 0, "delta": {"content": "Done."}, "finish_reason": "stop"}]}'
    fake.answers = [Raw(f'data: {text}\n\ndata: {{"error": {{"code": 502, "message": "late"}}}}\n\n')]
    assert await ask(model) == (["Done."], [])


async def test_an_answer_that_was_cut_short_by_its_filter_or_limit_is_kept(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Finish("length", "As long as"), Finish("content_filter", "As far as")]
    assert ["".join((await ask(model))[0]) for _ in range(2)] == [f"As long as{CUT}", "As far as"]


async def test_comments_keep_a_slow_provider_alive(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Slow("There you are", first=0.8, comments=True)]  # longer than the silence that is allowed
    assert "".join((await ask(model))[0]) == "There you are"


async def test_hanging_up_half_way_tells_the_provider_and_leaves_the_model_usable(
    fake: FakeModel, model: RemoteModel
) -> None:
    fake.answers = [Slow("one two three four five", first=0, each=0.3)]
    async with aclosing(model.complete(PROMPT)) as stream:
        assert await anext(stream) == "one"
    async with asyncio.timeout(2):
        await fake.hung_up.wait()
    assert "".join((await ask(model))[0]) == f"You said: {SECRET}"


async def test_cancellation_goes_through(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Silence()]
    task = asyncio.create_task(ask(model))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_many_questions_at_once_get_their_own_answers(fake: FakeModel, model: RemoteModel) -> None:
    async def one(number: int) -> str:
        pieces = [piece async for piece in model.complete([Said("user", f"number {number}")])]
        return "".join(piece for piece in pieces if isinstance(piece, str))

    assert await asyncio.gather(*map(one, range(20))) == [f"You said: number {number}" for number in range(20)]


async def test_a_proxy_for_the_world_is_not_asked_for_this_machine(
    fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    model = remote(fake.base_url)
    texts, _ = await ask(model)
    await model.close()
    assert texts


async def test_a_model_may_be_closed_twice(model: RemoteModel) -> None:
    await model.close()
    await model.close()


def test_every_error_class_is_in_the_table_above() -> None:
    assert set(ERRORS) == set(ModelError.__subclasses__())
    assert set(FINER) == {finer for error in ERRORS for finer in error.__subclasses__()}
