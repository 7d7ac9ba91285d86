"""Calls of tools, put together from the pieces in which servers stream them: no two do it alike."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from bot.chat import storable
from bot.ports import Call

log = logging.getLogger(__name__)

MOST = 8  # calls in one answer
LONGEST = 10_000  # characters of arguments
ID = 9  # characters of an id that we make up; Mistral's templates take no other length
LONGEST_ID = 200


@dataclass(slots=True)
class _Begun:
    index: int | None
    id: str
    name: str
    arguments: str = ""


class Calls:
    """The calls of one answer on their way."""

    def __init__(self) -> None:
        self._begun: list[_Begun] = []
        self._full = False

    def add(self, pieces: object) -> None:
        """Take what a chunk says under `tool_calls`; what is no piece of a call is passed over."""
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, Mapping) and not self._full:
                self._add(piece)

    def whole(self) -> list[Call]:
        """What has been called, in order; each under an id of its own."""
        found: dict[str, Call] = {}
        for begun in self._begun:
            if not begun.name or len(begun.arguments) > LONGEST:
                log.debug("a call is dropped: it has no name, or more than %d characters of arguments", LONGEST)
                continue
            given = 0 < len(begun.id) <= LONGEST_ID and begun.id not in found
            id_ = begun.id if given else uuid4().hex[:ID]
            found[id_] = Call(id_, begun.name, storable(begun.arguments) or "{}")
        return list(found.values())

    def _add(self, piece: Mapping[str, object]) -> None:
        function = piece.get("function")
        said: Mapping[str, object] = function if isinstance(function, Mapping) else {}
        index = piece.get("index")
        index = index if isinstance(index, int) else None
        id_, name = _text(piece.get("id")), _text(said.get("name"))
        written = said.get("arguments")
        text = json.dumps(written, ensure_ascii=False) if isinstance(written, Mapping) else _text(written)
        begun = self._goes_on(index, id_, name)
        if begun is None and len(self._begun) == MOST:
            log.debug("calls are dropped: there are more than %d", MOST)
            self._full = True
            return
        if begun is None:
            begun = _Begun(index, id_, name)
            self._begun.append(begun)
        begun.id = begun.id or id_
        begun.name = begun.name or name
        if len(begun.arguments) <= LONGEST:
            begun.arguments += text

    def _goes_on(self, index: int | None, id_: str, name: str) -> _Begun | None:
        """The call that a piece goes on with; None when it begins one."""
        found = self._begun
        if index is not None and (id_ or name or any(begun.index == index for begun in found)):
            found = [begun for begun in found if begun.index == index]
        elif index is None and id_:
            found = [begun for begun in found if begun.id == id_]
        if not found:
            return None
        latest = found[-1]
        if id_ and latest.id and id_ != latest.id:  # each has the index 0
            return None
        if name and latest.name and name != latest.name:
            return None
        if name and not id_ and _complete(latest.arguments):  # the same tool once more
            return None
        return latest


def _text(value: object) -> str:
    return storable(value) if isinstance(value, str) else ""


def _complete(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
