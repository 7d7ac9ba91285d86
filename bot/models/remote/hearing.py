"""One answer on its way: what servers send, in whatever form, becomes text that can be shown, calls and a usage."""

import time
from collections.abc import Sequence
from uuid import uuid4

from bot.chat import Usage
from bot.models.calls import ID, Calls
from bot.models.reasoning import Piece, Reader, read_whole, reads_aloud
from bot.models.remote.response import BROKEN, FILTER, Halves, read
from bot.models.remote.stream import Done
from bot.ports import Call, Retraction, Tool

MOST = 100_000  # characters of reasoning that are kept, for when there is nothing else


class Hearing:
    """What has come of an answer."""

    def __init__(self, tools: Sequence[Tool], *, alone: bool | None) -> None:
        """`alone`: whether the model closes its reasoning with a mark that it did not open; None: not known yet."""
        self.heard = self.spoke = False
        self.finish = ""
        self.usage: Usage | None = None
        self.calls: list[Call] = []  # at the end
        self._tools = tools
        self._calls = Calls()
        self._reader = Reader(tools, alone=alone)
        self._halves = Halves()
        self._reasoning = ""
        self._began: float | None = None

    @property
    def closed_alone(self) -> bool:
        return self._reader.closed_alone

    def take(self, body: object) -> list[Piece]:
        """Take a chunk in; returns what of the answer can be shown. Raises NoAnswerError."""
        if isinstance(body, Done):
            self.finish = self.finish or ("stop" if self.heard else "")
            return []
        chunk = read(body)
        if chunk is None:
            return []
        self.heard = True
        self.usage = chunk.usage or self.usage
        self.finish = FILTER if self.finish == FILTER else chunk.finish or self.finish
        if self._tools:
            self._calls.add(chunk.calls)
        if chunk.reasoning:
            self._reasoning += chunk.reasoning[: MOST - len(self._reasoning)]
            self._reader.separated()
        return self._read(self._halves.add(chunk.text)) if chunk.text else []

    def patience(self) -> float | None:
        """Seconds until what is held of the text may be shown although nothing more comes; None: nothing is held so."""
        due = self._reader.due()
        return None if due is None or self._began is None else max(due - (time.monotonic() - self._began), 0.0)

    def wait(self) -> list[Piece]:
        """What can be shown after so much patience."""
        return [] if self._began is None else self._seen(self._reader.wait(time.monotonic() - self._began))

    def end(self) -> list[Piece]:
        """The rest, after the last chunk."""
        pieces = self._read(self._halves.end()) + self._seen(self._reader.close())
        for found in self._reader.calls:
            function = {"name": found.name, "arguments": found.arguments}
            self._calls.add([{"id": uuid4().hex[:ID], "function": function}])
        self.calls = self._calls.whole()
        if not (self.spoke or self.calls) and self.finish == "stop":
            pieces += self._answer_in_reasoning()
        return pieces if self.finish not in {"", BROKEN} else []

    def _answer_in_reasoning(self) -> list[Piece]:
        """Some servers take a whole answer for reasoning; what reads like thinking aloud is none."""
        halves = Halves()
        text, _ = read_whole(halves.add(self._reasoning) + halves.end())
        return self._seen([text]) if text and not reads_aloud(text) else []

    def _read(self, text: str) -> list[Piece]:
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        return self._seen(self._reader.feed(text, now - self._began)) if text else []

    def _seen(self, pieces: list[Piece]) -> list[Piece]:
        for piece in pieces:
            self.spoke = not isinstance(piece, Retraction) and (self.spoke or not piece.isspace())
        return pieces
