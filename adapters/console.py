"""The terminal: a prompt with streaming for a person, one answer per input line for a pipe."""

import asyncio
import concurrent.futures
import os
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from bot.agent import apology
from bot.chat import Message, Resource, Room, Thread, command_like
from bot.commands import Commands
from bot.errors import HathiError
from bot.ports import Accept, Reply

if TYPE_CHECKING:  # rich and prompt_toolkit are loaded only for a person
    from rich.live import Live
    from rich.markdown import Markdown

PLATFORM = "console"
LONGEST = 1_000_000  # bytes of one message; more is refused, and never held in memory
EMPTY = "I got an empty message. Write something and I will answer."
TOO_LONG = f"That is too much at once: a message may have {LONGEST:,} bytes."
ELSEWHERE = "(This was answered in another terminal.)"


class Console:
    """One person in one conversation, on stdin and stdout."""

    name = PLATFORM

    def __init__(self, person: Resource, thread: Thread, commands: Commands, past: Sequence[str] = ()) -> None:
        """`past`: what the person said before in this conversation, oldest first, for the arrow keys."""
        self._person = person
        self._thread = thread
        self._commands = commands
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()  # a person sits there
        self._screen: Terminal | Pipe = Terminal(past) if self.interactive else Pipe()
        self._turn_over = asyncio.Event()

    async def run(self, accept: Accept) -> None:
        """Until end of input or Ctrl-C: one line, one answer."""
        async for line in self._screen.lines():
            await self._take(line, accept)

    async def _take(self, line: str | None, accept: Accept) -> None:
        try:
            if line is None:
                self._screen.say(TOO_LONG)
            elif not line.strip():
                self._screen.say(EMPTY)
            elif command_like(line):
                self._screen.say(await self._commands.typed(line, self._person, self._thread))
            else:
                self._turn_over.clear()
                await accept(self._message(line))
                await self._turn_over.wait()
        except HathiError as error:
            self._screen.say(apology(error))

    def _message(self, text: str) -> Message:
        return Message(
            id=f"{self._thread}:{uuid4()}",
            thread=self._thread,
            author=self._person,
            room=Room("direct", str(self._thread)),
            text=text,
            at=datetime.now(UTC),
        )

    def reply(self, thread: Thread) -> Reply:
        """The screen: there is one conversation on it."""
        return self._screen

    @asynccontextmanager
    async def typing(self, thread: Thread) -> AsyncIterator[None]:
        """A spinner where somebody looks; when this ends the turn is over."""
        try:
            with self._screen.turn():
                yield
        finally:
            self._turn_over.set()


class Pipe:
    """Answers go to stdout, one for each input line, in order; nothing else does."""

    def __init__(self) -> None:
        self._shown: str | None = None
        self._read = True  # somebody reads our answers

    async def lines(self) -> AsyncIterator[str | None]:
        """Input lines without their end; None for one that is too long. Bytes that are not UTF-8 become U+FFFD."""
        async for line in _byte_lines(sys.stdin.fileno()):
            yield None if line is None else line.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r")
            if not self._read:
                return

    @contextmanager
    def turn(self) -> Iterator[None]:
        self._shown = ELSEWHERE
        yield
        if self._shown is not None:  # no final text came: what was streamed is all there is
            self.say(self._shown)

    async def show(self, text: str) -> None:
        self._shown = text

    async def finish(self, text: str) -> None:
        self._shown = None
        self.say(text)

    def say(self, text: str) -> None:
        try:
            print(text, flush=True)
        except BrokenPipeError:  # whoever read has gone, as `head` does: what is left goes nowhere
            self._read = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Terminal:
    """Prompt, spinner, and Markdown that grows while the model writes."""

    def __init__(self, past: Sequence[str]) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory
        from rich.console import Console as Screen

        self._screen = Screen(highlight=False)
        self._session: PromptSession[str] = PromptSession(history=InMemoryHistory(past))
        self._live: Live | None = None
        self._shown: str | None = None

    async def lines(self) -> AsyncIterator[str | None]:
        """What is typed, until Ctrl-D or Ctrl-C. An empty line just brings the prompt back."""
        self._screen.print("[bold]Hathi[/bold] remembers. [dim]/help for commands, Ctrl-D to leave.[/dim]")
        while True:
            try:
                line = await self._session.prompt_async("you › ")
            except (EOFError, KeyboardInterrupt):
                return
            if line.strip():
                yield line if len(line.encode("utf-8", "replace")) <= LONGEST else None

    @contextmanager
    def turn(self) -> Iterator[None]:
        from rich.live import Live
        from rich.spinner import Spinner

        self._shown = ELSEWHERE
        spinner = Spinner("dots", "[dim]thinking[/dim]")
        with Live(spinner, console=self._screen, transient=True, vertical_overflow="ellipsis") as self._live:
            yield
        self._live = None
        if self._shown is not None:
            self.say(self._shown)

    async def show(self, text: str) -> None:
        self._shown = text
        if self._live is not None:
            self._live.update(_markdown(text))

    async def finish(self, text: str) -> None:
        self._shown = text  # printed whole when the turn, and with it the moving picture, ends

    def say(self, text: str) -> None:
        self._screen.print(_markdown(text), "")


def _markdown(text: str) -> "Markdown":
    from rich.markdown import Markdown

    # Without control characters: a model must not move somebody's cursor or rename their window.
    return Markdown("".join(c for c in text if c in "\n\t" or (ord(c) >= 32 and not 127 <= ord(c) < 160)))


async def _byte_lines(descriptor: int) -> AsyncIterator[bytes | None]:
    """Lines of a pipe or file, without holding more than LONGEST bytes; None stands for a longer one.

    Read by a thread of its own that the process may leave behind: a blocked read cannot be cancelled.
    """
    chunks: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
    loop = asyncio.get_running_loop()

    def read() -> None:
        chunk = b"more"
        while chunk:
            chunk = os.read(descriptor, 65536)
            try:
                asyncio.run_coroutine_threadsafe(chunks.put(chunk), loop).result()
            except (RuntimeError, concurrent.futures.CancelledError):  # the loop has ended
                return

    threading.Thread(target=read, daemon=True, name="stdin").start()
    line = b""
    whole = True
    while chunk := await chunks.get():
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield line + end if whole and len(line) + len(end) <= LONGEST else None
            line, whole = b"", True
        whole = whole and len(line) + len(rest) <= LONGEST
        line = line + rest if whole else b""
    if line or not whole:
        yield line if whole else None
