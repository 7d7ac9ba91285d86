"""What is told of a matter and would give it away elsewhere, and how other texts stand to that. Pure."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from memory.matters.called import LABELS, NAME, capitals, is_name, names_in, numbers, surnames
from memory.matters.languages import LANGUAGES
from memory.matters.matter import Matter, meant, same
from memory.matters.sentences import By, Clause
from memory.matters.vocabulary import COMMON, FAVOURITE, KINDS, TRAITS

_AM = frozenset("am bin suis soy sou sono ben".split())
MOST = 4  # words of a value that a sentence tells: of more it is a story


class Echo(Enum):
    """How a clause stands to a value."""

    NONE = 0
    CLAIM = 1  # it says the same of something else
    WEAK = 2  # it has the value, and says it of nothing else
    STRONG = 3  # it says the same


@dataclass(frozen=True, slots=True)
class Value:
    """What is told of a matter, and would give it away elsewhere."""

    words: frozenset[str]
    name: bool  # of somebody or something: it stands for it
    relatives: frozenset[str] = frozenset()  # whose it is; empty: the person's own
    kinds: frozenset[str] = frozenset()
    traits: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()  # surnames

    def echo(self, clause: Clause) -> Echo:
        """How a clause stands to it."""
        if not _enough(self.words, clause.stems):
            return Echo.NONE
        return self._echo_of_name(clause) if self.name else self._echo_of_value(clause)

    def _echo_of_value(self, clause: Clause) -> Echo:
        if self.relatives:
            return Echo.STRONG if self.relatives <= clause.relatives else Echo.NONE
        if clause.relatives or clause.others:
            return Echo.CLAIM
        if clause.own:
            return Echo.STRONG if self._is_own(clause) else Echo.CLAIM
        if clause.asks:
            return Echo.NONE
        return Echo.CLAIM if clause.said else Echo.WEAK

    def _is_own(self, clause: Clause) -> bool:
        """Whether a clause in which the person speaks of themselves says it of the same, and not of something else."""
        if clause.kinds:
            return bool(clause.kinds & self.kinds)
        if self.traits or clause.traits:
            return _alike(self.traits, clause.traits)
        if self.kinds == {"work"}:
            return bool(_AM & {word.form for word in clause.words})  # I am a nurse
        return not self.kinds and not _of_mine(clause, self.words)

    def _echo_of_name(self, clause: Clause) -> Echo:
        places = (at for at, word in enumerate(clause.words) if word.stem in self.words)
        if not any(is_name(clause, at, self.beside) for at in places):
            return Echo.NONE
        if self.relatives & clause.relatives:
            return Echo.STRONG
        if clause.relatives:
            return Echo.CLAIM if self.words & names_in(clause) else Echo.WEAK
        if not clause.own or not clause.kinds:
            return Echo.WEAK
        return Echo.STRONG if not self.relatives and "name" in clause.kinds else Echo.CLAIM


def told(matter: Matter, clause: Clause) -> list[Value]:
    """What a clause that names a matter says of it, and would give it away elsewhere. A question tells nothing."""
    if clause.asks or not matter.is_description:
        return []
    if matter.relatives:
        owners = meant(matter) & clause.relatives
        return [
            Value(frozenset([name]), True, owners, beside=surnames(clause, name))
            for name in sorted((names_in(clause) | numbers(clause)) - matter.words)
        ]
    words = _content(clause, matter.words | same(matter) | _nouns(matter.kinds))
    if matter.kinds == {"name"}:
        return [Value(frozenset([word]), True, beside=words) for word in sorted(words)] if len(words) <= NAME else []
    traits = frozenset(word for word in matter.words if word in TRAITS) | clause.traits
    values = [Value(frozenset([number]), True) for number in numbers(clause)]
    if 0 < len(words) <= MOST and (matter.kinds or _says(clause)):
        values.append(Value(words, False, frozenset(), matter.kinds or frozenset(matter.words - traits), traits))
    return values


def speaking(naming: Sequence[Clause], clauses: Sequence[Clause], matter: Matter) -> list[Clause]:
    """The clauses that speak of a matter: those that name it, and those that do so by a pronoun right behind."""
    if not matter.relatives:
        return list(naming)
    whole = meant(matter)
    by_pronoun = [one for one in clauses if one.relatives & whole and not any(word.relative for word in one.words)]
    return [*naming, *by_pronoun]


def told_by_line(clause: Clause, matters: Sequence[Matter]) -> list[Value]:
    """What a line says, and would give it away elsewhere."""
    names_ = capitals(clause) if clause.relatives else frozenset[str]()
    known = frozenset[str]().union(*(matter.words for matter in matters))
    words = _content(clause, known, skip=True)
    values = [
        Value(frozenset([name]), True, clause.relatives, beside=surnames(clause, name))
        for name in sorted(names_ - known)
    ]
    if "name" in clause.called and not clause.relatives:
        return [Value(frozenset([word]), True, beside=words) for word in sorted(words)]
    kinds = (clause.said | clause.called) - {"interests", "preferences", "goals"} | (
        known & clause.stems - clause.traits
    )
    if kinds == {"work"} and not clause.relatives:  # nurse at St. Mary: either gives it away
        return [Value(frozenset([word]), False, frozenset(), kinds, clause.traits) for word in sorted(words)]
    return [*values, Value(words, False, clause.relatives, kinds, clause.traits)] if words else values


def _content(clause: Clause, but: Set[str], *, skip: bool = False) -> frozenset[str]:
    """The words of a clause that are neither small nor common, nor what a thing is; `skip`: but those of its label."""
    small = LANGUAGES[clause.language].known | (LANGUAGES["en"].known if clause.by is By.LINE else frozenset())
    words = clause.words
    if skip:
        labels = frozenset[str]().union(*(kind.nouns for kind in KINDS.values())) | LABELS
        first = next((at for at, word in enumerate(words) if word.form not in labels), 0)
        words = words[first:]
    found = (word for word in words if word.form not in small and word.form not in COMMON and not word.relative)
    found = (word for word in found if word.form not in TRAITS and not FAVOURITE.match(word.form))
    return frozenset(word.stem for word in found if word.form not in clause.spoken) - but


def _says(clause: Clause) -> bool:
    """Whether a clause says that something is something."""
    verbs = frozenset("is are was were be ist sind est sont es son é são è sono is zijn".split())
    return clause.by is By.LINE or any(word.form in verbs for word in clause.words)


def _nouns(kinds: Iterable[str]) -> frozenset[str]:
    return frozenset[str]().union(*(KINDS[kind].nouns for kind in kinds))


def _alike(value: Set[str], clause: Set[str]) -> bool:
    """Whether what a value is of, and what a clause speaks of, can be the same."""
    if ("favourite" in value) != ("favourite" in clause):
        return False
    ours, theirs = value - {"favourite"}, clause - {"favourite"}
    return bool(ours & theirs) or (not theirs and "favourite" in value) or (not ours and not theirs)


def _of_mine(clause: Clause, known: Set[str]) -> bool:
    """Whether a clause speaks of something else of the person's: my car is blue."""
    small = LANGUAGES[clause.language]
    own = small.your if clause.by is By.BOT else small.my
    behind = (after for word, after in pairwise(clause.words) if word.form in own)
    return any(word.stem not in known and word.form not in small.known for word in behind)


def _enough(known: Set[str], said: Set[str]) -> bool:
    """Whether a text has a value: all of one or two words, two thirds of more."""
    return bool(known) and 3 * len(known & said) >= (3 if len(known) < 3 else 2) * len(known)
