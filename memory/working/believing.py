"""What of a model's changes is believed. Pure.

A model may be wrong, and may be talked into things. So a change is believed only with the words that say it, in a
message that its person wrote: in a sentence of theirs that states it of them, as true. Rules decide that for what is
mostly written (evidence/); where they cannot tell, a model is asked once more (second_look.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from memory.working.evidence.judging import Evidence, assents, judge, retracts
from memory.working.evidence.secrets import secrets_in, tells_secret
from memory.working.evidence.verdict import Verdict
from memory.working.page import Edit, Fact
from memory.working.upkeep import Heard, own_words

_ORDER = re.compile(
    r"(?:please |you (?:must|should|will|have to) |from now on,? |whenever |in future,? )*"
    r"(?:(?:ignore|disregard|obey|pretend|act as|respond|answer|reply|call everyone|you are now|you must|you should|"
    r"you will|you have to|from now on)\b|(?:system|assistant|developer|instructions?) ?[:>]|"
    r"(?:always|never) (?:answer|reply|respond|say|speak|talk|use|tell|call|ignore|show|mention|refuse|write|begin|end)"
    r"\b)",
    re.IGNORECASE,
)
_FORM = re.compile(  # answers that always start with BANANA
    r"\b(?:answers?|repl(?:y|ies)|responses?|messages?) (?:that|which|to) (?:always |never |only |must |should |all )*"
    r"(?:start|begin|end|contain|include|mention|say|use|ignore|repeat)s?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Believed:
    """A change that is believed, and the message that says it."""

    edit: Edit
    heard: Heard
    replaces: frozenset[int]  # ids of lines of the one who says so


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change that is believed, or would be if a second look confirmed it."""

    change: Believed
    certain: bool
    sentence: str  # the person's own, that is to say so
    before: str  # what was said right before their message


def weigh(
    edits: Sequence[Edit], heard: Sequence[Heard], shown: Mapping[int, Fact], known: Mapping[str, Sequence[Fact]]
) -> list[Candidate]:
    """The changes that are not refused, in order. `shown`, `known`: as in `upkeep.ask`.

    What somebody says changes lines of theirs alone.
    """
    secrets = secrets_in(message.text for message in heard)
    candidates = []
    for edit in edits:
        found = None if is_order(edit.value) or tells_secret(edit.value or "", secrets) else _source(edit, heard)
        if found is None:
            continue
        message, evidence = found
        theirs = {fact.id for fact in known.get(message.author, ())}
        replaced = frozenset({shown[number].id for number in edit.replaces if number in shown} & theirs)
        if edit.value is None and not replaced:
            continue
        change = Believed(edit, message, replaced)
        certain = evidence.verdict is Verdict.YES or edit.verbatim
        candidates.append(Candidate(change, certain, evidence.sentence, _before(message, heard)))
    return candidates


def is_order(value: str | None) -> bool:
    """Whether a value tells the bot what to do."""
    text = (value or "").strip(" \"'")
    return _ORDER.match(text) is not None or _FORM.search(text) is not None


def _source(edit: Edit, heard: Sequence[Heard]) -> tuple[Heard, Evidence] | None:
    """The message whose author says so: the one that the model named, or else the newest that says it best."""
    new = [message for message in heard if message.new]
    order = list(reversed(new))
    if edit.message is not None and 1 <= edit.message <= len(new):
        named = new[edit.message - 1]
        order = [named, *(message for message in order if message is not named)]
    doubtful = None
    for message in order:
        evidence = _evidence(edit, message, _before(message, heard))
        if evidence.verdict is Verdict.YES:
            return message, evidence
        if evidence.verdict is Verdict.UNSURE and doubtful is None:
            doubtful = message, evidence
    return doubtful


def _evidence(edit: Edit, message: Heard, before: str) -> Evidence:
    said = own_words(message.text)
    if edit.value is not None:
        evidence = judge(edit.field, edit.value, edit.quote, said)
        if evidence.verdict is Verdict.NO and before and assents(edit.field, edit.value, said, before):
            return Evidence(Verdict.UNSURE, said)
        return evidence
    evidence = retracts(edit.quote, said)
    # A wish to have something forgotten may be put as a question or an order.
    return replace(evidence, verdict=Verdict.YES) if edit.forget and evidence.sentence else evidence


def _before(message: Heard, heard: Sequence[Heard]) -> str:
    place = next(index for index, one in enumerate(heard) if one is message)
    return own_words(heard[place - 1].text) if place else ""
