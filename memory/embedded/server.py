"""The server process: begins it, says why it ended, stops it."""

import asyncio
import logging
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.errors import DatabaseRefused
from memory.embedded import programs
from memory.embedded.home import open_own
from memory.embedded.locks import TICK
from memory.embedded.presence import alive, mark
from memory.embedded.programs import User
from memory.embedded.words import of_postgres

log = logging.getLogger(__name__)

_ORPHANS = 15.0  # seconds; backends notice that their postmaster was killed and let go of its shared memory
_SETTINGS = {
    "cluster_name": "hathi",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "shared_buffers": "512MB",  # taken as it fills: a search reads all that a person said, and finds it there again
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",  # the default keeps three more processes
    "huge_pages": "off",  # SIGBUS where a container's limit for them is zero
    "max_parallel_workers_per_gather": "0",  # parallel queries and index builds need /dev/shm; containers have 64 MB
    "max_parallel_maintenance_workers": "0",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%m ",
    "log_min_messages": "log",  # neither errors of a statement nor anything else that may repeat people's words
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}

# The servers that this process began, by data directory: only the parent can collect a child that ended.
_children: dict[Path, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Child:
    """A server that we began."""

    home: Path
    process: subprocess.Popen[bytes]
    log_begins: int  # bytes of the log that are about earlier servers

    @property
    def running(self) -> bool:
        return self.process.poll() is None


def begin(home: Path, binaries: Path, user: User) -> Child:
    """The server, in a session of its own (Ctrl-C is ours to handle) and without any of our files but its log."""
    data = home / "data"
    if data in _children:
        _children[data].poll()  # collects the one that was killed under us
    output = open_own(home / "postgres.log", os.O_APPEND)
    try:
        if os.fstat(output).st_size > 1_000_000:
            os.truncate(output, 0)
        log_begins = os.fstat(output).st_size
        settings = [*(f"{name}={value}" for name, value in _SETTINGS.items()), mark(data)]
        argv = ["postgres", "-D", programs.here(data, user), "-k", ".", "-h", "", "-p", "5432"]
        argv += [word for setting in settings for word in ("-c", setting)]
        _children[data] = process = subprocess.Popen(  # noqa: S603  # fixed words and our own paths
            programs.command(binaries, argv),
            cwd=data,
            env=programs.ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o077,
            user=user.uid,
            group=user.gid,
            extra_groups=user.groups,
        )
    finally:
        os.close(output)
    return Child(home, process, log_begins)


def explain(child: Child, waited: float) -> None:
    """Raise DatabaseRefused with the reason why this server ended at once, unless the reason passes by itself."""
    said = (child.home / "postgres.log").read_bytes()[child.log_begins :].decode(errors="replace")
    if "shared memory block" in said and waited < _ORPHANS:
        return
    raise DatabaseRefused(of_postgres(child.home, "the embedded Postgres does not start", said))


async def stop(data: Path, pid: int) -> None:
    """Ask for a fast shutdown and wait until the process is gone. The caller holds both locks.

    `pid` is who answered at the door, 0 when nobody did: then it can only be one of ours that does not listen yet.
    """
    child = _children.pop(data, None)
    if not pid and child is not None and child.poll() is None:
        pid = child.pid
    if pid <= 0:  # nobody, or a server in another container, which we cannot signal
        return
    for sign, patience in ((signal.SIGINT, 60), (signal.SIGQUIT, 10)):  # fast, then at once: recovery mends that
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
        for _ in range(int(patience / TICK)):
            if not alive(pid, child):
                return
            await asyncio.sleep(TICK)
    log.warning("the embedded Postgres (process %d) does not end", pid)
