"""Catching up behind the answers: once, in order, again after failures, and with what others left undone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from bot import digests as module
from bot.chat import Resource, Thread, Turn
from bot.digests import Digests
from bot.errors import DatabaseDown, DigestUnfinished, HathiError, ModelBusy, ModelSilent, PlatformDown
from bot.ports import Noted, Recollection

ONE, TWO = Thread("stage", "one"), Thread("stage", "two")
NOTED = Noted(Resource("stage", "ana"), ONE, "stage:1", "", (1,), ("Location: Lisbon",))


@dataclass
class Slow:
    """A memory whose digests wait for a word."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    begun: list[Thread] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    troubles: list[Exception] = field(default_factory=list)
    brings: list[Noted] = field(default_factory=list)

    async def recall(self, turn: Turn) -> Recollection:
        return Recollection()

    async def digest(self, thread: Thread) -> Sequence[Noted]:
        self.begun.append(thread)
        self.news.set()
        await self.go.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        return self.brings

    async def until(self, times: int) -> None:
        while len(self.begun) < times:
            self.news.clear()
            await self.news.wait()


@dataclass
class House:
    memory: Slow
    digests: Digests
    told: list[Noted]


@asynccontextmanager
async def running(
    memory: Slow, left: Sequence[Thread] = (), failure: HathiError | None = None, **more: object
) -> AsyncIterator[House]:
    told: list[Noted] = []

    async def undigested(seconds: float) -> Sequence[Thread]:
        if failure:
            raise failure
        return left

    async def tell(noted: Noted) -> None:
        told.append(noted)
        if noted.gone:
            raise PlatformDown("away")

    digests = Digests(memory, undigested, tell, **more)  # type: ignore[arg-type]
    task = asyncio.create_task(digests.run())
    yield House(memory, digests, told)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_thread_is_digested_once_for_all_that_is_said_meanwhile() -> None:
    async with running(Slow()) as house:
        house.digests.due(ONE)
        await house.memory.until(1)
        house.digests.due(ONE)
        house.digests.due(ONE)
        house.digests.due(TWO)
        await house.memory.until(2)
        house.memory.go.set()
        await house.digests.finish(10)
        assert house.memory.begun == [ONE, TWO, ONE]


async def test_who_it_is_about_is_told_and_a_platform_that_is_away_does_no_harm() -> None:
    gone = Noted(NOTED.person, ONE, "stage:2", "", (), (), gone=2)
    memory = Slow(brings=[gone, NOTED])
    memory.go.set()
    async with running(memory) as house:
        house.digests.due(ONE)
        await house.digests.finish(10)
        assert house.told == [gone, NOTED]


async def test_one_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAYS", (0.0, 0.0, 0.0))
    memory = Slow(troubles=[DatabaseDown("away"), ModelBusy("busy")])
    memory.go.set()
    async with running(memory) as house:
        house.digests.due(ONE)
        await memory.until(3)
        assert memory.troubles == []


async def test_a_bug_is_loud_and_costs_no_other_thread(caplog: pytest.LogCaptureFixture) -> None:
    memory = Slow(troubles=[ValueError("a bug")])
    memory.go.set()
    async with running(memory) as house:
        house.digests.due(ONE)
        await house.digests.finish(10)
        house.digests.due(TWO)
        await house.digests.finish(10)
        assert memory.begun == [ONE, TWO]
    assert "stage:one: not digested: a bug" in caplog.text


async def test_what_others_left_undone_is_taken_over_at_the_start() -> None:
    memory = Slow()
    memory.go.set()
    async with running(memory, [TWO]):
        await memory.until(1)
        assert memory.begun == [TWO]


async def test_a_database_that_is_away_at_the_start_is_no_harm() -> None:
    memory = Slow()
    memory.go.set()
    async with running(memory, failure=DatabaseDown("away")) as house:
        house.digests.due(ONE)
        await house.digests.finish(10)
        assert memory.begun == [ONE]


async def test_the_end_does_not_wait_for_ever() -> None:
    async with running(Slow()) as house:
        house.digests.due(ONE)
        await house.memory.until(1)
        await house.digests.finish(0.01)


async def test_what_is_too_old_is_deleted_at_the_start() -> None:
    called = asyncio.Event()

    async def expire() -> None:
        called.set()

    async with running(Slow(), expire=expire):
        await called.wait()


async def test_what_was_noted_is_told_though_not_all_could_be_read_and_the_rest_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "DELAYS", (0.0,))
    memory = Slow(troubles=[DigestUnfinished(ModelSilent("no form"), [NOTED])])
    memory.go.set()
    async with running(memory) as house:
        house.digests.due(ONE)
        await memory.until(2)
        await house.digests.finish(10)
        assert house.told == [NOTED]
