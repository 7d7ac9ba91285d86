-- A turn costs the database less, and the end of one wakes the next at once, whichever process heard it.

-- Nobody listens to the engine's notifications (whoever enqueues wakes its own worker) and nobody reads its event log
-- (a finished job is deleted with its events): both were written for every change of every job.
drop trigger procrastinate_jobs_notify_queue_job_inserted_v1 on public.procrastinate_jobs;
drop trigger procrastinate_jobs_notify_queue_job_aborted_v1 on public.procrastinate_jobs;
drop trigger procrastinate_trigger_status_events_insert_v1 on public.procrastinate_jobs;
drop trigger procrastinate_trigger_status_events_update_v1 on public.procrastinate_jobs;
drop trigger procrastinate_trigger_scheduled_events_v1 on public.procrastinate_jobs;
drop trigger procrastinate_trigger_abort_requested_events_v1 on public.procrastinate_jobs;

-- Ends a turn that is still its holder's, and says whether anything else can be begun. The thread's row is locked first:
-- whoever hears something in this thread has either committed, and is seen by the last statement, or comes afterwards
-- and finds the thread free. Nobody has to look again.
create function hathi.end_turn(
    turn bigint, attempt int, outcome public.procrastinate_job_status, discard boolean, queue text
) returns boolean language plpgsql set search_path = '' as $$
begin
    perform from public.mastra_threads where id = (select lock from public.procrastinate_jobs where id = turn) for update;
    perform from public.procrastinate_jobs
        where id = turn and attempts = attempt and status = 'doing' for update;
    if found then
        perform public.procrastinate_finish_job_v1(turn, outcome, discard);
    end if;
    return exists (
        select from public.procrastinate_jobs as job
        where job.status = 'todo' and job.queue_name = queue and (job.scheduled_at is null or job.scheduled_at <= now())
    );
end
$$;
