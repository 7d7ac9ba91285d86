"""What a person on Slack sees of a model's Markdown, also while it is written: nothing lost, nobody pinged."""

import re
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.markup.slack import growing, pieces, rewrite
from tests.adapters.markup.texts import (
    ANSWER,
    ANYTHING,
    CODE_LINE,
    GAP,
    HEADING,
    LIMIT,
    LIST,
    SENTENCE,
    STRANGE,
    WORD,
    ink,
    letters,
    table,
)

PING = re.compile(r"<(?:!(?:channel|here|everyone)[|>]|!subteam\^|@[UWB]\d)", re.IGNORECASE)
PINGS = [
    "<!channel>", "<!here>", "<!here|here>", "<!everyone>", "<!subteam^S123>", "<!subteam^S123|@team>", "<@U123>",
    "<@W123>", "<@B123|bob>", "<@u123>", "<", "!channel>", "@U1", ">", "`", "``", "```", "\n", " ", "\0",
    "| a |\n|---|\n", "![", "](", "<br>",
]  # fmt: skip
SALTED = st.lists(st.one_of(st.sampled_from(PINGS), st.sampled_from(STRANGE), st.text(max_size=5)), max_size=60).map(
    "".join
)

MARKED = st.one_of(
    WORD,
    st.sampled_from(
        "**bold** _it_ ~~no~~ `code` ``co`de`` ` `` ![](http://x.y) <br> <br/> <b> a<b <- < @here @you me@here.org "
        "`a|b` <!here> <@U1> <#C1> [x] [ ] ] ![ ! ~5 ~~~ \\` * - 1. http://x.y/@here (http://x.y)@here | 日本".split()
    ),
    st.sampled_from(["**two words**", "[a link](http://x.y)", "![an image](http://x.y)", "`a b c`", "[a `b` c](http://x.y)"]),
)  # fmt: skip
LINE = st.lists(MARKED, min_size=1, max_size=12).map(" ".join)
ITEMS = st.lists(
    st.builds("{}{} {}".format, st.sampled_from(["", "  "]), st.sampled_from(["-", "*", "1.", "- [ ]"]), LINE),
    min_size=1,
).map("\n".join)
QUOTE = st.lists(st.builds("> {}".format, LINE), min_size=1, max_size=3).map("\n".join)


def fenced(before: str, inside: str, mark: str, language: str, code: list[str], closed: bool) -> str:
    end = [f"{inside}{mark}"] if closed else []
    return "\n".join([f"{before}{mark}{language}", *(inside + line for line in code), *end])


FENCED = st.builds(
    lambda around, *rest: fenced(*around, *rest),
    st.sampled_from(
        [("", ""), ("", ""), ("- ", "  "), ("   ", "   "), ("> ", "> "), ("> > ", "> > "), ("Like this:", "")]
    ),
    st.sampled_from(["```", "````", "~~~"]),
    st.sampled_from(["", "python", "py title=x.py"]),
    st.lists(
        st.one_of(CODE_LINE, LINE, st.sampled_from(["", "``", "`` ``", "> x", "  ", "if a < b:", "<!here>"])),
        max_size=9,
    ),
    st.sampled_from([True, True, True, False]),
)
ROW = st.lists(st.one_of(LINE.map(lambda line: line.replace("|", "/")), WORD), min_size=3, max_size=3)
TABLE = st.lists(ROW, min_size=1, max_size=5).map(table)
DIVIDER = st.sampled_from(["---", "***", "- - -"])
DOCUMENT = st.lists(
    st.tuples(
        st.one_of(LINE, LINE, SENTENCE, LIST, ITEMS, QUOTE, FENCED, TABLE, HEADING, DIVIDER),
        st.sampled_from(["\n", "\n\n", "\n\n\n", "\r\n", "  \n"]),
    ),
    max_size=8,
).map(lambda blocks: "".join(block + end for block, end in blocks))  # fmt: skip


@given(st.one_of(SALTED, ANYTHING), LIMIT)
def test_nobody_is_pinged_whatever_the_text(text: str, limit: int) -> None:
    for shown in (rewrite(text), *pieces(text, limit), *growing(text, limit)):
        assert not PING.search(shown)


def is_open(piece: str) -> bool:
    """Whether a code block goes on behind the piece: only the mark that began it ends it."""
    mark = ""
    for line in piece.split("\n"):
        fence = re.match(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(```|~~~)(?!.*`)", line)
        if fence and mark in {"", fence[1]}:
            mark = "" if mark else fence[1]
    return bool(mark)


@given(st.one_of(ANYTHING, SALTED, DOCUMENT), LIMIT)
def test_every_piece_can_be_sent_and_leaves_no_code_block_open(text: str, limit: int) -> None:
    for piece in pieces(text, limit):
        assert 0 < len(piece.strip()) <= len(piece) <= limit
        piece.encode()
        assert not is_open(piece)


@given(ANSWER, LIMIT)
def test_nothing_of_an_answer_is_lost_at_the_cuts(text: str, limit: int) -> None:
    assert ink(pieces(text, limit)) == ink([text])


@given(ANYTHING, LIMIT)
def test_no_letter_of_any_text_is_lost(text: str, limit: int) -> None:
    assert not Counter(letters(text)) - Counter(letters("".join(pieces(text, limit))))


@given(ANYTHING.filter(lambda text: "|" not in text), LIMIT)
def test_the_letters_of_a_text_without_tables_stay_in_order(text: str, limit: int) -> None:
    rest = iter(letters("".join(pieces(text, limit))))

    assert all(letter in rest for letter in letters(text))


@pytest.mark.parametrize(
    "ping",
    ["!channel", "!here", "!here|here", "!everyone", "!subteam^S1", "!subteam^S1|x", "@U1", "@W1", "@B1|b", "@u1"],
)
def test_what_would_ping_is_broken_also_in_code(ping: str) -> None:
    for around in ("a {} b", "`{}`", "```\n{}\n```", "| a |\n|---|\n| {} |", "> {}", "[{}](http://x.y)", "# {}"):
        assert f"<{ping}>" not in rewrite(around.format(f"<{ping}>"))
    assert rewrite(f"`<{ping}>`") == f"`<{GAP}{ping}>`"
    assert rewrite(f"```\n<{ping}>\n```") == f"```\n<{GAP}{ping}>\n```"


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html>", "<!-- x -->", "<div>", "a < b", "<-", "<#C123>", "<https://x.y>", "<!hereditary>", "<@you>",
        "`<!DOCTYPE html>`", "```html\n<!DOCTYPE html>\n<div>\n```", "me@here.org", "https://x.y/@here/1", "`@here`",
        "```\n@channel\n\n\n\na\n```", "@hereby", "**bold** _it_ ~~no~~ [a](http://b.c)", "###### Deep", "> a quote",
        "1. a\n   - b\n   - [ ] c", "A ` alone", "A `` b", r"Escaped: \`", r"$\frac{a_1}{b_1}$", "a\n\n---\n\nb",
        "```py\nif x:\n    y\n```", "~5 and ~~x~~", "a\tb",
    ],
)  # fmt: skip
def test_what_slack_shows_as_it_was_meant_stays(text: str) -> None:
    assert pieces(text) == [text]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("@channel, _@here_ (@everyone)", f"@{GAP}channel, _@{GAP}here_ (@{GAP}everyone)"),
        ("[x](https://a.b/@here)@here", f"[x](https://a.b/@here)@{GAP}here"),
        ("![a cat](http://x.y/c.png)", "[a cat](http://x.y/c.png)"),
        ("![](http://x.y/c.png)", "http://x.y/c.png"),
        ("one<br>two<BR/><br />three", "one\ntwo\n\nthree"),
        ("a\r\n\r\n\r\n\n \nb\rc", "a\n\nb\nc"),
        ("a\x07\x1b[31mb\tc", "a[31mb\tc"),
        ("half \ud83d of a character", "half \ufffd of a character"),
        ("a\n---\nb", "a\n\n---\nb"),
        ("a\n\n* * *\n\nb", "a\n\n---\n\nb"),
        ("Three (```) or ~~~", r"Three (\`\`\`) or \~\~\~"),
        ("Use ```code``` here", "Use ``code`` here"),
        ("1. Do:\n   ~~~py\n   if x:\n       y\n   ~~~\n2. Done", "1. Do:\n```py\nif x:\n    y\n```\n2. Done"),
        ("> ```py\n> x\n> ```\n> Done", "```py\nx\n```\n> Done"),
        ("```py\nx", "```py\nx\n```"),
        ("| a | b |\n|--|--:|\n| **c** | 1 |", "```\na | b\n--+--\nc | 1\n```"),
        ("| a |\n|---|\n| [b](http://c.d) |", "**a:** [b](http://c.d)"),
        (f"| a | b |\n|---|---|\n| {'c ' * 40}| <@U1> |", f"**a:** {('c ' * 40).strip()}\n**b:** <{GAP}@U1>"),
    ],
)
def test_it_is_put_in_terms_that_slack_has(written: str, shown: str) -> None:
    assert pieces(written) == [shown]


def test_code_that_is_cut_is_closed_and_opened_again() -> None:
    assert pieces("```c++\n" + "call();\n" * 12 + "```", 75) == [
        "```c++\n" + "call();\n" * 8 + "```",
        "```c++\n" + "call();\n" * 4 + "```",
    ]


# While it is written


@pytest.mark.parametrize(
    ("so_far", "shown"),
    [
        ("", ""),
        ("Hel", ""),
        ("Hello wor", "Hello"),
        ("Hello!  \n\n", "Hello!"),
        ("Hello! How are", "Hello! How"),
        ("- ", ""),
        ("a\n- ", "a"),
        ("a\n1. b", "a"),
        ("a\n## b c", "a\n## b"),
        ("a\n---", "a"),
        ("a\n- - ", "a"),
        ("a\n---\n", "a\n\n---"),
        ("Use `a b", "Use"),
        ("Use `a b` and", "Use `a b`"),
        ("Use `a b`", "Use"),
        ("See [a link](http://x.y", "See"),
        ("See [a link](http://x.y) or", "See [a link](http://x.y)"),
        ("See ![a cat](http://x.y) or", "See [a cat](http://x.y)"),
        ("one <br", "one"),
        ("Hey <!chan", "Hey"),
        ("Hey <!channel> you", f"Hey <{GAP}!channel>"),
        ("Like this: ```p", "Like this:"),
        ("a\n```", "a"),
        ("a\n```py\n", "a\n```py"),
        ("a\n```\n", "a"),
        ("a\n```py\nif x", "a\n```py\nif"),
        ("a\n```py\nif x:\n    y\n``", "a\n```py\nif x:\n    y"),
        ("a\n```py\nx\n```", "a\n```py\nx"),
        ("a\n```py\nx\n```\n", "a\n```py\nx\n```"),
        ("a\n```py\nx <!he y", "a\n```py\nx"),
        ("a\n> ```py\n> x y", "a\n```py\nx"),
        ("a\n> ```py\n> x\n> ``` ", "a\n```py\nx"),
        ("a\nb or c|d e", "a\nb or"),
        ("a\nb or c|d\n", "a\nb or"),
        ("a\n| b | c", "a"),
        ("a\n| b | c |\n", "a"),
        ("a\n| b | c |\nd e", "a"),
        ("a\n| b | c |\nd\n", "a\n| b | c |\nd"),
        ("a\n| b |\n|---|\n| c |\n", "a"),
        ("a\n| b |\n|---|\n| c |\n\n", "a\n```\nb\n-\nc\n```"),
    ],
)
def test_only_what_is_certain_is_shown_of_an_answer_that_grows(so_far: str, shown: str) -> None:
    assert growing(so_far) == ([shown] if shown else [])


@settings(max_examples=100)
@given(DOCUMENT, st.data())
def test_an_answer_that_grows_is_only_appended_to(text: str, data: st.DataObject) -> None:
    ends = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))

    shown = "".join(growing(text[:0]))
    for end in ends:
        longer = "".join(growing(text[:end]))
        assert longer.startswith(shown)
        shown = longer
    assert "".join(pieces(text)).startswith(shown)


@given(DOCUMENT, LIMIT, st.data())
def test_what_grows_is_in_pieces_that_can_be_sent(text: str, limit: int, data: st.DataObject) -> None:
    for piece in growing(text[: data.draw(st.integers(0, len(text)))], limit):
        assert 0 < len(piece.strip()) <= len(piece) <= limit
        assert piece == piece.rstrip() or piece.endswith(("`", "*", "_", "~"))


def test_finished_pieces_of_an_answer_that_grows_are_those_of_the_whole() -> None:
    text = "\n\n".join(["Some words here. " * 20, "```py\n" + "call(x)\n" * 60 + "```", "More words. " * 40] * 3)
    whole = pieces(text, 500)

    for end in range(0, len(text), 7):
        assert growing(text[:end], 500)[:-2] == whole[: max(len(growing(text[:end], 500)) - 2, 0)]


@pytest.mark.parametrize(
    "unit", ["*", "`", "|", "[", "[](", "a", " ", "<", "<!here>", "~", "`a``", "| a |\n", "```\n\n", "@here "]
)
def test_a_long_text_of_one_thing_takes_no_longer_for_its_strangeness(unit: str) -> None:
    text = (unit * 50_000)[:50_000]
    start = time.monotonic()

    assert all(len(piece) <= 12_000 for piece in (*pieces(text), *growing(text)))
    assert time.monotonic() - start < 10
