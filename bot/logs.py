"""The log on stderr: one line an event, for people or for machines, never with people's words or secrets."""

import logging
import sys
from typing import TextIO

OURS = ("bot", "adapters", "memory")


def set_up(level: str, format_: str) -> None:
    """Our own loggers at `level`; libraries only when they warn: at debug some log whole requests."""
    handler = _Stderr()
    if format_ == "json":
        from pythonjsonlogger.json import JsonFormatter

        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: while an answer is on the screen, lines go above it."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """The base class sets it once, to what it was then."""
