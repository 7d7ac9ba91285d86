"""What people want forgotten, and which texts speak of it."""

import pytest

from memory.working.matter import asked, repeats, speaks_of, telling, wants_gone, words


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("forget my favourite colour", "my favourite colour"),
        ("Forget my favorite color!", "my favorite color!"),
        ("Hathi, please forget that I live in Lisbon.", "I live in Lisbon."),
        ("could you forget about my dog", "my dog"),
        ("I forget my keys all the time", None),
        ("don't forget my birthday", None),
        ("never forget my birthday", None),
        ("forget it", None),
        ("forget me", None),
        ("forget what Bob said", None),
        ("Did you forget my name?", None),
        ("forget my " + "very " * 60 + "long story", None),
    ],
)
def test_a_request_to_forget_is_told_from_talk(text: str, matter: str | None) -> None:
    assert asked(text) == matter


def test_a_message_that_wants_something_gone_does_not_say_it_anew() -> None:
    assert wants_gone("forget that I like tea", "tea")
    assert wants_gone("forget that I like tea and biscuits", "biscuits")
    assert not wants_gone("forget that I live in Lisbon, I live in Porto now", "Porto")
    assert not wants_gone("I like tea", "tea")
    assert not wants_gone("forget that I like tea", "")


def test_spelling_and_number_do_not_matter() -> None:
    assert words("My favourite colours, the “Colors”!") == words("favorite color")
    assert words("cities") == words("city")
    assert speaks_of("What's my favorite color?", words("my favourite colour"))
    assert not speaks_of("My favourite food", words("my favourite colour"))


def test_what_tells_a_matter_is_what_its_clauses_say_beside_it() -> None:
    matter = words("my favourite colour")
    assert telling("My name is Ana, and my favourite colour is blue because I can.", matter) == {"blue"}
    assert telling("What is my favourite colour?", matter) == set()
    assert telling("works on payments", frozenset()) == {"payment"}


def test_a_text_repeats_a_matter_when_it_has_most_of_its_telling_words() -> None:
    known = [words("building a wooden boat with my brother")]
    assert repeats("A wooden boat, and your brother helps!", known)
    assert not repeats("My brother called", known)
    assert not repeats("anything", [frozenset()])


def test_other_scripts_are_compared_word_by_word() -> None:
    assert speaks_of("мой любимый цвет синий", words("любимый цвет"))
    assert telling("мой любимый цвет синий", words("любимый цвет")) == {"мой", "синий"}
