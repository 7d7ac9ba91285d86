"""Lines of which only one can be true: `vegan` and `no longer vegan`, two homes of one sister. Pure; in doubt, none."""

import re

from memory.working.sameness import Saying, saying, words

LIKING = frozenset(("interests", "preferences"))  # labels of fields in which a thing alone is one that is liked
_ANYTHING = LIKING | {"facts"}  # where the same may stand in another field

_LIKED = re.compile(
    r"^(?:i\ )?(?:really\ |also\ )?(?:likes?|enjoys?|loves?)\ +(?=\S)|,\ *(?:likes?|enjoys?|loves?)\.?$",
    re.IGNORECASE | re.VERBOSE,
)
_JOINED = re.compile(r"n't\b|\b(?:[nldj]|qu)'|\bused to\b|\bgiv(?:e|es|en) up\b|\bgave up\b")
_NO_MORE = re.compile(r"(\bn(?:e |')\w+ )plus\b")  # French; alone it may be a product's name
_NEGATES = frozenset(
    """
    no not never ex former formerly stopped quit hate dislike detest
    nicht kein keine keinen keinem keiner nie niemal ehemalig ehemalige ehemaliger aufgehort hasst
    pas jamai jamais ancien ancienne arrete deteste
    nunca jama dejo deje dejado odia odio
    """.split()
)
_BESIDE_IT = frozenset(  # beside what negates and what is liked
    """
    longer any more anymore do doe did done has ha had is am are was be been a an the i my it to now currently
    like love enjoy adore mehr ich bin ist war ein eine einen einer mag liebt habe hat jetzt
    ne je suis est un une le la les de du des aime ya yo soy es el los las un una me gusta encanta le ahora
    """.split()
)
_STATE = re.compile(
    r"""(?:i'?m\ |i\ am\ |is\ |ist\ |est\ )?(?:now\ |happily\ |recently\ )?(?:
    (?P<married>married|verheiratet|mariée?|casad[oa])|(?P<divorced>divorced|geschieden|divorcée?|divorciad[oa])
    |(?P<engaged>engaged|verlobt|fiancée?)|(?P<widowed>widowed|verwitwet|veuf|veuve|viud[oa])
    |(?P<alone>single|ledig|célibataire|solter[oa]))
    (?:\ (?:to|from|with|mit|von|avec|de|con)\ (?P<whom>[^\W\d_]+))?\.?""",
    re.IGNORECASE | re.VERBOSE,
)
_ONE = r"wife|husband|mother|father|mom|mum|dad|frau|mutter|vater|femme|mari|mère|père|esposa|marido|madre|padre"
_MANY = (
    r"sister|brother|son|daughter|partner|girlfriend|boyfriend|friend|cousin|aunt|uncle|schwester|bruder|sohn|tochter"
    r"|sœur|frère|fils|fille|hermana|hermano|hijo|hija|amiga|amigo"
)
_RELATIVE = re.compile(
    rf"""(?:(?i:my|mein|meine|mon|ma|mi)\ )?
    (?P<who>(?i:{_ONE})(?:\ [A-ZÀ-Þ][\w-]*)?|(?i:{_ONE}|{_MANY})\ [A-ZÀ-Þ][\w-]*)\ (?:now\ )?
    (?P<does>lives\ in|lives\ at|works\ at|works\ for|works\ as|studies\ at|wohnt\ in|lebt\ in|arbeitet\ bei
    |habite\ à|vit\ à|vive\ en|trabaja\ en)\ (?P<what>[^,;&]+?)\.?""",
    re.VERBOSE,
)
_SEVERAL = re.compile(r"\b(?:and|also|too|both|und|auch|et|aussi|y|también)\b", re.IGNORECASE)


def contrary(new: tuple[str, str], old: tuple[str, str]) -> bool:
    """Whether a line, (label of its field, value), cannot hold beside an older one."""
    fields = {label.casefold().strip() for label, _ in (new, old)}
    if (len(fields) > 1 and not fields <= _ANYTHING) or new[1][:1] in ("{", "["):
        return False
    return _negated(new[1], old[1]) or _other_state(new[1], old[1]) or _other_place(new[1], old[1])


def liked(label: str, value: str) -> Saying:
    """What a line says; where it is about what somebody likes, `likes tea` says `tea`."""
    return saying(_LIKED.sub("", value) if label.casefold().strip() in LIKING else value)


def _negated(new: str, old: str) -> bool:
    """Whether one of them negates what the other says in the same words."""
    (said, one), (before, other) = _reading(new), _reading(old)
    return bool(said) and said == before and one != other


def _reading(value: str) -> tuple[tuple[str, ...], bool]:
    """The words of a line that tell something, and whether it negates them."""
    plain = _NO_MORE.sub(r"\1pas", value.casefold().replace("’", "'"))
    plain = _JOINED.sub(lambda found: " " if found[0].endswith("'") else " not ", plain)
    heard = words(plain)
    negations = sum(word in _NEGATES for word in heard)
    told = (_root(word) for word in heard if word not in _NEGATES and word not in _BESIDE_IT)
    return tuple(told), negations % 2 == 1


def _root(word: str) -> str:
    """`smoking` and `smokes` as one word."""
    if len(word) > 5 and word.endswith("ing"):
        return word[:-3]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def _other_state(new: str, old: str) -> bool:
    """Whether somebody who was married is divorced now, or the like."""
    now, then = _STATE.fullmatch(new.strip()), _STATE.fullmatch(old.strip())
    if now is None or then is None:
        return False
    return _state(now) != _state(then) or (bool(now["whom"] and then["whom"]) and now["whom"] != then["whom"])


def _state(found: re.Match[str]) -> str:
    return next(name for name, text in found.groupdict().items() if text and name != "whom")


def _other_place(new: str, old: str) -> bool:
    """Whether the same relative, by the same name, does the same elsewhere."""
    now, then = _RELATIVE.fullmatch(new.strip()), _RELATIVE.fullmatch(old.strip())
    if now is None or then is None or _SEVERAL.search(new):
        return False
    same = [(found["who"].casefold(), found["does"]) for found in (now, then)]
    return same[0] == same[1] and not saying(now["what"]).same(saying(then["what"]))
