"""What the server of a model takes, as far as is known: plain data, learned from its refusals."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

# What can be left out of a request, or said in another way. Any other name is that of a field in the request's body.
LATE_SYSTEM = "late system"  # instructions after the first message: said by the user instead
SYSTEM = "system"  # a role for instructions: they stand at the beginning of the user's first message instead
FREE_TURNS = "free turns"  # roles in any order: user and assistant take turns instead, and the user begins and ends
IMAGES = "images"
TOOLS = "tools"
TOOL_CHOICE = "tool_choice"  # the field
FORCED_CALL = "forced call"  # a tool that must be called
JSON_SCHEMA = "json_schema"  # as a response_format
JSON_OBJECT = "json_object"  # as a response_format
CACHE_MARKS = "cache_control"  # on a part of a message; text is sent as a list of parts there

WORDS = {
    LATE_SYSTEM: "system messages after the first one",
    SYSTEM: "system messages",
    FREE_TURNS: "several messages of one role in a row",
    FORCED_CALL: "forced calls of tools",
}


class Way(Enum):
    """How a model is made to call a tool."""

    TOOL = "tool_choice"
    SCHEMA = "json_schema"  # in words, and bound by a response_format
    JSON = "json_object"  # in words, and bound to JSON of any kind
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Profile:
    """What is left out of the requests for a model."""

    left_out: frozenset[str] = frozenset({CACHE_MARKS})  # marks are for those that want them
    limits: tuple[str, ...] = ("max_tokens", "max_completion_tokens")  # names for one field: the first that is taken

    @classmethod
    def of(cls, *, cache_marks: bool, limits: tuple[str, ...]) -> "Profile":
        """What is known of a provider's models beforehand."""
        return cls(frozenset() if cache_marks else frozenset({CACHE_MARKS}), limits)

    def takes(self, name: str) -> bool:
        return name not in self.left_out

    def without(self, names: Iterable[str]) -> "Profile":
        return replace(self, left_out=self.left_out.union(names))

    @property
    def limit(self) -> str | None:
        """The field that bounds an answer's length, if there is one."""
        return next((name for name in self.limits if self.takes(name)), None)

    @property
    def way(self) -> Way:
        """The best way of making the model call a tool."""
        if self.left_out.isdisjoint({TOOLS, TOOL_CHOICE, FORCED_CALL}):
            return Way.TOOL
        if self.takes(JSON_SCHEMA):
            return Way.SCHEMA
        return Way.JSON if self.takes(JSON_OBJECT) else Way.WORDS


def in_words(names: Iterable[str]) -> str:
    """What is left out, for people: `stream_options, system messages`."""
    return ", ".join(sorted(WORDS.get(name, name) for name in names))
