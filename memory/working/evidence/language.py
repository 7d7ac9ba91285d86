"""What the rules know of each language: lists of words and phrases, read from `languages/*.toml`."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

NEVER = re.compile(r"(?!)")  # what matches nothing
_MARKERS = """self mine verb_first others kin third with together not without soft if would unsure maybe asks tags
rhetorical turns embeds beside says joke notes laughs pretend wants orders bids past past_value ceased but and because
that relative opening yes time dropped not_only no_name at age""".split()


@dataclass(frozen=True, slots=True)
class Language:
    """One language's markers, each a pattern for lower-case text with single spaces."""

    name: str
    spaced: bool  # whether words stand apart
    elided: bool  # whether an apostrophe ends a word
    letters: frozenset[str]  # beyond a to z
    small: frozenset[str]  # words that tell nothing
    known: frozenset[str]  # words by which a text in it is recognised
    numbers: tuple[str, ...]  # zero, one, two …
    markers: dict[str, re.Pattern[str]]
    relations: dict[str, re.Pattern[str]]  # verbs of notes, such as `live`, and the words that say the same

    def finds(self, marker: str, text: str) -> re.Match[str] | None:
        """Where a marker first stands."""
        return self.markers[marker].search(text)

    def opens(self, marker: str, text: str) -> re.Match[str] | None:
        """The marker with which a text begins."""
        return self.markers[marker].match(text)


@cache
def languages() -> dict[str, Language]:
    """All languages that rules reach, by their code."""
    folder = files("memory.working.evidence") / "languages"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return {name[:-5]: _read(name[:-5], (folder / name).read_text("utf-8")) for name in names}


def recognise(text: str, around: str = "", prefer: Language | None = None) -> Language | None:
    """The language in which a text is written, if it is one that rules reach.

    `around`: what stands around it, which decides a tie unless `prefer` does.
    """
    found = candidates(text, around, prefer)
    return found[0] if len(found) == 1 else None


def candidates(text: str, around: str = "", prefer: Language | None = None) -> list[Language]:
    """The languages in which a text may be written; several, if it is written alike in all of them."""
    by_script = _script(text)
    if by_script is not None:
        return [languages()[by_script]] if by_script in languages() else []
    scores = _scores(text)
    best = max(scores.values(), default=0)
    if not best:
        return candidates(around) if around and around != text else []
    tied = [name for name, score in scores.items() if score == best]
    if prefer is not None and prefer.name in tied:
        return [prefer]
    of_around = _scores(around or text)
    tied = [name for name in tied if of_around[name] == max(of_around[other] for other in tied)]
    covered = {name: _covered(text.lower(), languages()[name]) for name in tied}
    tied = [name for name in tied if covered[name] == max(covered.values())]
    return [languages()[name] for name in tied]


def tokens(text: str) -> list[str]:
    """The words of a text, in lower case; what an apostrophe joins is apart."""
    return re.findall(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+", text.lower())


def _scores(text: str) -> dict[str, int]:
    words = set(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower().replace("’", "'")))
    words |= {f"{left}'" for left in re.findall(r"([^\W\d_]+)[’']", text.lower())} | set(tokens(text))
    letters = set(re.findall(r"[^\W\d_a-z]", text.lower()))
    return {
        name: sum(2 if word in language.small else 1 for word in words if word in language.known)
        - len(letters - language.letters)
        for name, language in languages().items()
    }


def _covered(text: str, language: Language) -> int:
    """How many characters of a text are markers of a language."""
    markers = ("self", "mine", "kin", "third", "others", "not", "soft", "past", "wants", "time", "verb_first")
    return sum(len(found[0]) for marker in markers for found in language.markers[marker].finditer(text))


def _script(text: str) -> str | None:
    """The language that a script alone tells."""
    letters = re.findall(r"[^\W\d_]", text)
    cyrillic = re.findall(r"[а-яёіїєґ]", text.lower())
    if len(cyrillic) * 2 > len(letters) > 0:
        return "uk" if set(cyrillic) & set("іїєґ") else "ru"
    for name, pattern in (("ja", r"[぀-ヿ]"), ("ko", r"[가-힣]"), ("zh", r"[一-鿿]")):
        if sum(map(len, re.findall(pattern, text))) * 4 > len(letters) > 0:
            return name
    return None


def _read(name: str, text: str) -> Language:
    data = tomllib.loads(text)
    spaced = data.get("spaced", True)
    markers = {marker: _pattern(_phrases(data.get(marker, "")), spaced) for marker in _MARKERS}
    relations = {key: _pattern(_phrases(value), spaced) for key, value in data.get("relations", {}).items()}
    small = frozenset(data["small"].split())
    lists = [data.get(marker, "") for marker in _MARKERS] + list(data.get("relations", {}).values())
    plain = {word for phrases in map(_phrases, lists) for phrase in phrases for word in _plain_words(phrase)}
    return Language(
        name=name,
        spaced=spaced,
        elided=data.get("elided", False),
        letters=frozenset(data.get("letters", "")),
        small=small,
        known=small | plain,
        numbers=tuple(data.get("numbers", "").split()),
        markers=markers,
        relations=relations,
    )


def _phrases(text: str) -> Sequence[str]:
    return text.replace("|\n", "|").replace(")*\n", ")*").split()


def _plain_words(phrase: str) -> Iterable[str]:
    """The word of a phrase that is nothing but one, or the choices of a group of such."""
    return [phrase.rstrip("*")] if re.fullmatch(r"[^\W\d_]{2,}'?", phrase) else []


def _pattern(phrases: Sequence[str], spaced: bool) -> re.Pattern[str]:
    """One pattern for several phrases; `*` behind a letter stands for the rest of a word."""
    if not phrases:
        return NEVER
    rest = re.compile(r"(?<=[^\W\d_])(?<!\\[wds])\*")
    choices = "|".join(rest.sub(r"\\w*", phrase).replace("_", " ") for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{choices})(?!\w)" if spaced else rf"(?:{choices})")
