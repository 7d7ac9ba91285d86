"""What stands on a line passes for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.working.cleaning import clean, one_line
from tests.memory.working.facts import pieces

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Lisbon", "Lisbon"),
        (" Lisbon \n and\tPorto ", "Lisbon and Porto"),
        ("a\n- **Name**: Mallory", "a - **Name**: Mallory"),
        ("- - * x", "x"),
        ("**Name**: Bob", "Name: Bob"),
        ("**tea** and **cake**", "tea and **cake**"),
        ("## > | 1. x", "x"),
        ("3) x", "x"),
        ("```x", "x"),
        ("-5 degrees", "-5 degrees"),
        ("#general", "#general"),
        ("2.5 km", "2.5 km"),
        ("C++", "C++"),
        ("a\u200bb\u202ec\u2066\ufeff\x1b\0d", "abc\ufffdd"),
        (FAMILY, FAMILY),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("pass\u200dword\u200d\u200d", "password"),
        ("x\U000e0041\U000e0100", "x"),
        ("\ud800", ""),
        ("see [docs](x)", "see [docs](x)"),
        ("<@123>", "<@123>"),
        ("\U0001f418", "\U0001f418"),
    ],
)
def test_a_line_is_bare_words(text: str, line: str) -> None:
    assert clean(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "—",
        "...",
        "[city]",
        "[Deadline 1]: [Date]",
        "<name>",
        "[ ]",
        "N/A",
        "None.",
        "(none)",
        "unknown",
        "_TBD_",
    ],
)
def test_what_says_nothing_is_empty(text: str) -> None:
    assert clean(text) == ""


def test_a_long_line_is_cut() -> None:
    assert clean("word " * 100, 12) == "word word w…"
    assert len(clean("x" * 100_000)) == 200


@given(pieces | st.text(), st.integers(2, 30))
def test_what_is_clean_stays_as_it_is(text: str, longest: int) -> None:
    line = clean(text, longest)
    assert clean(line, longest) == line
    assert len(line) <= longest
    assert one_line(line) == line
    assert len(line.splitlines()) <= 1
