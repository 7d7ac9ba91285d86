"""Whether a clause is said as true of its speaker: by rules, which may also not be able to tell. Pure."""

import re
from collections.abc import Set
from dataclasses import dataclass, replace
from enum import Enum, auto

from memory.working.evidence.claims import Claim, Part, negated
from memory.working.evidence.language import NEVER, Language
from memory.working.evidence.reading import Clause, Sentence, bare
from memory.working.evidence.verdict import Verdict
from memory.working.evidence.words import diet, read_words, similar

_FLAGS = (
    "if",
    "would",
    "unsure",
    "maybe",
    "says",
    "wants",
    "past",
    "soft",
    "laughs",
    "ceased",
)  # markers that a clause may have
_NEVER = frozenset({"framed", "if", "unsure", "says", "orders"})  # what has one of these is not stated
_DOUBTFUL = frozenset({"maybe", "laughs", "conditional"})


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
    flags: frozenset[str]  # of _FLAGS, and `orders`, `framed`, `conditional`


def readings(sentence: Sentence) -> list[Reading]:
    """The clauses of a sentence, each with what it has from those before it and from the whole."""
    language = sentence.language
    if language is None:
        return [Reading(clause, Subject.NOBODY, False, False, False, frozenset()) for clause in sentence.clauses]
    found: list[Reading] = []
    for index, clause in enumerate(sentence.clauses):
        after = sentence.clauses[index + 1].plain if index + 1 < len(sentence.clauses) else ""
        found.append(_reading(clause, after, found[-1] if found else None, language))
    return _in_frame(found, sentence, language)


def asserted(sentence: Sentence, reading: Reading, claim: Claim, part: Part) -> Verdict:
    """Whether a clause says a part of a claim as true."""
    language = sentence.language
    if language is None:
        return Verdict.UNSURE
    if reading.clause.asked or reading.flags & _NEVER or not _holds(reading, claim, part):
        return Verdict.NO
    return min(
        _about(reading, claim, language),
        _polarity(reading, part, claim),
        _related(sentence, reading, claim, part, language),
        _aged(reading, part, language),
        _named(reading, claim, part, language),
        Verdict.UNSURE if reading.flags & _DOUBTFUL else Verdict.YES,
    )


def _holds(reading: Reading, claim: Claim, part: Part) -> bool:
    """Whether something is so now, as far as a value says that it is: not wished for, and not over."""
    flags = reading.flags
    if "would" in flags and "wants" not in flags:
        return False
    if "wants" in flags and not (part.wants or part.days or "wants" in claim.kinds):
        return claim.identity is None and bool(claim.kinds)
    if "ceased" in flags and not reading.negated:
        return part.past or part.negative or _other_diet(reading, part)
    return "past" not in flags or part.past or (reading.negated and part.negative)


def _reading(clause: Clause, after: str, before: Reading | None, language: Language) -> Reading:
    """A clause on its own, and then with what it has from the one before it."""
    plain = bare(clause.plain, language)
    subject = _subject(clause, plain, language)
    flags = {flag for flag in _FLAGS if language.finds(flag, plain)}
    if "says" in flags and _by_self(plain, language):
        flags.discard("says")
    if language.finds("unsure", f"{plain} {after}"):  # I do not know | if I am
        flags.add("unsure")
    if language.opens("orders", plain):
        flags.add("orders")
    firm = language.markers["not_only"].sub(" ", language.markers["soft"].sub(" ", plain))
    no = negated(firm, [language])  # cannot stand is no no
    reading = Reading(clause, subject, no, _is_label(clause, language), subject is Subject.SELF, frozenset(flags))
    return reading if before is None else _joined(reading, before, plain, language)


def _joined(reading: Reading, before: Reading, plain: str, language: Language) -> Reading:
    """A clause with what it has from the one before it: of whom it speaks, a no, and what is said of both."""
    clause, subject, no = reading.clause, reading.subject, reading.negated
    if subject is Subject.SELF and _of_another(clause, before, plain, language):
        subject = Subject.OTHER
    elif subject is not Subject.NOBODY:
        if clause.joint == "that" and before.negated and not language.markers["opening"].fullmatch(before.clause.plain):
            no = not no  # it is not true that
    elif _relative(clause, plain, language):
        subject = Subject.OTHER
    else:
        near = len(plain.split()) <= 6 or clause.joint == "and"
        no = no != (before.negated and clause.joint != "but" and near)
        subject = before.subject
    flags = reading.flags | _carried(before, clause, reading.subject)
    if reading.subject is Subject.NOBODY and _unclear(clause, before, plain, language):
        flags |= {"maybe"}
    if "ceased" in before.flags and subject is before.subject and _goes_on(clause, before, language):
        flags |= {"ceased"}
    return replace(reading, subject=subject, negated=no, flags=flags)


def _goes_on(clause: Clause, before: Reading, language: Language) -> bool:
    """Whether a clause is but more of what the one before it ends: I quit drinking | and smoking."""
    ended = list(language.markers["ceased"].finditer(before.clause.plain))
    last = bool(ended) and ended[-1].end() == len(before.clause.plain.rstrip(" .!"))  # aufgehört, vegan zu leben
    return (last and clause.joint == ",") or (clause.joint in ("and", ",") and len(clause.plain.split()) == 1)


def _unclear(clause: Clause, before: Reading, plain: str, language: Language) -> bool:
    """Whether a clause that names nobody may speak of somebody else, or go on with what is over."""
    ends = "ceased" in before.flags and clause.joint in ("and", ",") and len(plain.split()) == 2
    return ends or _gapped(clause, language) or (clause.joint == "," and language.opens("dropped", plain) is not None)


def _gapped(clause: Clause, language: Language) -> bool:
    """Whether a clause may have the verb of the one before it, for somebody else: and Bob in Rome."""
    first, *rest = clause.text.split()
    named = first[:1].isupper() and first.lower() not in language.known
    return named and bool(rest) and language.markers["at"].fullmatch(rest[0].lower()) is not None


def _is_label(clause: Clause, language: Language) -> bool:
    """Whether a clause is but a name."""
    words = clause.text.split()
    return len(words) <= 2 and all(
        word[0].isupper() and word.lower() not in language.known and not language.opens("opening", word.lower())
        for word in words
    )


def _subject(clause: Clause, plain: str, language: Language) -> Subject:
    """Of whom a clause speaks: whoever is named first in it."""
    if language.finds("together", plain) or language.finds("embeds", plain):
        return Subject.SELF if language.finds("together", plain) else Subject.OTHER
    first = _first_verb(clause, plain, language)
    others, third = language.finds("others", plain), _third(plain, language)
    starts = {
        Subject.SELF: min((found.start() for found in (language.finds("self", plain), first) if found), default=None),
        Subject.KIN: _kin(plain, language),
        Subject.OTHER: others.start() if others else None,
    }
    known = {subject: start for subject, start in starts.items() if start is not None}
    mine = language.finds("mine", plain)
    if mine is not None and not known.keys() & {Subject.SELF, Subject.KIN}:
        before = min([*known.values(), *([third] if third is not None and not known else [])], default=len(plain))
        if mine.start() <= before:
            return Subject.SELF  # my pronouns are they
    if not known:
        unsaid = third is None or language.opens("dropped", plain) is not None  # just moved to Porto
        return Subject.NOBODY if unsaid else Subject.OTHER
    earliest = min(known, key=lambda subject: (known[subject], subject is not Subject.SELF))
    if earliest is Subject.SELF and third is not None and third < known[Subject.SELF]:
        return Subject.OTHER if _names(clause, plain, third, language) else earliest  # Bob lives where I live
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


def _of_another(clause: Clause, before: Reading, plain: str, language: Language) -> bool:
    """Whether a clause only tells who somebody is, and then what they do: the man | I love lives in Rome."""
    led = before.clause.plain
    if clause.joint != "that" or before.subject is not Subject.NOBODY or not 2 <= len(led.split()) <= 3:
        return False
    third, said = _third(plain, language), language.finds("self", plain)
    return third is not None and said is not None and said.start() < third and not language.opens("opening", led)


def _by_self(plain: str, language: Language) -> bool:
    """I said that …"""
    found = language.finds("says", plain)
    before = plain[: found.start()].split()[-2:] if found else []
    return any(language.markers["self"].fullmatch(word) for word in before)


def _relative(clause: Clause, plain: str, language: Language) -> bool:
    return (clause.joint in {"that", ","}) and (
        language.opens("relative", plain) is not None
        or (clause.joint == "that" and _third(plain, language) is not None)
    )


def _carried(before: Reading, clause: Clause, subject: Subject) -> Set[str]:
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


def _in_frame(found: list[Reading], sentence: Sentence, language: Language) -> list[Reading]:
    """The clauses of a sentence with what the whole of it makes of each."""
    last = found[-1]
    if any(language.finds(marker, sentence.plain) for marker in ("pretend", "joke", "bids")) or (
        len(found) > 1 and language.markers["not"].fullmatch(last.clause.plain.strip(" .!"))
    ):  # I live in Rome … not
        return [replace(reading, flags=reading.flags | {"framed"}) for reading in found]
    if len(found) > 1 and "says" in last.flags and len(last.clause.plain.split()) <= 4:  # … says Bob
        found[-2] = replace(found[-2], flags=found[-2].flags | {"says"})
    conditions = [place for place, reading in enumerate(found) if "if" in reading.flags]
    if not conditions:
        return found
    # What stands before a condition that is not the speaker's holds without it: I speak Greek, if that helps.
    binding = [place for place in conditions if found[place].own or place == 0]
    free = min(conditions) if not binding else 0
    return [
        replace(reading, flags=reading.flags | {"conditional"})
        if place >= free and place not in conditions and reading.clause.joint != "but"
        else reading
        for place, reading in enumerate(found)
    ]


def _about(reading: Reading, claim: Claim, language: Language) -> Verdict:
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
    if _says_who(reading, claim, language):
        return Verdict.YES
    return Verdict.UNSURE if "others" in claim.kinds else Verdict.NO


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
    """Whether a clause and a value both say yes, or both no: hating, or being allergic, is a no of its own."""
    soft = "soft" in reading.flags
    if _other_diet(reading, part):
        return Verdict.YES if reading.negated else Verdict.UNSURE
    if "ceased" in reading.flags:
        return Verdict.UNSURE if reading.negated else Verdict.YES
    if soft == part.dislikes:
        return Verdict.YES if reading.negated == part.negative else Verdict.NO
    if part.dislikes:  # dislikes what is not liked
        return Verdict.YES if reading.negated and not part.negative else Verdict.NO
    if reading.negated:
        return Verdict.UNSURE
    liked = part.likes or "like" in claim.kinds
    return Verdict.NO if liked and not part.negative else Verdict.YES


def _other_diet(reading: Reading, part: Part) -> bool:
    """Whether a value names a diet in other words than were said: vegan, of what somebody does not eat."""
    diets = [word for word in part.words if diet(word)]
    said = read_words(reading.clause.text)
    return bool(diets) and not any(similar(word.plain, one.plain) for word in diets for one in said)


def _related(sentence: Sentence, reading: Reading, claim: Claim, part: Part, language: Language) -> Verdict:
    """Whether a clause speaks of what a field or a value states: that one lives there, and not that one likes it."""
    needed = set(part.relations & language.relations.keys())
    if claim.identity is not None:
        needed |= {claim.identity} & language.relations.keys()
        if "soft" in reading.flags or _beside(reading, part, claim, language):
            return Verdict.UNSURE
    spoken = {key for key, said in language.relations.items() if said.search(reading.clause.plain)}
    # A clause without a verb has that of the sentence: in Rome, and in Oslo.
    there = spoken or {key for key in needed if language.relations[key].search(sentence.plain)}
    return Verdict.YES if needed <= there else Verdict.UNSURE


def _aged(reading: Reading, part: Part, language: Language) -> Verdict:
    """Whether a clause says how old somebody is, where a value does: not that they are 34 minutes late."""
    if part.age is None or language.markers["age"].pattern == NEVER.pattern:
        return Verdict.YES
    said = language.markers["age"].finditer(reading.clause.plain)
    return Verdict.YES if any(part.age in re.findall(r"\d+", one[0]) for one in said) else Verdict.UNSURE


def _named(reading: Reading, claim: Claim, part: Part, language: Language) -> Verdict:
    """Whether what a field takes for a name is one: not in I'm hungry, they call me crazy."""
    if claim.identity != "named" or not part.words or language.finds("mine", reading.clause.plain):
        return Verdict.YES  # my name is Rich
    return Verdict.NO if any(language.markers["no_name"].fullmatch(word.plain) for word in part.words) else Verdict.YES


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
