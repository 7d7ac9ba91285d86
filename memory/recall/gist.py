"""Texts that say the same, however they are dressed up. Pure."""

from collections.abc import Sequence
from hashlib import blake2b

from memory.recall.terms import terms

# Words that change nothing about what is said or asked.
_FILLERS = frozenset(
    """
    a actually again ah also an and anyway btw but da eh erm er hello hey hi hm hmm just like listen lol me now oh ok
    okay please pls quick quickly really remind right s say so sorry sure tell thanks the then there thx uh um well yeah
    yes you know
    """.split()
)


def core(text: str) -> list[str]:
    """The words of a text that matter to what it says; all of them where none do."""
    words = terms(text)
    return [word for word in words if word not in _FILLERS] or words


def gist(text: str) -> int:
    """A number of 64 bits, with a sign: the same for texts that say the same in the same words."""
    said = " ".join(core(text)) or text.strip()
    return int.from_bytes(blake2b(said.encode("utf-8", "replace"), digest_size=8).digest(), signed=True)


def alike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two questions ask the same, by their words: four in five of all are in both."""
    first, second = set(one), set(other)
    return bool(first) and 5 * len(first & second) >= 4 * len(first | second)
