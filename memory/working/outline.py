"""Markdown as people and models write it, taken apart into headings and what stands below each other."""

import re
from dataclasses import dataclass, field

_HEADING = re.compile(r"(#{1,6})\s+(.+?)(?:\s+#+)?$")
_RULE = re.compile(r"(?:-{3,}|\*{3,}|_{3,}|={3,})$")
_FENCE = re.compile(r"(?:`{3,}|~{3,})\S*$")
_BULLET = re.compile(r"(?:[-*+•]|\d{1,3}[.)])(?:\s+(.*))?$")
_LEADS = re.compile(r".*[:：]\**$|\*\*[^*]+\*\*$")  # a line that announces the bullets that follow it


@dataclass(slots=True)
class Item:
    """A bullet, or a line that is none."""

    line: int  # its number, from 1
    text: str
    bullet: bool
    items: list["Item"] = field(default_factory=list)  # what is below it


@dataclass(slots=True)
class Section:
    """A heading and what is below it; what precedes all headings and what follows a rule has no title."""

    line: int
    level: int = 0  # 1 to 6; 0: no heading
    title: str = ""
    items: list[Item] = field(default_factory=list)


def outline(text: str) -> list[Section]:
    """The sections of a text in order. Comments that begin a line, and the fences around code, are left out."""
    sections = [Section(0)]
    above: list[tuple[float, Item]] = []  # what the next line may be below, with its indentation
    comment = apart = False
    for number, line in enumerate(text.expandtabs(4).splitlines(), 1):
        words = line.strip()
        indent = len(line) - len(line.lstrip())
        heading = _HEADING.match(words)
        if comment or words.startswith("<!--"):
            comment = "-->" not in words
        elif heading or _RULE.match(words):
            sections.append(Section(number, len(heading[1]), heading[2]) if heading else Section(number))
            above = []
        elif above and words and not apart and not _BULLET.match(words) and indent > above[-1][0] + 1:
            above[-1][
                1
            ].text = f"{above[-1][1].text} {words}".strip()  # an indented line goes on with the one before it
        elif words and not _FENCE.match(words):
            _place(words, number, indent, sections[-1], above)
        apart = not words
    return sections


def _place(words: str, line: int, indent: int, section: Section, above: list[tuple[float, Item]]) -> None:
    """Put a line where it belongs; bullets are below the line that announces them, indented or not."""
    bullet = _BULLET.match(words)
    depth = indent if bullet else indent - 0.5
    while above and above[-1][0] >= depth:
        above.pop()
    item = Item(line, (bullet[1] or "").strip() if bullet else words, bullet is not None)
    (above[-1][1] if above else section).items.append(item)
    if bullet or _LEADS.match(words):
        above.append((depth, item))
