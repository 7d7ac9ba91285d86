"""A message cut into the clauses in which its writer speaks in the first person: in English, and when in doubt not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 200  # characters of a clause; what is longer is a story
READ = 2000  # characters of a message; what is longer was pasted

_FLAGS = re.IGNORECASE | re.MULTILINE | re.VERBOSE

# With one of these in it, nothing in a message is taken for what its writer says of themselves.
_CODE = r"```|`[^`]+`|https?://|www\.|[{}]|\w_\w|\w\(\)|\s=\s|=>|::|;$"
_LAYOUT = r"^[ \t]*(?:[-*+•>|\#]|\d+[.)])[ ]*\S|\*\*|__|^[ \t]*\w+(?:[ ]\w+)?:\s"  # lists, headings, quotes, `Name: …`
_CONFIDENTIAL = r"""\b(?:pass(?:word|phrase|code)|api[ -]?key|secret|token|credential|pin|iban)s?\b
    |\b(?:card|account)\ numbers?\b|\w@\w|\+?\d[\d\ -]{5,}\d
    |\b(?=\w*\d)(?=\w*[a-z])[\w-]{16,}\b"""
_MAKE_BELIEVE = r"""\b(?:imagine|pretend|suppose|supposing|role-?play\w*|hypothetical\w*|fictional|let's\ say)\b
    |\b(?:in|for)\ (?:the|this|my|a|our)\ (?:story|novel|game|campaign|dream|scenario|play)\b
    |\byou(?:'re|\ are)\ (?:now\ )?(?:an?|the|called)\b|\bact\ as\b"""
_ORDER = r"""\b(?:ignore|disregard|override|bypass|obey)\b|\binstructions?\b|\bfrom\ now\ on\b|\byou\ (?:must|shall)\b
    |^[\ \t"'(]*(?:please\ |(?:can|could)\ you\ )*(?:translate|correct|rewrite|rephrase|proofread|summari[sz]e|fix
    |improve|write|compose|complete|continue|say|repeat|spell)\b"""
_FOREIGN = re.compile("|".join((_CODE, _LAYOUT, _CONFIDENTIAL, _MAKE_BELIEVE, _ORDER)), _FLAGS)

# With one of these in it, a sentence is a question, a report, a wish or a joke, or claims a right.
_REPORT = r"\b(?:said|says|say|told|tells|thinks?|asked|asks|claims?|believes?|reckons?|guess|was\ like)\b"
_WISH = r"\b(?:if|unless|whether|would|wish|maybe|perhaps|might|could|should)\b"
_JOKE = r"\b(?:lol|lmao|haha\w*|jk|kidding|joking)\b|/s\b|[😂🤣😜😉]"
_RIGHT = r"""\b(?:allowed|authori[sz]ed|permitted|entitled)\ to\b|\bi(?:'m|\ am)\ (?:root|admin)\b
    |\b(?:the|your)\ (?:admin(?:istrator)?|owner|creator|developer|boss|master|moderator|operator)\b"""
_DOUBTFUL = re.compile(rf"""\?|["“”„«»]|(?:^|\s)['‘]\w.*\w'(?:\W|$)|{_REPORT}|{_WISH}|{_JOKE}|{_RIGHT}""", _FLAGS)

# What it is about stands elsewhere, so that it would not be understood alone; or it is about the bot.
_POINTING = re.compile(
    r"\byou(?! can call me)\b|\b(?:your|yours|u|ur|it|it's|(?<!/)them|him|his|those|he|she|these(?! days))\b|"
    r"\bthey\b(?!/)|\b(?:this|that)(?= \w+$|$)"
    r"(?! (?:year|month|week|\w+day|spring|summer|autumn|fall|winter|january|february|march|april|may|"
    r"june|july|august|september|october|november|december))"
)

_END = re.compile(r"(?<=[.!?…])\s+|[;\n]|\s[-–—]+\s|[()]")
_I = r"(?:i|i'm|im|i've|ive|my|we|we're|we've|our)\b"
_SAME_I = r"(?:work|live|love|like|play|study|teach|enjoy|hate|prefer|collect|speak|have)\b"  # … and work as a nurse
_IT = r"(?:it|it's|that's|they|he|she|is|was)\b"
_JOINT = re.compile(
    rf"[\s,]+(?:and|but|so|because|while|since|which)\s+(?={_I}|{_SAME_I}|{_IT})|\s*,\s*(?={_I})"
    r"|\s*,\s*(?:so|but|excuse|sorry|no|nice)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"""[\s,.!:…~*-]*(?:(?:@\w+|<@!?\w+>|hi|hello|hey|hiya|(?:good\ )?(?:morning|evening|afternoon)|thanks|thank\ you|thx
    |cheers|ok|okay|cool|great|nice|well|so|oh|ah|um+|yeah|yep|yes|no|nope|also|and|but|because|btw|by\ the\ way|fyi|actually
    |honestly|anyway|for\ the\ record|just\ so\ you\ know|there|all|(?:everyone|folks)(?!\ calls?\b)|again|hathi|sorry
    |please|(?:remember|note|keep\ in\ mind)(?:\ that)?)(?:[\s,.!:]+|$))*""",
    _FLAGS,
)
_CLOSING = re.compile(
    r"(?:\b(?:btw|by\ the\ way|fyi|though|tho|actually|please|thanks|too|as\ well)|[^\w%+)])+$", _FLAGS
)
_SPEAKER = re.compile(
    rf"{_I}|(?:you can )?call me\b|(?:everyone|everybody|people|(?:my |most )?friends) calls? me\b|in my \w+ time\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a message in which its writer speaks of themselves."""

    text: str  # as it was written, on one line
    plain: str  # for comparing: lower case, straight apostrophes, and with its `i` where the one before it lends it


def clauses(message: str) -> list[Clause]:
    """What may say something about the writer, in order; of most messages nothing."""
    straight = message.replace("’", "'")  # as long as it was: places in one are places in the other
    if len(message) > READ or _FOREIGN.search(straight):
        return []
    found = []
    for start, end in _pieces(straight, 0, len(straight), _END):
        if not _DOUBTFUL.search(straight[start:end]):
            found += list(_clauses(message, straight, start, end))
    return found


def _clauses(message: str, straight: str, start: int, end: int) -> Iterator[Clause]:
    """Those of one sentence."""
    lent = False
    for left, right in _pieces(straight, start, end, _JOINT):
        opening = _OPENING.match(straight, left, right)
        begin = opening.end() if opening else left
        closing = _CLOSING.search(straight, begin, right)
        finish = closing.start() if closing else right
        plain = " ".join(straight[begin:finish].lower().split())
        if lent and re.match(_SAME_I, plain):
            plain = f"i {plain}"
        lent = lent or plain.startswith(("i ", "i'm ", "im "))
        text = " ".join(message[begin:finish].split())
        if len(text) <= LONGEST and " " in plain and _SPEAKER.match(plain) and not _POINTING.search(plain):
            yield Clause(text, plain)


def _pieces(text: str, start: int, end: int, boundary: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Where the pieces of `text[start:end]` between the boundaries begin and end."""
    for match in boundary.finditer(text, start, end):
        yield start, match.start()
        start = match.end()
    yield start, end
