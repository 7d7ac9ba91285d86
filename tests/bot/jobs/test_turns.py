"""The job engine over several workers on one real Postgres: order, silence, and what happens when one of them dies."""

import asyncio
import inspect
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import procrastinate
import pytest

from bot.chat import Answer, Message, Resource, Room, Thread, Turn
from bot.errors import ModelBusy, TurnLost
from bot.jobs import DurableJobs
from bot.ports import Lease, Recollection
from memory import dsn
from memory.pool import Database, open_database
from memory.transcript import PostgresTranscript
from tests.conftest import Server
from tests.fakes.proxy import Proxy

ANA, PORCH = Resource("stage", "ana"), Thread("stage", "porch")


def said(text: str, thread: Thread = PORCH, author: Resource = ANA) -> Message:
    return Message(f"{thread}:{uuid4()}", thread, author, Room("direct", str(thread)), text, datetime.now(UTC))


def engine(database: Database, heartbeat: float = 0.1, stalled: float = 0.5, concurrency: int = 32) -> DurableJobs:
    return DurableJobs(
        database, ["stage"], heartbeat_seconds=heartbeat, stalled_seconds=stalled, concurrency=concurrency
    )


@asynccontextmanager
async def running(jobs: DurableJobs, work: Callable[[Turn, Lease], Awaitable[None]]) -> AsyncIterator[None]:
    worker = asyncio.create_task(jobs.run(work))
    try:
        yield
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def say(
    transcript: PostgresTranscript, jobs: DurableJobs, text: str, thread: Thread = PORCH, author: Resource = ANA
) -> None:
    turn = await transcript.hear(said(text, thread, author))
    assert turn is not None
    jobs.wake(turn)


def test_what_is_overridden_is_still_there() -> None:
    """procrastinate's private parts that QuietWorker replaces or reads: a new version has to be looked at."""
    assert procrastinate.__version__.startswith("3.10.")
    worker = procrastinate.worker.Worker
    for name in ("_update_heartbeat", "_periodic_deferrer", "_fetch_and_process_jobs", "_process_job"):
        assert inspect.iscoroutinefunction(getattr(worker, name)), name
    source = inspect.getsource(worker)
    for name in ("_running_jobs", "_job_semaphore", "_new_job_event", "_stop_event", "_job_ids_to_abort"):
        assert f"self.{name}" in source, name


async def test_turns_of_a_thread_never_overlap_and_threads_do_over_three_workers(
    database: Database, transcript: PostgresTranscript
) -> None:
    busy: set[str] = set()
    at_once = most = 0
    done: dict[str, list[str]] = defaultdict(list)

    async def work(turn: Turn, lease: Lease) -> None:
        nonlocal at_once, most
        key = str(turn.thread)
        assert key not in busy
        busy.add(key)
        at_once += 1
        most = max(most, at_once)
        lines = [line for line in await transcript.read(turn.thread, 0) if line.waiting]
        await asyncio.sleep(0.005)
        if lines:
            assert await transcript.answer(turn, Recollection(tuple(lines)), Answer("ok", "a/b"))
            done[key] += [line.text for line in lines]
        at_once -= 1
        busy.discard(key)

    engines = [engine(database) for _ in range(3)]
    async with running(engines[0], work), running(engines[1], work), running(engines[2], work):

        async def talk(thread: Thread) -> None:
            for number in range(20):
                message = said(str(number), thread)
                for replica in random.sample(engines, k=random.choice([1, 1, 2, 3])):  # delivered again, elsewhere
                    turn = await transcript.hear(message)
                    if turn is not None:
                        replica.wake(turn)

        await asyncio.gather(*(talk(Thread("stage", str(thread))) for thread in range(50)))
        await until(lambda: sum(map(len, done.values())) == 1000, 60)
        await asyncio.sleep(0.2)
    assert all(texts == [str(number) for number in range(20)] for texts in done.values())
    assert most > 1
    assert await database.fetch("select from public.procrastinate_jobs") == []


async def test_a_burst_during_a_turn_is_one_more_turn_at_once(
    database: Database, transcript: PostgresTranscript
) -> None:
    jobs, begun, go_on = engine(database), asyncio.Queue[int](), asyncio.Event()

    async def work(turn: Turn, lease: Lease) -> None:
        begun.put_nowait(turn.id)
        await go_on.wait()

    async with running(jobs, work):
        await say(transcript, jobs, "first")
        first = await begun.get()
        for number in range(5):
            await say(transcript, jobs, f"during {number}")
        go_on.set()
        async with asyncio.timeout(5):
            assert await begun.get() > first
        await asyncio.sleep(0.2)
        assert begun.empty()


async def test_an_idle_worker_is_silent_and_a_turn_costs_two_round_trips(
    server: Server, database_name: str, transcript: PostgresTranscript
) -> None:
    done = asyncio.Event()

    async def work(turn: Turn, lease: Lease) -> None:
        await lease.check()
        done.set()

    async with (
        Proxy(server.socket_file) as proxy,
        open_database(dsn.parse(server.through(proxy, database_name) + "?application_name=x")) as database,
    ):
        jobs = engine(database, heartbeat=5, stalled=20)  # however slow the machine is, no heartbeat comes between
        async with running(jobs, work):
            for _ in range(3):  # the first ones prepare the statements
                await say(transcript, jobs, "hi")
                await done.wait()
                done.clear()
                await asyncio.sleep(0.3)
            before = proxy.requests, proxy.connections
            await asyncio.sleep(2)
            assert (proxy.requests, proxy.connections) == before
            await say(transcript, jobs, "again")
            await done.wait()
            await asyncio.sleep(0.3)
            assert proxy.requests - before[0] == 2
            assert b"listen" not in bytes(proxy.sent).lower()


async def test_a_busy_model_puts_the_turn_off_and_the_thread_with_it(
    database: Database, transcript: PostgresTranscript
) -> None:
    jobs, seen = engine(database), []

    async def work(turn: Turn, lease: Lease) -> None:
        seen.append((turn.id, turn.attempt))
        if turn.attempt == 0:
            busy = ModelBusy("busy")
            busy.delay = 0.3
            raise busy

    async with running(jobs, work):
        await say(transcript, jobs, "one")
        await until(lambda: len(seen) == 1)
        began = time.monotonic()
        await say(transcript, jobs, "two")
        await until(lambda: len(seen) >= 2)
        assert time.monotonic() - began > 0.2
    first = seen[0][0]
    assert seen[:2] == [(first, 0), (first, 1)]


async def test_a_worker_taken_for_dead_can_neither_post_nor_write_nor_end_the_turn(
    database: Database, transcript: PostgresTranscript
) -> None:
    silent, other = engine(database, heartbeat=5, stalled=10), engine(database, stalled=0.4)
    stuck = asyncio.Event()
    outcome: list[str | int] = []

    async def hang(turn: Turn, lease: Lease) -> None:
        lines = await transcript.read(turn.thread, 0)
        stuck.set()
        await until(lambda: bool(outcome))
        silent._worker.beaten_at = -1e9  # the loop had stalled: its heartbeat is old
        with pytest.raises(TurnLost):
            await lease.check()
        with pytest.raises(TurnLost):
            await transcript.answer(turn, Recollection(tuple(lines)), Answer("from the dead", "a/b"))
        outcome.append("silent")

    async def take_over(turn: Turn, lease: Lease) -> None:
        if turn.thread != PORCH:
            return
        await lease.check()
        lines = await transcript.read(turn.thread, 0)
        outcome.append(turn.attempt)
        await until(lambda: len(outcome) == 2)
        await asyncio.sleep(0.2)  # the silent one ends its turn meanwhile: it may not end ours
        assert await transcript.answer(turn, Recollection(tuple(lines)), Answer("from the living", "a/b"))
        outcome.append("written")

    async with running(silent, hang):
        await say(transcript, silent, "hello")
        await stuck.wait()
        await asyncio.sleep(0.6)
        async with running(other, take_over):
            await until(lambda: len(outcome) == 3)
    assert outcome == [1, "silent", "written"]
    assert (await transcript.read(PORCH, 10))[-1].text == "from the living"


async def test_a_turn_of_a_worker_that_was_buried_too_early_is_done_again(
    database: Database, transcript: PostgresTranscript
) -> None:
    jobs, attempts = engine(database), []

    async def work(turn: Turn, lease: Lease) -> None:
        attempts.append(turn.attempt)
        if turn.attempt == 0:
            await database.fetch("select public.procrastinate_prune_stalled_workers_v1(-1)")  # and nobody took it over
            jobs._worker.beaten_at = -1e9
        await lease.check()

    async with running(jobs, work):
        await asyncio.sleep(0.3)  # the looking around of the start is over
        await say(transcript, jobs, "hello")
        await until(lambda: len(attempts) > 1)
        await asyncio.sleep(0.2)
    assert attempts == [0, 1]
    assert await database.fetch("select from public.procrastinate_jobs") == []


async def test_a_heartbeat_after_a_long_silence_does_not_bring_a_lost_turn_back(
    database: Database, transcript: PostgresTranscript
) -> None:
    jobs, outcome = engine(database), []

    async def work(turn: Turn, lease: Lease) -> None:
        if turn.attempt == 0:
            jobs._worker.beaten_at = -1e9  # nothing was heard of us for long
            await database.fetch("select public.procrastinate_retry_job_v2($1, null, null, null, null)", turn.id)
            await until(lambda: jobs._worker.beaten_at > 0)
            with pytest.raises(TurnLost):
                await lease.check()
        outcome.append(turn.attempt)

    async with running(jobs, work):
        await say(transcript, jobs, "hello")
        await until(lambda: len(outcome) > 1)
    assert sorted(outcome) == [0, 1]


async def test_the_timer_finds_a_dead_worker_while_somebody_waits_for_its_thread(
    database: Database, transcript: PostgresTranscript
) -> None:
    dead, other = engine(database, heartbeat=500, stalled=1000), engine(database)
    dead._worker.shutdown_graceful_timeout = 0.1
    taken, done = asyncio.Event(), []

    async def hang(turn: Turn, lease: Lease) -> None:
        taken.set()
        await asyncio.sleep(60)

    async def work(turn: Turn, lease: Lease) -> None:
        done.append((turn.id, turn.attempt))

    async with running(dead, hang):
        await say(transcript, dead, "one")
        await taken.wait()
        async with running(other, work):
            await say(transcript, other, "two")  # its thread is busy: no other event will come
            await until(lambda: bool(done), 10)
    assert done[0][1] == 1


async def test_told_to_stop_it_hands_back_what_does_not_finish(
    database: Database, transcript: PostgresTranscript
) -> None:
    jobs = engine(database)
    jobs._worker.shutdown_graceful_timeout = 0.2
    begun = asyncio.Event()

    async def long(turn: Turn, lease: Lease) -> None:
        begun.set()
        await asyncio.sleep(60)

    async with running(jobs, long):
        await say(transcript, jobs, "hello")
        await begun.wait()
    (row,) = await database.fetch(
        "select status::text, attempts, scheduled_at is null as due from public.procrastinate_jobs"
    )
    assert (row["status"], row["attempts"], row["due"]) == ("todo", 1, True)
    again = []

    async def work(turn: Turn, lease: Lease) -> None:
        again.append(turn.attempt)

    async with running(engine(database), work):
        await until(lambda: bool(again))
    assert again == [1]


async def test_a_turn_that_a_process_put_off_before_it_ended_is_begun_by_the_next_one_when_it_is_due(
    database: Database, transcript: PostgresTranscript
) -> None:
    async def busy(turn: Turn, lease: Lease) -> None:
        error = ModelBusy("busy")
        error.delay = 1.0
        raise error

    async with running(jobs := engine(database), busy):
        await say(transcript, jobs, "hello")
        later = "select 1 from public.procrastinate_jobs where status = 'todo' and scheduled_at > now()"
        async with asyncio.timeout(10):
            while not await database.fetch(later):
                await asyncio.sleep(0.01)
    again: list[int] = []

    async def work(turn: Turn, lease: Lease) -> None:
        again.append(turn.attempt)

    async with running(engine(database), work):
        assert not again
        await until(lambda: bool(again), 10)
    assert again == [1]


async def test_told_to_stop_it_lets_short_turns_finish(database: Database, transcript: PostgresTranscript) -> None:
    jobs, begun, ended = engine(database), asyncio.Event(), asyncio.Event()

    async def short(turn: Turn, lease: Lease) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        ended.set()

    async with running(jobs, short):
        await say(transcript, jobs, "hello")
        await begun.wait()
    assert ended.is_set()
    assert await database.fetch("select from public.procrastinate_jobs") == []


async def test_the_limit_of_turns_at_once_holds(database: Database, transcript: PostgresTranscript) -> None:
    jobs, now, most, done = engine(database, concurrency=2), 0, 0, 0

    async def work(turn: Turn, lease: Lease) -> None:
        nonlocal now, most, done
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        done += 1

    async with running(jobs, work):
        for number in range(10):
            await say(transcript, jobs, "hi", Thread("stage", str(number)), Resource("stage", f"person {number}"))
        await until(lambda: done == 10)
    assert most == 2


async def test_one_persons_slow_conversations_leave_places_for_others(
    database: Database, transcript: PostgresTranscript
) -> None:
    jobs, begun, ended = engine(database, concurrency=8), list[str](), list[str]()
    slow = asyncio.Event()

    async def work(turn: Turn, lease: Lease) -> None:
        begun.append(turn.thread.id)
        if turn.thread.id.startswith("ana"):
            await slow.wait()
        ended.append(turn.thread.id)

    async with running(jobs, work):
        for number in range(12):
            await say(transcript, jobs, "hi", Thread("stage", f"ana {number}"))
        await until(lambda: len(begun) == 4)
        for number in range(5):
            await say(transcript, jobs, "hi", Thread("stage", f"bob {number}"), Resource("stage", "bob"))
        await say(transcript, jobs, "hi", Thread("stage", "cleo"), Resource("stage", "cleo"))
        await until(lambda: len(ended) == 6)
        assert begun[:4] == ["ana 0", "ana 1", "ana 2", "ana 3"]  # half of the places, in order
        assert {*begun[4:]} == {"cleo", *(f"bob {number}" for number in range(5))}
        slow.set()
        await until(lambda: len(ended) == 18)
    assert [name for name in begun if name.startswith("ana")] == [f"ana {number}" for number in range(12)]
    assert await database.fetch("select from public.procrastinate_jobs") == []


@pytest.mark.parametrize("places", [1, 2, 3, 5, 8])
async def test_everybody_gets_a_turn_however_few_places_there_are(
    database: Database, transcript: PostgresTranscript, places: int
) -> None:
    jobs, done, held, most = engine(database, concurrency=places), list[str](), defaultdict[str, int](int), 0

    async def work(turn: Turn, lease: Lease) -> None:
        nonlocal most
        person = turn.thread.id.partition(" ")[0]
        held[person] += 1
        most = max(most, held[person])
        await asyncio.sleep(random.random() / 20)
        held[person] -= 1
        done.append(turn.thread.id)

    people = ["ana"] * 12 + ["bob"] * 6 + ["cleo"] * 3 + ["dan"]
    async with running(jobs, work), running(engine(database, concurrency=places), work):
        for number, person in enumerate(people):
            await say(transcript, jobs, "hi", Thread("stage", f"{person} {number}"), Resource("stage", person))
        await until(lambda: len(done) == len(people), 60)
    assert most <= 2 * ((places + 1) // 2)  # of two processes


async def test_a_turn_whose_message_is_gone_holds_nobody_up(database: Database, transcript: PostgresTranscript) -> None:
    jobs, done = engine(database, concurrency=2), list[str]()

    async def work(turn: Turn, lease: Lease) -> None:
        done.append(turn.thread.id)

    for name in ("one", "two", "three"):
        await transcript.hear(said("hi", Thread("stage", name)))
    await database.fetch("delete from public.mastra_messages where thread_id <> 'stage:two'")
    async with running(jobs, work):
        await until(lambda: len(done) == 3)
    assert done == ["one", "two", "three"]


async def test_a_database_that_goes_away_and_comes_back_costs_a_delay(
    server: Server, database_name: str, transcript: PostgresTranscript
) -> None:
    done: list[int] = []

    async def work(turn: Turn, lease: Lease) -> None:
        await asyncio.sleep(0.1)
        done.append(turn.id)

    async with (
        Proxy(server.socket_file) as proxy,
        open_database(dsn.parse(server.through(proxy, database_name)), patience=0.2) as database,
    ):
        jobs = engine(database)
        async with running(jobs, work):
            await say(transcript, jobs, "one", Thread("stage", "1"))
            await until(lambda: len(done) == 1)
            await say(transcript, jobs, "two", Thread("stage", "2"))
            await proxy.shut()
            await asyncio.sleep(1)
            await proxy.open()
            await until(lambda: len(set(done)) == 2)
            await say(transcript, jobs, "three", Thread("stage", "3"))
            await until(lambda: len(set(done)) == 3)
