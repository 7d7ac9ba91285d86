"""Each feature moves the order the way it should."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from memory.recall.ranking import Question, features, rank
from memory.recall.search import Found, Passage

ASKED = datetime(2024, 7, 15, 12, tzinfo=UTC)
SAID = datetime(2024, 1, 1, tzinfo=UTC)
PLAIN = Passage(1, 1, 0, 1, "", "ana", "Ana", SAID, "one two three four", 4, True, 0, 0.0, None, 1)


def passages(*changes: Mapping[str, object]) -> list[Passage]:
    """Passages of different threads, all alike but for the changes."""
    return [
        replace(PLAIN, **{"thread": at, "message": str(at), **change})  # type: ignore[arg-type]
        for at, change in enumerate(changes)
    ]


def ranked(
    found: Sequence[Passage],
    question: str = "What is it?",
    people: frozenset[str] = frozenset(),
    weights: Sequence[float] = (1.0, 1.0),
) -> list[str]:
    return [passage.message for passage in rank(Question(question, ASKED, people), Found(found, weights))]


def test_nothing_found_is_nothing_ranked() -> None:
    assert ranked([], weights=()) == []


def test_equals_keep_their_order() -> None:
    assert ranked(passages({}, {}, {})) == ["0", "1", "2"]
    assert ranked(passages({}, {}, {}), weights=()) == ["0", "1", "2"]
    assert ranked(passages({"distance": 0.5}, {"distance": 0.5})) == ["0", "1"]


def test_its_words_bring_a_message_up() -> None:
    assert ranked(passages({}, {"words": 1, "bm25": 1.0}, {"words": 3, "bm25": 2.0})) == ["2", "1", "0"]


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    same = {"bm25": 1.0}
    assert ranked(passages({"words": 1, **same}, {"words": 2, **same}), weights=(0.1, 3.0)) == ["1", "0"]


def test_its_meaning_brings_a_message_up() -> None:
    assert ranked(passages({"distance": 0.8}, {"distance": 0.2}, {"distance": 0.7}, {})) == ["1", "2", "3", "0"]


def test_what_the_one_asked_about_said_goes_first() -> None:
    assert ranked(passages({"author": "bob"}, {}), people=frozenset({"ana"})) == ["1", "0"]


def test_and_of_that_what_says_more() -> None:
    assert ranked(passages({"text": "yes"}, {}), people=frozenset({"ana"})) == ["1", "0"]


def test_what_was_found_goes_before_its_neighbour() -> None:
    assert ranked(passages({"found": False}, {})) == ["1", "0"]


def test_a_question_goes_behind_what_is_none() -> None:
    assert ranked(passages({"text": "one two three four?\n[image: a dog]"}, {})) == ["1", "0"]


def test_an_answer_goes_before_what_stands_behind_no_question() -> None:
    question, answer, remark, reply = passages(
        {"text": "one two three four?", "words": 1, "bm25": 1.0, "place": 4},
        {"thread": 0, "place": 5},
        {"words": 1, "bm25": 1.0, "place": 4},
        {"thread": 2, "place": 5},
    )
    order = ranked([reply, remark, answer, question])
    assert order.index("1") < order.index("3")


def test_words_of_its_neighbours_bring_a_message_up() -> None:
    alone, beside, before = passages({}, {"place": 2}, {"thread": 1, "words": 3, "bm25": 1.0})
    assert ranked([alone, beside, before]) == ["2", "1", "0"]


def test_what_is_said_at_another_time_in_the_same_thread_is_no_neighbour() -> None:
    near, far = (
        {"thread": 1, "place": place, "said": SAID + timedelta(hours=hours)} for place, hours in ((4, 1), (9, 9))
    )
    best = {"thread": 1, "place": 1, "words": 3, "bm25": 1.0}
    assert ranked(passages(far, near, best)) == ["2", "1", "0"]


def test_what_was_said_at_the_time_asked_for_goes_first() -> None:
    assert ranked(passages({}, {"said": datetime(2023, 5, 9, tzinfo=UTC)}), "What was on 8 May 2023?") == ["1", "0"]
    assert ranked(passages({}, {"said": datetime(2023, 5, 9, tzinfo=UTC)}), "What was it?") == ["0", "1"]


def test_who_asks_when_is_told_what_tells_when() -> None:
    tells = features(Question("When was it?", ASKED, frozenset()), Found(passages({"text": "it was last week"}), ()))
    assert (tells[0]["time"], tells[0]["time_asked"]) == (1.0, 1.0)
    assert ranked(passages({"text": "it was a mess"}, {"text": "it was last week"}), "When was it?") == ["1", "0"]


def test_features_are_finite_whatever_is_missing() -> None:
    random_ = random.Random(1)
    for _ in range(50):
        found = [
            replace(
                PLAIN,
                thread=random_.randint(0, 2),
                place=place,
                said=SAID + timedelta(hours=random_.randint(0, 9)),
                text=random_.choice(["", "?", "a b c", "yesterday"]),
                words=random_.randint(0, 3),
                bm25=random_.choice([0.0, 1e-9, 5.0]),
                distance=random_.choice([None, 0.0, 0.3, 2.0]),
            )
            for place in range(random_.randint(0, 8))
        ]
        question = Question("When did Ana go?", ASKED, frozenset({"ana"}))
        listed = features(question, Found(found, (0.0, 2.0)))
        assert all(math.isfinite(value) for values in listed for value in values.values())
        assert rank(question, Found(found, (0.0, 2.0))) == rank(question, Found(found, (0.0, 2.0)))
