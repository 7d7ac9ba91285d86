"""What the model reads: order, names, budget."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.chat import Line
from bot.ports import Recollection, Said
from bot.prompt import compose, tokens

NOW = datetime(2026, 11, 23, 2, 11, tzinfo=UTC)
PERSONA = "You are Hathi."


def conversation(*texts: str) -> tuple[Line, ...]:
    """Lines of ana and the bot by turns; the last one waits."""
    lines = [Line("user" if n % 2 == 0 else "assistant", text, "console:ana" if n % 2 == 0 else None, seq=n)
             for n, text in enumerate(texts)]  # fmt: skip
    return (*lines[:-1], Line("user", texts[-1], "console:ana", waiting=True, seq=len(texts)))


def test_the_conversation_is_plain_chat_and_what_changes_stands_last() -> None:
    prompt = compose(PERSONA, Recollection(conversation("one", "two", "three"), ("Ana likes tea.",)), 1000, NOW)
    assert prompt == [
        Said(None, "You are Hathi.\n\nToday is Monday, 23 November 2026."),
        Said("user", "one"),
        Said("assistant", "two"),
        Said(None, "What you remember that may matter now:\n- Ana likes tea."),
        Said("user", "three"),
    ]


def test_without_a_date_and_notes_the_model_gets_the_bare_conversation() -> None:
    prompt = compose(PERSONA, Recollection(conversation("one", "two", "three")), 1000)
    assert [said.text for said in prompt] == [PERSONA, "one", "two", "three"]


def test_the_next_turns_prompt_begins_with_this_ones() -> None:
    first = compose(PERSONA, Recollection(conversation("one", "two", "three")), 1000, NOW)
    second = compose(PERSONA, Recollection(conversation("one", "two", "three", "four", "five")), 1000, NOW)
    assert list(second[: len(first)]) == list(first)


def test_several_speakers_are_told_apart_and_one_is_left_alone() -> None:
    lines = (
        Line("user", "hi", "console:ana"),
        Line("assistant", "hello"),
        Line("user", "me too", "console:bob", waiting=True),
    )
    assert [said.text for said in compose(PERSONA, Recollection(lines), 1000)][1:] == [
        "ana: hi",
        "hello",
        "bob: me too",
    ]


def test_lines_without_words_are_left_out() -> None:
    lines = (Line("assistant", "  "), Line("user", "hi", "console:ana", waiting=True))
    assert [said.text for said in compose(PERSONA, Recollection(lines), 1000)] == [PERSONA, "hi"]


@given(st.lists(st.text(min_size=1, max_size=60).filter(str.strip), min_size=1, max_size=30), st.integers(0, 400))
def test_the_newest_history_that_fits_is_kept_and_what_waits_always_is(texts: list[str], budget: int) -> None:
    prompt = compose(PERSONA, Recollection(conversation(*texts)), budget)
    kept = [said.text for said in prompt[1:]]
    assert prompt[0] == Said(None, PERSONA)
    assert kept == texts[len(texts) - len(kept) :]
    assert kept
    assert len(kept) == 1 or sum(tokens(said.text) for said in prompt) <= budget


def test_tokens_of_wide_characters_are_at_least_one_each() -> None:
    assert tokens("象" * 100) >= 100
    assert tokens("") > 0
