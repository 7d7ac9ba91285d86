"""JSON as models write it: with words or reasoning around it, in a fence, in a string, with commas too many.

Nothing is made up: what is cut off is none. A library that repairs JSON closes what is open, so that half a sentence
counts as a whole one; what is left, the tidy-up of commas and the search for a beginning, is shorter than its use.
"""

import json
import re
from typing import NoReturn

TRIES = 200  # places at which one text is tried
UNWRAPPED = 3  # strings that hold JSON, within one another

_BEGINNING = re.compile(r'[{\[]|"(?=[{\[])')
# Strings are passed over; outside of them, a comma before a closing bracket goes.
_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+")|,(?=\s*[}\]])', re.DOTALL)


def values(text: str) -> list[object]:
    """Objects and arrays in a text, outermost only, in order; none at all if one of them is cut off at its end."""
    whole: object = text
    for _ in range(UNWRAPPED):
        if isinstance(whole, str):
            text = whole.strip()
            whole = _whole(text)
    if isinstance(whole, dict | list):
        return [whole]
    return _within(_COMMA.sub(lambda found: found[1] or "", text))


def _whole(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _within(text: str) -> list[object]:
    found: list[object] = []
    at = 0
    for _ in range(TRIES):
        beginning = _BEGINNING.search(text, at)
        if beginning is None:
            break
        try:
            value, at = _DECODER.raw_decode(text, beginning.start())
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated"):
                return []
            at = beginning.end()
            continue
        except (ValueError, RecursionError):
            at = beginning.end()
            continue
        if isinstance(value, str):
            value = _whole(value)
        if isinstance(value, dict | list):
            found.append(value)
    return found


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity, which Python reads and nobody else does."""
    raise ValueError


_DECODER = json.JSONDecoder(parse_constant=_refuse, strict=False)  # line breaks in strings: small models write them
