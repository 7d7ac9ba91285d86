"""What a person on Discord sees of a model's Markdown: nothing lost, nothing broken, nobody pinged."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.markup.discord import RULE, pieces, rewrite
from adapters.markup.tables import COLUMNS
from tests.adapters.markup.texts import (
    ANSWER,
    ANYTHING,
    CODE,
    CODE_LINE,
    GAP,
    LIMIT,
    WORD,
    ink,
    letters,
    table,
)

# The code block of Discord's own client, which looks for it anywhere, not only at the start of a line.
DISCORD_CODE = re.compile(r"```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][\s\S]*?)\n*```", re.IGNORECASE)
DISCORD_CODE_OR_ESCAPE = re.compile(
    rf"{DISCORD_CODE.pattern}|\\[^0-9A-Za-z\s]|(?P<ticks>`+)[\s\S]*?[^`](?P=ticks)(?!`)", re.IGNORECASE
)


@given(ANYTHING, LIMIT)
def test_every_piece_can_be_sent_and_leaves_no_code_block_open(text: str, limit: int) -> None:
    for piece in pieces(text, limit):
        assert 0 < len(piece.strip()) <= len(piece) <= limit
        piece.encode()
        assert "```" not in DISCORD_CODE.sub("", piece)


@given(ANSWER, LIMIT)
def test_nothing_of_an_answer_is_lost_at_the_cuts(text: str, limit: int) -> None:
    assert ink(pieces(text, limit)) == ink([text])


@given(st.lists(CODE_LINE, min_size=1, max_size=60), st.integers(450, 2000))
def test_code_is_cut_between_lines_and_keeps_its_indentation(lines: list[str], limit: int) -> None:
    parts = pieces("\n".join(["```python", *lines, "```"]), limit)

    for part in parts:
        assert part.startswith("```python\n")
        assert part.endswith("\n```")
    assert [line for part in parts for line in part.split("\n")[1:-1]] == lines


@given(ANYTHING, LIMIT)
def test_no_letter_of_any_text_is_lost(text: str, limit: int) -> None:
    assert not Counter(letters(text)) - Counter(letters("".join(pieces(text, limit))))


@given(ANYTHING.filter(lambda text: "|" not in text), LIMIT)
def test_the_letters_of_a_text_without_tables_stay_in_order(text: str, limit: int) -> None:
    rest = iter(letters("".join(pieces(text, limit))))

    assert all(letter in rest for letter in letters(text))


@given(st.integers(1, 5), st.data())
def test_the_words_of_a_table_stay_in_order_within_a_row(columns: int, data: st.DataObject) -> None:
    cell = st.lists(WORD, max_size=4).map(" ".join)
    rows = data.draw(st.lists(st.lists(cell, min_size=columns, max_size=columns), min_size=1, max_size=8))

    shown = "".join(re.sub(r"\n?```\n?", "\n", part) + "\n" for part in pieces(table(rows), 2000))

    titles = [word for title in rows[0] for word in title.split()]
    for row in rows[1:]:
        words = [word for title, value in zip(rows[0], row, strict=True) for word in (*title.split(), *value.split())]
        in_list = is_subsequence(words, re.findall("[a-j]+", shown))
        in_block = is_subsequence(
            [*titles, *(word for value in row for word in value.split())], re.findall("[a-j]+", shown)
        )
        assert in_list or in_block


@given(st.one_of(ANSWER, CODE), LIMIT, st.data())
def test_what_was_shown_of_a_growing_answer_stays(text: str, limit: int, data: st.DataObject) -> None:
    whole = pieces(text, limit)

    so_far = pieces(text[: data.draw(st.integers(0, len(text)))], limit)

    assert so_far[:-2] == whole[: max(len(so_far) - 2, 0)]


@given(ANYTHING)
def test_nothing_outside_of_code_is_a_mention(text: str) -> None:
    prose = DISCORD_CODE_OR_ESCAPE.sub("", rewrite(text))

    assert not re.search(r"@everyone|@here|<@[!&]?\d", prose)


@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "`",
        "|",
        "[",
        "a",
        " ",
        "\\",
        "#### ",
        "[](",
        "**a",
        "`a``",
        "| a |\n",
        "|\n|-\n",
        "```\n\n\n",
        "🇩",
        "\xa0",
        "`|*_",
    ],
)
def test_a_long_text_of_one_thing_takes_no_longer_for_its_strangeness(unit: str) -> None:
    text = (unit * 200_000)[:200_000]

    assert all(len(piece) <= 2000 for piece in pieces(text))


def test_a_short_answer_is_one_piece_and_no_answer_none() -> None:
    assert pieces("Hello **you**.") == ["Hello **you**."]
    assert pieces(" \n\n\t\n") == []


# Code blocks


def test_a_block_that_is_still_written_is_closed() -> None:
    assert pieces("Code:\n```py\nif x:\n    y") == ["Code:\n```py\nif x:\n    y\n```"]
    assert pieces("Code:\n```") == ["Code:"]


def test_a_block_in_a_list_or_a_quote_is_taken_out_of_it_and_its_code_kept() -> None:
    assert pieces("1. Do:\n   ```py\n   if x:\n       y\n   ```\n2. Done") == [
        "1. Do:\n```py\nif x:\n    y\n```\n2. Done"
    ]
    assert pieces("- ```py\n  x\n  ```") == ["-\n```py\nx\n```"]
    assert pieces("> ```py\n> if x:\n>     y\n> ```\n> Done") == ["```py\nif x:\n    y\n```\n> Done"]
    assert pieces("> ```py\n> x\nNo longer quoted") == ["```py\nx\n```\nNo longer quoted"]
    assert pieces("1. Do:\n   ```py\nx = 1\n   ```\nDone") == ["1. Do:\n```py\nx = 1\n```\nDone"]


def test_other_fences_become_those_that_discord_knows() -> None:
    assert pieces("~~~py\nx\n~~~") == ["```py\nx\n```"]
    assert pieces("`````\na\n```py\nb\n```\n`````") == [f"```\na\n`{GAP}`{GAP}`py\nb\n`{GAP}`{GAP}`\n```"]
    assert pieces("Code:```py\nx\n```") == ["Code:\n```py\nx\n```"]


def test_what_discord_takes_for_no_language_is_shown_above() -> None:
    assert pieces("```py title=app.py\nx\n```") == ["`py title=app.py`\n```py\nx\n```"]


def test_three_backticks_in_a_line_open_no_block() -> None:
    assert pieces("Use ```code``` here") == ["Use ``code`` here"]
    assert pieces(r"A ` alone") == [r"A \` alone"]
    assert pieces(r"Escaped: \`") == [r"Escaped: \`"]
    assert pieces("Three backticks (```) open a block") == [r"Three backticks (\`\`\`) open a block"]


# Tables


def test_a_narrow_table_is_aligned_in_a_block() -> None:
    text = "| Name | Price |\n|:--|--:|\n| **Tea** | 3 |\n| `a|b` \\| 茶 👍 | 12 |"

    assert pieces(text) == [
        "```\nName        | Price\n------------+------\nTea         |     3\na|b | 茶 👍 |    12\n```"
    ]


def test_a_wide_table_or_one_with_links_is_a_list() -> None:
    assert pieces(f"| Name: | What |\n|---|---|\n| Tea | {'hot ' * 15}<br>`x` |\n| Ale | |") == [
        f"**Name:** Tea\n**What:** {'hot ' * 15}\n`x`\n\n**Name:** Ale\n**What:** –"
    ]
    assert pieces("| a |\n|---|\n| [b](http://c.d) |") == ["**a:** [b](http://c.d)"]


def test_rows_with_too_few_or_too_many_cells_keep_their_words() -> None:
    assert pieces("a | b\n--|--\n1\\|2 |\n1 | 2 | 3") == ["```\na   | b\n----+------\n1|2 |\n1   | 2 | 3\n```"]


def test_a_table_that_is_still_written_is_shown_as_far_as_it_is() -> None:
    text = "| a | b |\n|---|---|\n| 1 | 2 |\n"
    for end in range(1, len(text)):
        assert pieces(text[:end])
    assert pieces(text[:21]) == ["```\na | b\n--+--\n```"]


def test_a_table_is_no_wider_than_a_screen() -> None:
    shown = pieces(table([["a", "b" * (COLUMNS - 4)], ["c", "d"]]))[0]
    assert max(map(len, shown.split("\n"))) == COLUMNS
    assert "```" not in pieces(table([["a", "b" * (COLUMNS - 3)], ["c", "d"]]))[0]


# Other things that Discord shows differently


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("#### Deep **and** bold", "**Deep and bold**"),
        ("### Not deep", "### Not deep"),
        ("![a cat](http://x.y/c.png)", "[a cat](http://x.y/c.png)"),
        ("![](http://x.y/c.png)", "http://x.y/c.png"),
        ("a\n\n---\n\nb", f"a\n\n{RULE}\n\nb"),
        ("one<br>two<BR/><br />three", "one\ntwo\n\nthree"),
        ("a\r\n\r\n\r\n\n \nb\rc", "a\n\nb\nc"),
        ("a\x07\x1b[31mb\tc", "a[31mb\tc"),
        ("half \ud83d of a character", "half \ufffd of a character"),
        ("$\\frac{a_1}{b_1}$ and \\(x\\)", "$\\frac{a_1}{b_1}$ and \\(x\\)"),
        (
            "@everyone, @here and <@123>, <@!1>, <@&45>",
            f"@{GAP}everyone, @{GAP}here and <@{GAP}123>, <@{GAP}!1>, <@{GAP}&45>",
        ),
        ("`@here` me@heretic.org <#1> <@you>", f"`@here` me@{GAP}heretic.org <#1> <@you>"),
        ("https://x.y/@here/1", "https://x.y/%40here/1"),
        ("```\n@everyone\n\n\n\n<@1>\n```", "```\n@everyone\n\n\n\n<@1>\n```"),
    ],
)
def test_it_is_put_in_terms_that_discord_has(written: str, shown: str) -> None:
    assert pieces(written) == [shown]


def is_subsequence(words: list[str], of: list[str]) -> bool:
    rest = iter(of)
    return all(word in rest for word in words)
