"""Whether a clause is said as true of its speaker: by rules, which may also not be able to tell. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from memory.working.evidence.claims import Claim, Part, negated
from memory.working.evidence.language import Language
from memory.working.evidence.reading import Clause, Sentence, bare
from memory.working.evidence.verdict import Verdict
from memory.working.evidence.words import diet, read_words, similar

_FRAME = ("pretend", "joke", "bids")  # with one of these in a sentence, nothing in it is a fact


class Subject(Enum):
    """Of whom a clause speaks."""

    SELF = auto()
    KIN = auto()  # somebody of the speaker's: my sister
    OTHER = auto()
    NOBODY = auto()  # it does not say


@dataclass(frozen=True, slots=True)
class Reading:
    """A clause as the rules understand it."""

    clause: Clause
    subject: Subject
    negated: bool
    label: bool  # it is a name, or something like it
    own: bool  # it speaks of the speaker in words of its own
    flags: frozenset[str]  # if, would, unsure, maybe, says, wants, past, orders, soft, laughs


def readings(sentence: Sentence) -> list[Reading]:
    """The clauses of a sentence, each with what it has from those before it."""
    language = sentence.language
    if language is None:
        return [Reading(clause, Subject.NOBODY, False, False, False, frozenset()) for clause in sentence.clauses]
    found: list[Reading] = []
    for index, clause in enumerate(sentence.clauses):
        plain = bare(clause.plain, language)
        subject = _subject(clause, plain, language)
        mine = subject is Subject.SELF
        own = {
            flag
            for flag in ("if", "would", "unsure", "maybe", "says", "wants", "past", "soft", "laughs")
            if language.finds(flag, plain)
        }
        if "says" in own and _by_self(plain, language):
            own.discard("says")
        if index + 1 < len(sentence.clauses) and language.finds(
            "unsure", f"{plain} {sentence.clauses[index + 1].plain}"
        ):
            own.add("unsure")
        if language.opens("orders", plain):
            own.add("orders")
        no = negated(plain, [language])
        before = found[-1] if found else None
        if before is not None and clause.joint == "that" and before.negated and subject is not Subject.NOBODY:
            no = no != (language.markers["opening"].fullmatch(before.clause.plain) is None)  # it is not true that
        if before is not None:
            own |= _carried(before, clause, subject)
            if subject is Subject.NOBODY and not _relative(clause, plain, language):
                alone = len(plain.split()) <= 6 or clause.joint == "and"
                no = no != (before.negated and clause.joint != "but" and alone)
                subject = before.subject
            elif _relative(clause, plain, language) and subject is Subject.NOBODY:
                subject = Subject.OTHER
        found.append(Reading(clause, subject, no, _is_label(clause, plain, language), mine, frozenset(own)))
    return _framed(found, language)


def asserted(sentence: Sentence, reading: Reading, whole: Sequence[Reading], claim: Claim, part: Part) -> Verdict:
    """Whether a clause says a part of a claim as true."""
    language = sentence.language
    if language is None:
        return Verdict.UNSURE
    if _refused(sentence, reading, whole, claim, part, language):
        return Verdict.NO
    doubts = [
        _about(reading, claim, part, language),
        _polarity(reading, part, claim),
        _related(sentence, reading, claim, part, language),
        Verdict.UNSURE if reading.flags & {"maybe", "laughs"} else Verdict.YES,
        Verdict.UNSURE if _conditioned(reading, whole) else Verdict.YES,
    ]
    return min(doubts)


def _refused(
    sentence: Sentence, reading: Reading, whole: Sequence[Reading], claim: Claim, part: Part, language: Language
) -> bool:
    flags = reading.flags
    if any(language.finds(marker, sentence.plain) for marker in _FRAME) or reading.clause.asked:
        return True
    if len(whole) > 1 and language.markers["not"].fullmatch(whole[-1].clause.plain.strip(" .!")):
        return True  # I live in Rome … not
    if flags & {"if", "unsure", "says", "orders"}:
        return True
    if "would" in flags and "wants" not in flags:
        return True
    if "wants" in flags and not (part.wants or part.days or "wants" in claim.kinds):
        return claim.identity is not None or not claim.kinds
    return "past" in flags and not part.past


def _is_label(clause: Clause, plain: str, language: Language) -> bool:
    """Whether a clause is but a name."""
    words = clause.text.split()
    return len(words) <= 2 and all(
        word[0].isupper() and word.lower() not in language.known and not language.opens("opening", word.lower())
        for word in words
    )


def _subject(clause: Clause, plain: str, language: Language) -> Subject:
    if language.finds("together", plain):
        return Subject.SELF
    if language.finds("embeds", plain):
        return Subject.OTHER
    own = language.finds("self", plain)
    first = _first_verb(clause, plain, language)
    kin = _kin(plain, language)
    other = language.finds("others", plain)
    third = _third(plain, language)
    starts = {
        Subject.SELF: min((m.start() for m in (own, first) if m), default=None),
        Subject.KIN: kin,
        Subject.OTHER: other.start() if other else None,
    }
    known = {subject: start for subject, start in starts.items() if start is not None}
    mine = language.finds("mine", plain)
    if mine is not None and kin is None and Subject.SELF not in known and mine.start() < min(known.values(), default=0):
        return Subject.SELF  # my pronouns are they
    if not known:
        if mine is not None and (third is None or mine.start() <= third):
            return Subject.SELF
        return Subject.OTHER if third is not None else Subject.NOBODY
    earliest = min(known, key=lambda subject: (known[subject], subject is not Subject.SELF))
    if (
        earliest is Subject.SELF
        and third is not None
        and third < known[Subject.SELF]
        and _names(clause, plain, third, language)
    ):
        return Subject.OTHER  # Bob lives where I live
    return earliest


def _first_verb(clause: Clause, plain: str, language: Language) -> re.Match[str] | None:
    """A verb in the first person with which a clause begins, where a language needs no pronoun."""
    found = language.opens("verb_first", plain)
    if found is None:
        return None
    rest = plain[found.end() :].split()
    return None if rest and language.markers["third"].fullmatch(rest[0]) else found


def _third(plain: str, language: Language) -> int | None:
    found = language.finds("third", plain)
    return found.start() if found else None


def _names(clause: Clause, plain: str, end: int, language: Language) -> bool:
    """Whether somebody's name stands before a verb."""
    after = plain[end:].split()[1:2]
    return any(word[:1].isupper() for word in clause.text[-len(plain) :][:end].split()) and not any(
        language.markers["self"].fullmatch(word) for word in after
    )


def _kin(plain: str, language: Language) -> int | None:
    """Where somebody of the speaker's is the subject."""
    for mine in language.markers["mine"].finditer(plain):
        behind = plain[mine.end() :].lstrip()
        offset = len(plain) - len(behind)
        near = language.finds("kin", " ".join(behind.split()[:3]))
        before = plain[: mine.start()].split()
        led = bool(before) and language.markers["with"].fullmatch(before[-1])
        if near is not None and not led and offset:
            return mine.start()
    return None


def _by_self(plain: str, language: Language) -> bool:
    """I said that …"""
    found = language.finds("says", plain)
    before = plain[: found.start()].split()[-2:] if found else []
    return any(language.markers["self"].fullmatch(word) for word in before)


def _relative(clause: Clause, plain: str, language: Language) -> bool:
    return (clause.joint == "that" or clause.joint == ",") and (
        language.opens("relative", plain) is not None
        or (clause.joint == "that" and _third(plain, language) is not None)
    )


def _carried(before: Reading, clause: Clause, subject: Subject) -> set[str]:
    """What a clause has from the one before it: what somebody says or doubts reaches over all that depends on it."""
    if clause.joint == "but":
        return set()
    carried = set(before.flags & {"says", "unsure"})
    if clause.joint == ":" and (
        before.subject in (Subject.KIN, Subject.OTHER) or "orders" in before.flags or before.label
    ):
        carried.add("says")  # Bob: I live in Rome
    if subject is Subject.NOBODY or clause.joint == "that":
        carried |= before.flags & {"if", "would", "wants", "past", "orders", "maybe"}
    return carried


def _framed(found: list[Reading], language: Language) -> list[Reading]:
    """He lives in Madrid, says Bob: a report at the end reaches back."""
    if len(found) > 1 and "says" in found[-1].flags and len(found[-1].clause.plain.split()) <= 4:
        back = found[-2]
        found[-2] = replace(back, flags=back.flags | {"says"})
    return found


def _conditioned(reading: Reading, whole: Sequence[Reading]) -> bool:
    """Whether a statement holds only if another does; not: I speak Greek, if that helps."""
    for other in whole:
        if "if" in other.flags and other is not reading and reading.clause.joint != "but":
            polite = whole.index(other) > whole.index(reading) and not other.own
            if not polite:
                return True
    return False


def _about(reading: Reading, claim: Claim, part: Part, language: Language) -> Verdict:
    """Whether it is said of the one of whom the field speaks."""
    if reading.subject is Subject.SELF:
        return Verdict.YES
    if reading.subject is Subject.NOBODY:
        return Verdict.UNSURE
    if claim.identity is not None:
        told = reading.subject is Subject.OTHER and language.finds("mine", reading.clause.plain)
        return Verdict.UNSURE if told else Verdict.NO  # Rome is my home
    if language.finds("others", reading.clause.plain) and reading.subject is Subject.OTHER:
        return Verdict.UNSURE if "others" in claim.kinds else Verdict.NO
    return Verdict.YES if _says_who(reading, claim, language) else Verdict.NO


def _says_who(reading: Reading, claim: Claim, language: Language) -> bool:
    """Whether a value names the one of whom a clause speaks: by name, or as the speaker's sister."""
    named = [word for word in read_words(claim.text) if word.capital or language.finds("kin", word.plain)]
    said = read_words(reading.clause.text)
    third = _third(reading.clause.plain, language)
    return any(
        similar(word.plain, other.plain) and (other.capital or language.finds("kin", other.plain))
        for word in named
        for other in said
        if reading.subject is Subject.KIN or third is None or other.plain in reading.clause.plain[:third]
    ) or (reading.subject is Subject.KIN and any(word.capital for word in named))


def _polarity(reading: Reading, part: Part, claim: Claim) -> Verdict:
    """Whether a clause and a value both say yes, or both no."""
    if "soft" in reading.flags:  # hates, is allergic to
        if part.dislikes:
            return Verdict.YES if part.negative == reading.negated else Verdict.NO
        liked = (part.likes and not part.dislikes) or "like" in claim.kinds
        if reading.negated:
            return Verdict.UNSURE
        return Verdict.NO if liked and not part.negative else Verdict.YES
    diets = [word for word in part.words if diet(word)]
    if diets and not any(similar(word.plain, said.plain) for word in diets for said in read_words(reading.clause.text)):
        return Verdict.YES if reading.negated else Verdict.UNSURE
    if reading.negated == (part.negative or (part.dislikes and reading.negated)):
        return Verdict.NO if part.dislikes and not reading.negated and not part.negative else Verdict.YES
    return Verdict.NO


def _related(sentence: Sentence, reading: Reading, claim: Claim, part: Part, language: Language) -> Verdict:
    """Whether a clause speaks of what a field or a value states: that one lives there, and not that one likes it."""
    needed = set(part.relations & language.relations.keys())
    if claim.identity is not None:
        needed |= {claim.identity} & language.relations.keys()
    said = sentence.plain
    if claim.identity is not None and ("soft" in reading.flags or _beside(reading, part, claim, language)):
        return Verdict.UNSURE
    return Verdict.YES if all(language.relations[key].search(said) for key in needed) else Verdict.UNSURE


def _beside(reading: Reading, part: Part, claim: Claim, language: Language) -> bool:
    """Whether a value's first word stands for somebody or something else: I live with Bob, I am Bob's brother."""
    plain = reading.clause.plain
    for word in part.words:
        for said in read_words(reading.clause.text):
            if similar(word.plain, said.plain):
                led = plain[: said.start]
                before = [one for one in language.markers["beside"].finditer(led) if one.end() == len(led)]
                return bool(before) or (
                    claim.identity == "named" and plain[said.start + len(said.plain) :].startswith("'s")
                )
    return False
