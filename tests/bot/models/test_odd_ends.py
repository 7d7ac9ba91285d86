"""What servers send beside, between and in place of the chunks of an answer, over the wire."""

import json
from collections.abc import AsyncIterator
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
)
from bot.models.remote import RemoteModel
from bot.models.remote.model import CUT
from bot.ports import Call, Said, Tool
from tests.bot.models.test_remote import KEY, SECRET, ask, remote
from tests.fakes.model import FakeModel, Raw
from tests.fakes.streams import chunk, event, refusal, said, stream, whole

LOOK = Tool("look_up", "Look it up.", {"type": "object", "properties": {"query": {"type": "string"}}})
PARIS = "It is Paris."
JSON = "application/json"
FUNCTION = {"name": "look_up", "arguments": '{"query": "tea"}'}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2}


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    async with FakeModel(key=KEY) as server:
        yield server


@pytest.fixture
async def model(fake: FakeModel) -> AsyncIterator[RemoteModel]:
    model = remote(fake.base_url)
    yield model
    await model.close()


WHOLE = {
    "[DONE] in place of a finish reason": Raw(said("It is ", "Paris.", finish=None)),
    "[DONE] without its blank line": Raw(said("It is ", "Paris.", finish=None).rstrip()),
    "no [DONE]": Raw(said("It is ", "Paris.", done=False)),
    "retry:": Raw(said("It is ", "Paris.", between="retry: 3000\n\n")),
    "id:": Raw(said("It is ", "Paris.", between="id: 7\n\n")),
    "an id that stays": Raw("id: 7\n\n" + said("It is ", "Paris.", between="\n\n")),
    "event: ping": Raw(said("It is ", "Paris.", between="event: ping\n\n")),
    "event: ping with data": Raw(said("It is ", "Paris.", between='event: ping\ndata: {"choices": []}\n\n')),
    "event: ping with an empty object": Raw(said("It is ", "Paris.", between="event: ping\ndata: {}\n\n")),
    "event: heartbeat with words": Raw(said("It is ", "Paris.", between="event: heartbeat\ndata: alive\n\n")),
    "an object of another kind": Raw(said("It is ", "Paris.", between='data: {"type": "ping"}\n\n')),
    "comments": Raw(said("It is ", "Paris.", between=": PROCESSING\n\n:\n\n")),
    "empty data": Raw(said("It is ", "Paris.", between="data:\n\ndata: \n\n")),
    "no space": Raw(said("It is ", "Paris.", colon="data:")),
    "CRLF": Raw(said("It is ", "Paris.", end="\r\n\r\n")),
    "CR": Raw(said("It is ", "Paris.", end="\r\r")),
    "one line break": Raw(said("It is ", "Paris.", end="\n")),
    "named events": Raw(said("It is ", "Paris.", between="event: message\n")),
    "a role in each delta": Raw(stream(*(chunk(role="assistant", content=text) for text in ("It is ", "Paris.")))),
    "content null": Raw(stream(chunk(content=None), chunk(content=PARIS), chunk("stop", content=None))),
    "no delta at the end": Raw(
        stream(chunk(content=PARIS), {"choices": [{"index": 0, "finish_reason": "stop"}]})
    ),
    "a second answer": Raw(
        stream(
            chunk(content="It is "),
            {"choices": [{"index": 1, "delta": {"content": "London?"}}]},
            {"choices": [{"index": 1, "delta": {"content": "!"}}, {"index": 0, "delta": {"content": "Paris."}}]},
            chunk("stop"),
        )
    ),
    "a usage in each chunk": Raw(stream(chunk(content=PARIS) | {"usage": USAGE}, chunk("stop") | {"usage": USAGE})),
    "a usage alone, without choices": Raw(stream(chunk(content=PARIS), chunk("stop"), {"usage": USAGE})),
    "the end of a sentence": Raw(said(PARIS, finish="eos")),
    "the end of a turn": Raw(said(PARIS, finish="end_turn")),
    "in capitals": Raw(said(PARIS, finish="STOP")),
    "calls that are none": Raw(said(PARIS, finish="tool_calls")),
    "a whole completion": Raw(whole({"content": PARIS}), JSON),
    "a whole completion without an end": Raw(whole({"content": PARIS}, None), JSON),
    "a whole completion, as a stream": Raw(event(whole({"content": PARIS}))),
    "a whole completion, taken for a stream": Raw(whole({"content": PARIS})),
    "a whole completion, in many lines": Raw(json.dumps(json.loads(whole({"content": PARIS})), indent=2), JSON),
    "a whole completion, after blanks": Raw(f" \n \n{whole({'content': PARIS})}", JSON),
    "a text, as before": Raw(stream({"choices": [{"index": 0, "text": PARIS, "finish_reason": "stop"}]})),
    "a list of parts": Raw(
        stream(
            chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": SECRET}], "closed": True}]),
            chunk(content=[{"type": "text", "text": "It is "}]),
            chunk(content=[{"type": "thinking", "thinking": SECRET}, {"type": "text", "text": "Paris."}]),
            chunk("stop", content=[]),
        )
    ),
    "a whole list of parts": Raw(
        whole({"content": [{"type": "thinking", "thinking": SECRET}, {"type": "text", "text": PARIS}]}), JSON
    ),
    "reasoning beside": Raw(stream(chunk(reasoning_content=SECRET), chunk(content=PARIS), chunk("stop"))),
    "reasoning beside, elsewhere": Raw(stream(chunk(reasoning=SECRET, content=""), chunk("stop", content=PARIS))),
    "all of it in reasoning": Raw(
        stream(chunk(reasoning_content="It is "), chunk(reasoning_content="Paris."), chunk("stop", content=""))
    ),
    "all of it in reasoning, whole": Raw(whole({"content": None, "reasoning_content": PARIS}), JSON),
    "all of it in reasoning, with its own": Raw(
        stream(chunk(reasoning=f"They want a capital, {SECRET}.\n</think>\n\n{PARIS}"), chunk("stop"))
    ),
}  # fmt: skip


@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
async def test_an_answer_is_whole_in_whatever_form_it_comes(fake: FakeModel, model: RemoteModel, answer: Raw) -> None:
    fake.answers = [answer]
    texts, usages = await ask(model)
    assert "".join(texts) == PARIS
    assert usages in ([], [Usage(prompt=3, completion=2)])


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["Hi \ud83d", "\udc18!"], "Hi \U0001f418!"),
        (["\ud83d", "\udc18"], "\U0001f418"),
        (["Hi \ud83d", "", "\udc18\ud83d", "\udc18"], "Hi \U0001f418\U0001f418"),
        (["Hi \ud83d", "!"], "Hi \ufffd!"),
        (["Hi \ud83d"], "Hi \ufffd"),
        (["Hi ", "\udc18!"], "Hi \ufffd!"),
        (["\ud83d\ud83d", "\udc18"], "\ufffd\U0001f418"),
        (["Hi \ud83d\udc18!"], "Hi \U0001f418!"),
    ],
    ids=ascii,
)
async def test_halves_of_characters_are_joined_or_replaced(
    fake: FakeModel, model: RemoteModel, pieces: list[str], text: str
) -> None:
    fake.answers = [Raw(said(*pieces)), Raw(whole({"content": "".join(pieces)}), JSON)]
    for _ in range(2):
        texts, _ = await ask(model)
        assert "".join(texts) == text
        assert "".join(texts).encode()


@pytest.mark.parametrize("message", [{"tool_calls": [{"id": "a", "type": "function", "function": FUNCTION}]},
                                     {"function_call": FUNCTION}])  # fmt: skip
async def test_a_whole_completion_calls_tools(fake: FakeModel, model: RemoteModel, message: dict[str, Any]) -> None:
    fake.answers = [
        Raw(whole({"content": None} | message, "tool_calls"), JSON),
        Raw(stream(chunk(**message), chunk("tool_calls"))),
    ]
    for _ in range(2):
        pieces = [piece async for piece in model.complete([Said("user", "tea?")], [LOOK])]
        [call] = [piece for piece in pieces if isinstance(piece, Call)]
        assert (call.name, call.arguments) == ("look_up", '{"query": "tea"}')


REFUSED: dict[str, tuple[str, type[ModelError]]] = {
    "busy": (refusal(429, "Rate limited"), ModelBusy),
    "busy, as a text": (refusal("429", "Rate limited"), ModelBusy),
    "busy, by its name": (refusal(None, "Slow down", type="rate_limit_error"), ModelBusy),
    "money": (refusal(402, "Insufficient credits"), NoCredit),
    "money, by its name": (refusal("insufficient_quota", "You exceeded your current quota"), NoCredit),
    "the key": (refusal(401, f"No auth: {KEY}"), KeyRefused),
    "too long": (refusal(400, f"This model's maximum prompt length is 10, but not {SECRET}"), PromptTooLong),
    "too long, passed on": (
        refusal(400, "Provider returned error", metadata={"raw": '{"message": "Prompt exceeds max length"}'}),
        PromptTooLong,
    ),
    "against the rules": (refusal(400, "Flagged by our moderation"), ModelRefused),
    "an unknown model": (refusal(404, "The model `x` does not exist"), ModelUnknown),
    "the request": (refusal(400, "Unsupported parameter: 'xyz'"), RequestRefused),
    "the template, as 500": (refusal(500, "Unable to generate parser for this template"), RequestRefused),
    "a text alone": (json.dumps({"error": f"Input is too long: {SECRET}"}), PromptTooLong),
    "FastAPI's": (json.dumps({"detail": "Prompt exceeds max length"}), PromptTooLong),
    "vLLM's": (json.dumps({"object": "error", "message": "Input is too long", "code": 400}), PromptTooLong),
    "what is no reason": (refusal(500, "Oops"), ModelDown),
}  # fmt: skip


@pytest.mark.parametrize("form", ["alone", "as a stream", "as an event", "named", "behind a beginning", "in a choice"])
@pytest.mark.parametrize(("body", "error"), REFUSED.values(), ids=REFUSED)
async def test_an_error_inside_a_200_is_what_it_says(
    fake: FakeModel, model: RemoteModel, body: str, error: type[ModelError], form: str
) -> None:
    inside = json.loads(body)
    if form == "in a choice" and "error" not in inside:
        inside = {"error": inside}
    forms = {
        "alone": Raw(body, JSON),
        "as a stream": Raw(body),
        "as an event": Raw(event(body)),
        "named": Raw(f"event: error\n{event(inside.get('error', inside))}"),
        "behind a beginning": Raw(event(chunk(role="assistant", content="")) + f"event: error\n{event(body)}"),
        "in a choice": Raw(event({"choices": [{"index": 0, "delta": {}, "finish_reason": "error"} | inside]})),
    }
    fake.otherwise = forms[form]
    with pytest.raises(ModelError) as caught:
        await ask(model)
    assert type(caught.value) is error, str(caught.value)
    assert SECRET not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Raw(said("It is ", finish=None, done=False)), ModelDown),  # torn
        (Raw("retry: 3000\n\nevent: ping\n\n"), ModelSilent),
        (Raw(stream(chunk(reasoning_content="Okay, so the user wants a capital."), chunk("stop"))), ModelSilent),
        (Raw(stream(chunk(reasoning_content=PARIS), chunk("length"))), ModelSilent),
        (Raw(stream(chunk(content=""), chunk("tool_calls"))), ModelSilent),
        (Raw(stream(chunk(refusal="I will not."), chunk("stop"))), ModelRefused),
        (Raw(stream(chunk("SAFETY"))), ModelRefused),
        (Raw(stream(chunk("sensitive"))), ModelRefused),
        (Raw(whole({"content": None, "refusal": "I will not."}), JSON), ModelRefused),
        (Raw(whole({"content": ""}), JSON), ModelSilent),
        (Raw("[]", JSON), ModelSilent),
        (Raw('{"choices": [', JSON), ModelSilent),
    ],
    ids=repr,
)
async def test_what_is_no_answer_is_none(
    fake: FakeModel, model: RemoteModel, answer: Raw, error: type[ModelError]
) -> None:
    fake.otherwise = answer
    with pytest.raises(ModelError) as caught:
        await ask(model)
    assert type(caught.value) is error, str(caught.value)


@pytest.mark.parametrize("finish", ["length", "max_tokens", "MAX_TOKENS", "model_length"])
async def test_an_answer_that_came_to_its_limit_says_so(fake: FakeModel, model: RemoteModel, finish: str) -> None:
    fake.answers = [Raw(said("As long as", finish=finish))]
    assert "".join((await ask(model))[0]) == f"As long as{CUT}"
