"""Runs turns on procrastinate, a job engine in Postgres: durable, ordered in each thread, over any number of processes.

A message and its job are written by one statement (memory/transcript.py); here jobs become turns. The job's `lock` is
the thread: the engine runs one at a time of each, in order. An idle worker sends nothing: it is woken by who enqueues
in this process, by a turn that ends and leaves others waiting, and by a timer while work is known to be in flight.
"""

from bot.jobs import without_psycopg  # noqa: F401  # before procrastinate is imported
from bot.jobs.turns import DurableJobs

__all__ = ["DurableJobs"]
