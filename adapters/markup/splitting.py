"""Cuts a long text into pieces at the best places; what is open at a cut is closed there and opened again."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapters.markup.inline import spans


def split(markdown: str, limit: int) -> list[str]:
    """Cut at the best places: paragraph, line, sentence, word, then anywhere; `limit` is 50 or more code points.

    A code block that is cut is closed and opened again with its language, emphasis and inline code likewise. Code
    blocks must look as `rewrite` leaves them. A place is chosen by what comes before it and little of what follows,
    so that text which is added at the end moves no cut but the last.
    """
    blocks = list(_BLOCK.finditer(markdown))
    parts: list[str] = []
    at, head = 0, ""
    while len(markdown) - at > limit - len(head):
        cut = _cut(markdown, at, at + limit - len(head), head, blocks)
        parts.append(head + markdown[at : cut.end] + cut.close)
        at, head = cut.next, cut.open
    return [part for part in (*parts, head + markdown[at:]) if part.strip()]


# Where to cut.


@dataclass(frozen=True, slots=True)
class _Cut:
    """The end of one piece and the start of the next; between them is nothing but white space."""

    end: int
    next: int
    close: str = ""  # what the piece ends with
    open: str = ""  # what the next one begins with


_BLOCK = re.compile(r"(?ms)^(```[^`\n]*\n)(.*?)^```$")
CLOSE = "\n```"  # what ends a code block
_PARAGRAPH_END = re.compile(r"(?<!\n)(?=\n(?:\n|#{1,6} |```))")
_BEFORE_OUTER_ITEM = re.compile(r"(?<!\n)(?=\n(?:[-*+]|\d{1,9}[.)]) )")
_BEFORE_ITEM = re.compile(r"(?<!\n)(?=\n[ \t]*(?:[-*+]|\d{1,9}[.)]) )")
_LINE_END = re.compile(r"(?<!\n)(?=\n)")
_SENTENCE_END = re.compile(r"(?<=[.!?…])(?=\s)|(?<=[.!?…][\"'”’)\]*_])(?=\s)|(?<=[。！？])(?=\S)")
_CJK = "\u3040-\u30ff\u3400-\u9fff"  # written without spaces; no line begins with a mark like those excluded
_WORD_END = re.compile(rf"(?=\s)|(?<=[{_CJK}、，；：])(?=[{_CJK}])")
_CODE_PARAGRAPH_END = re.compile(r"(?<!\n)(?=\n\n+[^\s)\]}])")
_CODE_WORD_END = re.compile(r"(?<=[ \t,;])(?=[^\s,;])")
_JOINER = "\u200d"
_EXTENDS = ("Mn", "Mc", "Me", "Cf")  # categories of what belongs to the character before it
_INK = re.compile(r"\S")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)*")
_SEAM = re.compile(r"[ \t]*\n*")  # leaves the indentation of the next line


def _cut(text: str, at: int, end: int, head: str, blocks: Sequence[re.Match[str]]) -> _Cut:
    """The best place after `at` and up to `end`, before which `head` is put."""
    block = _around(end, blocks)
    if block is None:
        return _cut_text(text, at, end, head, blocks, least=(at + end) // 2)
    room = end - len(CLOSE)
    quarter = at + (end - at) // 4
    if block.start() > quarter or (block.start() > at and block.start(2) >= room):
        # Code is better to copy from one piece; whether it fits in the next cannot be known while it is written.
        return _cut_text(text, at, block.start() - 1, head, blocks, least=quarter)
    return _cut_code(text, at, room, block)


def _around(place: int, blocks: Sequence[re.Match[str]]) -> re.Match[str] | None:
    """The code block inside of which a place is."""
    before = bisect_left(blocks, place, key=lambda block: block.start()) - 1
    return blocks[before] if before >= 0 and place < blocks[before].end() else None


def _cut_code(text: str, at: int, end: int, block: re.Match[str]) -> _Cut:
    """In a code block nothing is dropped but the line end at which it is cut, and blank lines there."""
    body = max(at, block.start(2))
    ink = _INK.search(text, body)
    first = min(ink.end() if ink else end, end)
    middle = max(first, (body + end) // 2)
    place = (
        _last(_CODE_PARAGRAPH_END, text, middle, end)
        or _last(_LINE_END, text, first, end)
        or _last(_CODE_WORD_END, text, middle, end)
        or _last_whole(text, body, middle, end)
    )
    lines = _BLANK_LINES.match(text, place)
    after = lines.end() if lines else place
    if _INK.search(text, after, block.end(2)):
        return _Cut(place, after, CLOSE, block[1])
    return _Cut(place, _after_seam(text, block.end()), CLOSE)


def _cut_text(text: str, at: int, end: int, head: str, blocks: Sequence[re.Match[str]], *, least: int) -> _Cut:
    """The last good place from `least` on; if there is none, the last good one before; if there is none, any."""
    ink = _INK.search(text, at)
    first = min(ink.end() if ink else end, end)
    marks = _marks(text, at, end, head)

    def free(place: int) -> bool:
        return _around(place, blocks) is None

    def apt(place: int) -> bool:
        return free(place) and not _leads(text[max(text.rfind("\n", at, place) + 1, at) : place])

    def between(place: int) -> bool:
        return marks(place) == () and _whole(text, at, place)

    places = (
        (_PARAGRAPH_END, apt),
        (_BEFORE_OUTER_ITEM, apt),
        (_BEFORE_ITEM, apt),
        (_LINE_END, apt),
        (_LINE_END, free),
        (_SENTENCE_END, between),
        (_WORD_END, between),
    )
    for low, high in ((max(least, first), end), (first, min(least - 1, end))):
        for pattern, good in places:
            if place := _last(pattern, text, low, high, good):
                return _seam(text, at, place)
    return _cut_anywhere(text, at, end, max(min(least, end), first), marks)


def _cut_anywhere(text: str, at: int, end: int, least: int, marks: "_Marks") -> _Cut:
    """Inside of emphasis, or else of inline code, or else of a word; inside of a link only when all else is, too."""
    cuts = [(place, mark) for place in range(end, least - 1, -1) if (mark := marks(place)) is not None]
    cuts = [(place, mark) for place, mark in cuts if place + len("".join(mark)) <= end]
    spaces = [(place, mark) for place, mark in cuts if text[place].isspace()]
    if spaces:
        return _seam(text, at, *min(spaces, key=lambda cut: ("`" in "".join(cut[1]), len(cut[1]))))
    for place, mark in cuts:
        if _whole(text, at, place):
            return _seam(text, at, place, mark)
    return _seam(text, at, _last_whole(text, at, least, end))


def _last(
    pattern: re.Pattern[str], text: str, low: int, high: int, good: Callable[[int], bool] = lambda _: True
) -> int | None:
    """The last good match of a pattern of no width."""
    found = [match.start() for match in pattern.finditer(text, low, high + len("\n###### "))]
    return next((place for place in reversed(found) if place <= high and good(place)), None)


def _last_whole(text: str, start: int, low: int, high: int) -> int:
    return next((place for place in range(high, low - 1, -1) if _whole(text, start, place)), high)


def _whole(text: str, start: int, place: int) -> bool:
    """Whether no grapheme cluster is cut: UAX 29, less its rules for Hangul letters and Indic conjuncts."""
    before, after = text[place - 1], text[place]
    if before == _JOINER or unicodedata.category(after) in _EXTENDS or "\U0001f3fb" <= after <= "\U0001f3ff":
        return False
    flags = 0  # two regional indicators make one
    while place - flags > start and "\U0001f1e6" <= text[place - flags - 1] <= "\U0001f1ff":
        flags += 1
    return flags % 2 == 0 or not "\U0001f1e6" <= after <= "\U0001f1ff"


def _leads(line: str) -> bool:
    """Whether it is a heading, an introduction or a block's title, and would be lost at the end of a piece."""
    line = line.strip()
    return line.startswith("#") or line.rstrip("*_").endswith(":") or bool(re.fullmatch(r"\*\*.*\*\*|`[^`]+`", line))


def _seam(text: str, at: int, place: int, marks: Sequence[str] = ()) -> _Cut:
    """White space at a cut is dropped, but not in code."""
    close, again = "".join(reversed(marks)), "".join(marks)
    if "`" in close:
        return _Cut(place, place, close, again)
    end = place
    while end > at and text[end - 1].isspace():
        end -= 1
    return _Cut(end, _after_seam(text, place), close, again)


def _after_seam(text: str, place: int) -> int:
    seam = _SEAM.match(text, place)
    return seam.end() if seam else place


_Marks = Callable[[int], tuple[str, ...] | None]


def _marks(text: str, at: int, end: int, head: str) -> _Marks:
    """What is open at a place of the line that `end` is in, outermost first; None where the line must not be cut.

    To know it, as much of the line is read as five pieces can hold.
    """
    start = max(text.rfind("\n", at, end) + 1, at)
    horizon = end + 4 * (end - at)
    stop = text.find("\n", end, horizon)
    prefix = head if start == at else ""
    grain = _grain(prefix + text[start : stop if stop >= 0 else horizon])
    shift = start - len(prefix)
    return lambda place: grain[place - shift] if place >= start else ()


def _grain(line: str) -> list[tuple[str, ...] | None]:
    marked, atoms = spans(line)
    grain: list[tuple[str, ...] | None] = [()] * (len(line) + 1)
    for start, end, mark in marked:
        for place in range(start + 1, end):
            outer = grain[place]
            at_mark = not start + len(mark) < place < end - len(mark)
            at_tick = mark[0] == "`" and "`" in line[place - 1 : place + 1]
            grain[place] = None if outer is None or at_mark or at_tick else (*outer, mark)
    for start, end in atoms:
        grain[start + 1 : end] = [None] * (end - start - 1)
    return grain
