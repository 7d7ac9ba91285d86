"""A comparison of lines that looks past capitals, accents, punctuation, small words and word order. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

# In the languages that models read most; nothing that negates, counts or compares.
_SMALL = frozenset(
    """
    a an the is are am be been was i i'm im my me of in on at and it its this that he she his her they their has have
    ich bin ist mein meine der die das den dem des ein eine einen und im am zu
    je suis est mon ma mes le la les l un une des du et au aux j d
    yo soy es mi mis el los las un una del y al
    eu sou meu minha os as um uma do da dos das no na o e
    io sono mio mia il lo gli i uno dello della
    ik ben mijn de het een en
    """.split()
)
# Where one of these stands, the order of the words matters: `prefers tea to coffee`.
_ORDER = frozenset(
    """
    to than over from before after instead for with by not no never without rather but
    als statt von nach vor für mit nicht kein keine nie ohne
    que plutôt avant après pour avec pas sans jamais
    antes después para con sin nunca por al
    depois não sem ao
    che prima dopo per senza non mai
    dan van naar voor met niet geen nooit zonder
    """.split()
)
_NUMBERS = frozenset(
    """
    one two three four five six seven eight nine ten eins zwei drei vier fünf sechs sieben acht neun zehn
    deux trois quatre cinq sept huit neuf dix dos tres cuatro cinco seis siete ocho nueve diez
    dois duas três quatro sete oito nove dez due tre quattro cinque sei sette otto nove dieci
    twee drie vier vijf zes zeven acht negen tien
    """.split()
)
_TOKENS = re.compile(r"[-+]?\d+(?:[.,:/]\d+)*|[^\W_]+(?:['’][^\W_]+)*[+#]*")
_CAPITAL = re.compile(r"(?<!^)\b[^\W\d_]*[A-ZÀ-Þ]")


@dataclass(frozen=True, slots=True)
class Saying:
    """What a value says, as it is compared."""

    ordered: tuple[str, ...]
    free: tuple[str, ...] | None  # in no order; None where the order matters

    def same(self, other: "Saying") -> bool:
        """Whether both say the same."""
        return self.ordered == other.ordered or (self.free is not None and self.free == other.free)


def saying(value: str) -> Saying:
    """What a value says."""
    tokens = words(value)
    kept = tuple(token for token in tokens if token not in _SMALL) or tuple(tokens) or (value.casefold(),)
    counts = sum(token in _NUMBERS or token.lstrip("+-").isdigit() for token in kept)
    names = len(_CAPITAL.findall(value)) + value[:1].isupper()
    free = value[:1] not in ("{", "[") and counts < 2 and names < 2 and _ORDER.isdisjoint(tokens)
    return Saying(kept, tuple(sorted(kept)) if free else None)


class Sayings:
    """What several values say: `value in sayings` tells whether one of them says the same."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: set[tuple[str, ...]] = set()
        for value in values:
            self.add(value)

    def add(self, value: str) -> bool:
        """One more; whether none before says the same."""
        forms = _forms(value)
        new = self._forms.isdisjoint(forms)
        self._forms |= forms
        return new

    def __contains__(self, value: str) -> bool:
        return not self._forms.isdisjoint(_forms(value))


def _forms(value: str) -> set[tuple[str, ...]]:
    said = saying(value)
    return {("in order", *said.ordered), *([("in any", *said.free)] if said.free is not None else [])}


def words(text: str) -> list[str]:
    """The words, numbers and signs of a text, in a form in which they can be compared."""
    plain = _without_accents(text.casefold().replace("’", "'"))
    found = []
    at = 0
    for match in _TOKENS.finditer(plain):
        found += _signs(plain[at : match.start()])
        found.append(_stem(match[0]))
        at = match.end()
    return found + _signs(plain[at:])


def telling(text: str) -> frozenset[str]:
    """The words of a text without its small ones."""
    return frozenset(word for word in words(text) if word not in _SMALL and len(word) > 1)


def _signs(between: str) -> list[str]:
    """What is no letter and says something all the same: a currency, an emoji."""
    return [sign for sign in between if unicodedata.category(sign) in ("Sc", "So")]


def _without_accents(text: str) -> str:
    """Latin letters without their accents; those of other scripts would become others."""
    found = []
    for character in unicodedata.normalize("NFC", text):
        base = unicodedata.normalize("NFD", character)
        found.append(base[0] if "a" <= base[0] <= "z" else character)
    return "".join(found)


def _stem(word: str) -> str:
    """Without a plural's or a verb's `s`: `likes` and `like` are one."""
    if len(word) > 3 and word.isalpha() and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
