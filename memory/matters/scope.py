"""What goes when somebody wants a matter, or lines of their page, forgotten: one decision, for showing and for doing.

The definition stands in docs/memory.md, "Forgetting". Pure: lines and messages in, ids out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from memory.matters.echoes import Echo, Value, speaking, told, told_by_line
from memory.matters.matter import Matter, matters_of, meant, names, parts_of
from memory.matters.sentences import By, Clause, language_of, read, read_line, straight
from memory.matters.vocabulary import KINDS, RELATIVES, SAME
from memory.working.page import Fact, chain

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the person's page."""

    fact: Fact
    label: str
    value: str  # as people read it


@dataclass(frozen=True, slots=True)
class Message:
    """Something that the person said, or that was answered to them."""

    id: str
    text: str
    answer: bool = False
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What goes."""

    lines: frozenset[int]
    messages: frozenset[str]


def decide(what: str, chosen: Set[int], lines: Sequence[Line], messages: Sequence[Message]) -> Scope:
    """What goes. `what`: the matter in the person's words; `chosen`: ids of lines that they picked."""
    found = _decide(matters_of(what), chosen, lines, messages)
    parts = [] if found.lines or found.messages else parts_of(what)
    return _decide(parts, chosen, lines, messages) if parts else found


def _decide(matters: Sequence[Matter], chosen: Set[int], lines: Sequence[Line], messages: Sequence[Message]) -> Scope:
    facts = [line.fact for line in lines]
    language = matters[0].language if matters else _language(lines, chosen)
    page = {line.fact.id: read_line(line.label, line.value, language) for line in lines}
    texts = _Texts(messages, language)
    about = {id_ for id_, clause in page.items() if any(names(matter, clause) for matter in matters)}
    target = chain(facts, (set(chosen) & page.keys()) | about)
    gone: set[str] = set()
    values = [value for id_ in sorted(target) for value in told_by_line(page[id_], matters)]
    for matter in matters:
        for message, clauses in texts.with_any(_hints(matter)):
            naming = [clause for clause in clauses if names(matter, clause)]
            if naming:
                gone.add(message.id)
                values += [value for clause in speaking(naming, clauses, matter) for value in told(matter, clause)]
    values = list(dict.fromkeys(value for value in values if value.words))
    restated = _restated(values, page, target, texts, gone)
    target |= chain(facts, restated.lines)
    sources = {source for fact in facts if fact.id in target for source in fact.sources}
    known = {message.id for message in messages}
    return Scope(frozenset(target & page.keys()), frozenset((gone | restated.messages | sources) & known))


class _Texts:
    """Messages that are read when they may matter, and once."""

    def __init__(self, messages: Sequence[Message], language: str) -> None:
        self._messages = messages
        self._language = language
        self._read: dict[int, list[Clause]] = {}
        self._with: dict[str, list[int]] = {}  # by a word: where it stands
        for place, message in enumerate(messages):
            for word in set(_WORD.findall(straight(message.text).casefold())):
                self._with.setdefault(word, []).append(place)

    def with_any(self, roots: Set[str]) -> Iterator[tuple[Message, list[Clause]]]:
        """The messages with a word in which one of these stands, with their clauses."""
        places = {
            place
            for word, several in self._with.items()
            if any(root == word if _is_letter(root) else root in word for root in roots)
            for place in several
        }
        for place in sorted(places):
            if place not in self._read:
                message = self._messages[place]
                by = By.BOT if message.answer else By.PERSON
                self._read[place] = read(message.text, by, self._language)
            yield self._messages[place], self._read[place]


def _restated(
    values: Sequence[Value], page: Mapping[int, Clause], target: Set[int], texts: _Texts, gone: Set[str]
) -> Scope:
    """The lines and messages that say one of these values again."""
    lines: set[int] = set()
    said: set[str] = set()
    for value in values:
        weak_lines: set[int] = set()
        weak: set[str] = set()
        claimed = False
        for id_, clause in page.items():
            echo = Echo.NONE if id_ in target else value.echo(clause)
            lines |= {id_} if echo is Echo.STRONG else set()
            weak_lines |= {id_} if echo is Echo.WEAK else set()
            claimed = claimed or echo is Echo.CLAIM
        for message, clauses in texts.with_any({_root(word) for word in value.words}):
            echoes = [(value.echo(clause), clause) for clause in clauses]
            claimed = claimed or any(
                echo is Echo.CLAIM and not clause.asks and not message.answer for echo, clause in echoes
            )
            if message.id in gone:
                continue
            said |= {message.id} if any(echo is Echo.STRONG for echo, _ in echoes) else set()
            weak |= {message.id} if any(echo is Echo.WEAK for echo, _ in echoes) else set()
        if not claimed:
            lines |= weak_lines
            said |= weak
    return Scope(frozenset(lines), frozenset(said))


def _is_letter(root: str) -> bool:
    return len(root) == 1 and root.isascii() and root.isalpha()


def _language(lines: Sequence[Line], chosen: Set[int]) -> str:
    return language_of(" ".join(line.value for line in lines if line.fact.id in chosen), "en")


def _hints(matter: Matter) -> set[str]:
    """What stands in a word of every text that names a matter: one of these."""
    if matter.words:
        word = max(matter.words - {"favorite"} or matter.words, key=len)
        return {_root(one) for one in {word} | (SAME.get(word, frozenset()) if matter.mine else frozenset())}
    if matter.relatives:
        wanted = meant(matter)
        return {form for table in RELATIVES.values() for form, who in table.items() if who in wanted}
    return {hint for kind in matter.kinds for hint in KINDS[kind].nouns | KINDS[kind].hints}


def _root(word: str) -> str:
    """What all forms of a word begin with."""
    return re.sub(r"or(?:ite)?$", "o", word)[: max(len(word) - 1, 3)] if len(word) > 3 else word
