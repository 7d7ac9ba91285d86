"""The times that a question names."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.recall.dates import asks_when, spans, tells_when, within

ASKED = datetime(2024, 7, 15, 12, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00+00:00")


@pytest.mark.parametrize(
    ("question", "inside", "outside"),
    [
        ("What happened on 8 May 2023?", "2023-05-08", "2022-05-08"),
        ("What happened on May 8th, 2023?", "2023-05-09", "2023-06-08"),
        ("the 8th of May", "2021-05-08", "2021-07-08"),
        ("on 2023-05-08", "2023-05-10", "2023-04-10"),
        ("in 2023-05", "2023-05-20", "2023-07-20"),
        ("in May 2023", "2023-05-31", "2023-03-31"),
        ("in december", "2023-12-31", "2023-07-01"),
        ("since may", "2024-05-31", "2024-03-01"),
        ("last summer", "2023-08-01", "2023-02-01"),
        ("in the winter of 2022", "2023-02-01", "2022-08-01"),
        ("last week", "2024-07-10", "2024-06-10"),
        ("this week", "2024-07-10", "2024-07-01"),
        ("yesterday", "2024-07-14", "2024-07-10"),
        ("two months ago", "2024-05-14", "2024-01-14"),
        ("a couple of days ago", "2024-07-13", "2024-07-01"),
        ("3 years ago", "2021-07-15", "2023-07-15"),
        ("who won in 2021?", "2021-01-01", "2020-11-01"),
        ("29 February", "2024-02-29", "2023-02-28"),
        ("31 June 2023", "2023-02-01", "2024-02-01"),  # no day, but a year
        ("2023-13-01", "2023-02-01", "2024-02-01"),
    ],
)
def test_a_time_is_where_its_question_says(question: str, inside: str, outside: str) -> None:
    found = spans(question, ASKED, 5)
    assert within(day(inside), found)
    assert not within(day(outside), found)


@pytest.mark.parametrize(
    "question",
    ["May I come?", "they march on", "on 31 June", "13-01", "a decade", "", "20233", "fall down", "maybe", "2 days"],
)
def test_some_words_only_look_like_a_time(question: str) -> None:
    assert spans(question, ASKED, 5) == []


def test_a_date_without_a_year_may_be_in_any_of_the_last() -> None:
    found = spans("on 3 March", ASKED, 2)
    assert [start.year for start, _ in found] == [2022, 2023, 2024]


def test_a_year_counts_alone_only_where_nothing_more_exact_is_named() -> None:
    assert len(spans("2022, I mean May 2022", ASKED, 5)) == 1


@given(st.text(), st.datetimes(datetime(2010, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_any_text_names_times_that_begin_before_they_end(text: str, asked: datetime) -> None:
    assert all(start <= end for start, end in spans(text, asked, 5))


PARTS = st.sampled_from(
    "0 1 31 32 99 999 ٣ 1900 2099 2023- -00 -13 -31 may june february last this past ago days weeks months years year "
    "a couple of few in of the winter summer st th , ² İ".split()
)


@given(st.lists(PARTS).map(" ".join) | st.lists(PARTS).map("".join))
def test_nothing_that_looks_like_a_time_is_too_odd(text: str) -> None:
    assert all(start <= end for start, end in spans(text, ASKED, 5))


@pytest.mark.parametrize("question", ["999 years ago", "999 weeks ago", "in 1900", "31 December 2099"])
def test_a_time_may_be_far_away(question: str) -> None:
    ((start, end),) = spans(question, ASKED, 5)
    assert start < end


@pytest.mark.parametrize("question", ["When was it?", "How long did it take?", "what day is it", "Which year?"])
def test_a_question_may_ask_for_a_time(question: str) -> None:
    assert asks_when(question)


@pytest.mark.parametrize("question", ["Where was it?", "whenever", "How far?", f"{'so ' * 30}when?", ""])
def test_other_questions_do_not(question: str) -> None:
    assert not asks_when(question)


@pytest.mark.parametrize(
    "text", ["I went yesterday", "two weeks ago", "Last Friday", "in 2021", "on Monday", "in JUNE"]
)
def test_what_is_said_may_tell_when(text: str) -> None:
    assert tells_when(text)


@pytest.mark.parametrize("text", ["I like tea", "a monster", "12345", "justice", ""])
def test_or_not(text: str) -> None:
    assert not tells_when(text)
