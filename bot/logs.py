"""The log on stderr: one line an event, for people or for machines, never with people's words or secrets.

An exception that we did not raise ourselves may hold a value, and with it somebody's words: its message is never shown,
only its type, and where it came from.
"""

import asyncio
import logging
import sys
import threading
import traceback
import types
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

OURS = ("bot", "adapters", "memory")

log = logging.getLogger(__name__)


def set_up(level: str, format_: str) -> None:
    """Our own loggers at `level`; libraries only when they warn: at debug some log whole requests."""
    handler = _Stderr()
    if format_ == "json":
        handler.setFormatter(_json_formatter())
    else:
        handler.setFormatter(_Text("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S"))
    handler.addFilter(_is_fit)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


def catch_bugs() -> None:
    """What nobody catches goes to the log too, on this running loop and off it; Python would print its values."""
    if logging.lastResort is not None:  # for what goes wrong before `set_up`
        logging.lastResort.setFormatter(_Text("%(message)s"))
    asyncio.get_running_loop().set_exception_handler(_on_loop)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    warnings.showwarning = _warned


def told(error: BaseException) -> str:
    """An exception without any value in it: its message only if it is ours, or the operating system's own words."""
    kind = type(error)
    if _is_ours(kind.__module__):
        return f"{kind.__name__}: {error}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{kind.__name__}: errno {error.errno}"
    return kind.__name__


def traced(error: BaseException) -> str:
    """A traceback of an exception, and of those that led to it, without any value in it."""
    return "\n".join(_traced(error, set()))


def _traced(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and id(cause) not in seen:
        yield from _traced(cause, seen)
        yield "\nThen:\n"
    yield "Traceback (most recent call last):"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield told(error)
    for inner in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        if id(inner) not in seen:
            yield "\nOne of them:\n"
            yield from _traced(inner, seen)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in OURS


def _is_fit(record: logging.LogRecord) -> bool:
    """Whether a line is shown: a library's only when it warns. Exceptions among its values lose theirs."""
    if not _is_ours(record.name) and record.levelno < logging.WARNING:
        return False
    if isinstance(record.args, Mapping):
        record.args = {name: _without_value(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(_without_value(value) for value in record.args)
    record.msg = _without_value(record.msg)
    return True


def _without_value(value: Any) -> Any:
    """Ours are one line for an operator as they are."""
    return told(value) if isinstance(value, BaseException) and not _is_ours(type(value).__module__) else value


class _Traced(logging.Formatter):
    """Tracebacks without values."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the library's
        return traced(ei[1]) if ei[1] is not None else ""


class _Text(_Traced):
    """For people."""


def _json_formatter() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    class Json(_Traced, JsonFormatter):
        """For machines."""

    return Json("%(asctime)s %(levelname)s %(name)s %(message)s")


def _on_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What asyncio says behind the first words holds the values of what failed."""
    what = " ".join(str(context.get("message") or "").split()[:3])
    log.error("asyncio: %s …: a bug", what, exc_info=context.get("exception"))


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: types.TracebackType | None, /) -> None:
    if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
        log.critical("a bug", exc_info=error)


def _warned(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object, **__: object
) -> None:
    log.warning("%s at %s:%d", category.__name__, filename, lineno)


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment: while an answer is on the screen, lines go above it."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """The base class sets it once, to what it was then."""
