"""The pronouns that people ask to be called by: she/her. Pure."""

import re

_WORD = "she|her|hers|he|him|his|they|them|theirs|it|its|xe|xem|xyr|ze|zir|hir|any|all"
_WORD += "|er|ihm|sie|ihr|elle|il|iel|ella|él|elu|ela|ele"
_SET = rf"(?:{_WORD})(?:\s?/\s?(?:{_WORD}))+"
_VALUE = re.compile(rf"(?:(?:my |uses? |prefers? )*pronouns?:? (?:are )?|uses? )?({_SET})(?: pronouns)?", re.IGNORECASE)
_SAID = re.compile(
    rf"\W*(?:(?:hi|hello|hey|btw|and|also)\W+)*"
    rf"(?:(?:my )?pronouns?(?: are|:| -| is)?\s*|i (?:use|go by|prefer) |i'm (?:a )?)?({_SET})"
    r"(?:\W*(?:here|please|pls|thanks|btw|pronouns|for me|is fine|are fine))*\W*",
    re.IGNORECASE,
)


def pronouns(value: str) -> str | None:
    """The set of pronouns that a value is, without signs."""
    found = _VALUE.fullmatch(value.strip())
    return _plain(found[1]) if found else None


def gives(sentence: str, wanted: str) -> bool:
    """Whether a sentence does nothing but give its author's pronouns, and these are the ones."""
    found = _SAID.fullmatch(sentence.strip()) if not sentence.rstrip().endswith("?") else None
    return found is not None and _plain(found[1]) == wanted


def _plain(text: str) -> str:
    return re.sub(r"\s", "", text.lower())
