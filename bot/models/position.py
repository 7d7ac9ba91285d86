"""Where the end of a growing Markdown text stands: in code, at the beginning of a line, behind a sentence."""

import re

KEPT = 200  # characters of a line's beginning; fences are shorter
TAIL = 20  # characters of its end

_FENCE = re.compile(r"\s*(?:[-*+>]\s+|\d+[.)]\s+)*(`{3,}|~{3,})(.*)")
_TICKS = re.compile("`+")
_TALK = re.compile(r"[ \t]+[a-z(]|[,.;:!?)'\"`*]")


class Position:
    """What is known of the text so far; a line may be as long as it likes."""

    def __init__(self) -> None:
        self.fence = ""  # of the block of code in which the text is
        self._begin_line()

    @property
    def at_start(self) -> bool:
        """Whether nothing but blanks stands on this line."""
        return not self._head.strip()

    @property
    def in_code(self) -> bool:
        """Whether it is in a block of code, or behind backticks that did not close yet."""
        return bool(self.fence) or bool(self._ticks % 2 or self._runs % 2)

    def add(self, text: str) -> None:
        """Go on behind the text."""
        *ended, rest = text.split("\n")
        for line in ended:
            self._add(line)
            self.end_line()
        self._add(rest)

    def end_line(self) -> None:
        """Open or close a block of code, if this line does."""
        found = _FENCE.match(self._head)
        if found:
            mark, behind = found[1], found[2]
            if not self.fence:
                self.fence = "" if mark[0] == "`" and "`" in behind else mark
            elif mark.startswith(self.fence) and not behind.strip():
                self.fence = ""
        self._begin_line()

    def closes(self, after: str) -> bool:
        """Whether a mark here, and `after` behind it, closes something, rather than being talked about."""
        if _TALK.match(after):
            return False
        said = self._tail.rstrip()
        if not said:
            return True
        if said != self._tail:  # a blank before it: after the end of a sentence, and at the end of its line
            return said[-1] in ".!?…。！？" and (not after or after[0] == "\n")
        return said[-1] not in "`'\"“‘(<>/*"

    def _begin_line(self) -> None:
        self._head = self._tail = ""
        self._ticks = self._runs = 0

    def _add(self, text: str) -> None:
        if "`" in text:
            self._ticks += text.count("`")
            goes_on = text[0] == "`" and self._tail.endswith("`")
            self._runs += len(_TICKS.findall(text)) - goes_on
        if len(self._head) < KEPT:
            self._head += text[:KEPT]
        self._tail = (self._tail + text[-TAIL:])[-TAIL:]
