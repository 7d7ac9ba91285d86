"""Long messages are read in parts, to their end."""

import re

from hypothesis import given
from hypothesis import strategies as st

from memory.working.portions import MOST, READ, parts, portions, too_long
from memory.working.upkeep import Heard


def heard(text: str, new: bool = True) -> Heard:
    return Heard("id", "user" if new else "assistant", "discord:1" if new else "", "Ana", text, new)


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(
    st.lists(st.text("ab .\n", max_size=400), min_size=1, max_size=60).map(lambda found: (" ".join(found) * 9)[:30_000])
)
def test_no_word_of_a_message_is_lost_or_read_twice(text: str) -> None:
    found = parts(heard(text))
    assert all(len(part.text) <= READ for part in found)
    assert squeezed("".join(part.text for part in found)) == squeezed(text)


def test_parts_end_with_a_sentence_where_they_can() -> None:
    text = "I like tea. " * 2000
    assert all(part.text.strip().endswith("tea.") for part in parts(heard(text)))


def test_short_messages_are_read_together_and_long_ones_alone_with_what_was_said_before() -> None:
    short, long = heard("I like tea."), heard("word " * 3000)
    assert portions([heard("Hi!", new=False), short, short]) == [[heard("Hi!", new=False), short, short]]
    cut = portions([short, long, short])
    assert [[one.new for one in portion].count(True) for portion in cut] == [1, 1, 2]
    assert not cut[1][0].new
    assert cut[1][0].text == short.text


def test_nothing_said_is_read_as_nothing() -> None:
    assert portions([]) == []


def test_a_monster_is_read_up_to_a_bound() -> None:
    monster = heard("word " * 30_000)
    assert too_long(monster)
    assert sum(len(part.text) for part in parts(monster)) <= MOST
    assert not too_long(heard("word " * 3000))
