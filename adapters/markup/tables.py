"""A table, which chats do not have: shown aligned in a code block while it is narrow, else as a list."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

from adapters.markup.inline import code_spans, masked, plain, rewritten, unfenced

COLUMNS = 60  # of a table that is shown as a table; a wider one wraps on most screens and is shown as a list


def table(lines: Sequence[str], at: int, prose: Callable[[str], str]) -> tuple[str, int] | None:
    """What a table that begins in this line becomes, and the number of the line after it; None if none does."""
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
    return _as_block(header, rows, right) or _as_list(header, rows, prose), after


def _cells(row: str) -> list[str]:
    """Pipes that are escaped or in inline code part no cells."""
    row = row.strip()
    beside_code = masked(row, ((start, end) for start, end, _ in code_spans(row)))
    pipes = [match.start() for match in re.finditer(r"\\.|\|", beside_code) if match[0] == "|"]
    bounds = [-1, *pipes, len(row)]
    cells = [row[start + 1 : end].strip().replace("\\|", "|") for start, end in pairwise(bounds)]
    return cells[beside_code.startswith("|") : len(cells) - (len(pipes) > 1 and pipes[-1] == len(row) - 1)]


def _as_block(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> str:
    """Columns in a code block; empty when they are too wide, or hold links, which are none in code."""
    cells = [[plain(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(_columns, column)) for column in zip(*cells, strict=True)]
    rule = "-+-".join("-" * width for width in widths)
    if len(rule) > COLUMNS or any(re.search(r"://|\]\(", cell) for row in cells for cell in row):
        return ""

    def padded(cell: str, width: int, right: bool) -> str:
        space = " " * (width - _columns(cell))
        return space + cell if right else cell + space

    first, *others = (" | ".join(map(padded, row, widths, right)).rstrip() for row in cells)
    return "\n".join(("```", *map(unfenced, (first, rule, *others)), "```"))


def _as_list(header: Sequence[str], rows: Sequence[Sequence[str]], prose: Callable[[str], str]) -> str:
    """One paragraph a row, one line a cell."""
    titles = [rewritten(plain(cell).rstrip(":"), prose) for cell in header]
    if not rows:
        return "\n".join(f"**{title}**" for title in titles if title)

    def entry(title: str, cell: str) -> str:
        value = rewritten(cell, prose).strip()
        return f"**{title}:** {value or '–'}" if title else value

    return "\n\n".join("\n".join(filter(None, map(entry, titles, row))) for row in rows)


def _columns(text: str) -> int:
    """How wide it is in a font of one width."""
    if text.isascii():
        return len(text)
    return sum(map(_width, re.sub("\u200d.|[\U0001f3fb-\U0001f3ff]", "", text)))


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
