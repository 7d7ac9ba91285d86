"""What there is one truth of, what holds beside it, and what must never be forgotten."""

import pytest

from memory.working.kinds import beside, first, kinds

REPLACES = [
    (("Location", "Lisbon"), ("Location", "Porto")),
    (("Location", "I live in Lisbon"), ("Location", "Porto")),
    (("Wohnort", "Hamburg"), ("Wohnort", "Bremen")),
    (("Ville", "Lyon"), ("Ville", "Paris")),
    (("Name", "Ana"), ("Name", "call me Annie")),
    (("Occupation", "baker"), ("Occupation", "nurse")),
    (("Occupation", "engineer at Acme"), ("Occupation", "works at Initech")),
    (("Facts", "pronouns they/them"), ("Facts", "she/her")),
    (("Facts", "32 years old"), ("Age", "33")),
    (("Facts", "time zone Europe/Lisbon"), ("Location", "time zone: Asia/Tokyo")),
    (("Events", "birthday on 3 May"), ("Facts", "birthday 4 May")),
    (("Favourite colour", "blue"), ("Favourite colour", "green")),
    (("Shoe size", "42"), ("Shoe size", "43")),
]
BESIDE = [
    (("Interests", "tea"), ("Interests", "coffee")),
    (("Location", "Lisbon"), ("Location", "time zone Europe/Lisbon")),
    (("Location", "Porto"), ("Location", "born in Lisbon")),
    (("Location", "Porto"), ("Location", "moving to Berlin")),
    (("Location", "Porto"), ("Location", "on holiday in Rome")),
    (("Occupation", "engineer"), ("Occupation", "works at Acme")),
    (("Occupation", "baker"), ("Occupation", "studies law")),
    (("Name", "Ana"), ("Name", "spelled with one n")),
    (("Name", "Ana"), ("Nickname", "Annie")),
    (("First name", "Ana"), ("Last name", "Silva")),
    (("Facts", "has two cats"), ("Facts", "plays the cello")),
    (("Events", "birthday on 3 May"), ("Events", "birthday party on 9 May 2026")),
    (("People", "sister is 32 years old"), ("People", "brother is called Bob")),
]


@pytest.mark.parametrize(("old", "new"), REPLACES)
def test_there_is_one_truth_of_some_kinds(old: tuple[str, str], new: tuple[str, str]) -> None:
    assert kinds(*old) & kinds(*new)


@pytest.mark.parametrize(("old", "new"), BESIDE)
def test_other_lines_hold_beside_each_other(old: tuple[str, str], new: tuple[str, str]) -> None:
    assert not kinds(*old) & kinds(*new)


def test_an_operators_hint_makes_a_field_one_truth() -> None:
    assert kinds("Team colour", "red", ["only one"])
    assert not kinds("Team colours", "red", ["list of all"])
    assert not kinds("Team colour", "red")


@pytest.mark.parametrize(
    ("sentence", "also"),
    [
        ("I also live in Berlin", True),
        ("I live in Berlin, too", True),
        ("I work part-time as a DJ", True),
        ("Ich wohne auch in Berlin", True),
        ("Vivo también en Madrid", True),
        ("I moved, I live in Berlin now too", False),
        ("I live in Porto now", False),
        ("I live in Porto", False),
    ],
)
def test_a_second_one_is_told_beside_the_first(sentence: str, also: bool) -> None:
    assert beside(sentence) == also


@pytest.mark.parametrize(
    "line",
    [
        ("Name", "Ana"),
        ("Facts", "allergic to peanuts"),
        ("Preferences", "Erdnussallergie"),
        ("Facts", "alérgica a los cacahuetes"),
        ("Facts", "has type 1 diabetes"),
        ("Facts", "pronouns they/them"),
        ("Preferences", "call me Annie"),
        ("Facts", "never eat shellfish"),
        ("Facts", "time zone Europe/Lisbon"),
    ],
)
def test_what_must_never_be_forgotten_comes_first(line: tuple[str, str]) -> None:
    assert first(*line) == 0


def test_what_there_is_one_truth_of_comes_before_all_else() -> None:
    assert first("Location", "Lisbon") == 1
    assert first("Interests", "novels") == 2
