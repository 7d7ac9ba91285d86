"""Tools that a model uses while it answers, from end to end: real transcript, real client, a model behind HTTP."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.agent import TOLD
from bot.answering import CALLS, LONGEST, NOT_NOW, NOTHING, ROUNDS, TOO_MANY, ask
from bot.chat import Thread, Turn
from bot.errors import DatabaseDown, ModelSilent, PromptTooLong
from bot.models import Keys, open_model
from bot.ports import Ability, Memory, Recollection, Said
from memory.history import History
from memory.memories import Memories
from memory.transcript import PostgresTranscript
from tests.bot.test_agent import PORCH, SECRET, House, open_house
from tests.fakes import model as faults
from tests.fakes.conversations import Calls
from tests.fakes.model import Answer, Body, FakeModel

PARAMETERS = {
    "type": "object",
    "properties": {"query": {"type": "string", "maxLength": 100}},
    "required": ["query"],
    "additionalProperties": False,
}


@dataclass
class Shelf:
    """A memory with something to look up."""

    queries: list[str] = field(default_factory=list)
    brings: dict[str, str | Exception] = field(default_factory=dict)

    async def recall(self, turn: Turn) -> Recollection:
        return Recollection(tools=(Ability("search_memory", "Search what was said.", PARAMETERS, self.search),))

    async def digest(self, thread: Thread) -> tuple[()]:
        return ()

    async def search(self, arguments: Mapping[str, Any]) -> str:
        self.queries.append(arguments["query"])
        found = self.brings.get(arguments["query"], f"Found: {arguments['query']}.")
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def house(transcript: PostgresTranscript, fake: FakeModel, shelf: Shelf) -> AsyncIterator[House]:
    async with open_library(transcript, shelf, fake) as built:
        yield built


@asynccontextmanager
async def open_library(transcript: PostgresTranscript, shelf: Memory, *servers: FakeModel) -> AsyncIterator[House]:
    async with open_house(transcript, *servers) as house:
        house.with_memory(Memories([History(transcript, 10), shelf]))
        yield house


def look(*queries: str, text: str = "") -> Calls:
    return Calls(*(("search_memory", {"query": query}) for query in queries), text=text)


def read(fake: FakeModel, request: int = -1) -> list[str]:
    """What the tools brought, as the model read it."""
    return [message["content"] for message in fake.requests[request]["messages"] if message["role"] == "tool"]


def choices(fake: FakeModel) -> list[str | None]:
    return [body.get("tool_choice") for body in fake.requests]


async def test_what_was_looked_up_is_read_before_the_answer(
    house: House, fake: FakeModel, shelf: Shelf, transcript: PostgresTranscript
) -> None:
    fake.answers = [look("tea"), "You like green tea."]
    assert await house.say("What do I like?") == "You like green tea."
    assert (shelf.queries, read(fake)) == (["tea"], ["Found: tea."])
    first, second = fake.requests
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert first["tools"] == second["tools"]
    assert first["tools"][0]["function"]["name"] == "search_memory"
    assert [line.text for line in await transcript.read(PORCH, 10)] == ["What do I like?", "You like green tea."]
    await house.say("And now?")
    assert read(fake) == []


async def test_the_tokens_of_an_answer_are_logged_once_with_what_was_cached(
    house: House, fake: FakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.answering")
    fake.cached = 3
    fake.answers = [look("tea"), "You like tea."]
    await house.say("What do I like?")
    [record] = [record for record in caplog.records if record.name == "bot.answering"]
    assert "completion=3, cached=6, written=0" in record.getMessage()


async def test_text_around_calls_belongs_to_the_answer_and_only_grows(
    house: House, fake: FakeModel, transcript: PostgresTranscript
) -> None:
    fake.answers = [look("tea", text=" Let me look.\n"), look("cake"), look("jam", text="Once more."), "You like tea."]
    whole = "Let me look.\n\nOnce more.\n\nYou like tea."
    assert await house.say("What do I like?") == whole
    shown = house.stage.shown
    assert all(whole.startswith(text) for text in shown)
    assert sorted(shown, key=len) == shown
    assert "Let me look." in shown
    assert (await transcript.read(PORCH, 10))[-1].text == whole


async def test_several_calls_run_one_after_the_other_and_too_many_are_told(
    house: House, fake: FakeModel, shelf: Shelf
) -> None:
    queries = [f"{number}" for number in range(CALLS + 2)]
    fake.answers = [look(*queries), "Done."]
    assert await house.say("All of it!") == "Done."
    assert shelf.queries == queries[:CALLS]
    assert read(fake) == [*(f"Found: {query}." for query in queries[:CALLS]), TOO_MANY, TOO_MANY]


async def test_the_same_call_twice_is_made_once(house: House, fake: FakeModel, shelf: Shelf) -> None:
    fake.answers = [look("tea", "tea"), Calls(("search_memory", '{ "query":"tea" }')), "Tea."]
    assert await house.say("?") == "Tea."
    assert shelf.queries == ["tea"]
    assert read(fake) == ["Found: tea."] * 3


async def test_what_is_wrong_with_a_call_is_told_to_the_model_alone(
    house: House, fake: FakeModel, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    fake.answers = [
        Calls(("grep", {}), ("search_memory", "{"), ("search_memory", {}), ("search_memory", {"query": SECRET * 9})),
        Calls(("search_memory", {"query": "x", SECRET * 9: 1}), ("search memory" * 9, {})),
        "I could not.",
    ]
    assert await house.say("?") == "I could not."
    results = read(fake)
    assert results[0] == "There is no tool 'grep'. There are: search_memory."
    assert results[2] == "The arguments are not valid: data must contain ['query'] properties."
    assert [result.partition(":")[0] for result in results[1:5]] == ["The arguments are not valid"] * 4
    assert results[5].startswith("There is no tool 'search memory")
    assert all(len(result) < 300 for result in results)
    assert shelf.queries == []
    assert SECRET not in caplog.text


async def test_what_fails_is_said_without_why_and_the_model_goes_on(
    house: House, fake: FakeModel, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.brings = {"tea": DatabaseDown(SECRET), "cake": ZeroDivisionError("a bug"), "jam": " \n"}
    fake.answers = [look("tea", "cake", "jam"), "I cannot look it up."]
    assert await house.say("?") == "I cannot look it up."
    assert read(fake) == [NOT_NOW, NOT_NOW, NOTHING]
    expected, bug = (record for record in caplog.records if record.name == "bot.answering")
    assert expected.getMessage().endswith("search_memory brought nothing (DatabaseDown)")
    assert (bug.levelno, bug.exc_info is not None) == (logging.ERROR, True)
    assert SECRET not in caplog.text


async def test_a_long_result_is_cut(house: House, fake: FakeModel, shelf: Shelf) -> None:
    shelf.brings = {"all": "x" * (LONGEST + 1)}
    fake.answers = [look("all"), "A lot."]
    await house.say("?")
    assert read(fake) == ["x" * LONGEST]


async def test_endless_calling_comes_to_an_end(house: House, fake: FakeModel, shelf: Shelf) -> None:
    def go_on(body: Body) -> Answer:
        number = len(fake.requests)
        return look(f"{number}") if body["tool_choice"] == "auto" else "That is all I found."

    fake.otherwise = go_on
    assert await house.say("?") == "That is all I found."
    assert choices(fake) == ["auto"] * ROUNDS + ["none"]
    assert len(shelf.queries) == ROUNDS


async def test_a_model_that_calls_on_whatever_it_is_told_has_said_nothing(house: House, fake: FakeModel) -> None:
    fake.otherwise = look("tea")
    assert await house.say("?") == TOLD[ModelSilent]
    fake.otherwise, fake.answers = None, [look("tea", text="Let me look."), faults.NOTHING]
    assert await house.say("??") == TOLD[ModelSilent]


async def test_a_server_without_tools_answers_as_ever(house: House, fake: FakeModel, shelf: Shelf) -> None:
    fake.without_tools = faults.WITHOUT_TOOLS["Ollama"]
    assert await house.say("one") == "You said: one"
    assert await house.say("two") == "You said: two"
    assert choices(fake) == ["auto", None, None]
    assert shelf.queries == []


@pytest.mark.parametrize("fault", [faults.Break(after=2), faults.ErrorInside(502), faults.Status(400), faults.NOTHING])
async def test_what_fails_in_a_later_round_is_asked_of_the_next_model_from_the_beginning(
    transcript: PostgresTranscript, shelf: Shelf, fault: Answer
) -> None:
    async with FakeModel() as first, FakeModel() as second:
        first.answers, first.otherwise = [look("tea", text="Let me look.")], fault
        second.answers = [look("tea"), "You like tea."]
        async with open_library(transcript, shelf, first, second) as house:
            assert await house.say("?") == "You like tea."
        assert len(first.requests) == 2 or fault == faults.Break(after=2)
        assert first.requests[0]["messages"] == second.requests[0]["messages"]
        assert read(second) == ["Found: tea."]


async def test_results_that_are_too_much_are_left_out_at_last(house: House, fake: FakeModel, shelf: Shelf) -> None:
    for number in range(3):
        fake.answers = [f"fine {number}"]
        await house.say(f"line {number}")
    before = len(fake.requests)

    def small(body: Body) -> Answer:
        if any(message["role"] == "tool" for message in body["messages"]):
            return faults.TOO_LONG
        return look("tea") if "tools" in body else "I do not know."

    fake.otherwise = small
    assert await house.say("newest") == "I do not know."
    asked = fake.requests[before:]
    assert len(asked[0]["messages"]) > len(asked[2]["messages"])
    assert "tools" not in asked[-1]
    fake.otherwise = faults.TOO_LONG
    assert await house.say("again") == TOLD[PromptTooLong]


async def test_cancellation_goes_through_a_tool(fake: FakeModel) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def use(_: Mapping[str, Any]) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    async def show(text: str) -> None: ...

    model = open_model("openai/test", Keys(openai_base_url=fake.base_url))
    fake.answers = [look("tea")]
    tool = Ability("search_memory", "Search what was said.", PARAMETERS, use)
    task = asyncio.create_task(ask(Turn(1, PORCH), model, [Said("user", "?")], [tool], show))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await model.close()
    assert ended.is_set()
