"""Jobs become turns: who runs them, when they are tried again, and how a dead worker's turns are found."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import procrastinate
from procrastinate import exceptions, job_context, retry

from bot.chat import Thread, Turn
from bot.errors import DatabaseDown, DatabaseError, ModelBusy, PlatformDown, TurnLost
from bot.jobs.connector import StatementsConnector
from bot.jobs.delays import delay_after
from bot.jobs.haste import HastyStatements
from bot.jobs.manager import TurnManager
from bot.jobs.worker import QuietWorker
from bot.ports import Statements, Work

log = logging.getLogger(__name__)

GRACE = 8.0  # seconds that running turns have to finish when told to stop


class DurableJobs:
    """Turns on procrastinate, over any number of processes. `queues`: what this process can answer."""

    def __init__(
        self,
        statements: Statements,
        queues: Iterable[str],
        *,
        concurrency: int = 32,
        heartbeat_seconds: float = 5.0,
        stalled_seconds: float = 20.0,
    ) -> None:
        self._queues = list(queues)
        self._stalled_seconds = stalled_seconds
        self._lease_seconds = stalled_seconds - heartbeat_seconds  # a heartbeat's time is left to finish a post
        self._statements = HastyStatements(statements)
        connector = StatementsConnector(self._statements)
        self._app = procrastinate.App(connector=connector)
        self._manager = TurnManager(
            connector, self._statements, stalled_seconds, self._seen,
            running=lambda: self._worker.running, crowding=lambda: self._worker.crowding,
        )  # fmt: skip
        self._app.job_manager = self._manager
        self._worker = QuietWorker(
            self._app,
            self._manager,
            hurry=self._statements.hurry,
            heartbeat_seconds=heartbeat_seconds,
            queues=self._queues,
            name=None,
            concurrency=concurrency,
            shutdown_graceful_timeout=GRACE,
            stalled_worker_timeout=stalled_seconds,
        )
        self._work: Work | None = None
        self._reviving: asyncio.TimerHandle | None = None
        self._revive_due = asyncio.Event()
        self._app.task(name="turn", pass_context=True, retry=_Again(self._later))(self._turn)
        for name in ("procrastinate", "procrastinate.worker"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what it logs, we say ourselves, without people's words

    def wake(self, turn: int) -> None:
        """Begin this turn as soon as its thread is free."""
        self._worker.wake(turn)

    async def run(self, work: Work) -> None:
        """Run turns until cancelled; then those that run have 8 s to finish, and what has not is handed back."""
        self._work = work
        task = asyncio.current_task()
        assert task is not None
        reviver = asyncio.create_task(self._revive_when_due(), name="reviver")
        try:
            while True:
                try:
                    self._statements.relax()
                    self._revive_due.set()
                    await self._worker.run()  # type: ignore[no-untyped-call]  # the library's
                except (DatabaseError, exceptions.ConnectorException) as error:
                    if task.cancelling():  # while it was away
                        raise asyncio.CancelledError from error
                    log.warning("turns wait for the database: %s", error)
                self._worker.wake()
                await asyncio.sleep(1)
        finally:
            reviver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reviver
            if self._reviving is not None:
                self._reviving.cancel()

    async def _turn(
        self,
        context: job_context.JobContext,
        *,
        thread: str,
        message: str = "",
        author: str | None = None,  # for the worker
        answer: str | None = None,
        question: str | None = None,
        posts: list[str] | None = None,
        waited: float | None = None,
    ) -> None:
        job = context.job
        assert job.id is not None
        assert self._work is not None
        stored = json.loads(answer)["content"] if answer is not None else None
        turn = Turn(
            job.id, Thread.parse(thread), job.attempts, stored, tuple(posts or ()), message, question or message,
            waited or 0.0,
        )  # fmt: skip
        if turn.attempt:
            log.info("turn %s in %s: attempt %d", turn.id, turn.thread, turn.attempt + 1)
        try:
            await self._work(turn, _Lease(self, job))
        except TurnLost:
            log.warning("turn %s is no longer ours", turn.id)
            raise

    def _seen(self, stalled: bool, working: bool, due: float | None) -> None:
        """A fetch saw turns of others: dead ones are revived now, living ones are looked after in a while.

        One that was put off, perhaps by a process that has died since, is begun when it is due.
        """
        if due is not None:
            self._later(due + 0.05)
        if stalled:
            self._revive_due.set()
        elif working:
            self._later(self._stalled_seconds)

    def _later(self, seconds: float) -> None:
        """Look again then: nobody else may."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._reviving is not None and loop.time() < self._reviving.when() <= due:
            return
        self._reviving = loop.call_at(due, self._revive_due.set)

    async def _revive_when_due(self) -> None:
        while True:
            await self._revive_due.wait()
            self._revive_due.clear()
            if self._worker.worker_id is None:  # not registered yet
                await asyncio.sleep(0.05)
                self._revive_due.set()
                continue
            try:
                dead = await self._manager.dead(self._queues)
                async with self._worker.fetching:
                    revived = await self._manager.revive(self._queues, self._worker.worker_id, dead)
            except DatabaseError as error:
                log.warning("turns of dead workers are looked for later: %s", error)
                self._later(self._stalled_seconds)
                continue
            if revived:
                log.warning("%d turns of a dead worker are taken over", revived)
            self._worker.wake()


class _Lease:
    """The right to work on one job."""

    def __init__(self, jobs: DurableJobs, job: Any) -> None:
        self._jobs = jobs
        self._job = job
        self._since = jobs._worker.beaten_at  # we held it then

    async def check(self) -> None:
        """Nothing is asked while our last heartbeat is young and none before it was late: nobody took us for dead."""
        worker = self._jobs._worker
        before = time.monotonic()
        if self._since >= worker.alive_since and before - worker.beaten_at < self._jobs._lease_seconds:
            return
        if not await self._jobs._manager.hold(self._job):
            raise TurnLost(f"turn {self._job.id} is somebody else's now")
        worker.beat(before)
        self._since = before


class _Again(retry.BaseRetryStrategy):
    """Which errors mean that a turn is tried again, and when; everything else was decided by the agent."""

    def __init__(self, later: Any) -> None:
        self._later = later

    def get_retry_decision(self, *, exception: BaseException, job: Any) -> retry.RetryDecision | None:
        if isinstance(exception, ModelBusy | PlatformDown):
            return self._in(delay_after(job.attempts, exception.delay))
        if isinstance(exception, DatabaseDown):
            return self._in(1.0)
        if isinstance(exception, TurnLost):  # to whoever has taken it, or will: only what is still ours is put back
            return retry.RetryDecision()
        if isinstance(exception, asyncio.CancelledError | exceptions.JobAborted):  # told to stop: handed back
            return retry.RetryDecision()
        return None

    def _in(self, seconds: float) -> retry.RetryDecision:
        self._later(seconds + 0.05)
        return retry.RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=seconds))
