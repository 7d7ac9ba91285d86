"""What is inside of a line of Markdown: inline code, emphasis, links, images, breaks."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

GAP = "\u200b"  # zero width space: keeps apart what a platform would read as one

Span = tuple[int, int, str]  # from the start of its first mark to the end of its last; the mark
_URL = r"https?://[^\s<>*|]+"
LINK = r"\[([^\[\]]*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:[ \t]+\"[^\"]*\")?)\)"
_ATOM = re.compile(rf"!?{LINK}|<?{_URL}>?|<[A-Za-z@#:/][^<>\s]{{0,100}}>")
_EMPHASIS = re.compile(r"\\.|\*+|_+|~+|\|+")
_MARKS_OF_EMPHASIS = {"*", "**", "***", "_", "__", "___", "~~", "||"}
_IMAGE = re.compile("!" + LINK)
_FENCE = re.compile("`{3,}")
_BREAK = re.compile(r"(?:<br[ \t]*/?>[ \t]*)+", re.IGNORECASE)


def rewritten(line: str, prose: Callable[[str], str]) -> str:
    """The line with `prose` done to what is not inline code."""
    parts: list[str] = []
    at = 0
    for start, end, ticks in code_spans(line):
        parts += [prose(line[at:start]), _inline_code(line[start + len(ticks) : end - len(ticks)], ticks)]
        at = end
    return "".join((*parts, prose(line[at:])))


def _inline_code(code: str, ticks: str) -> str:
    """With at most two backticks: three open a block, for Discord wherever they are."""
    if len(ticks) < 3 and "```" not in code:
        return f"{ticks}{code}{ticks}"
    return f"``{code.replace('`', '`' + GAP)}``"


def simplified(prose: str) -> str:
    """Images become links, and breaks line ends: chats have neither."""
    prose = _IMAGE.sub(lambda image: image[0][1:] if image[1].strip() else image[2], prose)
    return _BREAK.sub(lambda breaks: "\n" * min(breaks[0].count("<"), 2), prose)


def plain(text: str) -> str:
    """Words without the marks around them."""
    text = _BREAK.sub(" ", text)
    marks = [(start, end, len(mark)) for start, end, mark in spans(text)[0]]
    ends = sorted(edge for start, end, mark in marks for edge in ((start, start + mark), (end - mark, end)))
    return masked(text, ends).replace("\0", "")


def unfenced(text: str) -> str:
    """With no backticks that would open or close a code block."""
    return _FENCE.sub(lambda run: GAP.join(run[0]), text) if "```" in text else text


def spans(line: str) -> tuple[list[Span], list[tuple[int, int]]]:
    """Inline code and emphasis, the outer before the inner; then links and what else is one thing."""
    code = code_spans(line)
    beside_code = masked(line, ((start, end) for start, end, _ in code))
    atoms = [match.span() for match in _ATOM.finditer(beside_code)]
    return sorted([*code, *_emphasis(masked(beside_code, atoms))], key=lambda span: (span[0], -span[1])), atoms


def code_spans(line: str) -> list[Span]:
    """A run of backticks opens what the next run of the same length closes."""
    if "`" not in line:
        return []
    runs = list(re.finditer("`+", line))
    later: dict[str, list[re.Match[str]]] = defaultdict(list)
    for run in reversed(runs):
        later[run[0]].append(run)
    found: list[Span] = []
    at = 0
    for run in runs:
        same = later[run[0]]
        same.pop()  # itself
        if same and run.start() >= at and line[run.start() - 1 : run.start()] != "\\":
            at = same[-1].end()
            found.append((run.start(), at, run[0]))
    return found


def _emphasis(line: str) -> Iterator[Span]:
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


def masked(line: str, ranges: Iterable[tuple[int, int]]) -> str:
    """The line with nothing to be read in these ranges."""
    parts: list[str] = []
    at = 0
    for start, end in ranges:
        parts += [line[at:start], "\0" * (end - start)]
        at = end
    return "".join((*parts, line[at:]))
