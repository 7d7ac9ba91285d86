"""Where a long text is cut: at the best place there is, and nothing is left open."""

import re

from adapters.markup.splitting import split


def test_a_paragraph_end_is_better_than_a_line_end_and_that_better_than_a_sentence_end() -> None:
    sentence = "One two three four."  # 19 characters
    assert split(f"{sentence} {sentence}\n\n{sentence}\n{sentence}", 75)[0] == f"{sentence} {sentence}"
    assert split(f"{sentence} {sentence}\n{sentence} {sentence}", 75)[0] == f"{sentence} {sentence}"
    assert split(f"{sentence} {sentence} {sentence} {sentence}", 75)[0] == f"{sentence} {sentence} {sentence}"
    assert split("one two three four " * 4, 50)[0] == "one two three four one two three four one two"


def test_an_item_is_not_parted_from_its_own_lines() -> None:
    text = "- one one one one\n  one one one one\n- two two two two\n  two two two two"

    assert split(text, 60) == ["- one one one one\n  one one one one", "- two two two two\n  two two two two"]


def test_headings_and_introductions_go_with_what_they_lead_to() -> None:
    words = "word " * 12 + "end."
    for lead in ("## Heading", "**Heading**", "Like this:"):
        assert split(f"{words}\n\n{lead}\n\n{words}", 100) == [words, f"{lead}\n\n{words}"]


def test_code_that_does_not_fit_begins_a_piece_of_its_own() -> None:
    code = "```py\n" + "call()\n" * 8 + "```"

    assert split(f"{'word ' * 6}\n\nThe code:\n{code}", 100) == [("word " * 6).strip(), f"The code:\n{code}"]


def test_links_and_inline_code_are_whole() -> None:
    for whole in (
        "[a long link](https://example.com/a)",
        "https://example.com/a/b/c/d/e/f/g",
        "`some code of ours(1)`",
    ):
        assert split(f"One two three four five six {whole}.", 50) == ["One two three four five six", f"{whole}."]


def test_emphasis_is_whole_or_else_closed_and_opened_again() -> None:
    assert split("One two three four five. **This is bold and long.**", 50)[1] == "**This is bold and long.**"

    assert split(f"**{'word ' * 30}*and more*, end**", 60) == [
        "**word word word word word word word word word word word**",
        "**word word word word word word word word word word word**",
        "**word word word word word word word word *and more*, end**",
    ]
    assert all(part[0] == part[-1] == "`" for part in split(f"`{'word ' * 30}`", 60))


def test_a_text_without_spaces_is_cut_between_characters_as_people_see_them() -> None:
    for character in ("👩‍💻", "🇩🇪", "👍🏽", "e\u0301", "1️⃣"):
        assert {re.sub(character, "", part) for part in split(character * 100, 53)} == {""}


def test_chinese_and_japanese_are_cut_after_a_sentence_or_else_between_words() -> None:
    assert split("これは文です。" * 10, 50)[0] == "これは文です。" * 7
    assert split("文" * 49 + "、文" + "字" * 49, 50)[0] == "文" * 49 + "、"


def test_a_block_that_is_cut_is_opened_again_with_its_language() -> None:
    code = "```c++\n" + "    call();\n" * 12 + "```"

    parts = split(code + "\nThe end.", 100)

    assert parts[0] == "```c++\n" + "    call();\n" * 7 + "```"
    assert parts[1] == "```c++\n" + "    call();\n" * 5 + "```\nThe end."


def test_the_splitter_alone_changes_nothing_of_a_text_that_fits() -> None:
    assert split("#### @here |", 12_000) == ["#### @here |"]
