"""Which field a form of words belongs to: a wrong one is worse than none."""

from collections.abc import Sequence

import pytest

from memory.working.clauses import clauses
from memory.working.forms import label, passing
from tests.memory.working.literal_corpus import FIELDS, HELD_OUT, TUNING, Case


@pytest.mark.parametrize(
    ("plain", "field"),
    [
        ("my name's oluwaseun", "Name"),
        ("call me al", "Name"),
        ("everyone calls me bee", "Name"),
        ("i live in berlin", "Location"),
        ("we moved to lisbon last spring", "Location"),
        ("i work for a small shipping company", "Occupation"),
        ("i'm a second year law student", "Occupation"),
        ("i work on payments", "Projects"),
        ("i'm building a weather station", "Projects"),
        ("my favourite colour is blue", "Preferences"),
        ("my favorite band is low", "Preferences"),
        ("i'm a vegetarian", "Preferences"),
        ("i love hiking", "Interests"),
        ("i play the cello", "Interests"),
        ("i want to learn japanese this year", "Goals"),
        ("i'm trying to quit smoking", "Goals"),
        ("my birthday is on the 3rd of may", "Events"),
        ("i have a job interview on thursday", "Events"),
        ("my wife's name is joanna", "People"),
        ("i have two kids and a dog", "People"),
        ("my boss lives in rome", "Facts"),
        ("i'm allergic to peanuts", "Facts"),
    ],
)
def test_a_common_form_has_its_field(plain: str, field: str) -> None:
    assert label(plain, FIELDS) == field


@pytest.mark.parametrize(
    "plain",
    [
        "call me when i'm back",
        "my name is not important",
        "i moved to the other channel",
        "my job is failing with exit code 1",
        "my project is broken",
        "i'm writing a test for the parser",
        "i work on weekends",
        "i love the second one",
        "i want to know what this does",
        "i want to be called master",
        "i want to stop the server",
        "i'm learning how this works",
        "i'm expecting an answer",
        "i'm moving to the next task on monday",
        "i have a question",
        "my boss is an idiot",
        "i'm tired",
    ],
)
def test_what_only_looks_like_one_has_none(plain: str) -> None:
    assert label(plain, FIELDS) is None


def test_a_field_of_the_operators_own_is_found_by_its_name() -> None:
    assert label("my shoe size is 44", ["Name", "Shoe size", "Other"]) == "Shoe size"
    assert label("i work as a cook", ["name", "JOB", "Other"]) == "JOB"
    assert label("my c++ (old) is fine", ["C++ (old)", "Other"]) == "C++ (old)"


def test_what_has_no_field_on_this_page_goes_under_the_last() -> None:
    assert label("i live in berlin", ["Name", "Other"]) == "Other"


@pytest.mark.parametrize(
    "plain", ["i'm tired", "i need a hand", "i'll be back", "i feel sick today", "my bad", "i agree"]
)
def test_the_moment_passes(plain: str) -> None:
    assert passing(plain)


@pytest.mark.parametrize("plain", ["i wear glasses", "i'm diabetic", "my house was built in 1910"])
def test_a_life_does_not(plain: str) -> None:
    assert not passing(plain)


@pytest.mark.parametrize("cases", [TUNING, HELD_OUT], ids=["tuning", "held out"])
def test_over_the_corpus_no_form_mislabels_or_invents_and_most_facts_have_one(cases: Sequence[Case]) -> None:
    found = 0
    for case in cases:
        for clause in clauses(case.text):
            if field := label(clause.plain, FIELDS):
                fields = {
                    name for fact in case.facts if fact.words in clause.text for name in (*fact.fields, FIELDS[-1])
                }
                assert field in fields, clause.text
                found += 1
    assert found > 0.6 * sum(len(case.facts) for case in cases)
