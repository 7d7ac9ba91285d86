"""Irregular English: one word for all of its forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.recall.english import _FORMS, plain


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("What did Ana buy?", "What did Ana bought?"),
        ("who has EATEN", "who has Ate"),
        ("grandpa's bike", "grandfather's bicycle"),
        ("the best film", "the good movie"),
    ],
)
def test_forms_of_a_word_are_the_same_on_both_sides(asked: str, said: str) -> None:
    assert plain(asked).casefold() == plain(said).casefold()


def test_only_whole_words_are_forms() -> None:
    assert plain("keptsomething leftover mentor filming") == "keptsomething leftover mentor filming"


def test_no_form_leads_to_itself_or_to_another_form() -> None:
    assert not {form: word for form, word in _FORMS.items() if word in _FORMS}
    assert all(word.isalpha() for word in _FORMS.values())


@given(st.text() | st.lists(st.sampled_from([*_FORMS, *_FORMS.values(), "x", "-", "’s"])).map(" ".join))
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@pytest.mark.parametrize("text", ["kıds", "fİlm", "bıt"])
def test_letters_of_other_languages_that_fold_to_an_i_do_no_harm(text: str) -> None:
    assert plain(text) == text


def test_the_long_s_and_the_sign_for_kelvin_are_letters() -> None:
    assert plain("ſent \u212aept") == "send keep"
