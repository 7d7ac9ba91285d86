"""A whole turn with servers that answer oddly: what a person sees, what is stored, and what is sent back."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.agent import TOLD
from bot.errors import KeyRefused, ModelRefused, ModelSilent, ModelUnknown, NoCredit, PromptTooLong, RequestRefused
from bot.models import Keys, open_model
from bot.ports import Said
from memory.pool import Database
from memory.transcript import PostgresTranscript
from tests.bot.models.test_reasoning import ALONE, NOTHING_LEFT, USED, P
from tests.bot.models.test_refusals import TOO_LONG
from tests.bot.test_agent import House, open_house
from tests.fakes.model import Body, ErrorInside, FakeModel, Finish, Status

HIDDEN = "zeppelin"
SECRET = "the treasure lies under the oak"
AFFORDED = (
    "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford "
)


@pytest.fixture
async def house(transcript: PostgresTranscript, fake: FakeModel) -> AsyncIterator[House]:
    async with open_house(transcript, fake) as built:
        yield built


async def stored(database: Database) -> str:
    rows = await database.fetch("select content::text from public.mastra_messages")
    return "\n".join(row["content"] for row in rows)


async def test_reasoning_is_neither_shown_nor_stored_nor_sent_back(transcript: PostgresTranscript) -> None:
    for name, text in {**USED, **ALONE}.items():
        async with FakeModel() as fake, open_house(transcript, fake) as house:  # a model whose habits are not known
            fake.answers = [text]
            assert await house.say("the capital?") == P, name
            assert await house.say("and now?") == "You said: and now?"
            assert all(HIDDEN not in shown for shown in house.stage.shown), name
            assert {"role": "assistant", "content": P} in fake.requests[-1]["messages"]
            assert HIDDEN not in json.dumps(fake.requests)
    assert HIDDEN not in await stored(transcript.database)


async def test_what_was_shown_before_its_closing_mark_is_gone_in_the_end(
    house: House, fake: FakeModel, transcript: PostgresTranscript
) -> None:
    assert await house.say("hello") == "You said: hello"  # the model's habit is known now
    fake.answers = [f"A capital, mention nothing of the zeppelin.\n</think>\n\n{P}"]
    assert await house.say("the capital?") == P
    assert HIDDEN not in house.stage.shown[-1]
    assert HIDDEN not in await stored(transcript.database)
    fake.answers = [f"A capital, mention nothing of the {HIDDEN}s.\n</think>\n\n{P}"]
    house.stage.shown.clear()
    assert await house.say("the capital?") == P
    assert all(HIDDEN not in shown for shown in house.stage.shown)


async def test_reasoning_alone_is_no_answer(transcript: PostgresTranscript) -> None:
    for text in NOTHING_LEFT:
        async with FakeModel() as fake, open_house(transcript, fake) as house:
            fake.otherwise = text
            assert await house.say("the capital?") == TOLD[ModelSilent], text
            assert all(HIDDEN not in shown for shown in house.stage.shown)


async def test_an_answer_about_the_marks_is_left_as_it_is(house: House, fake: FakeModel) -> None:
    about = (
        "Put it between `<think>` and `</think>`:\n\n```html\n<think>\nhm\n</think>\n```\n\nThe <think> tag is no HTML."
    )
    fake.answers = [about]
    assert await house.say("how do I use <think>?") == about


async def test_a_prompt_that_is_too_long_is_shortened_and_asked_again(house: House, fake: FakeModel) -> None:
    for text in ("one", "two", "three"):
        await house.say(text)
    for name, status, code, message in TOO_LONG:
        refusal = Status(status, code or None, message) if status else ErrorInside(code, message, after=0)
        fake.otherwise = lambda body, refusal=refusal: refusal if len(body["messages"]) > 4 else "It fits."
        assert await house.say("and now?") == "It fits.", name


async def test_a_question_that_alone_is_too_long_is_said_so(house: House, fake: FakeModel) -> None:
    await house.say("one")
    fake.otherwise = Status(400, None, "Prompt exceeds max length")
    assert await house.say("long " * 1000) == TOLD[PromptTooLong]
    assert len(fake.requests) < 12
    fake.otherwise = None
    assert await house.say("short") == "You said: short"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Status(401, "invalid_api_key"), KeyRefused),
        (Status(402, 402, "Insufficient credits"), NoCredit),
        (Status(402, 402, f"{AFFORDED}12."), NoCredit),
        (Status(403, 403, "Flagged", None, metadata={"reasons": ["violence"]}), ModelRefused),
        (Finish("content_filter"), ModelRefused),
        (Status(404, "model_not_found", "The model does not exist"), ModelUnknown),
        (Status(400, None, "x is not a valid model ID"), ModelUnknown),
        (Status(400, "unsupported_parameter", "Unsupported parameter: 'xyz'"), RequestRefused),
        (Status(500, None, "Unable to generate parser for this template"), RequestRefused),
        (Status(422, None, "validation error"), RequestRefused),
    ],
    ids=repr,
)
async def test_each_refusal_is_told_as_what_it_is(
    house: House, fake: FakeModel, answer: Status | Finish, told: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot")
    fake.otherwise = answer
    assert await house.say(SECRET) == TOLD[told]  # type: ignore[index]  # they are among the keys
    assert len({TOLD[kind] for kind in TOLD}) == len(TOLD)
    assert SECRET not in caplog.text
    if told is not ModelRefused:
        assert any(word in caplog.text for word in ("check MODEL", "check OPENAI", "top up", "choose another model"))


@asynccontextmanager
async def opened(fake: FakeModel, answer_tokens: int | None = None) -> AsyncIterator[Any]:
    model = open_model("openai/test", Keys(openai_base_url=fake.base_url), answer_tokens)
    yield model
    await model.close()


def limits(fake: FakeModel) -> list[int | None]:
    return [body.get("max_tokens", body.get("max_completion_tokens")) for body in fake.requests]


async def test_what_can_be_afforded_is_tried_once(house: House, fake: FakeModel) -> None:
    fake.answers = [Status(402, 402, f"{AFFORDED}4000. To increase, visit ..."), "It is enough."]
    assert await house.say("hello") == "It is enough."
    assert await house.say("again") == "You said: again"
    assert limits(fake) == [None, 4000, None]
    fake.otherwise = lambda body: Status(402, 402, f"{AFFORDED}4000.")
    assert await house.say("hello") == TOLD[NoCredit]
    assert limits(fake)[3:] == [None, 4000]


async def test_the_limit_of_an_answer_is_sent(fake: FakeModel) -> None:
    for answer_tokens in (500, None):
        async with opened(fake, answer_tokens) as model:
            _ = [piece async for piece in model.complete([Said("user", "hi")])]
    assert limits(fake) == [500, None]


async def test_a_limit_that_is_too_large_for_a_model_is_learned(fake: FakeModel) -> None:
    def strict(body: Body) -> Status | str:
        too_large = (limits_of(body) or 0) > 300
        says = "max_tokens is too large: 500. This model supports at most 300 completion tokens"
        return Status(400, "invalid_value", says) if too_large else "Hi."

    fake.otherwise = strict
    async with opened(fake, 500) as model:
        for _ in range(2):
            _ = [piece async for piece in model.complete([Said("user", "hi")])]
    assert limits(fake) == [500, 300, 300]


def limits_of(body: Body) -> int | None:
    found = body.get("max_tokens", body.get("max_completion_tokens"))
    return found if isinstance(found, int) else None
