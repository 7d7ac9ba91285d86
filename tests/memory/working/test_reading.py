"""What could not be read does not count as read; and long messages are read to their end."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.chat import Thread
from bot.models import Keys, open_model
from memory.memories import Memories
from memory.working.batches import ALONE
from memory.working.portions import READ
from memory.working.remembering import HOPELESS, WorkingMemory
from tests.fakes.learner import learner
from tests.fakes.model import TOO_LONG, FakeModel, Status
from tests.memory.working.conftest import ANA, DM, World, thread_in

NO_FORM = "I am no JSON"


def baker() -> dict[str, Any]:
    quote = "Ich bin Bäckerin"
    return {"edits": [{"field": "Occupation", "value": "Bäckerin", "message": 1, "quote": quote}]}


async def later(world: World, thread: Thread | None = None) -> bool:
    """Some time passes, and the thread is digested again, by a process that knows nothing of before."""
    await world.database.fetch("update public.mastra_threads set digest_tried_at = digest_tried_at - interval '1 hour'")
    working = WorkingMemory(world.pages, world.forgetting, world.models, 600)
    return await replace(world, memory=Memories([working]), noted=world.noted).digest(thread or thread_in(DM))


async def left(world: World) -> bool:
    return bool(await world.transcript.undigested(["discord"], 0))


async def test_what_a_model_could_not_read_is_read_when_it_can(world: World) -> None:
    world.fake.arguments = NO_FORM
    await world.say("Ich bin Bäckerin")
    assert not await later(world)
    assert not await later(world)
    assert await left(world)
    world.fake.arguments = baker()
    assert await later(world)
    assert not await left(world)
    assert [line.text for line in (await world.pages.page(ANA)).lines] == ["Occupation: Bäckerin"]


async def test_who_talks_on_meanwhile_uses_up_no_attempt(world: World) -> None:
    world.fake.arguments = NO_FORM
    await world.say("Ich bin Bäckerin")
    for number in range(6):
        await world.say(f"Hallo {number}")
    world.fake.arguments = baker()
    assert await later(world)
    assert [line.text for line in (await world.pages.page(ANA)).lines] == ["Occupation: Bäckerin"]


async def test_what_can_never_be_read_is_left_out_at_last_with_a_line_in_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.fake.arguments = NO_FORM
    id_ = await world.say("Ich bin Bäckerin")
    with caplog.at_level(logging.INFO):
        tries = 1
        while not await later(world):
            tries += 1
            assert tries < 20
    assert tries == ALONE - 1
    assert not await left(world)
    assert "left out of the page" in caplog.text
    assert id_ in caplog.text
    assert "Bäckerin" not in caplog.text
    world.fake.arguments = learner
    await world.say("I like tea")
    assert await world.known() == ["Interests: tea"]


async def test_only_the_message_that_cannot_be_read_is_left_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def picky(body: Mapping[str, Any]) -> Any:
        return NO_FORM if "] name-1: Zzz" in str(body["messages"][-1]["content"]) else learner(body)

    world.fake.arguments = Status(401)
    for text in ("I like tea", "I live in Porto", "Zzz", "I like rain", "My name is Ana"):
        await world.hear(text, DM, ANA, thread_in(DM))
    turn = await world.take(thread_in(DM))
    await world.transcript.give_up(turn, await world.memory.recall(turn), "test")
    await world.end(turn)
    world.fake.arguments = picky
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            if await later(world):
                break
    assert not await left(world)
    assert sorted(line.text for line in (await world.pages.page(ANA)).lines) == [
        "Interests: rain", "Interests: tea", "Location: Porto", "Name: Ana",
    ]  # fmt: skip
    assert caplog.text.count("left out of the page") == 1


async def test_what_was_read_word_for_word_meanwhile_is_not_there_twice(world: World) -> None:
    world.fake.arguments = NO_FORM
    id_ = await world.say("I like tea")
    assert [noted.texts for noted in world.noted] == [("Interests: I like tea",)]  # and people hear of it at once
    await later(world)
    assert [noted.texts for noted in world.noted] == [("Interests: I like tea",)]
    world.fake.arguments = learner
    await later(world)
    (line,) = (await world.pages.page(ANA)).lines
    assert (line.text, line.message) == ("Interests: tea", id_)


async def test_another_model_reads_what_the_first_cannot(world: World) -> None:
    async with FakeModel() as other:
        other.arguments = learner
        second = open_model("openai/other", Keys(openai_base_url=other.base_url))
        world.fake.arguments = NO_FORM
        working = WorkingMemory(world.pages, world.forgetting, [*world.models, second], 600)
        await replace(world, memory=Memories([world.history, working])).say("I like tea")
        await second.close()
    assert not await left(world)
    assert [line.text for line in (await world.pages.page(ANA)).lines] == ["Interests: tea"]


async def test_what_is_too_much_at_once_is_read_message_by_message(world: World) -> None:
    def small(body: Mapping[str, Any]) -> Any:
        return TOO_LONG if str(body["messages"][-1]["content"]).count("[message ") > 1 else learner(body)

    world.fake.arguments = Status(401)
    for text in ("I like tea", "I live in Porto", "I like rain"):
        await world.hear(text, DM, ANA, thread_in(DM))
    turn = await world.take(thread_in(DM))
    await world.transcript.give_up(turn, await world.memory.recall(turn), "test")
    await world.end(turn)
    world.fake.arguments = small
    assert await world.digest(thread_in(DM))
    assert sorted(line.text for line in (await world.pages.page(ANA)).lines) == [
        "Interests: rain", "Interests: tea", "Location: Porto",
    ]  # fmt: skip


async def test_a_long_message_is_read_in_parts_to_its_end(world: World) -> None:
    story = "The weather was fine that day. " * 900
    await world.say(f"I like tea. {story} I like rain. {story} I live in Porto.")
    lines = [line.text for line in (await world.pages.page(ANA)).lines]
    assert lines == ["Interests: tea", "Interests: rain", "Location: Porto"]
    assert len(world.fake.calls) > 4
    assert all(len(str(call["messages"][-1]["content"])) < 2 * READ for call in world.fake.calls)
    assert not await left(world)


async def test_a_part_that_cannot_be_read_leaves_the_message_unread_and_the_other_parts_noted(world: World) -> None:
    def picky(body: Mapping[str, Any]) -> Any:
        content = str(body["messages"][-1]["content"])
        return NO_FORM if "Porto" in content.rpartition("[message")[2] else learner(body)

    story = "The weather was fine that day. " * 400
    world.fake.arguments = picky
    await world.say(f"I like tea. {story} My name is Ana. {story} Und ich wohne in Porto.")
    assert await left(world)
    assert [line.text for line in (await world.pages.page(ANA)).lines] == ["Interests: tea", "Name: Ana"]
    world.fake.arguments = learner
    assert await later(world)
    assert [line.text for line in (await world.pages.page(ANA)).lines] == ["Interests: tea", "Name: Ana"]
    assert not await left(world)


async def test_a_monster_is_read_up_to_a_bound_and_the_log_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        id_ = await world.say("I like tea. " + "word " * 30_000 + "I like rain.")
    assert [line.text for line in (await world.pages.page(ANA)).lines] == ["Interests: tea"]
    assert f"message {id_} is read up to its 100000th character" in caplog.text


async def test_models_that_can_read_nothing_are_not_asked_again_and_again(world: World) -> None:
    world.fake.arguments = NO_FORM
    working = WorkingMemory(world.pages, world.forgetting, world.models, 600)
    there = replace(world, memory=Memories([world.history, working]))
    working.reading.left_out = HOPELESS
    await there.say("I like tea")
    assert not await left(world)
    assert [line.text for line in (await world.pages.page(ANA)).lines] == ["Interests: I like tea"]
    world.fake.arguments = learner
    await there.say("I like rain")
    world.fake.arguments = NO_FORM
    await there.say("Ich bin Bäckerin")
    assert await left(world)  # they can, after all


async def test_what_was_learned_before_a_model_went_away_is_told(world: World) -> None:
    answers: list[Any] = [None, Status(401)]

    def once(body: Mapping[str, Any]) -> Any:
        return answers.pop(0) or learner(body)

    world.fake.arguments = once
    assert not await later_said(world, f"I like tea. {'The weather was fine that day. ' * 400} I live in Porto.")
    assert [noted.texts for noted in world.noted] == [("Interests: tea",)]
    world.fake.arguments = learner
    assert await later(world)
    assert [noted.texts for noted in world.noted] == [("Interests: tea",), ("Location: Porto",)]


async def later_said(world: World, text: str) -> bool:
    """Somebody says something, and is left without an answer; whether all of it could be read."""
    await world.hear(text, DM, ANA, thread_in(DM))
    turn = await world.take(thread_in(DM))
    await world.transcript.give_up(turn, await world.memory.recall(turn), "test")
    await world.end(turn)
    return await world.digest(thread_in(DM))
