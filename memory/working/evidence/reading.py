"""A message cut into sentences and clauses, without what its author only quotes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memory.working.evidence.language import Language, candidates, recognise

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]* [^`\n]* [^`\n]*`", re.DOTALL)
# A line of a chat that was pasted: `<Bob> I live in Rome`, `[10:32] Bob: so do I`.
_PASTED = re.compile(
    r"^\s*(?:<(?![@#:])[^<>\n]{1,32}>|\[?\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]m)?\]?[^\w\n]*[^\n:]{1,32}:)\s.*$",
    re.MULTILINE | re.IGNORECASE,
)
_HIDDEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_QUOTED = re.compile(
    r"“([^”]*)”|„([^“”]*)[“”]|«([^»]*)»|»([^«]*)«|\"([^\"\n]*)\"|「([^」]*)」|『([^』]*)』|‘([^’\n]*)’(?!\w)"
    r"|(?<!\w)'([^'\n]* [^'\n]*)'(?!\w)"
)
_SHORT = "".join(
    rf"(?<!\b{word}\.)" for word in ("St", "Dr", "Mr", "Ms", "Mrs", "Prof", "Sr", "Sra", r"z\.B", r"e\.g", r"d\.h")
)
_END = re.compile(
    rf"(?<=[.!?…]){_SHORT}(?<!\d\.)\s+|(?<=\d\.)\s+(?=(?:I|I'm|My|We|Ich|Je|Do|Can)\b)|(?<=[.!?…]\))\s+|\n+"
    r"|(?<=[。！？])|(?=¿)|;"
)
_MARKS = re.compile(r"(?<!\d)[,:]|[,:](?!\d)|[;–—()，、；：•|]|\s-+\s|\.\.\.|\.(?=\s|$)")
WHOLE = 4000  # characters of a message that is read whole; of a longer one, what stands around the quote
HEAD, NEAR = 500, 1500  # characters of a longer one: at its beginning, where a play is announced, and beside the quote
STORY = 2000  # characters of a sentence; rules do not reach one that is longer


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence with one statement in it."""

    text: str  # as it was written, with single spaces
    plain: str  # in lower case
    joint: str  # what joins it to the one before: `but`, `and`, `because`, `that`, `,`; empty for the first
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, in a language that is known or not."""

    text: str
    plain: str
    language: Language | None
    clauses: tuple[Clause, ...]


def without_quoted(text: str) -> str:
    """A text without code and without what others say in it between quotation marks; titles and names stay."""
    text = _CODE.sub(" ", _PASTED.sub("", _HIDDEN.sub("", text)))
    return _QUOTED.sub(lambda found: _title(next((part for part in found.groups() if part is not None), "")), text)


def near(text: str, quote: str) -> str:
    """A text, or of a long one its beginning and what stands around a quote: in whole sentences if it has any."""
    if len(text) <= WHOLE:
        return text
    words = re.findall(r"[^\W_]+", quote)
    found = re.search(r"[\W_]+".join(words), text, re.IGNORECASE) if words else None
    if found is None:
        return text[:WHOLE]
    start, end = max(found.start() - NEAR, 0), found.end() + NEAR
    before = _END.split(text[start : found.start()])
    after = _END.split(text[found.end() : end])
    kept = text[:end] if len(after) < 2 else text[: end - len(after[-1])]
    start = start if start == 0 or len(before) < 2 else start + len(before[0])
    return f"{text[:HEAD]}\n{kept[start:]}" if start > HEAD else kept


def sentences(text: str, assumed: Language | None = None) -> list[Sentence]:
    """The sentences of a text, in order. `assumed`: the language of those that may be in several."""
    text = text.replace("’", "'").replace("＇", "'")
    return [_sentence(part, text, assumed) for part in _split(text)]


def ambiguous(text: str) -> Sequence[Language | None]:
    """The languages that a text may be in, where that is not clear; else None alone."""
    return next(
        (found for part in _split(text) if len(part) <= STORY and len(found := candidates(part, text)) > 1), [None]
    )


def _split(text: str) -> list[str]:
    return [part for part in map(str.strip, _END.split(text)) if re.search(r"\w", part)]


def _title(quoted: str) -> str:
    """What was between quotation marks, if it is rather a name than speech."""
    language = recognise(quoted)
    plain = quoted.lower()
    speech = len(quoted.split()) > 7 or re.search(r"[.!?]\s*$", quoted) is not None
    if language is not None and not speech:
        spoken = _spaced(plain, language)
        speech = any(language.finds(marker, spoken) for marker in ("self", "verb_first"))
    return " … " if speech else quoted


def _spaced(text: str, language: Language | None) -> str:
    if language is not None and language.elided:
        text = re.sub(r"(?<=\w)'(?=\w)", "' ", text)
    return " ".join(text.split())


def _sentence(part: str, around: str, assumed: Language | None) -> Sentence:
    if len(part) > STORY:
        return Sentence(part, part.lower(), None, (Clause(part, part.lower(), "", _is_question(part)),))
    language = recognise(part, around) or (assumed if candidates(part, around) else None)
    text = _spaced(part, language)
    if language is None:
        return Sentence(text, text.lower(), None, (Clause(text, text.lower(), "", _is_question(text)),))
    clauses = [
        Clause(piece, piece.lower(), joint) for joint, piece in _pieces(text, language) if re.search(r"\w", piece)
    ]
    if _is_question(text):
        clauses = _asked(clauses, language)
    else:
        clauses = [
            _with(clause, language.opens("asks", _bare(clause.plain, language)) is not None) for clause in clauses
        ]
    return Sentence(text, text.lower(), language, tuple(_inherited(clauses, language)))


def _is_question(text: str) -> bool:
    return re.search(r"[?？؟]\W*$", text) is not None


def _asked(clauses: list[Clause], language: Language) -> list[Clause]:
    """The clauses of a sentence that ends with a question mark, each with whether it is part of the question."""
    plain = [_bare(clause.plain.strip(" ?!.¿"), language) for clause in clauses]
    if language.opens("rhetorical", clauses[0].plain):
        return clauses
    last = len(clauses) - 1
    tag = last > 0 and language.markers["tags"].fullmatch(plain[last])
    opening = next((index for index, text in enumerate(plain) if language.opens("asks", text)), None)
    if opening is None:
        opening = max(last - 1, 0) if tag else last
    return [_with(clause, index >= opening) for index, clause in enumerate(clauses)]


def _inherited(clauses: list[Clause], language: Language) -> Iterator[Clause]:
    """Or in Rome, after a question: asked as well."""
    asked = False
    for clause in clauses:
        own = any(language.finds(marker, clause.plain) for marker in ("self", "others", "third"))
        asked = clause.asked or (asked and not own and clause.joint != "but")
        yield _with(clause, asked)


def _with(clause: Clause, asked: bool) -> Clause:
    return Clause(clause.text, clause.plain, clause.joint, asked)


def _bare(plain: str, language: Language) -> str:
    """A clause without its greeting."""
    while (found := language.opens("opening", plain)) and found.end() < len(plain) and found.end():
        plain = plain[found.end() :].lstrip(" ,.!:¡¿*~-")
    return plain


bare = _bare


def _pieces(text: str, language: Language) -> Iterator[tuple[str, str]]:
    """The clauses of a sentence with what joins each to the one before."""
    cuts = [(match.start(), match.end(), ":" if match[0] in ":：" else ",") for match in _MARKS.finditer(text)]
    plain = text.lower()
    if len(plain) == len(text):
        for joint in ("but", "turns", "because", "that", "and", "if"):
            cuts += [
                (
                    match.start(),
                    match.start() if joint in ("if", "turns") else match.end(),
                    "but" if joint == "turns" else joint,
                )
                for match in language.markers[joint].finditer(plain)
            ]
    start, kind = 0, ""
    for left, right, joint in sorted(cuts):
        if left < start:
            continue
        piece = text[start:left].strip()
        if piece:
            yield kind, piece
        # A comma before a conjunction is one joint with it.
        kind = joint if piece or joint not in ",:" else kind
        start = right
    if text[start:].strip():
        yield kind, text[start:].strip()
