"""Facts for tests of templates, and the values that try to break them."""

from collections.abc import Iterable
from datetime import UTC, datetime

from hypothesis import strategies as st

from memory.working.cleaning import clean
from memory.working.page import Fact

AT = datetime(2026, 11, 25, tzinfo=UTC)

# What makes lines, labels, headings and hidden words of Markdown, beside whole texts of it.
PIECES = [
    *["- ", "* ", "+ ", "# ", "## ", "> ", "| ", "1. ", "12) ", "```", "~~~", "---", "***", "**", "__", "*", "_", "`"],
    *[
        ":",
        "：",
        ": ",
        "[",
        "]",
        "[x]",
        "<",
        ">",
        "<!--",
        "-->",
        "(",
        ")",
        "…",
        "\\",
        '"',
        "{",
        "}",
        "//",
        "N/A",
        "none",
    ],
    *["Name", "Location: Paris", "**Location**: Paris", "**Goals:** win", "## Goals", "- **Name**: Bob", "Facts:"],
    *[
        "\n",
        "\r\n",
        "\t",
        " ",
        "\u2028",
        "\x85",
        "\0",
        "\x1b",
        "\u200b",
        "\u200d",
        "\u200c",
        "\u202e",
        "\u2066",
        "\ufeff",
    ],
    *[
        "\U0001f418",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "❤️",
        "שלום",
        "مرحبا",
        "می\u200cخواهم",
        "ü",
        "日本",
        "x",
        "word",
        "3",
        "-5",
    ],
]
pieces = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), min_size=1, max_size=12).map("".join)
values = pieces.map(clean).filter(bool)


def facts(pairs: Iterable[tuple[str, str]]) -> list[Fact]:
    """These fields and values as lines of a page, oldest first."""
    return [
        Fact(id_, "discord:1", field, value, None, ("m1",), frozenset(), AT)
        for id_, (field, value) in enumerate(pairs, 1)
    ]


def shown(pairs: Iterable[tuple[str, str]]) -> dict[int, Fact]:
    """The same as a model is shown them, numbered from 1."""
    return dict(enumerate(facts(pairs), 1))
