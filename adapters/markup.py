"""The output compiler: a model's Markdown in; out come pieces that a platform takes, and shows as they were meant."""

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile, pairwise

# Discord counts code points: https://github.com/discord/discord-api-docs/issues/1315 (its staff). So does len().
LIMIT = 2000
COLUMNS = 60  # of a table that is shown as a table; a wider one wraps on most screens and is shown as a list
RULE = "─" * 10

_GAP = "\u200b"  # zero width space: keeps apart what a platform would read as one
_LANGUAGE = r"[A-Za-z0-9_+.#-]"  # what Discord's client takes for the language of a code block
_MARGIN = r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?"  # what a list or a quote puts before a line


def pieces(text: str, limit: int = LIMIT) -> list[str]:
    """Markdown → messages for Discord, in order, each of at most `limit` (50 or more) code points; none for no text.

    No piece is blank and none leaves a code block open, whatever the text. While an answer grows, all pieces but
    the last two stay what they are; only a table, or markup as long as a piece, can still change an earlier one.
    """
    return split(discord(text), limit)


def discord(text: str) -> str:
    """Markdown as models write it → Markdown that Discord's client shows as it was meant, of any length.

    Code blocks come out as three backticks at the start of a line, outside of lists and quotes, and closed;
    three backticks are nowhere else. Tables, deep headings, images and rules are put in terms that Discord has;
    what looks like a mention is made none. Blank lines come singly.
    """
    lines = _clean(text).split("\n")
    out: list[str] = []
    at = 0
    while at < len(lines):
        block, at = _code_block(lines, at) or _table(lines, at) or (_line(lines[at]), at + 1)
        if block or (out and out[-1]):
            out.append(block)
    return "\n".join(out).strip("\n")


def split(markdown: str, limit: int) -> list[str]:
    """Cut at the best places: paragraph, line, sentence, word, then anywhere; `limit` is 50 or more code points.

    A code block that is cut is closed and opened again with its language, emphasis and inline code likewise. Code
    blocks must look as `discord` leaves them. A place is chosen by what comes before it and little of what follows,
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
_CLOSE = "\n```"
_PARAGRAPH_END = re.compile(r"(?<!\n)(?=\n(?:\n|#{1,3} |```))")
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
    room = end - len(_CLOSE)
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
        return _Cut(place, after, _CLOSE, block[1])
    return _Cut(place, _after_seam(text, block.end()), _CLOSE)


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
    found = [match.start() for match in pattern.finditer(text, low, high + len("\n### "))]
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


# What is inside of a line.

_Span = tuple[int, int, str]  # from the start of its first mark to the end of its last; the mark
_Marks = Callable[[int], tuple[str, ...] | None]
_URL = r"https?://[^\s<>*|]+"
_LINK = r"\[([^\[\]]*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:[ \t]+\"[^\"]*\")?)\)"
_ATOM = re.compile(rf"!?{_LINK}|<?{_URL}>?|<[A-Za-z@#:/][^<>\s]{{0,100}}>")
_EMPHASIS = re.compile(r"\\.|\*+|_+|~+|\|+")
_MARKS_OF_EMPHASIS = {"*", "**", "***", "_", "__", "___", "~~", "||"}


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
    spans, atoms = _spans(line)
    grain: list[tuple[str, ...] | None] = [()] * (len(line) + 1)
    for start, end, mark in spans:
        for place in range(start + 1, end):
            outer = grain[place]
            at_mark = not start + len(mark) < place < end - len(mark)
            at_tick = mark[0] == "`" and "`" in line[place - 1 : place + 1]
            grain[place] = None if outer is None or at_mark or at_tick else (*outer, mark)
    for start, end in atoms:
        grain[start + 1 : end] = [None] * (end - start - 1)
    return grain


def _spans(line: str) -> tuple[list[_Span], list[tuple[int, int]]]:
    """Inline code and emphasis, the outer before the inner; then links and what else is one thing."""
    code = _code_spans(line)
    masked = _masked(line, ((start, end) for start, end, _ in code))
    atoms = [match.span() for match in _ATOM.finditer(masked)]
    return sorted([*code, *_emphasis(_masked(masked, atoms))], key=lambda span: (span[0], -span[1])), atoms


def _code_spans(line: str) -> list[_Span]:
    """A run of backticks opens what the next run of the same length closes."""
    runs = list(re.finditer("`+", line))
    later: dict[str, list[re.Match[str]]] = defaultdict(list)
    for run in reversed(runs):
        later[run[0]].append(run)
    spans: list[_Span] = []
    at = 0
    for run in runs:
        same = later[run[0]]
        same.pop()  # itself
        if same and run.start() >= at and line[run.start() - 1 : run.start()] != "\\":
            at = same[-1].end()
            spans.append((run.start(), at, run[0]))
    return spans


def _emphasis(line: str) -> Iterator[_Span]:
    opened: dict[str, int] = {}
    for match in _EMPHASIS.finditer(line):
        mark, start, end = match[0], match.start(), match.end()
        if mark not in _MARKS_OF_EMPHASIS:
            continue
        before, after = line[start - 1 : start] or " ", line[end : end + 1] or " "
        in_word = mark[0] == "_" and before.isalnum() and after.isalnum()
        if mark in opened and not before.isspace() and not in_word:
            first = opened[mark]
            opened = {other: place for other, place in opened.items() if place < first}
            yield first, end, mark
        elif mark not in opened and not after.isspace() and not (mark[0] == "_" and before.isalnum()):
            opened[mark] = start


def _masked(line: str, ranges: Iterable[tuple[int, int]]) -> str:
    """The line with nothing to be read in these ranges."""
    parts: list[str] = []
    at = 0
    for start, end in ranges:
        parts += [line[at:start], "\0" * (end - start)]
        at = end
    return "".join((*parts, line[at:]))


# From Markdown to Discord's, line by line: nothing that comes later changes what a line became, but a table's rows.

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # half a character; cannot be sent
_HORIZONTAL_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")
_DEEP_HEADING = re.compile(r" {0,3}#{4,6}[ \t]+(\S.*)")
_IMAGE = re.compile("!" + _LINK)
_BREAK = re.compile(r"(?:<br[ \t]*/?>[ \t]*)+", re.IGNORECASE)
_TICK = re.compile(r"\\.|`")
_MENTION = re.compile(r"https?://[^\s<>]*|@(?=everyone|here)|<@(?=[!&]?\d)")


def _clean(text: str) -> str:
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def _line(line: str) -> str:
    """A line outside of code and tables."""
    if not line.strip():
        return ""
    if _HORIZONTAL_RULE.fullmatch(line):
        return RULE
    if (heading := _DEEP_HEADING.fullmatch(line)) and (title := heading[1].replace("**", "").strip()):
        return f"**{_inline(title)}**"
    inline = _inline(line).strip("\n")
    return inline if inline.strip() else ""


def _inline(line: str) -> str:
    parts: list[str] = []
    at = 0
    for start, end, ticks in _code_spans(line):
        parts += [_prose(line[at:start]), _inline_code(line[start + len(ticks) : end - len(ticks)], ticks)]
        at = end
    return "".join((*parts, _prose(line[at:])))


def _inline_code(code: str, ticks: str) -> str:
    """With at most two backticks: for Discord three open a block, wherever they are."""
    if len(ticks) < 3 and "```" not in code:
        return f"{ticks}{code}{ticks}"
    return f"``{code.replace('`', '`' + _GAP)}``"


def _prose(text: str) -> str:
    text = _IMAGE.sub(lambda image: image[0][1:] if image[1].strip() else image[2], text)
    text = _BREAK.sub(lambda breaks: "\n" * min(breaks[0].count("<"), 2), text)
    text = _TICK.sub(lambda tick: "\\" + tick[0][-1], text)  # opens nothing here; Discord would look in other lines
    return _MENTION.sub(_no_mention, text)


def _no_mention(match: re.Match[str]) -> str:
    """The last line of defence: no mention is allowed when a message is sent."""
    if match[0].startswith("http"):  # must stay a link that works
        return re.sub("@(?=everyone|here)", "%40", match[0])
    return match[0] + _GAP


def _unfenced(text: str) -> str:
    return re.sub("`{3,}", lambda run: _GAP.join(run[0]), text)


# Code blocks and tables: a function gets all lines and where to look; it gives what they become, and the line after.

_FENCE = re.compile(rf"(?P<before>{_MARGIN})(?P<mark>`{{3,}}|~{{3,}})(?P<info>[^`~]*)")
_FENCE_AFTER_TEXT = re.compile(rf"(?P<before>[^`]*)(?P<mark>`{{3,}})(?P<info>[A-Za-z]{_LANGUAGE}*)")


def _code_block(lines: Sequence[str], at: int) -> tuple[str, int] | None:
    if "```" not in lines[at] and "~~~" not in lines[at]:
        return None
    fence = _FENCE.fullmatch(lines[at]) or _FENCE_AFTER_TEXT.fullmatch(lines[at])
    if not fence:
        return None
    body, after = _code(lines, at + 1, fence["before"], fence["mark"])
    info = fence["info"].strip()
    known = re.match(rf"{_LANGUAGE}{{1,20}}(?!{_LANGUAGE})", info)
    language = known[0] if known else ""
    body = list(dropwhile(lambda line: not line.strip(), body))  # as Discord's client does
    block: list[str] = []
    if fence["before"].strip(" \t>"):
        block.append(_line(fence["before"].rstrip()))
    if info != language:  # Discord would show it as code
        block.append(f"`{info}`")
    if language or body:
        block += [f"```{language}", *body, "```"]
    return "\n".join(block), after


def _code(lines: Sequence[str], at: int, before: str, mark: str) -> tuple[list[str], int]:
    """The lines of a block without what its list or quote puts before them, and the number of the line after it."""
    around = re.match(_MARGIN, before)
    margin = around[0] if around else ""
    quotes = margin.count(">")
    inside = re.compile(rf"(?: {{0,3}}> ?){{{quotes}}}" if quotes else rf"[ \t]{{0,{len(margin)}}}")
    closing = re.compile(rf" {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*")
    body: list[str] = []
    for number in range(at, len(lines)):
        start = inside.match(lines[number])
        if not start:  # the quote has ended
            return body, number
        line = lines[number][start.end() :]
        if closing.fullmatch(line):
            return body, number + 1
        body.append(_unfenced(line))
    return body, len(lines)  # a stream that goes on, or was cut


def _table(lines: Sequence[str], at: int) -> tuple[str, int] | None:
    if at + 1 >= len(lines) or "|" not in lines[at] or "|" not in lines[at + 1]:
        return None
    header, rule = _cells(lines[at]), _cells(lines[at + 1])
    if len(header) != len(rule) or not all(re.fullmatch(":?-+:?", cell) for cell in rule):
        return None
    rows: list[list[str]] = []
    after = at + 2
    while after < len(lines) and "|" in lines[after]:
        cells = _cells(lines[after])
        cells = [*cells[: len(header) - 1], " | ".join(cells[len(header) - 1 :])]  # too many: in the last column
        if any(cells):
            rows.append(cells + [""] * (len(header) - len(cells)))
        after += 1
    right = [cell.endswith(":") and not cell.startswith(":") for cell in rule]
    return _as_block(header, rows, right) or _as_list(header, rows), after


def _cells(row: str) -> list[str]:
    """Pipes that are escaped or in inline code part no cells."""
    row = row.strip()
    masked = _masked(row, ((start, end) for start, end, _ in _code_spans(row)))
    pipes = [match.start() for match in re.finditer(r"\\.|\|", masked) if match[0] == "|"]
    bounds = [-1, *pipes, len(row)]
    cells = [row[start + 1 : end].strip().replace("\\|", "|") for start, end in pairwise(bounds)]
    return cells[masked.startswith("|") : len(cells) - (len(pipes) > 1 and pipes[-1] == len(row) - 1)]


def _as_block(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """Columns in a code block; empty when they are too wide, or hold links, which are none in code."""
    table = [[_plain(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(_columns, column)) for column in zip(*table, strict=True)]
    rule = "-+-".join("-" * width for width in widths)
    if len(rule) > COLUMNS or any(re.search(r"://|\]\(", cell) for row in table for cell in row):
        return ""

    def padded(cell: str, width: int, right: bool) -> str:
        space = " " * (width - _columns(cell))
        return space + cell if right else cell + space

    first, *others = (" | ".join(map(padded, row, widths, right)).rstrip() for row in table)
    return "\n".join(("```", *map(_unfenced, (first, rule, *others)), "```"))


def _as_list(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """One paragraph a row, one line a cell."""
    titles = [_inline(_plain(cell).rstrip(":")) for cell in header]
    if not rows:
        return "\n".join(f"**{title}**" for title in titles if title)

    def entry(title: str, cell: str) -> str:
        value = _inline(cell).strip()
        return f"**{title}:** {value or '–'}" if title else value

    return "\n\n".join("\n".join(filter(None, map(entry, titles, row))) for row in rows)


def _plain(cell: str) -> str:
    """Words without the marks around them."""
    cell = _BREAK.sub(" ", cell)
    marks = [(start, end, len(mark)) for start, end, mark in _spans(cell)[0]]
    ends = sorted(edge for start, end, mark in marks for edge in ((start, start + mark), (end - mark, end)))
    return _masked(cell, ends).replace("\0", "")


def _columns(text: str) -> int:
    """How wide it is in a font of one width."""
    return sum(map(_width, re.sub("\u200d.|[\U0001f3fb-\U0001f3ff]", "", text)))


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
