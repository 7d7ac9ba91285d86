"""Words as they are searched for: scripts without spaces, and whom a question is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.recall.words import about_oneself, named, searchable, subject

PEOPLE = {"ana": "Ana", "bob": "Bob", "lee": "Mary Jane Lee", "will": "will", "may": "May", "dots": "J.R. (x+"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("東京都", "u26481u20140 u20140u37117"),
        ("猫", "u29483"),
        ("ねこ", "u12397u12371"),
        ("한국어 책", "u54620u44397 u44397u50612 u52293"),
        ("ไทย", "u3652u3607 u3607u3618"),
        ("buy 東京 maps", "buy u26481u20140 maps"),
        ("𠀀𠀁", "u131072u131073"),
        ("Привет, мир", "привет мир"),
        ("🎉👍", "🎉👍"),
        ("", ""),
    ],
)
def test_runs_without_spaces_become_pairs_and_all_else_stays(text: str, words: str) -> None:
    assert " ".join(searchable(text, "simple").split()) == words


def test_a_part_of_a_run_has_words_of_the_whole() -> None:
    whole = searchable("明日は東京都美術館に行きます", "simple").split()
    assert set(searchable("美術館", "simple").split()) <= set(whole)


def test_only_english_is_made_plain() -> None:
    assert searchable("I bought it", "english") == "i buy it"
    assert searchable("I bought it", "german") == "i bought it"


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    searchable(text, "english")


@pytest.mark.parametrize(
    ("question", "people", "rest"),
    [
        ("What did Ana buy?", [{"ana"}], "What did buy?"),
        ("what did ana buy", [{"ana"}], "what did buy"),
        ("What is Ana's dog called?", [{"ana"}], "What is dog called?"),
        ("What is Ana’s dog called?", [{"ana"}], "What is dog called?"),
        ("@Ana's dog", [{"ana"}], "dog"),
        ("Did Bob tell Ana?", [{"bob"}, {"ana"}], "Did tell?"),
        ("Where does Mary Jane Lee live?", [{"lee"}], "Where does live?"),
        ("Where does Mary live?", [{"lee"}], "Where does live?"),
        ("banana or Anatolia", [], "banana or Anatolia"),
        ("will it rain in may?", [], "will it rain in may?"),
        ("What did Will say to May?", [{"will"}, {"may"}], "What did say to?"),
        ("who is J.R. (x+", [{"dots"}], "who is"),
        ("JxR", [], "JxR"),
        ("Ana", [{"ana"}], "Ana"),
        ("Ana?!", [{"ana"}], "Ana?!"),
        ("", [], ""),
    ],
)
def test_who_is_named_and_what_is_left_without_them(question: str, people: list[set[str]], rest: str) -> None:
    assert named(question, PEOPLE) == (people, rest)


def test_two_may_have_the_same_name() -> None:
    assert named("Where is Ana?", {"1": "Ana", "2": "ana", "3": "Ana Lima"})[0] == [{"1", "2", "3"}]


def test_a_whole_name_is_nobody_elses_first_name() -> None:
    assert named("Where is Ana Lima?", {"1": "Ana", "2": "Ana Lima", "3": "Ana Sousa"})[0] == [{"2"}]


def test_names_of_one_letter_and_empty_ones_are_never_found() -> None:
    assert named("a b", {"1": "a", "2": "", "3": " "}) == ([], "a b")


@pytest.mark.parametrize(
    ("question", "who"),
    [
        ("What did Ana tell Bob?", {"ana"}),
        ("Did Bob like what Ana made?", {"bob"}),
        ("What do Ana and Bob share?", set()),
        ("Is it ana or @Bob?", set()),
        ("What does Mary Jane Lee & Ana plan?", set()),
        ("What is it?", set()),
    ],
)
def test_a_question_is_about_who_is_named_first_unless_about_several(question: str, who: set[str]) -> None:
    assert subject(question, PEOPLE) == who


def test_where_nobody_is_known_nobody_is_named() -> None:
    assert subject("What did Ana say?", {}) == set()


@given(st.text(), st.dictionaries(st.text(max_size=3), st.text(max_size=12)))
def test_no_name_and_no_question_is_too_odd(question: str, names: dict[str, str]) -> None:
    subject(" ".join([question, *names.values(), question]), names)


@pytest.mark.parametrize("question", ["What did I say?", "my dog", "what I’ve done", "was it me?", "MINE"])
def test_who_says_i_asks_about_themselves(question: str) -> None:
    assert about_oneself(question)


@pytest.mark.parametrize("question", ["What is it?", "Mike and Amy", "in Miami", "", "you"])
def test_who_does_not_say_i_does_not_ask_about_themselves(question: str) -> None:
    assert not about_oneself(question)
