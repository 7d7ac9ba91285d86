"""What a person wants forgotten, in their own words, and which clauses name it. Pure."""

import re
from collections.abc import Set
from dataclasses import dataclass, replace

from memory.matters.called import beside, is_name, names_in
from memory.matters.languages import LANGUAGES
from memory.matters.sentences import By, Clause, calls, is_single, language_of, pointed, read, spoken
from memory.matters.vocabulary import COMMON, FAVOURITE, KINDS, SAME, TELLING, WIDER

LONGEST = 200  # characters of a message that asks to forget something: a longer one speaks of more

_SMALL = frozenset(
    """
    a about all am an and any are as at be been but by can could did do does for from had has have he her hers
    him his how i i'd i'll i'm i've if in is it it's its just like me mine my not of on or our please remember
    said say says she so tell that that's the their them there these they thing things this those to told too up
    us was we were what what's when where which who why will with would you your yours forget forgot forgotten
    anything everything something know knew note noted remembered okay ok yes no
    """.split()
)
_PLEASE = r"(?:please|bitte|s'il (?:te|vous) pla[iî]t|por favor|per favore|alsjeblieft|alstublieft)"
_REQUESTS = tuple(
    re.compile(rf"\W*(?:(?:hey |hi )?hathi\W+)?(?:{_PLEASE}\W+)?{request}", re.IGNORECASE | re.DOTALL)
    for request in (
        r"(?:can you |could you |would you )?(?:please )?forget (?:(?:all |everything )?about |that )*(?P<matter>.+)",
        r"vergiss(?: bitte)?,? (?:alles über |alles, was du über |dass )?(?P<matter>.+)",
        r"(?:kannst|könntest) du (?:bitte )?(?P<matter>.+?) vergessen\W*",
        r"(?:(?:peux-tu|pourrais-tu) )?oubli(?:e|er|ez)(?: s'il te plaît,?)? (?:tout sur |que |qu')?(?P<matter>.+)",
        r"(?:(?:puedes|podrías) )?olvid(?:a|ar|e|es|arte|ate|ate de)\b(?: de)?(?: todo sobre)?(?: que)? (?P<matter>.+)",
        r"(?:(?:podes|pode|podias) )?esque(?:ce|cer|ça|ceres)(?: de)?(?: tudo sobre)?(?: que)? (?P<matter>.+)",
        r"(?:(?:puoi|potresti) )?dimentica(?:re|ti|rti)?(?: di)?(?: tutto su)?(?: che)? (?P<matter>.+)",
        r"vergeet(?: alsjeblieft)?(?: alles over| dat)? (?P<matter>.+)",
        r"(?:kun|kan) je (?:alsjeblieft )?(?P<matter>.+?) vergeten\W*",
    )
)
_MY = sorted(frozenset[str]().union(*(language.my for language in LANGUAGES.values())) - {"ma", "ons"}, key=len)[::-1]
_ARTICLES = "il|la|i|le|o|a|os|as"  # before `my` in Italian and Portuguese
_MY_DENSE = re.compile(r"(?:私|僕|俺|わたし|うち)の|我的|나의|내\s")
_WITH = frozenset("food lover lovers owner owners person people show shows park walker sitter trainer breeds".split())
_CUT = re.compile(r"[.!?;\n]|\b(?:but|aber|mais|pero|mas|maar)\b", re.IGNORECASE)


def asked(text: str) -> str | None:
    """The matter that a message asks to have forgotten: `forget my favourite colour`; None when it asks for nothing.

    A whole person is no matter: that is what `/forget me` is for.
    """
    found = next((match for request in _REQUESTS if (match := request.fullmatch(text.strip()))), None)
    if found is None or len(text) > LONGEST:
        return None
    matters = matters_of(found["matter"])
    return found["matter"] if matters and all(matter.mine for matter in matters) else None


def wants_gone(text: str, value: str) -> bool:
    """Whether a message asks to have forgotten what a value says: then it does not say it anew."""
    matter = re.split(r"[.!?;,\n]|\bbut\b", asked(text) or "")[0]
    return bool(words(value)) and words(value) <= words(matter)


def words(text: str) -> frozenset[str]:
    """The words of a text that say something, in a form in which they can be compared."""
    found = (word.strip("'") for word in re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.replace("’", "'").casefold()))
    return frozenset(_stem(word) for word in found if word and word not in _SMALL)


@dataclass(frozen=True, slots=True)
class Matter:
    """What is to be forgotten: a text names it when it has all of this."""

    words: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    relatives: frozenset[str] = frozenset()
    mine: bool = False  # said as the person's own: then it is nobody else's
    language: str = "en"
    called: frozenset[str] = frozenset()  # a name that stands beside a relative: my sister Ana
    head: str = ""  # the word that says what it is
    several: bool = False  # said of more than one: my dogs
    name: bool = False  # nothing but a name

    @property
    def tells(self) -> bool:
        """Whether there is anything to be found by."""
        return bool(self.words or self.kinds or self.relatives)

    @property
    def is_description(self) -> bool:
        """Whether what is said of it gives it away elsewhere: my dog does, Rex is no description."""
        return bool(self.relatives or self.mine)


def meant(matter: Matter) -> frozenset[str]:
    """Whom a matter is about: with a pet, also a dog."""
    return matter.relatives.union(*(WIDER.get(one, frozenset()) for one in matter.relatives))


def same(matter: Matter) -> frozenset[str]:
    """Other words for what a matter is: I am pregnant, my pregnancy."""
    wanted = matter.words if matter.mine else frozenset[str]()
    return frozenset[str]().union(*(SAME.get(word, frozenset()) for word in wanted))


def parts_of(what: str) -> list[Matter]:
    """The matters of a list without a `my` for each, one by one: `lisbon and vegan`, `my dog and cat`."""
    joins = "|".join(map(re.escape, sorted(LANGUAGES[language_of(what, "en")].joins | {"or"})))
    parts = re.split(rf"\s*,\s*|\s+(?:{joins})\s+", what, flags=re.IGNORECASE)
    found = [matter for part in parts for matter in matters_of(part)]
    if len(parts) < 2 or not any(matter.mine for matter in found):
        return found if len(parts) > 1 else []
    only = all(matter.relatives and not matter.words and not matter.kinds for matter in found)
    return [replace(matter, mine=True) for matter in found] if only else []


def matters_of(what: str) -> list[Matter]:
    """The matters that somebody names: `my dog and my cat` are two."""
    language = language_of(what, "en")
    small = LANGUAGES[language]
    my = "|".join(map(re.escape, _MY))
    own = "|".join(sorted(map(re.escape, small.own - small.my), key=len, reverse=True))
    joins = "|".join(sorted(map(re.escape, small.joins | {"or", "oder", "ou", "o", "of"}), key=len, reverse=True))
    text = _CUT.split(what.replace("’", "'"), maxsplit=1)[0]
    text = re.split(rf",\s*(?=(?:{own})\b)", text, maxsplit=1, flags=re.IGNORECASE)[0]
    mine = rf"(?=(?:(?:{_ARTICLES}) )?(?:{my})\b)"
    parts = re.split(rf"\s*,\s*(?:(?:{joins})\s+)?{mine}|\s+(?:{joins})\s+{mine}", text, flags=re.IGNORECASE)
    found = [matter for part in parts for matter in _matter(part, language)]
    return [matter for matter in found if matter.tells]


def _matter(text: str, language: str) -> list[Matter]:
    small = LANGUAGES[language]
    clauses = read(_MY_DENSE.sub("", text).replace(",", " "), By.PERSON, language, language)
    mine = bool(_MY_DENSE.search(text))
    words = [word for clause in clauses for word in clause.words]
    forms = {word.form for word in words}
    relatives = frozenset(word.relative for word in words if word.relative)
    mine = mine or bool(small.own & forms)
    kinds = {kind for clause in clauses for kind in clause.said}
    kinds |= {kind for kind, its in KINDS.items() if not _is_trait(forms) and calls(words, its.nouns, small)}
    kinds = kinds if mine or relatives else set()
    left = [word for word in words if not word.relative and word.form not in small.known]
    for kind in kinds:
        left = [word for word in left if word.form not in KINDS[kind].nouns | spoken(text, [kind])]
    left = [word for word in left if "email" not in kinds or word.form not in ("address", "addresses")]
    pairs = any(not is_single(word.form) and is_single(word.form[0]) for word in left)
    left = [word for word in left if not (pairs and is_single(word.form))]
    called = beside(words) if relatives else frozenset()
    rest = frozenset(word.stem for word in left) - called
    head = left[-1].stem if left else ""
    several = any(one.form.endswith(("s", "i", "x")) for one in words if one.relative or one in left[-1:])
    whole = Matter(rest, frozenset(kinds), relatives, mine, language, called, head, several)
    return [whole, Matter(called, language=language, name=True)] if called and not rest and not kinds else [whole]


def names(matter: Matter, clause: Clause) -> bool:
    """Whether a clause names a matter: has all of its telling words, and not as somebody else's."""
    favourites = {"favorite"} if any(FAVOURITE.match(word.form) for word in clause.words) else set[str]()
    stems = clause.stems | favourites | _otherwise(matter, clause)
    if not matter.tells or not matter.words <= stems:
        return False
    if matter.name:
        return any(is_name(clause, at) for at, word in enumerate(clause.words) if word.stem in matter.words)
    if matter.relatives:
        return _names_relative(matter, clause)
    return not matter.mine or _names_own(matter, clause)


def _otherwise(matter: Matter, clause: Clause) -> frozenset[str]:
    """The words of a matter that a clause says by others of the person, or of whom the matter is about."""
    forms = {word.form for word in clause.words}
    own = clause.by is not By.PERSON or bool({"i", "im", "we"} & forms)
    own = own or any(pointed(clause, at) for at, word in enumerate(clause.words) if word.form in SAME)
    if not matter.mine or not ((clause.own and own) or matter.relatives):
        return frozenset()
    return frozenset(word for word in matter.words if SAME.get(word, frozenset()) & forms)


def _names_own(matter: Matter, clause: Clause) -> bool:
    """Whether it is the person's own that a clause names: their favourite colour, where they live."""
    alone = not (clause.relatives or clause.others or clause.other)
    if clause.by is By.LINE:
        alone = alone or _is_before_others(matter, clause)
        return alone and matter.kinds <= clause.kinds | clause.mentioned
    if matter.kinds:
        called = not matter.words and matter.kinds <= clause.called
        return called or (matter.kinds <= clause.kinds and clause.own and alone)
    heads = SAME.get(matter.head, frozenset())
    places = [at for at, word in enumerate(clause.words) if word.stem == matter.head or word.form in heads]
    found = [pointed(clause, at) for at in places if not (len(matter.words) == 1 and _is_part(clause, at))]
    if places and not found:
        return False
    if True in found:
        return True
    general = (word.form != word.stem and word.form.endswith("s") for word in clause.words if word.stem == matter.head)
    if clause.language == "en" and not matter.several and any(general):
        return False  # exams
    return alone and not _foreign(clause, matter.words) and (None in found or not found)


def _is_part(clause: Clause, at: int) -> bool:
    """Whether a noun that nobody owns says what the next one is for: health insurance."""
    if clause.language != "en" or pointed(clause, at) is not None:
        return False
    if at and clause.words[at - 1].form in ("i", "we"):
        return False  # I earn money
    known = LANGUAGES["en"].known | COMMON | TELLING
    after = clause.words[at + 1 : at + 2]
    return any(re.fullmatch("[a-z]+(?<!ed)(?<!ly)", one.form) and one.form not in known for one in after)


def _is_before_others(matter: Matter, clause: Clause) -> bool:
    """Whether a line says what it is before it says with whom: a boat with my brother."""
    first = next((at for at, word in enumerate(clause.words) if word.relative), len(clause.words))
    places = [at for at, word in enumerate(clause.words) if word.stem == matter.head]
    return bool(places) and not clause.others and places[0] < first and pointed(clause, places[0]) is not False


def _names_relative(matter: Matter, clause: Clause) -> bool:
    wanted = [WIDER.get(one, frozenset()) | {one} for one in matter.relatives]
    if not all(one & clause.relatives for one in wanted):
        return False
    if not matter.words and not matter.kinds <= clause.kinds | clause.mentioned:
        return False
    if not matter.mine:  # any dog at all
        return True
    if matter.called and (known := names_in(clause)) and not known & matter.called:
        return False
    whole = frozenset[str]().union(*wanted)
    places = [at for at, word in enumerate(clause.words) if word.relative in whole]
    if not places:  # by a pronoun: it is of the clause before
        return bool(matter.kinds or matter.words)
    return any(_is_meant(matter, clause, at, whole) for at in places)


def _is_meant(matter: Matter, clause: Clause, at: int, whole: Set[str]) -> bool:
    """Whether somebody's relative at a place is the person's own: neither anybody's, nor a part of another word."""
    found = pointed(clause, at, whole)
    if found is not None:
        return found
    if clause.by is By.LINE:
        return matter.several or not _in_general(clause, at)
    before = {one.form for one in clause.words[max(at - 2, 0) : at]}
    small = LANGUAGES[clause.language]
    if clause.language == "en":
        return bool(small.the & before) or _stands_alone(clause, at)
    if small.many & before:  # los perros
        return matter.several
    return clause.language not in ("de", "nl") or bool(small.the & before)  # Hunde


def _stands_alone(clause: Clause, at: int) -> bool:
    """Whether a noun without anything before it is one of somebody's: not dogs, and not dog food."""
    word, after = clause.words[at], clause.words[at + 1 : at + 2]
    known = LANGUAGES[clause.language].known | COMMON
    if word.form.endswith("s") and not word.owns and word.stem != word.form:
        return False
    return bool(clause.said) or all(one.capital or one.form in known | TELLING for one in after)


def _in_general(clause: Clause, at: int) -> bool:
    """Whether a line speaks of all there are, or of what one does with them: dogs, dog training."""
    word, after = clause.words[at], clause.words[at + 1 : at + 2]
    several = word.form.endswith("s") and not word.owns and word.stem != word.form
    return several or any(one.form.endswith("ing") or one.form in _WITH for one in after)


def _is_trait(forms: Set[str]) -> bool:
    """Whether a favourite is spoken of: a favourite city is not where one lives."""
    return any(FAVOURITE.match(form) for form in forms)


def _foreign(clause: Clause, known: Set[str]) -> bool:
    """Whether a clause that does not speak of the person begins with somebody: Bob has red as favourite colour."""
    if clause.own or not clause.words:
        return False
    first = clause.words[0]
    return first.capital and first.form not in LANGUAGES[clause.language].known and first.stem not in known


def _stem(word: str) -> str:
    """Without the endings and spellings by which the same English word differs: colours and color are one."""
    word = re.sub(r"'s$", "", word)
    if len(word) > 4:
        word = re.sub(r"(?<=[^aeiou])ies$", "y", word)
        word = re.sub(r"(?<=[^s])s$", "", word)
    return re.sub(r"(?<=[a-z]{2})our$", "or", re.sub(r"(?<=[a-z]{2})ourite$", "orite", word))
