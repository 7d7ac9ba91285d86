"""Conversations of bots with each other end, and a message that comes twice counts once."""

from adapters.loops import BOT_TURNS, Loops


def test_a_bot_has_its_answers_until_a_person_speaks() -> None:
    loops = Loops()
    assert [loops.goes_on("here", n, True, True) for n in range(BOT_TURNS + 2)] == [True] * BOT_TURNS + [False] * 2
    assert loops.goes_on("there", 0, True, True)
    assert loops.goes_on("here", 100, False, True)
    assert loops.goes_on("here", 101, True, True)


def test_a_message_that_comes_twice_counts_once() -> None:
    loops = Loops()
    assert all(loops.goes_on("here", n, True, True) for n in range(BOT_TURNS) for _ in range(3))
    assert not loops.goes_on("here", BOT_TURNS, True, True)
