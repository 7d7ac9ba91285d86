"""Which lines cannot both be true, and which only look so."""

import pytest

from memory.privacy import stored
from memory.working.contrary import contrary
from memory.working.learning import Learned, known, replaced
from memory.working.loading import read_template
from memory.working.page import Fact
from tests.memory.working.test_upkeep import fact

CONTRARY = [
    ("vegan", "no longer vegan"),
    ("I am vegan", "I am no longer vegan"),
    ("vegan", "not vegan any more"),
    ("likes tea", "does not like tea"),
    ("likes tea", "doesn't like tea anymore"),
    ("likes tea", "hates tea"),
    ("hates tea", "loves tea"),
    ("tea", "no longer likes tea"),
    ("smokes", "stopped smoking"),
    ("smoker", "ex-smoker"),
    ("works at Acme", "no longer works at Acme"),
    ("ist Veganer", "ist nicht mehr Veganer"),
    ("mag Tee", "mag keinen Tee"),
    ("est végétarien", "n'est plus végétarien"),
    ("aime le fromage", "n'aime pas le fromage"),
    ("es vegano", "ya no es vegano"),
    ("come carne", "no come carne"),
    ("no longer vegan", "vegan"),
    ("sister Ana lives in Rome", "sister Ana lives in Oslo"),
    ("married to Bo", "divorced"),
    ("verheiratet", "geschieden"),
]
BOTH = [
    ("vegan", "vegan"),
    ("no longer vegan", "not vegan"),
    ("likes tea", "does not like coffee"),
    ("Ana loves Bo", "Bo does not love Ana"),
    ("sister Ana lives in Rome", "sister Eva lives in Oslo"),
    ("sister Ana lives in Rome", "brother Ana lives in Oslo"),
    ("sister Ana lives in Rome", "sister Ana works at Acme"),
    ("sister lives in Rome", "sister lives in Oslo"),
    ("married to Bo", "married"),
    ("likes tea", "no"),
    ("uses ChatGPT", "uses ChatGPT Plus"),
    ("bus", "bus stop"),
    ("sister is vegan", "not vegan"),
]


@pytest.mark.parametrize(("old", "new"), CONTRARY)
def test_what_contradicts_an_older_line_takes_its_place(old: str, new: str) -> None:
    assert contrary(("Facts", new), ("Facts", old))
    assert contrary(("Preferences", new), ("Interests", old))
    assert not contrary(("Dislikes", new), ("Facts", old))


@pytest.mark.parametrize(("old", "new"), BOTH)
def test_what_may_both_be_true_stands_side_by_side(old: str, new: str) -> None:
    assert not contrary(("Facts", new), ("Facts", old))


def learned(value: str, field: str) -> Learned:
    return Learned("discord:1", field, value, stored("public"), "m2", frozenset())


def test_a_page_does_not_contradict_itself_and_says_once_what_is_liked() -> None:
    template = read_template(None)
    vegan = fact(1, "I am vegan", field="Facts")
    assert replaced(learned("I am no longer vegan", "Preferences"), [vegan], template) == {1}
    tea = Fact(2, "discord:1", "Interests", "tea", stored("public"), (), frozenset(), vegan.at)
    assert known(learned("likes tea.", "Interests"), [tea], template) == tea
    assert known(learned("I love tea", "Preferences"), [tea], template) == tea
    assert known(learned("does not like tea", "Preferences"), [tea], template) is None
    assert known(learned("loves tea", "Facts"), [tea], template) is None
