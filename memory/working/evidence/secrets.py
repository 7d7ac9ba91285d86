"""Secrets in what people say: passwords, codes, keys and the numbers of cards and persons. Pure.

`detect-secrets`, the best kept detector, reads files of code line by line and asks for PyYAML and requests; of it only the
beginnings of vendors' keys are of use in a sentence. The rest is about how people name a secret, which no library knows.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files

from memory.working.evidence.numbers import identities

# What is a secret wherever it stands: keys by their vendors' beginnings, tokens, URLs and connection strings with a password.
_EVIDENT = re.compile(
    r"-----BEGIN[\s\S]*?(?:-----END[^\n]*|\Z)|\b(?:sk|pk|rk|xox[a-z]|xapp|gh[opsur]|github_pat|glpat|npm|pypi|hf|AKIA|ASIA|AIza|ya29|SG|key|dop_v1|shpat|eyJ)"
    r"[-_.A-Z0-9](?=[\w.-]*\d)[\w.-]{12,}|eyJ[\w-]{10,}\.[\w.-]+|\b[a-z][a-z0-9+.]*://[^\s/:@]*:[^\s/@]+@\S+|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\b\d{8,10}:[A-Za-z0-9_-]{35}\b|[;?&\s](?:password|pwd|passwd|sig|secret|token|accountkey|sharedaccesskey|api_?key)\s*=\s*[^\s;&]+"
    r"|\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[A-Za-z0-9+/_-]{32,}={0,2}|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{32,}\b",
    re.IGNORECASE,
)
_IS = r"(?:\s*(?:[:=→]|->|-|is|are|was|lautet|ist|war|heißt|est|c' ?est|es|era|é|è|são|sono|jest|to|är|on|:is|—|это|є|は|が|是|는|은|이|için|ile|of|no\.?|nr\.?|number|nummer|#|called|for [\w' -]{1,30} is|bei \w+|beim? \w+)\s*)+"
_DULL = frozenset(
    """a an the my our too very not so always never in on at by it that this expired weak strong wrong lost gone long short safe secure stored written saved
    same none secret hard easy difficult forgotten changed different something what ein eine der die das mein zu sehr nicht immer nie weg falsch lang kurz sicher un une le la les mon trop très pas jamais
    toujours perdu el los una mi muy no nunca siempre demasiado o os um uma meu minha muito não sempre il lo troppo molto non mai sempre and und et y e und or oder for für pour para per to zu""".split()
)
_TOKEN = r"[^\s,;()\"“”„«»]+"
_SEPARATE = re.compile(r"(?<=[!?。！？])\s*|(?<=\.)\s+|\n")
LEAST = 3  # letters and digits: what is shorter could be part of anything


def secrets_in(texts: Iterable[str]) -> frozenset[str]:
    """The secrets in what was said, in order, each as letters and digits alone."""
    found: set[str] = set()
    before = ""
    for text in texts:
        for sentence in _SEPARATE.split(text):
            found |= set(_spans(sentence))
        if _asks_for(before) and len(text.split()) <= 3:  # Your door code? 4711
            found |= {token for token in text.split() if _is_code(token)}
        before = text
    return frozenset(compact for span in found if len(compact := _compact(span)) >= LEAST)


def tells_secret(value: str, secrets: Iterable[str] = ()) -> bool:
    """Whether a value has a secret in it: one of those said, or one that is named or plain to see in it."""
    compact = _compact(value)
    return any(secret in compact for secret in secrets) or any(True for _ in _spans(value))


def _spans(sentence: str) -> Iterator[str]:
    """The secrets of one sentence."""
    sentence = " ".join(sentence.replace("’", "'").split())
    yield from (found[0].strip() for found in _EVIDENT.finditer(sentence))
    yield from identities(sentence)
    plain = sentence.lower()
    if len(plain) != len(sentence):
        sentence = plain
    for kind, pattern in _names().items():
        for name in pattern.finditer(plain):
            if not _is_other(plain, name):
                yield from _named(kind, sentence, name)


def _named(kind: str, sentence: str, name: re.Match[str]) -> Iterator[str]:
    """What a secret's name stands beside: behind `is`, or whatever looks like a code in the same sentence."""
    after = sentence[name.end() :]
    told = re.match(rf"\w{{0,2}}{_IS}({_TOKEN}(?: {_TOKEN}){{0,7}})", after, re.IGNORECASE)
    if kind == "password" and told:
        words = re.split(r" (?:and|und|et|y|e|en|but|aber|i|och|ve|и|та) ", told[1])[0].split()
        if words and words[0].lower().strip(".!'") not in _DULL:
            yield " ".join(words)
            yield words[0]
    yield from (token for token in _tokens(sentence) if _is_code(token, bare=kind in ("code", "identity", "password")))


def _tokens(sentence: str) -> Sequence[str]:
    """Words, and numbers whose digits stand in groups."""
    grouped = re.findall(r"(?<!\w)\d+(?:[ -]\d+)+(?!\w)", sentence)
    return [*grouped, *(token.strip(".!?:'*_`") for token in re.findall(_TOKEN, sentence))]


def _is_code(token: str, bare: bool = True) -> bool:
    """Whether a word looks like a code: digits, or letters mixed with digits or signs."""
    token = token.strip(".!?:'*_`")
    if re.fullmatch(r"\d{1,2}[.:/h]\d\d(?:[.:/]\d+)?|(?:19|20)\d\d|\d{1,2}\.?|\d+(?:th|st|nd|rd|k|h|%|€)", token):
        return False  # times, days, years
    if re.fullmatch(r"\d[\d -]*", token):
        return bare and len(re.sub(r"\D", "", token)) >= 3
    if re.search(r"\d", token) and re.search(r"[^\W\d_]", token):
        return len(token) >= 5 and not re.fullmatch(
            r"\d+[a-z]{1,3}|[a-z]{1,3}\d{1,2}|2fa|mp3|wpa2|wpa3", token, re.IGNORECASE
        )
    return bool(re.search(r"[^\W\d_][_$#@!%^&*+=]+[^\W_]", token)) and len(token) >= 6


def _is_other(plain: str, name: re.Match[str]) -> bool:
    around = f"{plain[max(0, name.start() - 22) : name.start()]} {plain[name.end() : name.end() + 14]}"
    return _other().search(around) is not None


def _asks_for(text: str) -> bool:
    """Whether a text ends with the name of a secret that it does not tell."""
    ending = text.lower().replace("’", "'")[-80:]
    return any(pattern.search(ending) for kind, pattern in _names().items() if kind != "token")


@cache
def _names() -> dict[str, re.Pattern[str]]:
    data = tomllib.loads((files("memory.working.evidence") / "secrets.toml").read_text("utf-8"))
    return {kind: _pattern(words) for kind, words in data.items() if kind != "other"}


@cache
def _other() -> re.Pattern[str]:
    data = tomllib.loads((files("memory.working.evidence") / "secrets.toml").read_text("utf-8"))
    return _pattern(data["other"])


def _pattern(words: str) -> re.Pattern[str]:
    phrases = words.replace("|\n", "|").split()
    choices = [
        re.sub(r"(?<=[^\W\d_])(?<!\\w)\*", r"\\w*", one).replace("_", " ").replace("[ -]?", "[ -]?") for one in phrases
    ]
    spaced = [one for one in choices if not re.match(r"[぀-ヿ一-鿿가-힣ก-๛]", one)]
    joined = [one for one in choices if one not in spaced]
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(spaced)})(?![^\W_])" + (f"|{'|'.join(joined)}" if joined else ""))


def _compact(text: str) -> str:
    return "".join(re.findall(r"[^\W_]+", text.lower()))
