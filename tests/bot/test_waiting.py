"""Who waits for a model that does not answer hears so, once; who waits for one that thinks hears nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.agent import TOLD, Agent
from bot.chat import Turn
from bot.errors import ModelBusy, ModelDown, PlatformDown
from bot.jobs import delays
from bot.ports import Lease
from bot.waiting import NOTICE_SECONDS, STILL_TRYING
from memory.history import History
from memory.pool import Database
from memory.transcript import PostgresTranscript
from tests.bot.test_agent import PORCH, Free, House, heard, open_house
from tests.fakes import model as faults
from tests.fakes.model import FakeModel

BUSY = faults.Status(500, headers=(("x-should-retry", "false"),))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of patience is a tenth of one here."""
    monkeypatch.setattr("bot.waiting.NOTICE_SECONDS", 0.6)
    monkeypatch.setattr("bot.waiting.AGAIN_SECONDS", 0.2)


@pytest.fixture
async def house(transcript: PostgresTranscript, fake: FakeModel) -> AsyncIterator[House]:
    async with open_house(transcript, fake) as built:
        yield built


async def noticed(house: House) -> None:
    async with asyncio.timeout(20):
        while not house.stage.notices:
            await asyncio.sleep(0.02)


async def stored(database: Database) -> list[str]:
    rows = await database.fetch("select content::jsonb ->> 'content' as text from public.mastra_messages order by seq")
    return [row["text"] for row in rows]


async def test_a_server_that_says_nothing_is_told_of_and_its_answer_comes(
    house: House, fake: FakeModel, database: Database
) -> None:
    go = asyncio.Event()
    fake.answers = [faults.Held("Here I am.", go)]
    await house.agent.accept(heard("hello?"))
    await noticed(house)
    assert house.stage.finished == []
    go.set()
    assert await house.hear() == "Here I am."
    assert house.stage.notices == [STILL_TRYING]
    assert await stored(database) == ["hello?", "Here I am."]


async def test_a_server_that_wants_to_be_asked_in_a_minute_is_told_of(house: House, fake: FakeModel) -> None:
    fake.answers = [faults.Status(429, headers=(("Retry-After", "60"),))]
    await house.agent.accept(heard("hello?"))
    await noticed(house)
    assert len(fake.asked) == 1  # the client waits, inside the first attempt of the turn
    assert house.stage.finished == []


@pytest.mark.parametrize("comments", [False, True])
async def test_a_model_that_thinks_for_long_is_not_told_of(house: House, fake: FakeModel, comments: bool) -> None:
    fake.answers = [faults.Slow("I have thought.", first=1.5, comments=comments)]
    assert await house.say("think hard") == "I have thought."
    assert house.stage.notices == []


async def test_a_turn_that_is_put_off_for_long_says_so_before_it_is(
    house: House, fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (0.1, 0.1, 2.0))
    fake.answers = [BUSY] * 3
    await house.agent.accept(heard("hello?"))
    await noticed(house)
    assert len(fake.asked) <= 3
    assert await house.hear() == "You said: hello?"
    assert set(house.stage.notices) == {STILL_TRYING}  # each attempt may say so: platforms show it once


async def test_a_turn_that_is_put_off_for_a_moment_says_nothing(
    house: House, fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.waiting.NOTICE_SECONDS", NOTICE_SECONDS)
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (0.1,))
    fake.answers = [BUSY] * 3
    assert await house.say("hello?") == "You said: hello?"
    assert house.stage.notices == []


async def test_what_breaks_off_after_some_words_is_told_of_while_it_is_tried_again(
    house: House, fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (1.0,))
    fake.answers = [faults.ErrorInside(429, "slow down", "rate_limit_error", after=3)]
    assert await house.say("hello?") == "You said: hello?"
    assert house.stage.shown
    assert set(house.stage.notices) == {STILL_TRYING}


async def test_a_fallback_that_thinks_is_not_told_of(
    transcript: PostgresTranscript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.waiting.NOTICE_SECONDS", 3.0)  # the fallback has begun to answer by then
    async with FakeModel() as first, FakeModel() as second:
        first.otherwise, second.otherwise = faults.Status(400), faults.Slow("Let me help.", first=4.0)
        async with open_house(transcript, first, second) as house:
            assert await house.say("hello?") == "Let me help."
            assert house.stage.notices == []


async def test_a_turn_that_is_given_up_ends_with_what_is_wrong(
    house: House, fake: FakeModel, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (0.7, 0.1))
    fake.otherwise = BUSY
    assert await house.say("hello?") == TOLD[ModelBusy]
    assert set(house.stage.notices) == {STILL_TRYING}
    assert await stored(database) == ["hello?"]


async def test_a_platform_that_does_not_take_the_notice_gets_the_answer(
    house: House, fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(text: str) -> None:
        house.stage.notices.append(text)
        raise PlatformDown("away")

    monkeypatch.setattr(house.stage, "show_notice", refuse)
    go = asyncio.Event()
    fake.answers = [faults.Held("Here I am.", go)]
    await house.agent.accept(heard("hello?"))
    await noticed(house)
    go.set()
    assert await house.hear() == "Here I am."


async def test_an_attempt_after_a_long_wait_gives_the_model_a_moment_first(house: House, fake: FakeModel) -> None:
    turn = await house.agent.transcript.hear(heard("hello?"))
    assert turn is not None
    go = asyncio.Event()
    fake.answers = [faults.Held("Here I am.", go)]
    begun = asyncio.create_task(house.agent.turn(Turn(turn, PORCH, attempt=2, waited=40.0), Free()))
    await noticed(house)
    begun.cancel()
    await asyncio.gather(begun, return_exceptions=True)


async def test_an_attempt_knows_how_long_its_turn_has_waited(
    house: House, fake: FakeModel, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[Turn] = []
    turn = Agent.turn

    async def watched(agent: Agent, begun: Turn, lease: Lease) -> None:
        turns.append(begun)
        await turn(agent, begun, lease)

    monkeypatch.setattr(Agent, "turn", watched)
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (0.5,))
    fake.answers = [BUSY]
    assert await house.say("hello?") == "You said: hello?"
    assert [turn.attempt for turn in turns] == [0, 1]
    assert turns[0].waited == 0
    assert turns[1].waited >= 0.5


async def test_what_a_crash_left_of_a_turn_that_was_given_up_is_what_is_wrong(
    house: House, transcript: PostgresTranscript
) -> None:
    turn_id = await transcript.hear(heard("hello?"))
    assert turn_id is not None
    turn = Turn(turn_id, PORCH)
    recollection = await History(transcript, 10).recall(turn)
    await transcript.give_up(turn, recollection, ModelDown.__name__)
    await house.agent.turn(Turn(turn_id, PORCH, attempt=1, posts=("notice",)), Free())
    assert house.stage.finished == [TOLD[ModelDown]]


async def test_a_notice_goes_when_its_question_was_deleted(house: House) -> None:
    house.stage.shown = [STILL_TRYING]
    await house.agent.turn(Turn(10**9, PORCH, attempt=1, posts=("notice",)), Free())
    assert house.stage.shown == []
    assert house.stage.finished == []


def test_delays_grow_and_are_bounded() -> None:
    assert [delays.delay_after(attempt, None) for attempt in range(5)] == [2.0, 8.0, 30.0, 30.0, 30.0]
    assert delays.delay_after(0, 5.0) == 5.0
    assert delays.delay_after(0, 3600.0) == delays.LONGEST_DELAY
