"""Which lines find room: all that fit, then what matters, the same from question to question."""

from hypothesis import given
from hypothesis import strategies as st

from memory.working.room import Line, about, chosen, pertinent, shares


def line(text: str, worth: int = 1) -> Line:
    label, _, value = text.partition(": ")
    return Line(text, "May 2026", label, value, False, worth, tokens=10)


NOVELS = [line(f"Interests: novel {n}") for n in range(22)]
ALLERGY, NAME = line("Facts: allergic to peanuts"), line("Name: Ana")


def test_as_long_as_a_page_fits_all_of_it_stands_there_in_order() -> None:
    assert chosen([NAME, *NOVELS], 230) == [NAME, *NOVELS]


def test_what_must_not_be_forgotten_comes_before_twenty_two_novels() -> None:
    assert chosen([NAME, ALLERGY, *NOVELS], 50) == [NAME, ALLERGY, *NOVELS[-3:]]


def test_what_is_confirmed_most_comes_before_what_is_newest() -> None:
    often = line("Interests: chess", worth=4)
    assert chosen([often, *NOVELS], 30) == [often, *NOVELS[-2:]]


def test_what_the_question_is_about_is_found_among_what_had_no_room() -> None:
    cello = line("Interests: plays the cello")
    page = [cello, *NOVELS]
    left_out = [one for one in page if one not in chosen(page, 50)]
    assert pertinent(page, left_out, "Which strings fit my cello?", 30) == [cello]
    assert pertinent(page, left_out, "What is the weather like?", 30) == []
    assert len(pertinent(page, left_out, "Tell me about a novel", 30)) == 3


def test_a_message_is_about_lines_with_which_it_shares_a_rare_word() -> None:
    page = [(n, one.text) for n, one in enumerate([line("Interests: plays the cello"), *NOVELS])]
    assert about(page, "My cello is out of tune") == [0]
    assert about(page, "I read a novel") == []


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 2000), min_size=1, max_size=6),
    st.integers(0, 1000),
    st.integers(0, 3000),
)
def test_room_is_shared_out_so_that_nobody_pushes_out_another(wanted: dict[str, int], each: int, total: int) -> None:
    found = shares(wanted, each, total)
    assert found.keys() == wanted.keys()
    assert sum(found.values()) <= total
    assert all(found[one] <= min(wanted[one], each) for one in wanted)
    fair = total // len(wanted)
    assert all(found[one] >= min(wanted[one], each, fair) for one in wanted)
