"""A text read clause by clause: what each names, whose it is, and whether it is asked. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from memory.matters.languages import LANGUAGES, Language
from memory.matters.vocabulary import FAVOURITE, IDIOMS, KINDS, RELATIVES, TRAITS, WONDERS

NEAR = 3  # words before a noun in which it is looked for whose it is

# Scripts without spaces between words: a run of them is compared by its pairs.
_DENSE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_ELISION = re.compile(r"\b(j|l|d|m|n|s|t|c|qu|dov|com)'(?=[^\W\d_]{2})", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*(?:-[^\W_]+)*(?:(?<=s)'(?=\s))?")
_END = re.compile(r"([.!?;:\n…。！？؟¿¡()]+|,|\s[-–—]+\s)")
_ASKED = re.compile(r"[?？؟]")
_ASKING = re.compile(r"(?:吗|嗎|呢|か)\s*$")
_ADDRESS = re.compile(r"[\w+-]+(?:\.[\w+-]+)*@[\w-]+(?:\.[\w-]+)*")
_IS = frozenset("what who where that it he she there here how when let".split())
_RUN = {"whats": "what's", "wheres": "where's", "whos": "who's", "hows": "how's", "whens": "when's"}
_SHORT = {"m": "am", "ve": "have", "d": "would", "ll": "will", "re": "are"}
_THINGS = frozenset("it its they them their theirs es lo les le".split())  # which stand for anything
_QUOTED = re.compile(r"\W*you (?:just )?(?:said|wrote|asked)\b[^:,.]{0,20}[:,]\s*", re.IGNORECASE)  # an answer
_JOINED = re.compile(r"^ex-|^step-?|^half-|-in-laws?$|^grand-|^est-|^(?:as|sais|connais|ai)-")


_JOINS = {
    name: re.compile(rf"\s(?:{'|'.join(map(re.escape, sorted(language.joins)))})\s", re.IGNORECASE)
    for name, language in LANGUAGES.items()
}


class By(Enum):
    """Whose words a text is made of."""

    PERSON = "the person's"
    BOT = "an answer's"
    LINE = "a line's of the person's page"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a clause."""

    form: str  # in small letters
    stem: str  # without what differs between forms of one word
    capital: bool
    owns: bool = False  # with 's: what follows is theirs
    relative: str = ""  # whom it is a word for, if it is one


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a text that says, or asks, one thing."""

    words: tuple[Word, ...]
    language: str
    by: By
    asks: bool
    own: bool  # speaks of the person
    others: bool  # speaks of somebody who is not named as the person's
    relatives: frozenset[str]  # of whom it speaks, also by a pronoun
    said: frozenset[str]  # kinds of facts that it states or asks for, in other words than the kind's name
    called: frozenset[str]  # kinds that it calls the person's own: my name
    mentioned: frozenset[str]  # kinds that it calls by name, whosever
    traits: frozenset[str]
    spoken: frozenset[str] = frozenset()  # the words by which it states kinds
    other: bool = False  # an answer in which the bot speaks of itself
    stems: frozenset[str] = field(init=False)  # its words, to be compared

    def __post_init__(self) -> None:
        object.__setattr__(self, "stems", frozenset(word.stem for word in self.words))

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of facts of the person that it is about."""
        return self.said | self.called


def language_of(text: str, otherwise: str = "") -> str:
    """The language of a text by its small words; `otherwise` where none is known."""
    forms = [word[0].casefold().partition("'")[0] for word in _WORD.finditer(straight(text))]
    score = {name: sum(form in language.known for form in forms) for name, language in LANGUAGES.items()}
    best = max(score, key=lambda name: (score[name], name == otherwise, name == "en"))
    return best if score[best] else otherwise


def read(text: str, by: By, language: str, words: str = "") -> list[Clause]:
    """The clauses of a text. `language`: of what it is compared with, whose endings count; `words`: of the text."""
    words = words or language_of(text, language or "en")
    text = straight(text)
    if by is By.BOT and (quoted := _QUOTED.match(text)):
        text, by = text[quoted.end() :], By.PERSON
    found: list[Clause] = []
    for piece in _pieces(IDIOMS.sub(" ", text), words):
        clause = _clause(piece, by, words, language, found[-1] if found else None)
        if clause.words:
            found.append(clause)
    return found


def read_line(label: str, value: str, language: str) -> Clause:
    """A line of a page, as one clause about the person unless it names somebody else."""
    text = straight(value)
    words = language_of(value, language or "en")
    told = tuple(_words(text, language or words, {language, words} - {""} if language_of(value) else LANGUAGES))
    named = tuple(_words(straight(label), "en", LANGUAGES))
    called = frozenset(kind for kind, its in KINDS.items() if any(word.form in its.nouns for word in named))
    mentioned = called | frozenset(kind for kind, its in KINDS.items() if calls(told, its.nouns, LANGUAGES[words]))
    relatives = frozenset(word.relative for word in (*named, *told) if word.relative)
    said = frozenset(kind for kind, its in KINDS.items() if its.said.search(text))
    foreign = bool(said) and len(told) > 1 and told[0].capital and told[0].form not in LANGUAGES[words].known
    others = any(word.owns and not word.relative for word in told) or foreign
    every = (*named, *told)
    traits = _traits(told)
    return Clause(
        every, words, By.LINE, False, True, others, relatives, said, called, mentioned, traits, spoken(text, said)
    )


def calls(words: Sequence[Word], nouns: Collection[str], small: Language) -> bool:
    """Whether a kind is called by its name, and not something like it: an e-mail address is none where one lives."""
    before = [words[at - 1] if at else None for at, word in enumerate(words) if word.form in nouns]
    return any(one is None or one.owns or one.form in small.known or one.form in nouns for one in before)


def spoken(text: str, kinds: Collection[str]) -> frozenset[str]:
    """The words by which a text states kinds of facts, without calling them by name."""
    found = (match[0] for kind in set(kinds) - {"email"} for match in KINDS[kind].said.finditer(text))
    return frozenset(word for one in found for word in re.findall(r"[^\W_]+", one.casefold()))


def stem(form: str, language: str) -> str:
    """A word without the endings by which forms of it differ; colours and color are one."""
    form = re.sub(r"(?<=[a-z]{2})our(?=s?$)", "or", re.sub(r"(?<=[a-z]{2})ourite", "orite", form))
    if len(form) < 4:
        return form
    cut = re.sub(LANGUAGES[language or "en"].endings, "", form)
    return f"{cut}y" if language in ("", "en") and form.endswith("ies") and cut != form else cut


def pointed(clause: Clause, at: int, relatives: Collection[str] = ()) -> bool | None:
    """Whether the noun at a place is the person's: my dog; None where it is open. `relatives`: who may own it."""
    language = LANGUAGES[clause.language]
    if _belongs(clause, at, language, relatives) or (at and _owns_without_mark(clause, at - 1, relatives)):
        return False
    own = language.my | language.your if clause.by is By.BOT else language.my
    others = language.their if clause.by is By.BOT else language.their | language.your
    for word in clause.words[max(at - NEAR, 0) : at][::-1]:
        if word.owns:
            return word.relative in relatives if word.relative else False
        if word.form in own:
            return True
        if word.form in others:
            return False
        if word.form in language.one and clause.by is not By.LINE:
            theirs = any(one.relative and one.relative not in relatives for one in clause.words[:at])
            return clause.own and not theirs and any(one.form in language.has for one in clause.words)
        if word.relative or word.form in language.small:
            break
    return None


def _owns_without_mark(clause: Clause, at: int, relatives: Collection[str]) -> bool:
    """Whether somebody else at a place owns what comes next, though the mark is left out: my neighbours dog."""
    word = clause.words[at]
    several = word.form.endswith("s") and word.stem != word.form
    return clause.language == "en" and several and bool(word.relative) and word.relative not in relatives


def _belongs(clause: Clause, at: int, language: Language, relatives: Collection[str]) -> bool:
    """Whether it is said behind a noun whose it is, and that is somebody else: the dog of my sister."""
    after = clause.words[at + 1 : at + 4]
    if not after or after[0].form not in language.of:
        return False
    if after[-1] is not after[0] and after[1].capital and after[1].form not in language.known:
        return True  # the dog of Bob
    return any(word.relative and word.relative not in relatives for word in after)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a text between two marks."""

    text: str
    begins: bool  # a sentence
    asked: bool  # by its mark


def _pieces(text: str, words: str) -> Iterator[_Piece]:
    """The pieces of a text in order."""
    parts = [*_END.split(_apposed(straight(text))), "\n"]
    begins, inverted = True, False
    for part, mark in zip(parts[::2], parts[1::2], strict=True):
        inner = _JOINS[words].split(part)
        for place, piece in enumerate(inner):
            ends = place == len(inner) - 1 and _ASKED.search(mark)
            yield _Piece(piece, begins, inverted or bool(ends or _ASKING.search(piece)))
            begins = begins and not piece.strip()
        begins = begins or mark.strip() not in (",", "-", "–", "—", ":")
        inverted = "¿" in mark or (inverted and mark == ",")


def _apposed(text: str) -> str:
    """A text without the commas around a name that stands behind what it names: my dog, Rex, is ill."""
    return re.sub(r"(?<=\w), ([A-ZÀ-Þ][\w-]*(?: [A-ZÀ-Þ][\w-]*)?)(?:,(?= [a-zà-þ])|(?=\s*(?:[.!;\n]|$)))", r" \1", text)


def _clause(piece: _Piece, by: By, words: str, language: str, before: Clause | None) -> Clause:
    text, small = piece.text, LANGUAGES[words]
    found = tuple(_words(text, language or words, {words, language} - {""}))
    forms = {word.form for word in found}
    relatives = frozenset(word.relative for word in found if word.relative)
    yours, pronouns = bool(small.yours & forms), bool(small.others & forms)
    pronouns = pronouns or bool(forms & KINDS["name"].nouns and not forms & (small.own | small.yours))  # the name is
    mine = bool(small.own & forms)
    own, other = (yours, mine) if by is By.BOT else (mine, yours)
    others = bool(small.others & forms - _THINGS) or (other and not own and by is By.PERSON)
    others = others and not relatives
    if pronouns and not relatives and before is not None and before.relatives:
        relatives, others = before.relatives, False  # his name: of the dog that was just spoken of
    elif not piece.begins and before is not None and not (own or yours or relatives or others):
        own, relatives, others = before.own, before.relatives, before.others
    others = others or any(word.owns and not word.relative and word.form not in small.known for word in found)
    said = frozenset(kind for kind, its in KINDS.items() if its.said.search(text))
    called = frozenset(kind for kind, its in KINDS.items() if _called(found, its.nouns, small, by))
    mentioned = frozenset(kind for kind, its in KINDS.items() if forms & its.nouns)
    asks = piece.asked or _asks(found, small) or _wonders(text, found, small)
    return Clause(
        found, words, by, asks, own, others, relatives, said, called, mentioned, _traits(found), spoken(text, said),
        by is By.BOT and other and not own,
    )  # fmt: skip


def _called(words: Sequence[Word], nouns: Collection[str], small: Language, by: By) -> bool:
    own = small.your if by is By.BOT else small.my
    return any(after.form in nouns and word.form in own and not after.owns for word, after in pairwise(words))


def _asks(words: Sequence[Word], small: Language) -> bool:
    """Whether the order of words asks: where does, is my."""
    first = [word.form for word in words if word.form not in small.joins][:3]
    if len(first) < 2:
        return bool(first) and first[0] in small.asks
    somebody = small.own | small.yours | small.others | {"the", "there", "any", "that"}
    if first[0] in small.asks:
        return first[1] not in somebody | {"the", "a", "an"}
    if first[0] in small.verbs:
        return first[1] in somebody
    behind = small.own | small.yours | small.others
    told = any(its.said.match(first[0]) for its in KINDS.values())
    return told and first[1] in behind and first[0] not in small.own


def _wonders(text: str, words: Sequence[Word], small: Language) -> bool:
    """Whether a question is told: I wonder where my sister lives."""
    asks = small.asks | {"if", "whether", "ob", "si", "se", "of"}
    return WONDERS.search(text) is not None and any(word.form in asks for word in words)


def _words(text: str, language: str, known: Collection[str] | Mapping[str, Language]) -> Iterator[Word]:
    """The words of a text in order."""
    for found in _WORD.finditer(_ELISION.sub(r"\1' ", text)):
        written = found[0]
        form = written.casefold()
        if _DENSE.fullmatch(form):
            yield from (Word(part, part, False) for part in (*form, *_pairs(form)))
            continue
        if "-" in form and not _JOINED.search(form):
            for part in written.split("-"):
                yield from _word(part, language, known)
            continue
        yield from _word(written, language, known)


def _word(written: str, language: str, known: Collection[str]) -> Iterator[Word]:
    form, _, end = _RUN.get(written.casefold(), written.casefold()).partition("'")
    capital = written[:1].isupper()
    if end == "s" and form in _IS:
        yield from (_plain(form, language, capital, known), _plain("is", language, False, known))
    elif end in ("s", "") and "'" in written:
        plain = _plain(form, language, capital, known)
        yield Word(plain.form, plain.stem, plain.capital, True, plain.relative)
    elif end in _SHORT:
        yield from (_plain(form, language, capital, known), _plain(_SHORT[end], language, False, known))
    elif end == "t" and form.endswith("n"):
        yield from (_plain(form.removesuffix("n"), language, capital, known), _plain("not", language, False, known))
    else:
        yield _plain(form + end, language, capital, known)


def _plain(form: str, language: str, capital: bool, known: Collection[str]) -> Word:
    relative = next((RELATIVES[name][form] for name in known if form in RELATIVES[name]), "")
    return Word(form, stem(form, language), capital, False, relative)


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def is_single(form: str) -> bool:
    """Whether a word is one character of a script without spaces."""
    return len(form) == 1 and _DENSE.match(form) is not None


def _traits(words: Sequence[Word]) -> frozenset[str]:
    """What kinds of things are spoken of, and whether as favourites."""
    found = {word.stem for word in words if word.form in TRAITS}
    return frozenset(found | {"favourite" for word in words if FAVOURITE.match(word.form)})


def straight(text: str) -> str:
    """A text with one kind of apostrophe, and with each e-mail address as one word."""
    text = re.sub(r"\be-?mail", "email", text.replace("’", "'").replace("´", "'"), flags=re.IGNORECASE)
    return _ADDRESS.sub(lambda found: re.sub(r"[\W_]+", "ǀ", found[0]), text)
