"""Reads Markdown block by block (code blocks, tables, dividers, lines) and puts each in terms of one platform."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile

from adapters.markup.inline import unfenced
from adapters.markup.splitting import CLOSE
from adapters.markup.tables import table


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a platform is told what is neither a code block nor a table."""

    line: Callable[[str], str]  # a line as a whole
    prose: Callable[[str], str]  # the text of a line between inline code
    divider: Sequence[str]  # its lines


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together."""

    start: int  # number of the first
    after: int  # number of the line after the last
    text: str  # what they become
    close: str = ""  # what ends the text, should no more lines follow
    open: bool = False  # a code block whose end is not there
    certain: bool = True  # stays what it is, whatever follows


def lines_of(text: str) -> list[str]:
    """Without what cannot be sent or seen."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text)).split("\n")


def read(lines: Sequence[str], dialect: Dialect) -> Iterator[Block]:
    """All blocks, in order. Nothing that comes later changes what a block became, but a table's rows.

    Code blocks come out as three backticks at the start of a line, outside of lists and quotes; `close` closes them.
    """
    at = 0
    while at < len(lines):
        if block := _code_block(lines, at, dialect):
            yield block
            at = block.after
        elif found := table(lines, at, dialect.prose):
            shown, after = found
            yield Block(at, after, shown, certain=after < len(lines))
            at = after
        else:
            certain = "|" not in lines[at] or at + 1 < len(lines)
            for line in _divider_or_line(lines[at], dialect):
                yield Block(at, at + 1, line, certain=certain)
            at += 1


def joined(blocks: Iterable[Block]) -> str:
    """One text of them; blank lines come singly."""
    out: list[str] = []
    for block in blocks:
        if block.text or (out and out[-1]):
            out.append(block.text + block.close)
    return "\n".join(out).strip("\n")


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # half a character; cannot be sent
_HORIZONTAL_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")


def _divider_or_line(line: str, dialect: Dialect) -> Sequence[str]:
    return dialect.divider if _HORIZONTAL_RULE.fullmatch(line) else (shown_line(line, dialect),)


def shown_line(line: str, dialect: Dialect) -> str:
    """A line that is no divider, outside of code blocks and tables."""
    if not line.strip():
        return ""
    shown = dialect.line(line).strip("\n")
    return shown if shown.strip() else ""


_LANGUAGE = r"[A-Za-z0-9_+.#-]"  # what Discord's client takes for the language of a code block
_MARGIN = r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?"  # what a list or a quote puts before a line
_FENCE = re.compile(rf"(?P<before>{_MARGIN})(?P<mark>`{{3,}}|~{{3,}})(?P<info>[^`~]*)")
_FENCE_AFTER_TEXT = re.compile(rf"(?P<before>[^`]*)(?P<mark>`{{3,}})(?P<info>[A-Za-z]{_LANGUAGE}*)")


def _code_block(lines: Sequence[str], at: int, dialect: Dialect) -> Block | None:
    if "```" not in lines[at] and "~~~" not in lines[at]:
        return None
    fence = _FENCE.fullmatch(lines[at]) or _FENCE_AFTER_TEXT.fullmatch(lines[at])
    if not fence:
        return None
    body, after, ended = _code(lines, at + 1, fence["before"], fence["mark"])
    info = fence["info"].strip()
    known = re.match(rf"{_LANGUAGE}{{1,20}}(?!{_LANGUAGE})", info)
    language = known[0] if known else ""
    body = list(dropwhile(lambda line: not line.strip(), body))  # as Discord's client does
    shown: list[str] = []
    if fence["before"].strip(" \t>"):
        shown += _divider_or_line(fence["before"].rstrip(), dialect)
    if info != language:  # would be shown as code
        shown.append(f"`{info}`")
    if not language and not body:
        return Block(at, after, "\n".join(shown), open=not ended)
    return Block(at, after, "\n".join((*shown, f"```{language}", *body)), CLOSE, open=not ended)


def _code(lines: Sequence[str], at: int, before: str, mark: str) -> tuple[list[str], int, bool]:
    """The lines of a block without what its list or quote puts before them; the number of the line after it; whether
    its end is there."""
    around = re.match(_MARGIN, before)
    margin = around[0] if around else ""
    quotes = margin.count(">")
    inside = re.compile(rf"(?: {{0,3}}> ?){{{quotes}}}" if quotes else rf"[ \t]{{0,{len(margin)}}}")
    closing = re.compile(rf" {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*")
    body: list[str] = []
    for number in range(at, len(lines)):
        start = inside.match(lines[number])
        if not start:  # the quote has ended
            return body, number, True
        line = lines[number][start.end() :]
        if closing.fullmatch(line):
            return body, number + 1, True
        body.append(unfenced(line))
    return body, len(lines), False  # a stream that goes on, or was cut
