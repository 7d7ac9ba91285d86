"""Tools that a remote model calls inside an answer, over the wire, with servers that each do it their own way."""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from bot.chat import Usage
from bot.errors import ModelDown, ModelRefused, ModelSilent
from bot.models import Keys, open_model
from bot.models.calls import LONGEST, MOST
from bot.models.remote import RemoteModel
from bot.ports import Call, Prompt, Said, Tool
from tests.bot.models.test_remote import KEY, PROMPT, SECRET, remote
from tests.fakes.conversations import Calls
from tests.fakes.model import WITHOUT_TOOLS, Body, Break, ErrorInside, FakeModel, Finish, Raw, Status

LOOK = Tool("look_up", "Look something up.", {"type": "object", "properties": {"query": {"type": "string"}}})
FUNCTION = {"name": "look_up", "description": LOOK.description, "parameters": LOOK.parameters}
TEA, CAT = ("look_up", {"query": "tea"}), ("look_up", {"query": "the cat's naïve"})
READ = [
    *PROMPT,
    Said("assistant", "Let me look.", calls=(Call("call_1", "look_up", '{"query": "tea"}'),)),
    Said("tool", "Ana likes tea.", call="call_1"),
]
WIRED: list[Body] = [
    {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"query": "tea"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Ana likes tea."},
]


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    async with FakeModel(key=KEY) as server:
        yield server


@pytest.fixture
async def model(fake: FakeModel) -> AsyncIterator[RemoteModel]:
    model = remote(fake.base_url)
    yield model
    await model.close()


async def ask(
    model: RemoteModel, prompt: Prompt = PROMPT, tools: Sequence[Tool] = (LOOK,), *, calling: bool = True
) -> tuple[str, list[Call]]:
    """The text and the calls, which come in that order and before the usage."""
    got = [piece async for piece in model.complete(prompt, tools, calling=calling)]
    texts = [piece for piece in got if isinstance(piece, str)]
    calls = [piece for piece in got if isinstance(piece, Call)]
    assert got == [*texts, *calls, *(piece for piece in got if isinstance(piece, Usage))]
    return "".join(texts), calls


def offers(fake: FakeModel) -> list[str | None]:
    """Request by request, what was said of calling tools; None where there were none."""
    assert all(("tools" in body) == ("tool_choice" in body) for body in fake.requests)
    return [body.get("tool_choice") for body in fake.requests]


async def test_a_call_comes_whole_behind_the_text(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Calls(TEA, text="Let me look.")]
    assert await ask(model) == ("Let me look.", [Call("call_1", "look_up", '{"query": "tea"}')])
    [request] = fake.requests
    assert (request["tools"], request["tool_choice"]) == ([{"type": "function", "function": FUNCTION}], "auto")


async def test_calls_and_what_they_brought_are_sent_back(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = ["You like tea."]
    assert await ask(model, READ, calling=False) == ("You like tea.", [])
    [request] = fake.requests
    assert request["messages"][-2:] == WIRED
    assert (request["tools"][0]["function"], request["tool_choice"]) == (FUNCTION, "none")


async def test_nothing_is_said_of_tools_where_there_are_none(fake: FakeModel, model: RemoteModel) -> None:
    await ask(model, tools=())
    assert offers(fake) == [None]


@pytest.mark.parametrize(
    "odd",
    [
        {"reason": "stop"},
        {"indexes": "none"},
        {"indexes": "first"},
        {"whole": True},
        {"whole": True, "indexes": "zero"},  # Gemini, and Ollama once
        {"whole": True, "indexes": "none"},
        {"objects": True, "indexes": "none", "reason": "stop"},
        {"objects": True, "indexes": "zero"},
        {"repeats": True},
        {"repeats": True, "indexes": "none"},
        {"repeats": True, "indexes": "zero"},
    ],
    ids=str,
)
async def test_odd_servers_are_understood(fake: FakeModel, model: RemoteModel, odd: dict[str, Any]) -> None:
    fake.answers = [Calls(TEA, CAT, **odd)]
    text, calls = await ask(model)
    assert text == ""
    assert [(call.id, call.name) for call in calls] == [("call_1", "look_up"), ("call_2", "look_up")]
    assert [("tea" in call.arguments, "cat" in call.arguments) for call in calls] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    "odd",
    [
        {"ids": ("same", "same")},
        {"ids": ("x" * 1000, "")},
        {"ids": ("", "")},
        {"ids": ("", ""), "repeats": True},
        {"ids": ("", ""), "repeats": True, "indexes": "none"},
        {"ids": ("", ""), "indexes": "none"},
        {"ids": ("", ""), "whole": True, "indexes": "none"},
        {"ids": ("", ""), "objects": True, "indexes": "zero"},
    ],
    ids=lambda odd: str(odd)[:60],
)
async def test_calls_without_an_id_of_their_own_get_one(
    fake: FakeModel, model: RemoteModel, odd: dict[str, Any]
) -> None:
    fake.answers = [Calls(TEA, CAT, **odd)]
    _, calls = await ask(model)
    assert len({call.id for call in calls}) == len(calls) == 2
    assert [("tea" in call.arguments, "cat" in call.arguments) for call in calls] == [(True, False), (False, True)]
    assert all(len(call.id) == 9 and call.id.isalnum() for call in calls if call.id != "same")
    said = Said("assistant", "", calls=tuple(calls))
    await ask(model, [*PROMPT, said, *(Said("tool", "Nothing.", call=call.id) for call in calls)])


async def test_there_are_bounds(fake: FakeModel, model: RemoteModel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    long = ("look_up", {"query": SECRET * LONGEST})
    fake.answers = [Calls(*[TEA] * (MOST + 3)), Calls(long, TEA), Calls(("", {}), text="Hm."), Calls(long)]
    assert [call.id for call in (await ask(model))[1]] == [f"call_{number + 1}" for number in range(MOST)]
    assert [call.id for call in (await ask(model))[1]] == ["call_2"]
    assert await ask(model) == ("Hm.", [])
    with pytest.raises(ModelSilent):
        await ask(model)
    assert "a call is dropped" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "pieces",
    ["3", "[3]", "[{}]", '[{"function": 3}]', '[{"index": "a", "id": 3, "function": {"name": 3, "arguments": 3}}]'],
)
async def test_what_is_no_call_is_passed_over(fake: FakeModel, model: RemoteModel, pieces: str) -> None:
    delta = f'{{"content": "Hm.", "tool_calls": {pieces}}}'
    chunk = f'{{"choices": [{{"index": 0, "delta": {delta}, "finish_reason": "stop"}}]}}'
    fake.answers = [Raw(f"data: {chunk}\n\ndata: [DONE]\n\n")]
    assert await ask(model) == ("Hm.", [])


async def test_calls_that_nobody_asked_for_are_none(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Calls(TEA, text="Hm."), Calls(TEA), Calls(TEA)]
    assert await ask(model, READ, calling=False) == ("Hm.", [])
    with pytest.raises(ModelSilent):
        await ask(model, READ, calling=False)
    with pytest.raises(ModelSilent):
        await ask(model, tools=())


async def test_what_breaks_off_calls_nothing(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Calls(TEA, reason="error"), Break(), Finish("tool_calls")]
    for error in (ModelDown, ModelDown, ModelSilent):
        with pytest.raises(error):
            await ask(model)


async def test_what_servers_would_not_read_is_sent_back_so_that_they_do(fake: FakeModel, model: RemoteModel) -> None:
    calls = (Call("a", "functions.look up" * 9, "{"), Call("b", "look_up", "[]"), Call("c", "look_up", "[" * 9_000))
    results = [Said("tool", "The arguments are not valid.", call=call.id) for call in calls]
    await ask(model, [*PROMPT, Said("assistant", "", calls=calls), *results])
    message = fake.requests[0]["messages"][len(PROMPT)]
    assert message["content"] is None
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ["{}"] * 3


@pytest.mark.parametrize("refusal", WITHOUT_TOOLS.values(), ids=WITHOUT_TOOLS)
async def test_a_server_without_tools_is_asked_without_at_once_and_from_then_on(
    fake: FakeModel, model: RemoteModel, refusal: Status, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot")
    fake.without_tools = refusal
    for _ in range(2):
        assert await ask(model) == (f"You said: {SECRET}", [])
    assert offers(fake) == ["auto", None, None]
    [record] = [record for record in caplog.records if record.name == "bot.models.remote.exchange"]
    assert (record.levelno, "openai/fake-1" in record.getMessage()) == (logging.INFO, True)


async def test_a_refusal_inside_an_answer_is_one_too(fake: FakeModel, model: RemoteModel) -> None:
    error = '{"error": {"code": 404, "message": "No endpoints found that support tool use."}}'
    fake.answers = [Raw(f"data: {error}\n\n"), "Here."]
    assert await ask(model) == ("Here.", [])
    assert offers(fake) == ["auto", None]


async def test_other_failures_are_no_such_refusals(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Status(400, "invalid_value", "no"), ErrorInside(502)]
    for error in (ModelRefused, ModelDown):
        with pytest.raises(error):
            await ask(model)
    await ask(model)
    assert offers(fake) == ["auto"] * 3


async def test_what_fails_without_tools_too_is_not_remembered(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Status(400, None, "that tool again"), Status(400, None, "no")]
    with pytest.raises(ModelRefused):
        await ask(model)
    fake.answers = [Status(400, "tool_use_failed", "tool call validation failed"), "I'd rather not."]
    await ask(model)
    await ask(model)
    assert offers(fake) == ["auto", None, "auto", None, "auto"]


async def test_where_what_was_called_cannot_be_read_it_is_told_in_words(fake: FakeModel, model: RemoteModel) -> None:
    fake.answers = [Status(400, None, "Function call is missing a thought_signature"), "You like tea."]
    assert await ask(model, READ) == ("You like tea.", [])
    assert fake.requests[-1]["messages"][-2:] == [
        {"role": "assistant", "content": "Let me look."},
        {"role": "user", "content": "(looked up: Ana likes tea.)"},
    ]
    await ask(model)
    assert offers(fake) == ["auto", None, "auto"]


async def test_a_model_that_is_reached_for_late_calls_as_well(fake: FakeModel) -> None:
    model = open_model("openai/mine", Keys(openai_base_url=fake.base_url, openai_api_key=KEY))
    fake.answers = [Calls(TEA)]
    [call, _] = [piece async for piece in model.complete(PROMPT, [LOOK])]
    assert call == Call("call_1", "look_up", '{"query": "tea"}')
    _ = [piece async for piece in model.complete(READ, [LOOK], calling=False)]
    await model.close()
    assert offers(fake) == ["auto", "none"]


def said(*messages: Body, **more: Any) -> Body:
    """A body with what is wrong."""
    return {"messages": [{"role": "user", "content": "Hi"}, *messages], **more}


CALLING: Body = {"role": "assistant", "content": None, "tool_calls": WIRED[0]["tool_calls"]}
RESULT: Body = {"role": "tool", "tool_call_id": "call_1", "content": "tea"}
TOOLS: list[Body] = [{"type": "function", "function": FUNCTION}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (said(RESULT, tools=TOOLS), "must be a response to a preceeding message"),
        (said(CALLING, RESULT, RESULT, tools=TOOLS), "must be a response to a preceeding message"),
        (said(CALLING, RESULT | {"tool_call_id": "other"}, tools=TOOLS), "must be a response"),
        (said(CALLING, tools=TOOLS), "did not have response messages: call_1"),
        (said(CALLING, {"role": "user", "content": "?"}, RESULT, tools=TOOLS), "did not have response messages"),
        (said(CALLING, RESULT), "must define tools"),
        (said(CALLING, RESULT | {"content": ""}, tools=TOOLS), "empty"),
        (said(CALLING, RESULT | {"name": "x"}, tools=TOOLS), "not just"),
        (said(CALLING | {"role": "user"}, RESULT, tools=TOOLS), "not just"),
        (said(CALLING | {"content": ""}, RESULT, tools=TOOLS), "empty"),
        (said(CALLING | {"tool_calls": []}, tools=TOOLS), "too short"),
        (said(CALLING | {"tool_calls": CALLING["tool_calls"] * 2}, RESULT, tools=TOOLS), "id of its own"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_fake_refuses_what_openai_and_others_do(fake: FakeModel, body: Body, words: str) -> None:
    from aiohttp import ClientSession

    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        ClientSession() as client,
        client.post(f"{fake.base_url}/chat/completions", json={"model": "m"} | body, headers=headers) as response,
    ):
        assert response.status == 400
        assert words in (await response.json())["error"]["message"]
