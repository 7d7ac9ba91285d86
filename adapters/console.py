"""The terminal: a prompt with streaming for a person, one answer per input line for a pipe."""

import asyncio
import concurrent.futures
import hashlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from bot.agent import apology
from bot.chat import Image, Message, Resource, Room, Thread, command_like
from bot.commands import Commands, gone
from bot.errors import DatabaseError, HathiError
from bot.ports import Accept, Noted, Outbox, Reply

if TYPE_CHECKING:  # rich and prompt_toolkit are loaded only for a person
    from rich.live import Live
    from rich.markdown import Markdown
    from rich.spinner import Spinner

PLATFORM = "console"
LONGEST = 1_000_000  # bytes of one message; more is refused, and never held in memory
EMPTY = "I got an empty message. Write something and I will answer."
TOO_LONG = f"That is too much at once: a message may have {LONGEST:,} bytes."
DELETED = "(There is no answer: this conversation was deleted meanwhile.)"
LOOK_SECONDS = 2.0  # between two looks at the transcript while somebody waits


AnswerTo = Callable[[str], Awaitable[str | None]]  # empty while there is none, None when there will be none


class Console:
    """One person in one conversation, on stdin and stdout."""

    name = PLATFORM
    trouble = None

    def __init__(
        self, person: Resource, thread: Thread, commands: Commands, answer_to: AnswerTo, past: Sequence[str] = ()
    ) -> None:
        """`past`: what the person said before in this conversation, oldest first, for the arrow keys.

        `answer_to` finds the answer to a message: another terminal with this conversation may have got it.
        """
        self._person = person
        self._thread = thread
        self._commands = commands
        self._answer_to = answer_to
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()  # a person sits there
        self._screen: Terminal | Pipe = Terminal(past) if self.interactive else Pipe()
        self._answered = asyncio.Event()
        self._awaited: int | None = None  # the turn that the person waits for
        self._noticed = False  # they have read that it takes longer; another attempt need not say so again

    @property
    def queue(self) -> str:
        """Only a terminal that has this conversation open can answer in it."""
        return f"{PLATFORM}:{hashlib.sha256(str(self._thread).encode()).hexdigest()[:32]}"

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
                await self._ask(self._message(line), accept)
        except HathiError as error:
            self._screen.say(apology(error))

    async def _ask(self, message: Message, accept: Accept) -> None:
        """Say something and wait for the answer, which may be given in another terminal or in a later attempt."""
        self._answered.clear()
        self._noticed = False
        try:
            with self._screen.turn():
                self._awaited = await accept(message)
                while not await self._is_answered():
                    try:
                        answer = await self._answer_to(message.id)
                    except DatabaseError:
                        continue  # the turn says so, or goes on when the database is back
                    # Without an answer the turn may be just about to say why there is none.
                    if answer or (answer is None and not await self._is_answered()):
                        await self.finish(self._awaited, answer or DELETED)
        finally:
            self._awaited = None

    async def _is_answered(self) -> bool:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._answered.wait()
        except TimeoutError:
            return False
        return True

    def _message(self, text: str) -> Message:
        return Message(
            id=f"{self._thread}:{uuid4()}",
            thread=self._thread,
            author=self._person,
            room=Room("direct", str(self._thread)),
            text=text,
            at=datetime.now(UTC),
            queue=self.queue,
        )

    @asynccontextmanager
    async def reply(self, thread: Thread, outbox: Outbox) -> AsyncIterator[Reply]:
        """The screen, for the turn that the person waits for; any other answer is in the transcript.

        Others are those to another terminal with this conversation, and those from before a crash.
        """
        yield _OnScreen(self, outbox.turn.id)

    @asynccontextmanager
    async def typing(self, thread: Thread) -> AsyncIterator[None]:
        """The screen shows by itself that the person waits."""
        yield

    def routes(self) -> tuple[()]:
        """Nobody asks a terminal over HTTP."""
        return ()

    async def download(self, image: Image, thread: Thread) -> None:
        """Nobody can post a picture here."""

    async def noted(self, noted: Noted) -> None:
        """A dim line for a person who sits there; a pipe gets answers only."""
        if noted.gone:
            what = f": {'; '.join(noted.texts)}" if noted.texts else ""
            self._screen.whisper(f"forgotten: {gone(noted)}{what}")
        elif noted.lines:
            what = "; ".join(noted.texts) or "that something does not hold any more"
            self._screen.whisper(f"noted: {what} · /memory undo {' '.join(map(str, noted.lines))}")

    async def show(self, turn: int, text: str) -> None:
        if turn == self._awaited:
            await self._screen.show(text)

    async def show_notice(self, turn: int, text: str) -> None:
        if turn == self._awaited and not self._noticed:
            self._noticed = True
            self._screen.wait(text)

    async def finish(self, turn: int | None, text: str) -> None:
        if turn == self._awaited and not self._answered.is_set():
            await self._screen.finish(text)
            self._answered.set()


@dataclass(frozen=True, slots=True)
class _OnScreen:
    """A reply; a terminal keeps no posts."""

    console: Console
    turn: int

    async def show(self, text: str) -> None:
        await self.console.show(self.turn, text)

    async def show_notice(self, text: str) -> None:
        await self.console.show_notice(self.turn, text)

    async def finish(self, text: str) -> None:
        await self.console.finish(self.turn, text)

    async def withdraw(self) -> None:
        """What was shown goes when the next text comes."""


class Pipe:
    """Answers go to stdout, one for each input line, in order; nothing else does."""

    def __init__(self) -> None:
        self._read = True  # somebody reads our answers

    async def lines(self) -> AsyncIterator[str | None]:
        """Input lines without their end; None for one that is too long. Bytes that are not UTF-8 become U+FFFD."""
        async for line in _byte_lines(sys.stdin.fileno()):
            yield None if line is None else line.decode("utf-8", "replace").removeprefix("\ufeff").rstrip("\r")
            if not self._read:
                return

    @contextmanager
    def turn(self) -> Iterator[None]:
        yield

    async def show(self, text: str) -> None:
        """A pipe gets the whole answer only."""

    def wait(self, text: str) -> None:
        """On stderr, where it cannot be taken for an answer."""
        print(text, file=sys.stderr, flush=True)

    async def finish(self, text: str) -> None:
        self.say(text)

    def say(self, text: str) -> None:
        try:
            print(text, flush=True)
        except BrokenPipeError:  # whoever read has gone, as `head` does: what is left goes nowhere
            self._read = False
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def whisper(self, text: str) -> None:
        """Nothing that a pipe asked for."""


class Terminal:
    """Prompt, spinner, and Markdown that grows while the model writes."""

    def __init__(self, past: Sequence[str]) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory
        from rich.console import Console as Screen

        self._screen = Screen(highlight=False)
        self._session: PromptSession[str] = PromptSession(history=InMemoryHistory(past))
        self._live: Live | None = None
        self._final = ""

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

        self._final = ""
        with Live(
            _spinner("thinking"), console=self._screen, transient=True, vertical_overflow="ellipsis"
        ) as self._live:
            yield
        self._live = None
        if self._final:
            self.say(self._final)

    async def show(self, text: str) -> None:
        if self._live is not None:
            self._live.update(_markdown(text))

    def wait(self, text: str) -> None:
        """Beside the spinner, until there is an answer."""
        if self._live is not None:
            self._live.update(_spinner(text))

    async def finish(self, text: str) -> None:
        self._final = text  # printed whole when the turn, and with it the moving picture, ends

    def say(self, text: str) -> None:
        self._screen.print(_markdown(text), "")

    def whisper(self, text: str) -> None:
        """Something beside the conversation; while a line is being typed it stands above it."""
        from prompt_toolkit import print_formatted_text
        from prompt_toolkit.formatted_text import FormattedText
        from rich.text import Text

        if self._live is not None:
            self._screen.print(Text(_visible(text), style="dim"))
        else:
            print_formatted_text(FormattedText([("ansibrightblack", _visible(text))]))


def _spinner(text: str) -> "Spinner":
    from rich.spinner import Spinner

    return Spinner("dots", f"[dim]{text}[/dim]")


def _markdown(text: str) -> "Markdown":
    from rich.markdown import Markdown

    return Markdown(_visible(text))


def _visible(text: str) -> str:
    """Without control characters: a model must not move somebody's cursor or rename their window."""
    return "".join(c for c in text if c in "\n\t" or (ord(c) >= 32 and not 127 <= ord(c) < 160))


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
