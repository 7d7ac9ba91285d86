"""What the engine asks the database for each turn, one statement each, and fenced: only the holder ends a turn."""

import datetime
import json
from collections.abc import Callable, Iterable
from typing import Any

from procrastinate import jobs, manager

from bot.jobs import process
from bot.ports import Statements

# Some worker is taken for dead; another one is at work; seconds until a turn that was put off is due.
Seen = Callable[[bool, bool, float | None], None]


class TurnManager(manager.JobManager):
    """procrastinate's job manager with the statements of the hot path replaced by ours.

    A turn costs two: fetch (with heartbeat and what is left of an earlier attempt) and finish (with "is there more?").
    """

    def __init__(
        self,
        connector: Any,
        statements: Statements,
        stalled_seconds: float,
        seen: Seen,
        *,
        running: Callable[[], list[int]],
        crowding: Callable[[], list[str]],
    ) -> None:
        super().__init__(connector)
        self._running = running  # the turns that this process works on
        self._crowding = crowding  # the people who get no more places of this process for now
        self._statements = statements
        self._stalled_seconds = stalled_seconds
        self._seen = seen
        self.more = False  # after the end of a turn: something else can be begun

    async def fetch_job(
        self, queues: Iterable[str] | None, worker_id: int, expected: set[int] | None = None
    ) -> jobs.Job | None:
        """Take the oldest job that may begin, and say that we live. Raises DatabaseError.

        It is taken as procrastinate_fetch_job_v2 does, but for those of people who have places enough. With nothing to
        take, `expected` is left with those of its jobs that still wait.
        """
        asked = list(expected or ())
        rows = await self._statements.fetch(
            """
            with alive as (
                insert into public.procrastinate_workers (id, last_heartbeat) overriding system value
                values ($2, now()) on conflict (id) do update set last_heartbeat = now() returning id
            ), candidate as (
                select job.id from public.procrastinate_jobs as job
                where job.status = 'todo' and job.queue_name = any($1)
                  and (job.scheduled_at is null or job.scheduled_at <= now())
                  and not exists (
                      select from public.procrastinate_jobs as other
                      where other.lock = job.lock and (other.status = 'doing' or other.status = 'todo'
                            and (other.priority, -other.id) > (job.priority, -job.id))
                  )
                  and not exists (
                      select from public.mastra_messages where id = job.args ->> 'message' and author = any($6)
                  )
                order by job.priority desc, job.id limit 1 for update of job skip locked
            ), begun as (
                update public.procrastinate_jobs as job set status = 'doing', worker_id = alive.id
                from candidate, alive where job.id = candidate.id returning job.*
            ), others as (
                select coalesce(bool_or(worker.id is null or worker.id = $2
                           or worker.last_heartbeat < now() - make_interval(secs => $3)), false) as stalled,
                       count(*) > 0 as working
                from public.procrastinate_jobs as job
                left join public.procrastinate_workers as worker on worker.id = job.worker_id
                where job.status = 'doing' and job.queue_name = any($1) and job.id <> all($4::bigint[])
            )
            select job.id, job.status::text, job.task_name, job.priority, job.lock, job.queueing_lock, job.args,
                   job.scheduled_at, job.queue_name, job.attempts, job.worker_id, others.stalled, others.working,
                   answer.content as answer, left(answer.id, -length(':answer')) as question,
                   (select author from public.mastra_messages where id = job.args ->> 'message') as author,
                   (select array_agg(post order by piece) from hathi.posts where turn = job.id and job.attempts > 0)
                       as posts,
                   case when job.attempts > 0 then
                       (select extract(epoch from now() - "createdAtZ")::float8 from public.mastra_messages
                        where id = job.args ->> 'message')
                   end as waited,
                   (select array_agg(id) from public.procrastinate_jobs
                    where id = any($5::bigint[]) and status = 'todo')
                       as waiting,
                   case when job.id is null then
                       (select extract(epoch from min(scheduled_at) - now())::float8
                        from public.procrastinate_jobs as later
                        where later.status = 'todo' and later.queue_name = any($1) and later.scheduled_at > now())
                   end as due
            from others left join begun as job on true
            left join public.mastra_messages as answer on answer.turn = job.id and job.attempts > 0
            """,
            list(queues or ()),
            worker_id,
            self._stalled_seconds,
            self._running(),
            asked,
            self._crowding(),
        )
        (row,) = rows
        self._seen(row["stalled"], row["working"], row["due"])
        if row["id"] is None and expected is not None:
            expected.difference_update(set(asked) - set(row["waiting"] or ()))
        return None if row["id"] is None else jobs.Job.from_row({**row, "args": _kwargs(row)})

    async def finish_job(self, job: jobs.Job, status: jobs.Status, delete_job: bool) -> None:
        """End a turn that is still ours, and learn whether something else can be begun. Raises DatabaseError."""
        rows = await self._statements.fetch(
            "select hathi.end_turn($1, $2, $3::public.procrastinate_job_status, $4, $5) as more",
            job.id,
            job.attempts,
            status.value,
            delete_job,
            job.queue,
        )
        self.more |= rows[0]["more"]

    async def retry_job(
        self,
        job: jobs.Job,
        retry_at: datetime.datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Put a turn that is still ours back, for now or for later. Raises DatabaseError."""
        await self._statements.fetch(
            """
            select public.procrastinate_retry_job_v2(id, $3, $4, $5, $6)
            from public.procrastinate_jobs where id = $1 and attempts = $2 and status = 'doing'
            """,
            job.id,
            job.attempts,
            retry_at,
            priority,
            queue,
            lock,
        )
        self.more |= retry_at is None

    async def register_worker(self) -> int:
        """A new worker, and which process it is. Raises DatabaseError."""
        rows = await self._statements.fetch(
            """
            with worker as (insert into public.procrastinate_workers default values returning id)
            insert into hathi.workers (id, process) select id, $1 from worker returning id
            """,
            process.identity(),
        )
        worker_id: int = rows[0]["id"]
        return worker_id

    async def dead(self, queues: Iterable[str]) -> list[int]:
        """The workers with turns in work whose processes have ended on this machine. Raises DatabaseError."""
        rows = await self._statements.fetch(
            """
            select distinct worker.id, worker.process
            from hathi.workers as worker join public.procrastinate_jobs as job on job.worker_id = worker.id
            where job.status = 'doing' and job.queue_name = any($1)
            """,
            list(queues),
        )
        return [row["id"] for row in rows if process.is_dead(row["process"])]

    async def revive(self, queues: Iterable[str], worker_id: int, dead: Iterable[int] = ()) -> int:
        """Put back the turns of workers that are taken for dead; how many. Raises DatabaseError.

        Also those that are ours by name only: the reply to a fetch may get lost.
        """
        rows = await self._statements.fetch(
            """
            select public.procrastinate_retry_job_v2(job.id, null, null, null, null)
            from public.procrastinate_jobs as job
            left join public.procrastinate_workers as worker on worker.id = job.worker_id
            where job.status = 'doing' and job.queue_name = any($1) and job.id <> all($4::bigint[])
              and (worker.id is null or worker.id = $3 or worker.id = any($5::bigint[])
                   or worker.last_heartbeat < now() - make_interval(secs => $2))
            """,
            list(queues),
            self._stalled_seconds,
            worker_id,
            self._running(),
            list(dead),
        )
        return len(rows)

    async def hold(self, job: jobs.Job) -> bool:
        """Say that we live, and learn whether this turn is still ours. Raises DatabaseError."""
        rows = await self._statements.fetch(
            """
            update public.procrastinate_workers as worker set last_heartbeat = now()
            from public.procrastinate_jobs as job
            where job.id = $1 and job.attempts = $2 and job.status = 'doing'
              and job.worker_id = worker.id and worker.id = $3
            returning 1
            """,
            job.id,
            job.attempts,
            job.worker_id,
        )
        return bool(rows)


def _kwargs(row: Any) -> dict[str, Any]:
    """A turn's arguments, with who asks and what is left of an earlier attempt."""
    left = ("author", "answer", "question", "posts", "waited")
    return {**json.loads(row["args"]), **{name: row[name] for name in left}}
