"""Which lines say the same, and which only look so."""

import pytest
from hypothesis import given

from memory.working.sameness import Sayings, saying
from tests.memory.working.facts import values

SAME = [
    ("likes green tea", "likes green tea."),
    ("likes green tea", "Likes Green Tea"),
    ("likes green tea", "green tea, likes"),
    ("likes green tea", "likes the green tea"),
    ("likes green tea", "I like green tea"),
    ("café in the morning", "cafe in the morning"),
    ("José", "Jose"),
    ("has a red bike", "red bike, has"),
    ("mag grünen Tee", "mag grunen Tee!"),
    ('"green tea"', '"Green tea."'),
]
OTHER = [
    ("likes tea", "does not like tea"),
    ("likes green tea", "likes black tea"),
    ("prefers tea to coffee", "prefers coffee to tea"),
    ("Ana loves Bob", "Bob loves Ana"),
    ("sister Ana, brother Bob", "sister Bob, brother Ana"),
    ("two cats, one dog", "one cat, two dogs"),
    ("has 2 dogs", "has 3 dogs"),
    ("3.5", "35"),
    ("-5", "5"),
    ("C++", "C"),
    ("C#", "C"),
    ("likes 🐶", "likes 🐱"),
    ("costs $5", "costs €5"),
    ("が", "か"),
    ("мой", "мои"),
    ('{"a":1,"b":2}', '{"a":2,"b":1}'),
    ("lives with cats", "lives without cats"),
    ("mag Tee", "mag keinen Tee"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_near_duplicates_say_the_same(one: str, other: str) -> None:
    assert saying(one).same(saying(other))
    assert other in Sayings([one])


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_means_something_else_does_not(one: str, other: str) -> None:
    assert not saying(one).same(saying(other))
    assert other not in Sayings([one])


@given(values)
def test_everything_says_what_it_says(value: str) -> None:
    assert value in Sayings([value])
    assert value not in Sayings()
