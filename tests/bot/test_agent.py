"""A turn from end to end: real transcript, real client, a model that can fail in every way."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from bot.agent import BUG, NOT_WRITTEN, TOLD, Agent, apology
from bot.chat import Image, Message, Resource, Room, Thread, Turn
from bot.errors import (
    DatabaseDown,
    DatabaseRefused,
    HathiError,
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelSilent,
    PlatformDown,
    PlatformRefused,
    PromptTooLong,
    RequestRefused,
    SettingsError,
)
from bot.jobs import DurableJobs
from bot.models import Keys, open_model
from bot.ports import Accept, Lease, Memory, Noted, Outbox, Recalled, Recollection, Reply
from memory import dsn
from memory.history import History
from memory.pool import Database, open_database
from memory.transcript import PostgresTranscript
from tests.conftest import Server
from tests.fakes import model as faults
from tests.fakes.model import FakeModel
from tests.fakes.proxy import Proxy
from tests.fakes.strict import SERVERS
from tests.stores import forgetting_in

ANA, PORCH = Resource("stage", "ana"), Thread("stage", "porch")
SECRET = "the treasure lies under the oak"


class Free:
    """A lease that nobody disputes."""

    async def check(self) -> None: ...


@dataclass
class Stage:
    """An adapter that keeps what it was given to show."""

    name: str = "stage"
    trouble: str | None = None
    shown: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)  # by their URL
    noted_lines: list[Noted] = field(default_factory=list)
    troubles: list[HathiError] = field(default_factory=list)  # of the next posts
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, accept: Accept) -> None: ...

    @asynccontextmanager
    async def reply(self, thread: Thread, outbox: Outbox) -> AsyncIterator[Reply]:
        yield self

    @asynccontextmanager
    async def typing(self, thread: Thread) -> AsyncIterator[None]:
        yield

    async def show(self, text: str) -> None:
        self.shown.append(text)

    async def show_notice(self, text: str) -> None:
        self.notices.append(text)

    async def finish(self, text: str) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.finished.append(text)
        self.news.set()

    async def withdraw(self) -> None:
        self.shown.clear()

    def routes(self) -> tuple[()]:
        return ()

    async def download(self, image: Image, thread: Thread) -> bytes | None:
        return self.pictures.get(image.url)

    async def noted(self, noted: Noted) -> None:
        self.noted_lines.append(noted)


@dataclass
class House:
    """The core with everything real but the platform."""

    agent: Agent
    stage: Stage

    async def say(self, text: str) -> str:
        """Say something; the reply that was posted."""
        self.stage.news.clear()
        await self.agent.accept(heard(text))
        return await self.hear()

    async def hear(self) -> str:
        """The next reply."""
        async with asyncio.timeout(20):
            await self.stage.news.wait()
        return self.stage.finished[-1]

    def with_memory(self, memory: Memory) -> None:
        """The same from now on with another memory."""
        self.agent = replace(self.agent, memory=memory)


def heard(text: str) -> Message:
    """A message of Ana's, fresh from the platform."""
    return Message(f"{PORCH}:{uuid4()}", PORCH, ANA, Room("direct", str(PORCH)), text, datetime.now(UTC))


@pytest.fixture
async def house(transcript: PostgresTranscript, fake: FakeModel) -> AsyncIterator[House]:
    async with open_house(transcript, fake) as built:
        yield built


@asynccontextmanager
async def open_house(transcript: PostgresTranscript, *servers: FakeModel) -> AsyncIterator[House]:
    models = [open_model("openai/test", Keys(openai_base_url=server.base_url)) for server in servers]
    stage = Stage()
    jobs = DurableJobs(transcript.database, ["stage"], heartbeat_seconds=0.2, stalled_seconds=0.6)
    house = House(
        Agent(
            transcript,
            forgetting_in(transcript.database),
            History(transcript, 10),
            models,
            jobs,
            {"stage": stage},
            "You are Hathi.",
        ),
        stage,
    )

    async def work(turn: Turn, lease: Lease) -> None:
        await house.agent.turn(turn, lease)  # the one that the house has by then

    worker = asyncio.create_task(jobs.run(work))
    yield house
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    for model in models:
        await model.close()


def asked(fake: FakeModel, request: int = -1) -> list[tuple[str, str]]:
    """What a request to the model said, without the date."""
    messages = fake.requests[request]["messages"]
    return [(m["role"], m["content"].partition("\n\nToday is ")[0]) for m in messages]


async def test_five_turns_reach_the_model_message_by_message(house: House, fake: FakeModel) -> None:
    lines = ["My favourite colour is Blue.", "What is it?", "Capital of France?", "Speed of light?", "Summarize."]
    for line in lines:
        assert await house.say(line) == f"You said: {line}"
    for turn in range(5):
        assert asked(fake, turn) == [
            ("system", "You are Hathi."),
            *(pair for line in lines[:turn] for pair in (("user", line), ("assistant", f"You said: {line}"))),
            ("user", lines[turn]),
        ]
        assert fake.requests[turn]["messages"][-1]["content"] == lines[turn]


async def test_ten_messages_and_no_more_stand_before_the_new_one(house: House, fake: FakeModel) -> None:
    for number in range(8):
        await house.say(f"line {number}")
    assert len(asked(fake)) == 1 + 10 + 1
    assert asked(fake)[1] == ("user", "line 2")


async def test_the_answer_grows_before_it_is_whole(house: House) -> None:
    await house.say("hello")  # of a model whose habits are not known yet, it is held for a moment
    house.stage.shown.clear()
    await house.say("hello again")
    assert len(house.stage.shown) > 1
    assert all(house.stage.finished[1].startswith(shown) for shown in house.stage.shown)


async def test_what_was_heard_before_a_crash_is_answered_with_the_next_message(house: House, fake: FakeModel) -> None:
    assert isinstance(house.agent.transcript, PostgresTranscript)
    await house.agent.transcript.hear(heard("before the crash"))  # and nobody is woken
    await house.say("after it")
    assert asked(fake)[1:] == [("user", "before the crash"), ("user", "after it")]


async def test_a_turn_with_nothing_to_answer_says_nothing(house: House, fake: FakeModel) -> None:
    await house.say("hello")
    await house.agent.turn(Turn(10**9, PORCH), Free())
    assert len(house.stage.finished) == len(fake.requests) == 1


async def test_a_redelivery_is_not_answered_again(house: House) -> None:
    message = heard("hello")
    await house.agent.accept(message)
    await house.hear()
    for _ in range(3):
        await house.agent.accept(message)
    await asyncio.sleep(0.2)
    assert len(house.stage.finished) == 1


async def test_an_answer_from_before_a_crash_is_posted_without_asking_again(house: House, fake: FakeModel) -> None:
    await house.agent.turn(Turn(10**9, PORCH, attempt=1, answer="as I was saying"), Free())
    assert house.stage.finished == ["as I was saying"]
    assert fake.requests == []


async def test_a_busy_model_is_asked_again_later_and_the_order_is_kept(house: House, fake: FakeModel) -> None:
    fake.answers = [faults.Status(429, headers=(("Retry-After", "1"), ("x-should-retry", "false")))]
    await house.agent.accept(heard("first"))
    await asyncio.sleep(0.3)
    await house.agent.accept(heard("second"))
    assert await house.hear() == "You said: second"
    assert asked(fake)[1:] == [("user", "first"), ("user", "second")]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.Status(401), KeyRefused),
        (faults.Status(400), RequestRefused),
        (faults.Break(after=2), ModelDown),
        (faults.NOTHING, ModelSilent),
        (faults.HTML, ModelSilent),
        (faults.TOO_LONG, PromptTooLong),
    ],
)
async def test_a_failing_model_costs_one_honest_sentence_and_the_next_message_works(
    house: House, fake: FakeModel, fault: faults.Answer, error: type[HathiError], caplog: pytest.LogCaptureFixture
) -> None:
    fake.otherwise = fault
    caplog.set_level(logging.DEBUG, "bot")
    assert await house.say(SECRET) == TOLD[error]
    assert SECRET not in caplog.text
    fake.otherwise = None
    assert await house.say("again?") == "You said: again?"
    assert asked(fake)[1:] == [("user", SECRET), ("user", "again?")]


async def test_fallbacks_are_asked_in_order_and_what_broke_off_is_replaced(transcript: PostgresTranscript) -> None:
    async with FakeModel() as first, FakeModel() as second, FakeModel() as third:
        second.otherwise = faults.Status(400)
        async with open_house(transcript, first, second, third) as house:
            await house.say("so that its habits are known")
            house.stage.shown.clear()
            first.otherwise = faults.Break(after=2)
            assert await house.say("hello") == "You said: hello"
            assert house.stage.shown[0] != "You said: hello"[: len(house.stage.shown[0])]
    assert first.requests
    assert len(second.requests) == len(third.requests) == 1


async def test_when_all_fail_the_person_hears_why_the_first_did(transcript: PostgresTranscript) -> None:
    async with FakeModel() as first, FakeModel() as second:
        first.otherwise, second.otherwise = faults.Status(401), faults.NOTHING
        async with open_house(transcript, first, second) as house:
            assert await house.say("hello") == TOLD[KeyRefused]


async def test_too_long_a_history_is_shortened_until_it_fits(house: House, fake: FakeModel) -> None:
    for number in range(4):
        await house.say(f"line {number}")
    fake.answers = [faults.TOO_LONG, faults.TOO_LONG]
    assert await house.say("newest") == "You said: newest"
    sizes = [len(asked(fake, request)) for request in (-3, -2, -1)]
    assert sizes[0] > sizes[1] > sizes[2]
    assert asked(fake)[-1] == ("user", "newest")


async def test_a_memory_that_stays_out_of_reach_is_said_and_the_turn_goes_on_when_it_is_back(
    server: Server, database_name: str, fake: FakeModel
) -> None:
    fake.answers = [faults.Slow("never written down", first=0.5)]
    async with (
        Proxy(server.socket_file) as proxy,
        open_database(dsn.parse(server.through(proxy, database_name)), patience=0.3) as database,
        open_house(PostgresTranscript(database), fake) as house,
    ):
        await house.agent.accept(heard("first"))
        while not fake.requests:
            await asyncio.sleep(0.01)
        await proxy.shut()
        assert await house.hear() == TOLD[DatabaseDown]
        with pytest.raises(DatabaseDown):
            await house.agent.accept(heard("never taken"))
        house.stage.news.clear()
        await proxy.open()
        assert await house.hear() == "You said: first"


async def test_an_answer_that_cannot_be_written_down_is_given_and_says_so(house: House, database: Database) -> None:
    await database.fetch(
        """create function public.full_disk() returns trigger language plpgsql as
           $$ begin
               if new.role = 'assistant' then raise exception using errcode = '53100', message = 'disk full'; end if;
               return new;
           end $$"""
    )
    await database.fetch(
        """create trigger full_disk before insert on public.mastra_messages
           for each row execute function public.full_disk()"""
    )
    assert await house.say("hello") == f"You said: hello\n\n{NOT_WRITTEN}"


async def test_a_conversation_deleted_while_the_model_writes_stays_deleted(
    house: House, fake: FakeModel, transcript: PostgresTranscript, database: Database
) -> None:
    fake.answers = [faults.Slow("too late", first=0.3)]
    await house.agent.accept(heard("delete me"))
    while not fake.requests:
        await asyncio.sleep(0.01)
    await forgetting_in(transcript.database).reset(PORCH)
    await asyncio.sleep(0.6)
    assert house.stage.finished == []
    assert await database.fetch("select from public.mastra_messages") == []


async def test_a_model_is_shown_pictures_and_asked_again_without_them_if_it_will_not_look(
    house: House, fake: FakeModel
) -> None:
    house.stage.pictures["https://example.org/cat.png"] = b"meow"
    images = (Image("https://example.org/cat.png", "image/png"), Image("https://example.org/gone.png", "image/png"))

    async def post() -> str:
        house.stage.news.clear()
        await house.agent.accept(replace(heard("[image: cat.png]"), images=images))
        return await house.hear()

    fake.answers = ["A cat."]
    assert await post() == "A cat."
    assert fake.requests[-1]["messages"][-1]["content"] == [
        {"type": "text", "text": "[image: cat.png]"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,bWVvdw=="}},
    ]
    fake.answers = [faults.Status(404, message="No endpoints found that support image input"), "I cannot see it."]
    assert await post() == "I cannot see it."
    assert asked(fake)[-1] == ("user", "[image: cat.png] (you cannot see the picture)")


async def test_of_many_pictures_the_newest_are_shown_and_of_ten_files_as_much_as_fits(
    house: House, fake: FakeModel
) -> None:
    house.stage.pictures |= {f"https://example.org/{n}.png": str(n).encode() for n in range(20)}
    images = tuple(Image(f"https://example.org/{n}.png", "image/png") for n in range(20))
    file = "[file: long.txt]\n" + "word " * 4_000
    fake.answers = ["Ten files."]  # an echo would be as long, and is kept here each time that it has grown
    await house.agent.accept(replace(heard("\n".join(["What is this?", *[file] * 10])), images=images))
    await house.hear()
    text, *shown = fake.requests[-1]["messages"][-1]["content"]
    assert [one["image_url"]["url"][-8:] for one in shown] == [
        f"base64,{b64encode(str(n).encode()).decode()}"[-8:] for n in range(12, 20)
    ]
    assert text["text"].startswith("What is this?\n[file: long.txt]\nword word")
    assert len(text["text"]) < 160_000
    assert text["text"].count("characters are left out here") == 10


async def test_what_is_deleted_while_the_model_thinks_is_withdrawn_and_the_rest_is_answered(
    house: House, fake: FakeModel, transcript: PostgresTranscript
) -> None:
    fake.answers = [faults.Slow("an answer to both", first=0.5)]
    first, second = heard("delete me"), heard("keep me")
    await house.agent.accept(second)
    await house.agent.accept(first)
    while not fake.requests:
        await asyncio.sleep(0.01)
    await forgetting_in(transcript.database).delete([first.id])
    assert await house.hear() == "You said: keep me"
    assert house.stage.shown[:1] != ["an answer to both"]
    assert [line.text for line in await transcript.read(PORCH, 10)] == ["keep me", "You said: keep me"]


async def test_an_answer_that_the_platform_does_not_take_now_is_posted_later(
    house: House, fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (0.1,))
    house.stage.troubles = [PlatformDown("away"), PlatformDown("still away")]
    assert await house.say("one") == "You said: one"
    assert len(fake.requests) == 1  # it was written down, and not asked for again


async def test_an_answer_that_the_platform_never_takes_is_kept_and_the_thread_goes_on(
    house: House, transcript: PostgresTranscript
) -> None:
    house.stage.troubles = [PlatformRefused("no permission there")]
    await house.agent.accept(heard("one"))
    while house.stage.troubles:
        await asyncio.sleep(0.01)
    assert await house.say("two") == "You said: two"
    assert [line.text for line in await transcript.read(PORCH, 10)] == ["one", "You said: one", "two", "You said: two"]


async def test_a_bug_is_loud_in_the_log_without_words_and_the_thread_goes_on(
    house: House, fake: FakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(History):
        async def recall(self, turn: Turn) -> Recollection:
            await super().recall(turn)
            raise ZeroDivisionError

    good = house.agent.memory
    assert isinstance(good, History)
    house.with_memory(Broken(good.transcript, 10))
    told = await house.say(SECRET)
    assert told.startswith(BUG.partition("{turn}")[0])
    assert f"turn {told.split()[-1].rstrip('.')}: a bug" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert SECRET not in caplog.text
    house.with_memory(good)
    assert await house.say("and now?") == "You said: and now?"


async def test_a_hundred_kilobytes_are_taken_word_for_word(house: House, fake: FakeModel) -> None:
    text = "elephant " * 11_000
    fake.answers = ["That is a lot."]
    await house.say(text)
    assert asked(fake)[-1] == ("user", text)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (DatabaseRefused("x"), "My memory does not take anything in right now."),
        (DatabaseDown("x"), "My memory is out of reach right now."),
        (SettingsError("x"), "My memory does not take"),
    ],
)
def test_every_error_has_a_sentence(error: HathiError, sentence: str) -> None:
    assert apology(error).startswith(sentence)


def test_no_sentence_is_long_or_technical() -> None:
    for sentence in TOLD.values():
        assert len(sentence) < 120
        assert not any(word in sentence.lower() for word in ("exception", "http", "postgres", "error"))
    assert ModelBusy in TOLD


@pytest.mark.parametrize("name", ["Mistral 3 in llama.cpp", "Gemma in vLLM", "Mistral 7B in vLLM", "consecutive"])
async def test_one_failed_turn_does_not_wedge_a_conversation_on_a_server_of_strict_turns(
    house: House, fake: FakeModel, name: str
) -> None:
    fake.answers = [faults.Status(401)]
    assert await house.say("never answered") == TOLD[KeyRefused]
    fake.strict = [SERVERS[name]]
    before = len(fake.requests)
    for number in range(5):
        assert (await house.say(f"line {number}")).endswith(f"line {number}")
    assert len(fake.requests) - before <= 5 + 2
    assert "never answered" in str(fake.requests[-1])


@pytest.mark.parametrize("name", ["Mistral 3 in llama.cpp", "Gemma 2 in llama.cpp"])
async def test_two_messages_at_once_are_answered_by_a_server_of_strict_turns(
    house: House, fake: FakeModel, name: str
) -> None:
    fake.strict = [SERVERS[name]]
    assert isinstance(house.agent.transcript, PostgresTranscript)
    await house.agent.transcript.hear(heard("one"))  # and nobody is woken
    assert (await house.say("two")).endswith("two")
    assert (await house.say("three")).endswith("three")


@dataclass
class Recalling:
    """A memory that brings something of long ago to every turn."""

    history: History

    async def recall(self, turn: Turn) -> Recollection:
        found = Recalled(datetime(2026, 5, 3, tzinfo=UTC), str(ANA), "Ana", "I like tea.")
        return replace(await self.history.recall(turn), recalled=(found,))

    async def digest(self, thread: Thread) -> tuple[()]:
        return ()


@pytest.mark.parametrize("name", ["Qwen 3.x in llama.cpp", "Qwen 3.x in vLLM", "Mistral 3 in llama.cpp"])
async def test_what_was_recalled_is_read_by_a_server_that_takes_instructions_at_the_beginning_only(
    house: House, transcript: PostgresTranscript, fake: FakeModel, name: str
) -> None:
    """A 500 that was taken for overload: 47 s, twelve requests and "busy", on every turn."""
    house.with_memory(Recalling(History(transcript, 10)))
    fake.strict = [SERVERS[name]]
    assert (await house.say("hello")).endswith("hello")
    assert len(fake.requests) <= 2
    for _ in range(3):
        assert (await house.say("hello")).endswith("hello")
    assert len(fake.requests) <= 5
    assert "I like tea." in str(fake.requests[-1])


async def test_a_model_without_eyes_is_shown_no_picture_again(house: House, fake: FakeModel) -> None:
    house.stage.pictures["https://example.org/cat.png"] = b"meow"
    fake.strict = [SERVERS["no pictures in llama.cpp"]]
    images = (Image("https://example.org/cat.png", "image/png"),)
    for _ in range(2):
        house.stage.news.clear()
        await house.agent.accept(replace(heard("[image: cat.png]"), images=images))
        assert await house.hear() == "You said: [image: cat.png] (you cannot see the picture)"
    assert len(fake.requests) == 3
