"""Secrets in what people say: passwords, codes, keys and the numbers of cards and persons. Pure.

`detect-secrets`, the best kept detector, reads files of code line by line and needs PyYAML and requests; of it only the
beginnings of vendors' keys are of use in a sentence. The rest is how people name a secret, which no library knows.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files

from memory.working.evidence.numbers import identities

# What is a secret wherever it stands: vendors' keys, tokens, URLs and connection strings with a password in them.
_EVIDENT = re.compile(
    r"-----BEGIN[\s\S]*?(?:-----END[^\n]*|\Z)|\b(?:sk|pk|rk|xox[a-z]|xapp|gh[opsur]|github_pat|glpat|npm|pypi|hf|AKIA|ASIA|AIza|ya29|SG|key|dop_v1|shpat|eyJ)"
    r"[-_.A-Z0-9](?=[\w.-]*\d)[\w.-]{12,}|eyJ[\w-]{10,}\.[\w.-]+|\b[a-z][a-z0-9+.]*://[^\s/:@]*:[^\s/@]+@\S+|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bhf_[A-Za-z0-9]{16,}|\b\d{8,10}:[A-Za-z0-9_-]{35}\b|[;?&\s](?:password|pwd|passwd|sig|secret|token|accountkey|sharedaccesskey|api_?key)\s*=\s*[^\s;&]+"
    r"|\b(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[A-Za-z0-9+/_-]{32,}={0,2}|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{32,}\b",
    re.IGNORECASE,
)
# To my laptop, für das WLAN: what the secret opens.
_FOR = (
    r"(?:\s+(?:to|for|of|on|für|fürs|von|vom|zum|zu|de|du|des|del|do|da|della|dello|dell'|pour|para|per|van|voor|do|от|для)"
    r"\s+[\w' -]{1,30}?)?"
)
_IS = (
    r"(?:\s*(?:[:=→—]|->)\s*|\s+-\s+|'s\s+|\s*[は가는은이が是]\s*|\s+(?:is|are|was|lautet|ist|war|heißt|est|"
    r"c' ?est|es|era|"
    r"é|è|são|sono|jest|to|är|on|это|є|için|ile|of|no\.?|nr\.?|number|nummer|#|called)(?![^\W_])\s*)+"
)
_BEFORE = r"\s+(?:is|ist|est|c'est|es|é|è|jest|är|as|als|comme|como|come)\s+(?:[^\W\d_]+[' -]*){0,4}$"
_WORD = r"[^\s,;()\"“”„«»]+"
# Security answer: my first pet was Fluffy. A passphrase behind its name alone.
_ANSWER = re.compile(r"\bsecurity (?:answer|question)s?\b[^?]*?(?: is| was| are|:|=|->)\s+([^?]+)$", re.IGNORECASE)
_PHRASE = re.compile(
    r"\b(?:pass-?phrase|seed phrase|recovery phrase)\s+([a-z]{3,}(?: [a-z]{3,}){3,})[ .!]*$", re.IGNORECASE
)
_COUNTED = re.compile(
    r" (?!(?:and|to|or|but|at|on|then|every|when|if|gets?|\w*arms|unlocks|opens|disables|deactivates)\b)[^\W\d_]"
)
_SEPARATE = re.compile(r"(?<=[!?。！？])\s*|(?<=\.)\s+|\n")
NAMES = 20  # of secrets that are looked at in one sentence
NEAR = 150  # characters beside a name that are looked at
LONGEST = 4000  # characters of a sentence that are looked at
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
    parts = [part for part in map(_compact, value.split()) if len(part) > LEAST and re.search(r"\d", part)]
    return any(secret in compact or any(part in secret for part in parts) for secret in secrets) or any(
        True for _ in _spans(value)
    )


def _spans(sentence: str) -> Iterator[str]:
    """The secrets of one sentence."""
    sentence = " ".join(sentence.replace("’", "'").split())[:LONGEST]
    yield from (found[0].strip() for found in _EVIDENT.finditer(sentence))
    yield from identities(sentence)
    yield from _framed(sentence)
    plain = sentence.lower()
    if len(plain) != len(sentence):
        sentence = plain
    named = [
        (kind, name)
        for kind, pattern in _names().items()
        for name in pattern.finditer(plain)
        if not _is_other(plain, name)
    ]
    kinds = {kind for kind, _ in named}
    if kinds & {"password", "code", "identity", "token"} or kinds >= {"generic", "guarded"}:
        bare = kinds != {"token"}
        yield from (token for token in _tokens(sentence) if _is_code(token, bare=bare))
    for kind, name in named[:NAMES]:
        if kind == "password":
            yield from _passwords(sentence[max(name.start() - NEAR, 0) : name.start()], sentence[name.end() :][:NEAR])


def _framed(sentence: str) -> Iterator[str]:
    """What stands where a secret would, though nothing names it: I sign in with hunter2."""
    for frame in _frames():
        for found in frame.finditer(sentence):
            secret = found["secret"].strip("#*.!?")
            if _is_code(secret) and not _counts(secret, sentence[found.end("secret") :]):
                yield secret
    if answer := _ANSWER.search(sentence):
        yield answer[1]
        yield re.split(r" (?:is|was|are|were) ", answer[1])[-1]
    if phrase := _PHRASE.search(sentence):
        yield phrase[1]


def _counts(token: str, rest: str) -> bool:
    """Whether a number says how many: it opens with 200 visitors."""
    return token.isdigit() and _COUNTED.match(rest) is not None


def _passwords(before: str, after: str) -> Iterator[str]:
    """What stands beside the name of a password, whatever it looks like: dragon is my password."""
    told = re.match(rf"\w{{0,2}}{_FOR}{_IS}({_WORD}(?: {_WORD}){{0,7}})", after, re.IGNORECASE)
    if told:
        words = re.split(r" (?:and|und|et|y|e|en|but|aber|i|och|ve|и|та) ", told[1])[0].split()
        if words and words[0].lower().strip(".!'") not in _dull():
            yield " ".join(words)
            yield words[0]
            yield from re.findall(r"[!-~]{4,}", words[0])  # where words do not stand apart
    ahead = re.search(rf"({_WORD}){_BEFORE}", before, re.IGNORECASE)
    if ahead and ahead[1].lower() not in _dull():
        yield ahead[1]


def _tokens(sentence: str) -> Sequence[str]:
    """Words, and numbers whose digits stand in groups."""
    grouped = re.findall(r"(?<!\w)\d+(?:[ -]\d+)+(?!\w)", sentence)
    return [*grouped, *(token.strip(".!?:'*_`") for token in re.findall(_WORD, sentence))]


def _is_code(token: str, bare: bool = True) -> bool:
    """Whether a word looks like a code: digits, or letters mixed with digits or signs."""
    token = token.strip(".!?:'*_`")
    if re.fullmatch(r"\d{1,2}[.:/h]\d\d(?:[.:/]\d+)?|(?:19|20)\d\d|\d{1,2}\.?|\d+(?:th|st|nd|rd|k|h|%|€)", token):
        return False  # times, days, years
    if re.fullmatch(r"\d[\d -]*", token):
        return bare and len(re.sub(r"\D", "", token)) >= 3
    if re.search(r"\d", token) and re.search(r"[^\W\d_]", token):
        return len(token) >= 5 and not re.fullmatch(
            r"\d{1,3}[a-z]{1,3}|[a-z]{1,3}\d{1,2}|2fa|mp3|wpa2|wpa3", token, re.IGNORECASE
        )
    return bool(re.search(r"[^\W\d_][_$#@!%^&*+=]+[^\W_]", token)) and len(token) >= 6


def _is_other(plain: str, name: re.Match[str]) -> bool:
    around = f"{plain[max(0, name.start() - 22) : name.start()]} {plain[name.end() : name.end() + 14]}"
    return _other().search(around) is not None


def _asks_for(text: str) -> bool:
    """Whether a text ends with the name of a secret that it does not tell."""
    ending = text.lower().replace("’", "'")[-80:]
    return any(pattern.search(ending) for kind, pattern in _names().items() if kind in ("password", "code", "identity"))


@cache
def _data() -> dict[str, str]:
    return tomllib.loads((files("memory.working.evidence") / "secrets.toml").read_text("utf-8"))


@cache
def _names() -> dict[str, re.Pattern[str]]:
    return {kind: _pattern(words) for kind, words in _data().items() if kind not in ("other", "dull", "frames")}


@cache
def _frames() -> tuple[re.Pattern[str], ...]:
    secret = rf"(?P<secret>{_WORD})"
    return tuple(
        re.compile(rf"(?<!\w){frame.replace('_', ' ').replace('{}', secret)}", re.IGNORECASE)
        for frame in _data()["frames"].split()
    )


@cache
def _other() -> re.Pattern[str]:
    return _pattern(_data()["other"])


@cache
def _dull() -> frozenset[str]:
    return frozenset(_data()["dull"].split())


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
