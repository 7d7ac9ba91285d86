"""Who a worker is, so that another process on the same machine can see at once, without a heartbeat, that it died."""

import os
from pathlib import Path


def identity() -> str:
    """This process, unlike any other before or after it on any machine; empty where that cannot be told (not Linux)."""
    return _describe(os.getpid())


def is_dead(process: str) -> bool:
    """Whether a process is known to have ended: it was on this machine, in this container, and is there no more."""
    here, _, number_and_start = process.rpartition(" ")
    mine, _, _ = identity().rpartition(" ")
    if not here or here != mine:
        return False
    return _describe(int(number_and_start.partition("/")[0])) != process


def _describe(pid: int) -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").readlink()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state[0] in "ZX" else f"{boot} {namespace} {pid}/{state[19]}"  # the second: when it began
