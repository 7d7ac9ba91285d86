"""The engine's worker, made quiet: no polling, and a heartbeat only while turns run.

It overrides three private methods of procrastinate's Worker and uses some private fields; tests/bot/jobs names them
and fails when the library changes under them.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from procrastinate import exceptions, job_context, worker

from bot.errors import DatabaseError
from bot.jobs.manager import TurnManager

LOOK_AGAIN = 1.0  # seconds, while something enqueued here waits; mostly who ends the turn before it begins it at once
NEVER = 1e9  # seconds: more than a life


class QuietWorker(worker.Worker):
    """Runs what it is woken for."""

    def __init__(
        self, app: Any, manager: TurnManager, *, hurry: Callable[[], None], heartbeat_seconds: float, **arguments: Any
    ) -> None:
        super().__init__(
            app,
            fetch_job_polling_interval=NEVER,
            abort_job_polling_interval=NEVER,
            update_heartbeat_interval=heartbeat_seconds,
            install_signal_handlers=False,
            delete_jobs="successful",
            **arguments,
        )
        self.beaten_at = -math.inf  # on the monotonic clock, before the last heartbeat was sent
        self.alive_since = -math.inf  # before the first heartbeat after a silence in which others may have buried us
        self._manager = manager
        self._hurry = hurry
        self.fetching = asyncio.Lock()  # held until what was fetched is among what runs
        self._expected: set[int] = set()  # enqueued in this process, and as far as we know not begun
        self._drain = True  # fetch until nothing is left: at the start, and after a turn that left others waiting

    def wake(self, job: int | None = None) -> None:
        """Fetch until `job` has come by, or until nothing is left to begin."""
        if job is None:
            self._drain = True
        else:
            self._expected.add(job)
        self._new_job_event.set()

    def stop(self) -> None:
        """Begin nothing more, and do not wait for a database that is away."""
        super().stop()  # type: ignore[no-untyped-call]  # the library's
        self._hurry()

    def beat(self, sent: float) -> None:
        """A heartbeat sent at `sent` has arrived."""
        if time.monotonic() - self.beaten_at >= self.stalled_worker_timeout:
            self.alive_since = sent
        self.beaten_at = sent

    @property
    def running(self) -> list[int]:
        """The jobs that run here."""
        return [context.job.id for context in self._running_jobs.values() if context.job.id is not None]

    @property
    def crowding(self) -> list[str]:
        """The people of whom as many turns run here as places are free; nobody gets all places, not even one by one.

        So one person alone has half of them, the next one half of the rest. Whoever has none gets one that is free.
        """
        free = self.concurrency - len(self._running_jobs)
        turns = Counter(str(context.job.task_kwargs.get("author") or "") for context in self._running_jobs.values())
        return [author for author, running in turns.items() if author and running >= free]

    async def _update_heartbeat(self) -> None:
        """Beat only while turns run. A fetch beats too, so an idle worker comes back to life with its first one."""
        while True:
            await asyncio.sleep(self.update_heartbeat_interval)
            if self._running_jobs and self.worker_id is not None:
                before = time.monotonic()
                try:
                    await self._manager.update_heartbeat(self.worker_id)
                except exceptions.ConnectorException:
                    continue  # the lease runs out by itself
                self.beat(before)

    async def _periodic_deferrer(self) -> None:
        """There is nothing periodic."""
        await asyncio.Event().wait()

    async def _fetch_and_process_jobs(self) -> None:
        """Fetch what we were woken for, as long as there is room for it."""
        self._new_job_event.clear()
        while (self._expected or self._drain) and not self._stop_event.is_set():
            await self._room()
            if self._stop_event.is_set():
                return
            async with self.fetching:
                before, drain, self._drain = time.monotonic(), self._drain, False
                assert self.worker_id is not None
                try:
                    job = await self._manager.fetch_job(self.queues, self.worker_id, self._expected)
                except DatabaseError:
                    self._drain = True
                    raise
                self.beat(before)
                if job is None:
                    if not self._drain:
                        break
                else:
                    self._drain = self._drain or drain
                    self._expected.discard(job.id or 0)
                    await self._job_semaphore.acquire()  # there is room, see above
                    self._begin(job)

        if self._expected:  # it waits for its thread: for a turn that ends here, or in another process
            asyncio.get_running_loop().call_later(LOOK_AGAIN, self._new_job_event.set)

    async def _room(self) -> None:
        """Until another turn may begin, or none shall."""
        if self._job_semaphore.locked():
            free = asyncio.ensure_future(self._job_semaphore.acquire())
            stopped = asyncio.ensure_future(self._stop_event.wait())
            await asyncio.wait({free, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not free.cancel():
                self._job_semaphore.release()

    def _begin(self, job: Any) -> None:
        context = job_context.JobContext(
            app=self.app,
            worker_name=self.worker_name,
            worker_queues=self.queues,
            job=job,
            abort_reason=lambda: self._job_ids_to_abort.get(job.id),
            start_timestamp=time.time(),
        )
        task = asyncio.create_task(self._process_job(context), name=f"turn {job.id}")
        self._running_jobs[task] = context
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        del self._running_jobs[task]
        self._job_semaphore.release()
        if self._manager.more:
            self._manager.more = False
            self.wake()
        elif self._expected:
            self._new_job_event.set()
        if not task.cancelled() and task.exception() is not None:
            self.stop()  # its end could not be written down: a new worker sees to what this one leaves behind
