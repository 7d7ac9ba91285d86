"""What lets providers read a prompt's beginning once only, to the byte; the cache counts as Anthropic's does."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from bot.answering import ask as answer
from bot.chat import Line, Thread, Turn, Usage
from bot.models import Keys, LateModel, open_model
from bot.models.remote import Profile, RemoteModel
from bot.ports import Known, Prompt, Recalled, Recollection, Said, Tool
from bot.prompt import compose
from tests.bot.models.test_remote import KEY, remote
from tests.fakes.caching import PromptCache
from tests.fakes.model import Body, FakeModel
from tests.fakes.strict import SERVERS

MARKED = {"profile": Profile.of(cache_marks=True, limits=("max_tokens",)), "key_field": "session_id"}
MARK = {"cache_control": {"type": "ephemeral"}}
NOW = datetime(2026, 11, 28, 1, tzinfo=UTC)
LOOK = Tool("look_up", "Look something up.", {"type": "object", "properties": {"query": {"type": "string"}}})


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    async with FakeModel(key=KEY) as server:
        server.prompt_cache = PromptCache()
        yield server


def turn(number: int) -> Prompt:
    """The prompt of the so-and-so-manieth turn of a conversation; each recalls something else."""
    said = [f"question {place // 2}" if place % 2 == 0 else f"answer {place // 2}" for place in range(2 * number + 1)]
    lines = [
        Line("user" if place % 2 == 0 else "assistant", text, None if place % 2 else "console:ana", seq=place)
        for place, text in enumerate(said)
    ]
    lines[-1] = Line("user", said[-1], "console:ana", waiting=True, seq=len(said))
    recalled = Recalled(NOW, "console:ana", "Ana", f"something of turn {number}")
    known = Known("console:ana", "Ana", ("Location: Porto",))
    return compose("You are Hathi.", Recollection(tuple(lines), (known,), (recalled,)), 10_000, NOW)


async def usage(model: RemoteModel, prompt: Prompt) -> Usage:
    [used] = [piece async for piece in model.complete(prompt, [LOOK], key="k") if isinstance(piece, Usage)]
    return used


def marked(body: Body) -> list[int]:
    """The places of the messages that are marked, at their very end."""
    places = []
    for place, message in enumerate(body["messages"]):
        marks = ["cache_control" in part for part in message["content"]] if isinstance(message["content"], list) else []
        assert True not in marks[:-1]
        places += [place] if True in marks else []
    return places


def unmarked(body: Body) -> str:
    """The messages as bytes, without marks; one part of text is text."""
    messages = [
        message | {"content": message["content"][0]["text"]} if isinstance(message["content"], list) else message
        for message in body["messages"]
    ]
    return json.dumps(messages)


async def test_the_instructions_and_the_history_are_marked_and_what_changes_is_not(fake: FakeModel) -> None:
    model = remote(fake.base_url, **MARKED)
    await usage(model, turn(2))
    await model.close()
    [request] = fake.requests
    prompt = turn(2)
    assert request["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": prompt[0].text, **MARK}]},
        {"role": "user", "content": "question 0"},
        {"role": "assistant", "content": "answer 0"},
        {"role": "user", "content": "question 1"},
        {"role": "assistant", "content": [{"type": "text", "text": "answer 1", **MARK}]},
        *({"role": said.role or "system", "content": said.text} for said in prompt[5:]),
    ]
    assert request["messages"][-1]["content"] == "question 2"
    assert request["session_id"] == "k"


async def test_every_turn_reads_what_the_one_before_has_written(fake: FakeModel) -> None:
    model = remote(fake.base_url, **MARKED)
    used = [await usage(model, turn(number)) for number in range(8)]
    await model.close()
    assert (used[0].cached, used[0].written) == (len(turn(0)[0].text.split()), 0)[::-1]
    for before, now in pairwise(used):
        assert now.cached == before.cached + before.written > 0
        assert now.written == 4  # a question and its answer, of two words each
    for before_body, body in pairwise(fake.requests):
        stable = before_body["messages"][: marked(before_body)[-1] + 1]
        assert unmarked(body).startswith(unmarked({"messages": stable})[:-1])


async def test_more_than_four_messages_are_never_marked_and_tools_come_first(fake: FakeModel) -> None:
    model = remote(fake.base_url, **MARKED)
    await usage(model, [Said(None, "a", stable=True), Said(None, "b", stable=True), *turn(6)])
    await model.close()
    assert marked(fake.requests[0]) == [2, 14]


async def test_where_nothing_is_stable_nothing_is_marked(fake: FakeModel) -> None:
    model = remote(fake.base_url, **MARKED)
    await usage(model, [Said(None, "Judge this."), Said("user", "Hi", stable=True)])
    await model.close()
    assert marked(fake.requests[0]) == []


async def test_a_picture_keeps_its_place(fake: FakeModel) -> None:
    model = remote(fake.base_url, **MARKED)
    picture = "data:image/png;base64,AA=="
    await usage(model, [Said(None, "a", stable=True), Said("user", "Look", (picture,))])
    await model.close()
    assert marked(fake.requests[0]) == [0]


async def test_other_servers_get_plain_text_and_no_fields_that_they_may_not_know(fake: FakeModel) -> None:
    model = remote(fake.base_url)
    used = await usage(model, turn(3))
    await model.close()
    [request] = fake.requests
    assert all(isinstance(message["content"], str) for message in request["messages"])
    assert set(request) == {"model", "messages", "stream", "stream_options", "tools", "tool_choice"}
    assert (used.cached, used.written) == (0, 0)


@pytest.mark.parametrize("rule", ["no marks", "plain text only"])
async def test_a_server_that_refuses_marks_is_asked_without(fake: FakeModel, rule: str) -> None:
    fake.strict = [SERVERS[rule]]
    model = remote(fake.base_url, **MARKED)
    for number in range(3):
        await usage(model, turn(number))
    await model.close()
    assert [bool(marked(body)) for body in fake.requests] == [True, False, False, False]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 3}}, (2, 3)),  # OpenRouter
        ({"cache_read_input_tokens": 2, "cache_creation_input_tokens": 3}, (2, 3)),  # Anthropic
        ({"prompt_tokens_details": {"cached_tokens": 2, "cache_creation_tokens": 3}}, (2, 3)),  # LiteLLM
        ({"prompt_cache_hit_tokens": 2, "prompt_cache_miss_tokens": 3}, (2, 0)),  # DeepSeek
        ({"prompt_tokens_details": None}, (0, 0)),
        ({"prompt_tokens_details": {"cached_tokens": "2"}}, (0, 0)),
    ],
)
async def test_what_was_cached_is_understood_in_every_dialect(
    fake: FakeModel, counts: dict[str, Any], expected: tuple[int, int]
) -> None:
    from tests.fakes.model import Raw

    choice = '{"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}'
    used = json.dumps({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1} | counts})
    fake.answers = [Raw(f"data: {choice}\n\ndata: {used}\n\ndata: [DONE]\n\n")]
    model = remote(fake.base_url)
    got = await usage(model, turn(0))
    await model.close()
    assert (got.cached, got.written) == expected


async def test_a_conversation_has_one_key_that_says_nothing_of_it(fake: FakeModel) -> None:
    model = remote(fake.base_url, key_field="prompt_cache_key")

    async def show(_: str) -> None: ...

    porch, hall = Thread("discord", "123456789012345678"), Thread("slack", "T1:D42:17.4")
    for thread in (porch, porch, hall):
        await answer(Turn(1, thread), model, turn(1), [], show)
    await model.close()
    first, again, other = [body["prompt_cache_key"] for body in fake.requests]
    assert first == again != other
    assert all(len(key) == 32 and set(key) <= set("0123456789abcdef") for key in (first, other))


EXTRAS = [
    ("openrouter/anthropic/claude-haiku-4.5", Keys(openrouter_api_key="k"), True, "session_id", "max_tokens"),
    ("openrouter/qwen/qwen3-max", Keys(openrouter_api_key="k"), True, "session_id", "max_tokens"),
    ("openrouter/openai/gpt-5", Keys(openrouter_api_key="k"), False, "session_id", "max_tokens"),
    ("openai/gpt-5-mini", Keys(openai_api_key="k"), False, "prompt_cache_key", "max_completion_tokens"),
    ("openai/gpt-5-mini", Keys(openai_api_key="k", openai_base_url="http://box/v1"), False, "", "max_tokens"),
    ("anthropic/claude-haiku-4-5", Keys(anthropic_api_key="k"), False, "", "max_tokens"),
    ("ollama/qwen3", Keys(), False, "", "max_tokens"),
]


@pytest.mark.parametrize(("spec", "keys", "marks", "key_field", "limit"), EXTRAS)
async def test_only_those_who_want_them_are_sent_marks_and_keys(
    spec: str, keys: Keys, marks: bool, key_field: str, limit: str
) -> None:
    model = open_model(spec, keys)
    assert isinstance(model, LateModel)
    early = model.profile
    await model.warm_up()
    reached = model._late.reached
    assert (early, reached is None) == (None, False)
    assert reached is not None
    assert model.profile == reached.profile
    assert (reached.profile.takes("cache_control"), reached._key_field, reached.profile.limit) == (
        marks,
        key_field,
        limit,
    )
    await model.close()
