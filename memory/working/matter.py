"""What a person wants forgotten, in their own words, and which texts speak of it. Pure.

English has its small words listed here; in other languages all words count.
"""

import re
from collections.abc import Iterable, Set

ENOUGH = 0.5  # of the telling words of a matter: a text with so many of them repeats it

_SMALL = frozenset(
    """
    a about all am an and any are as at be been but by can could did do does for from had has have he her hers
    him his how i i'd i'll i'm i've if in is it it's its just like me mine my not of on or our please remember
    said say says she so tell that that's the their them there these they thing things this those to told too up
    us was we were what what's when where which who why will with would you your yours forget forgot forgotten
    anything everything something know knew note noted remembered okay ok yes no
    """.split()
)
# What a thing is, and not which: alone they tell nothing.
_KINDS = frozenset(
    """
    age animal band birthday book born called city color country enjoy favorite film food game hobby job like live love
    movie music name named number pet prefer song sport team work year
    """.split()
)
_REQUEST = re.compile(
    r"\W*(?:(?:hey |hi )?hathi\W+)?(?:please |can you |could you |would you )?(?:please )?forget "
    r"(?:about |that |all about )*(?P<matter>.+)",
    re.IGNORECASE | re.DOTALL,
)
_MINE = re.compile(r"\b(?:my|mine|i|i'm|i've|i'd)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[.!?;\n]+|,|\b(?:and|but|because|so)\b", re.IGNORECASE)


def asked(text: str) -> str | None:
    """The matter that a message asks to have forgotten: `forget my favourite colour`; None when it asks for nothing.

    A whole person is no matter: that is what `/forget me` is for.
    """
    found = _REQUEST.fullmatch(text.strip())
    if found is None or len(text) > 200 or not _MINE.search(found["matter"]) or not words(found["matter"]):
        return None
    return found["matter"]


def wants_gone(text: str, value: str) -> bool:
    """Whether a message asks to have forgotten what a value says: then it does not say it anew."""
    matter = re.split(r"[.!?;,\n]|\bbut\b", asked(text) or "")[0]
    return bool(words(value)) and words(value) <= words(matter)


def words(text: str) -> frozenset[str]:
    """The words of a text that say something, in a form in which they can be compared."""
    found = (word.strip("'") for word in re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.replace("’", "'").casefold()))
    return frozenset(_stem(word) for word in found if word and word not in _SMALL)


def speaks_of(text: str, matter: Set[str]) -> bool:
    """Whether a text has all the words of a matter."""
    return bool(matter) and matter <= words(text)


def telling(text: str, matter: Set[str]) -> frozenset[str]:
    """What a text says of a matter: the other words of the clauses that speak of it; without a matter, of all.

    Words for kinds of things count only where nothing else is said.
    """
    clauses = [clause for clause in _CLAUSE.split(text) if speaks_of(clause, matter)] if matter else [text]
    said = frozenset[str]().union(*map(words, clauses)) - matter
    return (said - _KINDS) or said


def repeats(text: str, tellings: Iterable[Set[str]]) -> bool:
    """Whether a text says what one of these said."""
    said = words(text)
    return any(known and len(known & said) >= ENOUGH * len(known) for known in tellings)


def _stem(word: str) -> str:
    """Without the endings and spellings by which the same English word differs: colours and color are one."""
    word = re.sub(r"'s$", "", word)
    if len(word) > 4:
        word = re.sub(r"(?<=[^aeiou])ies$", "y", word)
        word = re.sub(r"(?<=[^s])s$", "", word)
    return re.sub(r"(?<=[a-z]{2})our$", "or", re.sub(r"(?<=[a-z]{2})ourite$", "orite", word))
