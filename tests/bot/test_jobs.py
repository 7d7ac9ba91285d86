"""Turns of one thread run one at a time, of different threads side by side."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bot.chat import Thread, Turn
from bot.jobs import InProcessJobs

ONE, TWO = Thread("console", "1"), Thread("console", "2")


@asynccontextmanager
async def running(jobs: InProcessJobs, work: Callable[[Turn], Awaitable[None]]) -> AsyncIterator[None]:
    worker = asyncio.create_task(jobs.run(work))
    yield
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def test_a_thread_has_one_turn_at_a_time_and_a_burst_during_it_one_more() -> None:
    jobs, begun, go_on = InProcessJobs(), asyncio.Queue[str](), asyncio.Event()
    at_once = 0

    async def work(turn: Turn) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        begun.put_nowait(turn.id)
        await go_on.wait()
        at_once -= 1

    async with running(jobs, work):
        await jobs.enqueue(ONE)
        await begun.get()
        for _ in range(5):
            await jobs.enqueue(ONE)
        go_on.set()
        await begun.get()
        await asyncio.sleep(0.05)
        assert begun.empty()


async def test_what_is_enqueued_before_a_turn_begins_is_that_turn() -> None:
    jobs, turns = InProcessJobs(), []
    for _ in range(3):
        await jobs.enqueue(ONE)

    async def work(turn: Turn) -> None:
        turns.append(turn)

    async with running(jobs, work):
        await asyncio.sleep(0.05)
    assert len(turns) == 1


async def test_threads_do_not_wait_for_each_other() -> None:
    jobs, both, done = InProcessJobs(), asyncio.Barrier(2), asyncio.Queue[Turn]()

    async def work(turn: Turn) -> None:
        await both.wait()
        done.put_nowait(turn)

    async with running(jobs, work), asyncio.timeout(5):
        await jobs.enqueue(ONE)
        await jobs.enqueue(TWO)
        assert {(await done.get()).thread, (await done.get()).thread} == {ONE, TWO}


async def test_a_thread_that_was_done_can_have_another_turn() -> None:
    jobs, done = InProcessJobs(), asyncio.Queue[Turn]()

    async def work(turn: Turn) -> None:
        done.put_nowait(turn)

    async with running(jobs, work):
        await jobs.enqueue(ONE)
        first = await done.get()
        await jobs.enqueue(ONE)
        second = await done.get()
    assert first.thread == second.thread == ONE
    assert first.id != second.id
