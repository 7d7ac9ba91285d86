"""A replica is killed at every step of a turn and started again: nothing is lost, nothing is doubled.

`python -m tests.test_crash 100` does a hundred rounds; the suite does one of each kind.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from memory.embedded import EmbeddedPostgres
from tests.conftest import Server, bare_environment
from tests.fakes import model as faults
from tests.fakes.model import FakeModel
from tests.fakes.stage import PART, Stage

POINTS = (
    "heard",  # written down, not acknowledged yet
    "model",  # the model is asked, and has not said a word
    "posted 0",  # in the middle of the stream: the first post is there, and not recorded
    "edit",  # the answer is written down, and not posted
    "post 1",  # between two posts
    "posted 1",  # the last post is there, and not recorded
)


Progress = Callable[[str], None]


@dataclass
class Replicas:
    """The replica that runs now, and how to kill it."""

    environment: dict[str, str]
    folder: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fakes.stage", cwd=self.folder, env=self.environment,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)


async def crash(
    database_url: str, folder: Path, rounds: int, progress: Callable[[str], None] = lambda line: None
) -> None:
    """Kill the replica once in each of `rounds` turns, at the next point each time: all are answered, once."""
    async with _house(database_url, folder) as (stage, model, replicas):
        await replicas.start()
        for number in range(rounds):
            point, thread, text = POINTS[number % len(POINTS)], f"thread {number % 5}", f"question {number}"
            model.answers = [faults.Silence()] if point == "model" else []
            model.otherwise = f"first part {number}{PART}second part {number}"
            killed = asyncio.Event()

            async def reached(step: str, point: str = point, killed: asyncio.Event = killed) -> None:
                if step == point and not killed.is_set():
                    replicas.kill()
                    killed.set()

            stage.reached = reached
            asked = len(model.asked)
            stage.say(f"event {number}", thread, text)
            async with asyncio.timeout(30):
                if point == "model":
                    while len(model.asked) == asked:
                        await asyncio.sleep(0.01)
                    await reached("model")
                await killed.wait()
            assert replicas.process is not None
            await replicas.process.wait()
            await replicas.start()
            async with asyncio.timeout(30):
                while stage.answers(thread)[-2:] != [f"first part {number}", f"second part {number}"]:
                    await asyncio.sleep(0.02)
            if point in {"edit", "post 1", "posted 1"}:
                assert len(model.asked) == asked + 1, "the model was asked again though its answer was written down"
            progress(f"{number + 1}/{rounds}: killed at {point!r}, answered once")
        expected = [part for number in range(rounds) for part in (f"first part {number}", f"second part {number}")]
        assert sorted(post.text for post in stage.posts) == sorted(expected)
        for place in range(5):
            mine = [
                part for number in range(place, rounds, 5) for part in (f"first part {number}", f"second part {number}")
            ]
            assert stage.answers(f"thread {place}") == mine


@asynccontextmanager
async def _house(database_url: str, folder: Path) -> AsyncIterator[tuple[Stage, FakeModel, Replicas]]:
    async with Stage() as stage, FakeModel() as model:
        environment = {
            **bare_environment(folder),
            "DATABASE_URL": database_url,
            "OPENAI_BASE_URL": model.base_url,
            "STAGE_URL": stage.url,
        }
        replicas = Replicas(environment, folder)
        try:
            yield stage, model, replicas
        finally:
            replicas.kill()
            if replicas.process is not None:
                await replicas.process.wait()


async def test_a_replica_killed_at_every_step_of_a_turn(server: Server, database_url: str, tmp_path: Path) -> None:
    await crash(database_url, tmp_path, len(POINTS))


async def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with EmbeddedPostgres(Path(folder) / "home") as server:
            await crash(server.dsn, Path(folder), rounds, lambda line: print(line, file=sys.stderr))
    print(f"{rounds} rounds: 0 lost, 0 doubled")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
