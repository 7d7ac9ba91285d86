"""What a model says, without what it only thinks and without the markup of calls: pieces of text in, the answer out.

Pure, but for the seconds that it is told. Reasoning is a block of marks (`marks.py`) at the beginning of an answer or
on lines of its own; in code, and in the middle of a sentence, a mark is text that somebody talks about. A closing mark
that comes alone makes reasoning of all before it: text is held back while one may come, and else withdrawn.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto

from bot.models import written
from bot.models.marks import (
    ALOUD,
    ANSWER,
    CALLS,
    CHANNELS,
    CLOSES_ALONE,
    CLOSING,
    END,
    PHRASE_TEXTS,
    PHRASES,
    REASONING,
    STRAY,
    UNFINISHED,
    UNWRAPPED,
    WRAPPED,
    Block,
)
from bot.models.position import Position
from bot.ports import Retraction, Tool

HELD_SECONDS = 1.0  # of the first answer of a model whose habit is not known yet
HELD = 600  # characters of it
AT_ONCE = 1_000  # characters
ALOUD_HELD = 12_000  # characters that read like thinking aloud; a long thought is half of that
ALOUD_SECONDS = (
    2.0  # for which such a text is held of a model that was never seen to end its reasoning with a mark alone
)

Piece = str | Retraction


def closes_alone(model: str) -> bool | None:
    """Whether a model of this name is known to close its reasoning with a mark alone; None: not by its name."""
    return True if CLOSES_ALONE.search(model) else None


def read_whole(text: str, tools: Sequence[Tool] = ()) -> tuple[str, Sequence[written.Written]]:
    """The answer in a whole text, and what is called in it."""
    reader = Reader(tools)
    answer = ""
    for piece in [*reader.feed(text), *reader.close()]:
        answer = "" if isinstance(piece, Retraction) else answer + piece
    return answer.strip(), reader.calls


class _Mode(Enum):
    BEGINNING = auto()  # nothing of the answer yet
    BLOCK = auto()  # between two marks
    ANSWER = auto()
    OVER = auto()


class Reader:
    """Reads one answer. After `close`, `calls` holds what was called in words."""

    def __init__(self, tools: Sequence[Tool] = (), *, alone: bool | None = False) -> None:
        """`alone`: whether this model closes its reasoning with a mark that it did not open; None: not known yet."""
        self.calls: list[written.Written] = []
        self.closed_alone = False
        self._tools = tools
        self._alone = alone
        self._may_think_aloud = True
        self._mode = _Mode.BEGINNING
        self._text = ""  # not read yet
        self._held = ""  # read, and not passed on
        self._position = Position()  # in the answer, as far as it was read
        self._opened = False  # an opening mark was named on this line
        self._block = REASONING[0]
        self._opening = ""
        self._first = False  # the block stands at the beginning
        self._scanned = 0
        self._removed = False  # there was reasoning
        self._called = False  # there was a call in words, whatever its tool
        self._wrapped = False  # a mark has said that the answer begins
        self._over = False  # a mark has said that the turn is over
        self._trim = False
        self._aside = ""  # said to the person between two thoughts
        self._shown = False
        self._seconds = 0.0
        self._out: list[Piece] = []

    def feed(self, text: str, seconds: float = 0.0) -> list[Piece]:
        """Take a piece in, so many seconds after the first one; returns what can be shown of the answer now."""
        self._seconds = seconds
        out: list[Piece] = []
        for at in range(0, len(text), AT_ONCE):  # what is not read yet is copied at every mark
            self._text += text[at : at + AT_ONCE]
            out += self._read(end=False)
        return out

    def due(self) -> float | None:
        """Seconds after the first piece when what is held may be shown although nothing more comes; None: never."""
        text = self._held.lstrip()
        if self._shown or self._removed or not text or self._alone or self._may_be_call(text):
            return None
        if self._reads_aloud(text):
            return None if self._alone is None else ALOUD_SECONDS
        return HELD_SECONDS if self._alone is None else None

    def wait(self, seconds: float) -> list[Piece]:
        """Note that nothing more has come for so many seconds after the first piece; returns what can be shown now."""
        self._seconds = seconds
        return self._read(end=False)

    def close(self) -> list[Piece]:
        """The rest, when no more comes."""
        return self._read(end=True)

    def separated(self) -> None:
        """Note that this server sends the reasoning in a field of its own: what comes as text is the answer."""
        self._alone = self._may_think_aloud = False

    def _read(self, *, end: bool) -> list[Piece]:
        steps = {
            _Mode.BEGINNING: self._begin,
            _Mode.BLOCK: self._pass_over,
            _Mode.ANSWER: self._go_on,
            _Mode.OVER: self._let_pass,
        }
        while steps[self._mode](end):
            pass
        if end:
            self._finish()
        if self._held and (end or self._passes()):
            self._out.append(self._held)
            self._shown = self._shown or not self._held.isspace()
            self._held = ""
        out, self._out = self._out, []
        return out

    def _begin(self, end: bool) -> bool:
        """Look at how it begins; whether there is more to be read."""
        text = self._text = self._text.lstrip()
        if not text:
            return False
        if self._over and not any(mark.startswith(text[: len(mark)]) for mark in CHANNELS):
            self._mode = _Mode.OVER
            return True
        block, opening = _opens((*PHRASES, *REASONING, *CALLS), text)
        if block:
            begins = _goes_on_as(block, text[len(opening) :], end, first=True)
            if begins:
                self._enter(block, opening, first=True)
            elif begins is False:
                self._say(opening)
            return begins is not None
        if found := ANSWER.match(text):
            if not self._wrapped:
                self._withdraw()
            self._wrapped, self._over = True, False
        else:
            self.closed_alone = self.closed_alone or (not self._removed and CLOSING.match(text) is not None)
            found = CLOSING.match(text) or END.match(text) or (WRAPPED.match(text) if self._removed else None)
            self._wrapped = self._wrapped or bool(found and WRAPPED.match(text))
        if found:
            self._text = text[found.end() :]
            return True
        if not end and (UNFINISHED.fullmatch(text) or any(one.startswith(text.casefold()) for one in PHRASE_TEXTS)):
            return False
        self._mode = _Mode.OVER if self._over else _Mode.ANSWER
        return True

    def _let_pass(self, end: bool) -> bool:
        """What a model says after its turn is no part of the answer."""
        self._text = ""
        return False

    def _enter(self, block: Block, opening: str, *, first: bool) -> None:
        self._mode = _Mode.BLOCK
        self._block, self._opening, self._first, self._scanned = block, opening, first, 0
        self._text = self._text[len(opening) :]

    def _pass_over(self, end: bool) -> bool:
        """Look for the end of a block."""
        found = self._block.closing.search(self._text, max(0, self._scanned - 100))
        if found is None:
            self._scanned = len(self._text)
            return self._end_open() if end else False
        inner, rest = self._text[: found.start()], self._text[found.end() :]
        if not self._block.anywhere and inner in ("", "...", "…"):  # `<think>…</think>` is a name
            spoken_of = bool(inner) or _spoken_of(rest, end)
            if spoken_of is None:
                return False
            if spoken_of:
                self._text = rest
                self._mode = _Mode.ANSWER
                self._put(self._opening + inner + found[0])
                return True
        self._text = rest
        self._leave(inner, found[0])
        return True

    def _leave(self, inner: str, closing: str = "") -> None:
        """What stood in the block is a thought, or a call; or markup that only looks like one, in a sentence."""
        if self._block.call:
            calls = written.read(self._opening + inner, self._tools)
            if not calls and not self._first and not self._position.at_start:
                self._mode = _Mode.ANSWER
                self._put(self._opening + inner + closing)
                return
            self._call(calls)
        else:
            self._removed = True
            if "commentary" in self._opening:
                self._aside = inner
        self._mode = _Mode.BEGINNING if self._first else _Mode.ANSWER
        self._trim = True

    def _end_open(self) -> bool:
        """What is left is a block without an end: all of it is reasoning, or the call."""
        text, self._text = self._text, ""
        if self._block.call:
            self._leave(text)
        elif self._first or self._block.anywhere or text.startswith(("\n", "\r")):
            self._mode = _Mode.BEGINNING
            self._removed = True
            if closed := [*CLOSING.finditer(text)]:  # as another kind than it was opened
                self._text = text[closed[-1].end() :]
                return True
            if found := next(filter(None, (block.opening.search(text) for block in CALLS)), None):
                self._call(written.read(text[found.start() :], self._tools))
        else:
            self._mode = _Mode.ANSWER
            self._put(self._opening + text)
        return False

    def _call(self, calls: Sequence[written.Written]) -> None:
        self._called = True
        names = {tool.name for tool in self._tools}
        self.calls += [call for call in calls if call.name in names]

    def _go_on(self, end: bool) -> bool:
        """Read on in the answer, to the next character that may begin a mark."""
        if self._trim and self._position.at_start:
            self._text = self._text.lstrip()
        if not self._text:
            return False
        self._trim = False
        found = _TRIGGER.search(self._text)
        if found is None:
            self._say(self._text)
            return False
        if found.start():
            self._say(self._text[: found.start()])
        if found[0] == "\n" or self._position.in_code:
            self._say(found[0])
            return True
        return self._mark(end)

    def _mark(self, end: bool) -> bool:
        """Take what may be a mark for one, or for text; whether that can be said yet."""
        text = self._text
        block, opening = _opens((*REASONING, *CALLS), text)
        if block:
            return self._opening_mark(block, opening, end)
        if found := CLOSING.match(text) or END.match(text):
            return self._closing_mark(found, end)
        if found := ANSWER.match(text):
            self._withdraw()
            self._wrapped = True
        else:
            found = (self._called and STRAY.match(text)) or (self._wrapped and UNWRAPPED.match(text)) or None
        if found:
            self._text = text[found.end() :]
        elif not end and UNFINISHED.fullmatch(text):
            return False
        else:
            self._say(text[0])
        return True

    def _opening_mark(self, block: Block, opening: str, end: bool) -> bool:
        counts = self._position.at_start or block.anywhere
        begins = _goes_on_as(block, self._text[len(opening) :], end) if counts else False
        if begins:
            self._enter(block, opening, first=False)
        elif begins is False:
            self._say(opening)
            self._opened = True
        return begins is not None

    def _closing_mark(self, found: re.Match[str], end: bool) -> bool:
        """A mark that closes what was not opened, or the turn."""
        rest = self._text[found.end() :]
        if len(rest) < 2 and not end:
            return False
        if self._opened or not self._position.closes(rest):
            self._say(found[0])
            return True
        self._text = rest
        self._mode = _Mode.BEGINNING
        if CLOSING.match(found[0]):
            self.closed_alone = True
            self._withdraw()
        else:
            self._over = True
        return True

    def _withdraw(self) -> None:
        """What came so far was reasoning."""
        if self._shown:
            self._out = [Retraction()]
        self._removed, self._shown = True, False
        self._held = ""
        self._position, self._opened = Position(), False

    def _say(self, text: str) -> None:
        """Take so much from what was not read for a part of the answer."""
        self._mode = _Mode.ANSWER
        self._text = self._text.removeprefix(text)
        self._put(text)

    def _put(self, text: str) -> None:
        self._held += text
        self._position.add(text)
        self._opened = self._opened and "\n" not in text

    def _passes(self) -> bool:
        """Whether what is held may be shown by now."""
        text = self._held.lstrip()
        if self._shown or not text:
            return self._shown
        if self._may_be_call(text):
            return False
        if self._removed:
            return True
        if self._reads_aloud(text):
            return len(text) > ALOUD_HELD or (self._alone is False and self._seconds >= ALOUD_SECONDS)
        known = self._alone is not None or self._seconds >= HELD_SECONDS or len(text) > HELD
        return known and not self._alone

    def _may_be_call(self, text: str) -> bool:
        return bool(self._tools) and len(text) < written.MOST and written.may_be_whole(text)

    def _reads_aloud(self, text: str) -> bool:
        """Whether a beginning reads like thinking aloud, or may yet."""
        return self._may_think_aloud and reads_aloud(text) is not False

    def _finish(self) -> None:
        if self._shown:
            return
        self._position.end_line()
        if self._position.fence and (found := [*_ALONE.finditer(self._held)]):  # a fence without an end hides no mark
            self._held = self._held[found[-1].end() :].lstrip()
            self.closed_alone = True
        if calls := written.whole(self._held, self._tools) if self._tools else ():
            self._call(calls)
            self._held = ""
        if not (self._held.strip() or self.calls):
            self._held = self._aside.strip()


_TRIGGER = re.compile(r"\n|<(?=[\w/|｜]|$)|\[(?=/?(?:T|$))|◁", re.IGNORECASE)
_ALONE = re.compile(rf"^[ \t]*(?:{CLOSING.pattern})[ \t]*$", re.IGNORECASE | re.MULTILINE)
# What follows a mark that somebody talks about, at the beginning of an answer.
_SPOKEN_OF = re.compile(
    r" (?:is|are|was|were|isn't|aren't|tags?|elements?|marks?|markers?|blocks?|and|or|can|does|doesn't|has|lets|means"
    r"|opens|marks|tells)\b|[,;)]"
)


def _opens(blocks: Sequence[Block], text: str) -> tuple[Block | None, str]:
    """The block that begins with the text, and its opening mark."""
    for block in blocks:
        if found := block.opening.match(text):
            return block, found[0]
    return None, ""


def _goes_on_as(block: Block, rest: str, end: bool, *, first: bool = False) -> bool | None:
    """Whether what follows an opening mark is what it opens; None as long as that cannot be said."""
    if not rest and not end:
        return None
    if block.content is not None:
        found = block.content.match(rest) is not None
        return None if not (found or end) and len(rest) < 80 and _NAME.fullmatch(rest) else found
    if block.anywhere:
        return True
    if first:
        spoken_of = _spoken_of(rest, end)
        return None if spoken_of is None else not spoken_of
    return None if rest == " " and not end else not re.match(r" [a-z]|[,.;:)`'\"]", rest)


def _spoken_of(rest: str, end: bool) -> bool | None:
    """Whether a mark before this is spoken of, and not used; None as long as that cannot be said."""
    return None if not end and len(rest) < 12 and _WORD.fullmatch(rest) else _SPOKEN_OF.match(rest) is not None


_NAME = re.compile(r"\s*[\w.-]*\s*(?:<[a-z_]*)?")
_WORD = re.compile(r"(?: [a-z']*)?")


def reads_aloud(text: str) -> bool | None:
    """Whether it begins like thinking aloud; None as long as that cannot be said."""
    beginning = text[:40].casefold()
    if any(beginning.startswith(phrase) for phrase in ALOUD):
        return True
    return None if any(phrase.startswith(beginning) for phrase in ALOUD) else False
