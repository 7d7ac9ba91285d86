"""The terminal as a person sees it: the real program on a pseudo-terminal, its screen read by an emulator."""

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import pyte
import pytest

from adapters.console import Console
from bot.chat import Message, Resource, Thread
from bot.commands import Commands
from bot.waiting import STILL_TRYING
from tests.adapters.moody import PROGRAM
from tests.conftest import Hathi
from tests.fakes import model as faults
from tests.fakes.model import FakeModel

COLUMNS, ROWS = 80, 24


class Person:
    """Somebody before a terminal in which the program runs."""

    def __init__(self, hathi: Hathi) -> None:
        self._hathi = hathi
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._master = -1
        self.bytes = b""
        self.process: asyncio.subprocess.Process

    async def sit_down(self, *arguments: str, impatient: bool = False) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, *(("-c", PROGRAM) if impatient else ("-m", "bot")), *arguments,
            cwd=self._hathi.folder, env={**self._hathi.environment, "TERM": "xterm-256color"},
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # Ctrl-C becomes a signal
        )  # fmt: skip
        os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._look)

    def _look(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the program has closed the terminal
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self.bytes += data
        self._stream.feed(data)
        if b"\x1b[6n" in data:  # the program asks where the cursor is, and a terminal answers
            os.write(self._master, f"\x1b[{self._screen.cursor.y + 1};{self._screen.cursor.x + 1}R".encode())

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    async def sees(self, text: str) -> None:
        await self._until(lambda: text in self.screen, text)

    async def is_asked(self) -> None:
        await self._until(lambda: self.screen.endswith("you ›"), "the prompt")

    async def _until(self, true: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(20):
                while not true():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"waited for {what!r} and saw:\n{self.screen}") from None

    @property
    def screen(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    async def leaves(self) -> int:
        return await asyncio.wait_for(self.process.wait(), 10)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


Sit = Callable[..., Awaitable[Person]]


@pytest.fixture
async def sit_down(hathi: Hathi) -> AsyncIterator[Sit]:
    people: list[Person] = []

    async def sit(*arguments: str, impatient: bool = False, **environment: str) -> Person:
        person = Person((hathi if people else hathi.watched()).but(**environment))
        await person.sit_down("chat", *arguments, impatient=impatient)
        people.append(person)
        await person.sees("you ›")
        return person

    yield sit
    for person in people:
        if person.process.returncode is None:
            person.process.kill()
            await person.process.wait()
        person.close()


async def test_a_conversation_with_markdown_and_a_spinner(sit_down: Sit, fake: FakeModel) -> None:
    fake.answers = [faults.Slow("Elephants are **big**:\n\n- trunk\n- ears\n", first=0.6)]
    person = await sit_down("--as", "ana")
    assert "Hathi remembers" in person.screen
    person.type("tell me about elephants\r")
    await person.sees("thinking")
    await person.sees("• ears")
    await person.is_asked()
    assert "thinking" not in person.screen
    assert "Elephants are big:" in person.screen
    assert "**" not in person.screen.split("elephants\n")[-1]
    person.type("\x04")
    assert await person.leaves() == 0


async def test_a_model_that_does_not_answer_is_told_of_beside_the_spinner(sit_down: Sit, fake: FakeModel) -> None:
    go = asyncio.Event()
    fake.answers = [faults.Held("Here I am.", go)]
    person = await sit_down("--as", "ana", impatient=True)
    person.type("hello?\r")
    await person.sees(STILL_TRYING)
    go.set()
    await person.sees("Here I am.")
    await person.is_asked()
    assert STILL_TRYING not in person.screen
    person.type("\x04")
    assert await person.leaves() == 0


async def test_a_pipe_is_told_of_it_once_where_no_answer_stands(hathi: Hathi, fake: FakeModel) -> None:
    busy = faults.Status(500, headers=(("x-should-retry", "false"),))
    fake.answers = [faults.Status(429, headers=(("Retry-After", "1"),)), busy, busy]  # two attempts after the first one
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, "chat", cwd=hathi.folder, env=hathi.environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(b"hello?\n"), 60)
    assert (process.returncode, out.decode()) == (0, "You said: hello?\n")
    assert err.decode().count(STILL_TRYING) == 1


async def test_an_answer_longer_than_the_screen_is_there_to_its_end(sit_down: Sit, fake: FakeModel) -> None:
    fake.answers = ["\n\n".join(f"line {number}" for number in range(60))]
    person = await sit_down()
    person.type("count\r")
    await person.sees("line 59")
    assert person.bytes.count(b"line 30") >= 1


async def test_the_arrow_key_brings_back_what_was_said_before_a_restart(sit_down: Sit) -> None:
    person = await sit_down("--as", "ana")
    person.type("my favourite colour is Blue\r")
    await person.sees("You said: my favourite colour is Blue")
    await person.is_asked()
    person.type("\x04")
    await person.leaves()
    person = await sit_down("--as", "ana")
    person.type("\x1b[A")
    await person.sees("you › my favourite colour is Blue")


@pytest.mark.parametrize("moment", ["at the prompt", "while it thinks"])
async def test_ctrl_c_leaves_cleanly(sit_down: Sit, fake: FakeModel, moment: str) -> None:
    fake.otherwise = faults.Silence()
    person = await sit_down()
    if moment == "while it thinks":
        person.type("hello\r")
        await person.sees("thinking")
    person.type("\x03")
    assert await person.leaves() == 0
    assert "Traceback" not in person.screen
    assert "\x1b[?25h" in person.bytes.decode() or "\x1b[?25l" not in person.bytes.decode()  # the cursor is back


async def test_commands_and_empty_lines(sit_down: Sit) -> None:
    person = await sit_down()
    person.type("\r")
    person.type("/help\r")
    await person.sees("/forget me: delete everything about you")
    assert "empty message" not in person.screen


async def test_a_model_cannot_steer_the_terminal(sit_down: Sit, fake: FakeModel) -> None:
    fake.answers = ["\x1b]0;owned\x07\x1b[2Jstill here"]
    person = await sit_down()
    person.type("hi\r")
    await person.sees("still here")
    assert b"\x1b]0;owned" not in person.bytes
    assert b"\x1b[2Jstill" not in person.bytes


@pytest.mark.parametrize("rounds", range(6))
async def test_the_end_is_heard_in_the_very_moment_of_an_answer(rounds: int) -> None:
    async def accept(_: Message) -> int:
        return 1

    async def no_answer(_: str) -> str:
        return ""

    ana = Resource("console", "ana")
    console = Console(ana, Thread("console", "ana"), cast("Commands", None), no_answer)
    waiting = asyncio.create_task(console._take("hi", accept))
    for _ in range(3):
        await asyncio.sleep(0)
    await console.finish(1, "an answer")
    for _ in range(rounds):
        await asyncio.sleep(0)
    if waiting.cancel():
        with pytest.raises(asyncio.CancelledError):
            await waiting
