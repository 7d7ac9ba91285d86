"""Who lives in a data directory, and who answers at its door."""

import asyncio
import os
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from memory.embedded.home import SOCKET


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from the door of a data directory."""

    state: Literal["ready", "busy", "absent"]
    pid: int = 0  # the postmaster's, 0 when unknown


async def ask(door: Path) -> Answer:
    """Begin a session as a client would, then hang up: the one proof that the server is up, and who it is."""
    pid = 0
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_unix_connection(door / SOCKET)
            try:
                pid = _peer(writer.get_extra_info("socket"))
                body = struct.pack("!i", 196608) + b"user\0hathi\0database\0hathi\0\0"
                writer.write(struct.pack("!i", len(body) + 4) + body)
                kind, length = struct.unpack("!ci", await reader.readexactly(5))
                message = await reader.readexactly(length - 4)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except (FileNotFoundError, ConnectionRefusedError):
        return Answer("absent")
    except (OSError, asyncio.IncompleteReadError):  # too slow, too many of us, or on its way out
        return Answer("busy", pid)
    # 57P03: starting up, recovering or shutting down. Any other error comes from a server that serves.
    return Answer("busy" if kind == b"E" and b"C57P03\0" in message else "ready", pid)


def _peer(connection: socket.socket) -> int:
    """The process that listens at the other end, as the kernel knows it."""
    if sys.platform == "darwin":
        local, peer_pid = 0, 2  # SOL_LOCAL, LOCAL_PEERPID of <sys/un.h>
        return int.from_bytes(connection.getsockopt(local, peer_pid, 4), sys.byteorder)
    pid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return pid


def inhabitants(data: Path) -> list[int]:
    """The Postgres processes that live in this directory, listening or not (Linux; elsewhere we cannot tell)."""
    found = []
    if data.exists():
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError, NotADirectoryError):
                if (process / "comm").read_text() == "postgres\n" and _lives_in(process, data):
                    found.append(int(process.name))
    return found


def _lives_in(process: Path, data: Path) -> bool:
    try:
        return (process / "cwd").samefile(data)
    except PermissionError:  # root in a container may not look into others; a postmaster of ours wears this mark
        worn = f"{mark(data)}\0".encode()
        return process.stat().st_uid == data.stat().st_uid and worn in (process / "cmdline").read_bytes()


def mark(data: Path) -> str:
    """What a server of ours carries on its command line: the setting that names its data directory."""
    there = data.stat()
    return f"hathi.data={there.st_dev}:{there.st_ino}"


def alive(pid: int, child: subprocess.Popen[bytes] | None) -> bool:
    """Whether this process still runs; `child` if we began it: only the parent can tell for sure."""
    if child is not None and child.pid == pid:
        return child.poll() is None
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # macOS has no /proc, and no need to look for zombies of others
    return state not in "ZX"  # ended; a container's first process may never collect it
