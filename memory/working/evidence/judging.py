"""What a person's own words prove of a note: the one door to the rules. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from memory.working.evidence.assertion import Reading, asserted, readings
from memory.working.evidence.claims import Claim, Part, read_claim
from memory.working.evidence.language import languages
from memory.working.evidence.pronouns import gives, pronouns
from memory.working.evidence.reading import Sentence, ambiguous, near, sentences, without_quoted
from memory.working.evidence.verdict import Verdict
from memory.working.evidence.words import Word, diet, eats_none, fold, read_words, stands

_INFLECTED = ("de", "pl", "ru", "uk")  # nouns are capital, or names change inside


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found, and the words that a second look has to be shown."""

    verdict: Verdict
    sentence: str = ""


def judge(field: str, value: str, quote: str, said: str) -> Evidence:
    """Whether a person's message, without what it quotes from others, says a value of them. The quote points at it."""
    own = near(without_quoted(said), quote)
    found = [_judge(field, value, quote, sentences(own, assumed)) for assumed in ambiguous(own)]
    agreed = len({evidence.verdict for evidence in found}) == 1
    return found[0] if agreed else replace(found[0], verdict=Verdict.UNSURE)


def _judge(field: str, value: str, quote: str, all_: Sequence[Sentence]) -> Evidence:
    pointed = located(quote, all_)
    if not pointed:
        return Evidence(Verdict.NO)
    shown = " ".join(sentence.text for sentence in pointed)
    claim = read_claim(field, value, next((one.language for one in pointed if one.language), None))
    if any(_pretends(sentence) for sentence in _up_to(pointed[-1], all_)) or _taken_back(pointed, all_):
        return Evidence(Verdict.NO)
    wanted = pronouns(value)
    if wanted and any(gives(sentence.text, wanted) for sentence in pointed):
        return Evidence(Verdict.YES, shown)
    verdict = _supported(claim, pointed)
    if verdict is Verdict.UNSURE and len(all_) > len(pointed):
        wider = _supported(claim, all_)
        verdict = wider if wider is Verdict.YES else verdict
    return Evidence(verdict, shown)


def retracts(quote: str, said: str) -> Evidence:
    """Whether a message says that something is true no longer: stated, whether with a no or without."""
    all_ = sentences(near(without_quoted(said), quote))
    pointed = located(quote, all_)
    shown = " ".join(sentence.text for sentence in pointed)
    if not pointed or any(_pretends(sentence) for sentence in _up_to(pointed[-1], all_)) or _taken_back(pointed, all_):
        return Evidence(Verdict.NO)
    stated = [
        reading.subject.name in ("SELF", "KIN")
        and not reading.clause.asked
        and not reading.flags & {"if", "would", "says", "unsure", "maybe"}
        for sentence in pointed
        for reading in readings(sentence)
    ]
    asked = all(clause.asked for sentence in pointed for clause in sentence.clauses)
    return Evidence(Verdict.YES if any(stated) else Verdict.NO if asked else Verdict.UNSURE, shown)


def assents(field: str, value: str, said: str, before: str) -> bool:
    """Whether a message is but a yes, or the like, to what stands before it, and a value could be what that says."""
    plain = " ".join(said.lower().split())
    if len(plain.split()) > 5 or not any(language.opens("yes", plain) for language in languages().values()):
        return False
    words = [word for part in read_claim(field, value, None).parts for word in part.words]
    return all(stands(word, [one.plain for one in read_words(f"{before} {said}")]) for word in words)


def located(quote: str, all_: Sequence[Sentence]) -> list[Sentence]:
    """The sentences that a quote is taken from, compared by whole words; without a quote, all."""
    wanted = _keys(quote)
    if not wanted:
        return list(all_) if not re.search(r"\w", quote) else []
    keys = [(_keys(sentence.text), sentence) for sentence in all_]
    joined = [key for found, _ in keys for key in found]
    width = len(wanted)
    place = next((i for i in range(len(joined) - width + 1) if joined[i : i + width] == wanted), None)
    if place is None:
        return _unspaced(quote, all_)
    touched, start = [], 0
    for found, sentence in keys:
        if start < place + width and place < start + len(found):
            touched.append(sentence)
        start += len(found)
    return touched


def _unspaced(quote: str, all_: Sequence[Sentence]) -> list[Sentence]:
    """In languages without spaces a quote may end inside what looks like a word."""
    text = "".join(quote.split())
    if not re.search(r"[぀-ヿ一-鿿가-힣]", text):
        return []
    return [sentence for sentence in all_ if text in "".join(sentence.text.split())][:1]


def _keys(text: str) -> list[str]:
    return [fold(word) for word in re.findall(r"[^\W_]+", text.lower())]


def _supported(claim: Claim, found: Sequence[Sentence]) -> Verdict:
    """The worst of a claim's parts: each must stand somewhere, and be said there."""
    clauses = [(sentence, reading) for sentence in found for reading in readings(sentence)]
    if not claim.parts:
        return Verdict.UNSURE
    return min(_part(claim, part, clauses) for part in claim.parts)


def _part(claim: Claim, part: Part, clauses: Sequence[tuple[Sentence, Reading]]) -> Verdict:
    verdicts = [asserted(sentence, reading, claim, part) for sentence, reading in clauses]
    tellings = []
    said = [word for _, reading in clauses for word in _said(reading)]
    spoken = " ".join(sentence.plain for sentence, _ in clauses)
    for word in part.words:
        holding = [
            verdict
            for verdict, (_, reading) in zip(verdicts, clauses, strict=True)
            if stands(word, _said(reading)) or (diet(word) and eats_none(reading.clause.plain))
        ]
        tellings.append(max(holding) if holding else min(_missing(word, part, claim, clauses), max(verdicts)))
    if not _timed(spoken, clauses) and not all(stands(day, said) for day in part.days):
        return Verdict.NO
    if not tellings:
        return max(verdicts) if part.days else min(Verdict.UNSURE, max(verdicts))
    return min(tellings)


def _said(reading: Reading) -> list[str]:
    return [word.plain for word in read_words(reading.clause.text)]


def _missing(word: Word, part: Part, claim: Claim, clauses: Sequence[tuple[Sentence, Reading]]) -> Verdict:
    """A word that nobody said: a name or a number is invented, another one may be a paraphrase."""
    inflected = any(
        one is not None and one.name in _INFLECTED for one in (claim.language, *(s.language for s, _ in clauses))
    )
    alone = len(part.words) == 1 and len(claim.parts) == 1
    name = word.capital and not inflected and (not word.first or alone)
    return Verdict.NO if word.number is not None or name else Verdict.UNSURE


def _timed(spoken: str, clauses: Sequence[tuple[Sentence, Reading]]) -> bool:
    """Whether a sentence speaks of time, so that a day may be worked out."""
    return any(sentence.language is not None and sentence.language.finds("time", spoken) for sentence, _ in clauses)


def _up_to(last: Sentence, all_: Sequence[Sentence]) -> Sequence[Sentence]:
    return all_[: all_.index(last) + 1]


def _pretends(sentence: Sentence) -> bool:
    return sentence.language is not None and sentence.language.finds("pretend", sentence.plain) is not None


def _taken_back(pointed: Sequence[Sentence], all_: Sequence[Sentence]) -> bool:
    """Just kidding, right after it."""
    after = [all_[all_.index(sentence) + 1] for sentence in pointed if sentence is not all_[-1]]
    return any(
        one.language is not None
        and len(one.plain.split()) <= 6
        and (one.language.finds("joke", one.plain) or one.language.markers["not"].fullmatch(one.plain.strip(" .!")))
        for one in after
    )
