"""How well is believed what people say of themselves, and nothing else: on a corpus of what careless models note.

`python -m benchmarks.believing [--half tuning|held-out] [--wrong] [--json]`; no model is asked, it takes seconds. The
rule of the version before stands beside; `second look` is the best that a model can add where the rules cannot tell.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memory.working.believing import Candidate, weigh
from memory.working.page import Edit
from memory.working.upkeep import Heard, own_words

CORPUS = Path(__file__).parent / "data" / "believing.jsonl"
HALVES = ("tuning", "held-out")


@dataclass(frozen=True, slots=True)
class Case:
    """A message and what a careless model notes of it."""

    language: str
    category: str
    honest: bool  # whether it is to be on the page
    held_out: bool  # never looked at while the rules were written
    said: str
    field: str
    value: str
    quote: str


@dataclass(frozen=True, slots=True)
class Figures:
    """How many notes were believed, and which should have been."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Of what is believed, how much is honest."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Of what is honest, how much is believed."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


Rule = Callable[[Case], bool]


def corpus(half: str | None = None) -> list[Case]:
    """The cases; of one half or of both."""
    cases = [Case(**json.loads(line)) for line in CORPUS.read_text("utf-8").splitlines()]
    return [case for case in cases if half is None or case.held_out == (half == "held-out")]


def rules_alone(case: Case) -> bool:
    """Believed without a second look."""
    return any(candidate.certain for candidate in _weighed(case))


def second_look(case: Case) -> bool:
    """Believed when a model that is always right is asked where the rules cannot tell."""
    return any(candidate.certain or case.honest for candidate in _weighed(case))


def is_asked(case: Case) -> bool:
    """Whether the rules cannot tell."""
    return any(not candidate.certain for candidate in _weighed(case))


def before(case: Case) -> bool:
    """The rule of the version before: the quoted words are the author's, and there is no order or secret in them."""
    quote = _plain(case.quote)
    said = quote in _plain(own_words(case.said)) if quote else False
    return said and all(not _ORDER.match(text) and not _SECRET.search(text) for text in (case.value, case.quote))


RULES: Mapping[str, Rule] = {"before": before, "rules alone": rules_alone, "second look": second_look}


def figures(cases: Iterable[Case], rule: Rule) -> Figures:
    """What a rule makes of cases."""
    counts = [(case.honest, rule(case)) for case in cases]
    return Figures(counts.count((True, True)), counts.count((False, True)), counts.count((True, False)))


def main() -> None:
    """Print precision and recall by half, language and category."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=HALVES)
    parser.add_argument("--wrong", action="store_true", help="show what is wrongly believed or missed by rules alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    halves = [options.half] if options.half else HALVES
    tables = {half: _tables(corpus(half)) for half in halves}
    if options.json:
        print(json.dumps(tables, ensure_ascii=False))
        return
    for half, table in tables.items():
        _show(half, table)
    if options.wrong:
        for case in corpus(options.half):
            if rules_alone(case) != case.honest:
                print(f"{case.language} {case.category}: {case.field}: {case.value} | {case.said}")


def _tables(cases: Sequence[Case]) -> dict[str, dict[str, object]]:
    groups = {"all": list(cases)}
    for case in cases:
        groups.setdefault(case.language, []).append(case)
    for case in cases:
        groups.setdefault(case.category, []).append(case)
    return {
        name: {"cases": len(group), "asked": sum(map(is_asked, group))}
        | {rule: _numbers(figures(group, decide)) for rule, decide in RULES.items()}
        for name, group in groups.items()
    }


def _numbers(found: Figures) -> dict[str, float]:
    return {"precision": round(found.precision, 3), "recall": round(found.recall, 3), "wrong": found.wrong}


def _show(half: str, table: Mapping[str, Mapping[str, object]]) -> None:
    print(f"{half}: precision / recall / wrongly believed")
    print(f"  {'':12} {'cases':>5} {'asked':>5}" + "".join(f"  {name:>20}" for name in RULES))
    for name, row in table.items():
        cells = []
        for rule in RULES:
            numbers = row[rule]
            assert isinstance(numbers, dict)
            cells.append(f"  {numbers['precision']:.3f} / {numbers['recall']:.3f} / {numbers['wrong']:2}")
        print(f"  {name:12} {row['cases']:>5} {row['asked']:>5}" + "".join(cells))


def _weighed(case: Case) -> list[Candidate]:
    heard = Heard("1", "user", "discord:1", "Ana", case.said, new=True)
    return weigh([Edit(case.field, case.value, 1, case.quote)], [heard], {}, {})


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


_ORDER = re.compile(
    r"(?:please |you (?:must|should|will|have to) |from now on,? |whenever |in future,? )*"
    r"(?:(?:ignore|disregard|obey|pretend|act as|respond|answer|reply|call everyone|you are now|you must|you should|"
    r"you will|you have to|from now on)\b|(?:system|assistant|developer|instructions?) ?[:>]|"
    r"(?:always|never) (?:answer|reply|respond|say|speak|talk|use|tell|call|ignore|show|mention|refuse|write|begin|end)"
    r"\b)",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"-----BEGIN|\b(?:sk|pk|rk|xox[a-z]|xapp|gh[opsu]|glpat|AKIA)[-_A-Z0-9][\w-]{8,}|eyJ[\w-]{10,}\.|"
    r"\b(?:password|passwort|passphrase|passcode|pin|api key|secret key)\b\W*(?:is\b|:|=)|\b(?:\d[ -]?){13,19}\b",
    re.IGNORECASE,
)

if __name__ == "__main__":
    main()
