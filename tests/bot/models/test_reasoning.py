"""Reasoning in the text of an answer: taken out wherever a mark is used, left alone wherever one is talked about."""

import random

import pytest

from bot.models.reasoning import ALOUD_HELD, ALOUD_SECONDS, HELD, HELD_SECONDS, Reader, closes_alone, read_whole
from bot.ports import Retraction, Tool

LOOK = Tool("look_up", "Look it up.", {"type": "object", "properties": {"query": {"type": "string"}}})
Z = "mention nothing of the zeppelin"  # what nobody may see
P = "The capital is Paris."
FENCE = "```"

USED = {
    "think": f"<think>\nThey seem tired, {Z}.\n</think>\n\n{P}",
    "think, on the line": f"<think>{Z}</think>{P}",
    "think, after blanks": f"\n\n  <think>{Z}</think> {P}",
    "in capitals": f"<THINK>{Z}</Think>{P}",
    "with attributes": f'<think type="deep" budget="3">{Z}</think>{P}',
    "thinking": f"<thinking>{Z}</thinking>{P}",
    "thought": f"<thought>\n{Z}\n</thought>\n{P}",
    "reasoning": f"<reasoning>{Z}</reasoning>\n{P}",
    "reflection": f"<reflection>{Z}</reflection>\n{P}",
    "ByteDance": f"<seed:think>{Z}</seed:think>{P}",
    "Magistral": f"[THINK]{Z}[/THINK]{P}",
    "Kimi": f"◁think▷{Z}◁/think▷{P}",
    "Cohere": f"<|START_THINKING|>{Z}<|END_THINKING|><|START_RESPONSE|>{P}<|END_RESPONSE|>",
    "Gemma": f"<|channel>thought\n{Z}<channel|>{P}",
    "Gemma, with its turn": f"<|channel>thought\n{Z}\n<channel|>{P}<turn|>",
    "Granite": f"Here is my thought process:\n{Z}\nHere is my response:\n{P}",
    "Hunyuan": f"<think>\n{Z}\n</think>\n<answer>\n{P}\n</answer>",
    "Reflection": f"<thinking>{Z}<reflection>no</reflection></thinking><output>{P}</output>",
    "OpenThinker": f"<|begin_of_thought|>{Z}<|end_of_thought|><|begin_of_solution|>{P}<|end_of_solution|>",
    "gpt-oss": f"<|channel|>analysis<|message|>{Z}<|end|><|start|>assistant<|channel|>final<|message|>{P}",
    "gpt-oss, to its end": (
        f"<|start|>assistant<|channel|>analysis<|message|>{Z}<|end|>\n"
        f"<|start|>assistant<|channel|>final <|constrain|>json<|message|>{P}<|return|>"
    ),
    "gpt-oss, twice": (
        f"<|channel|>analysis<|message|>{Z}<|end|><|start|>assistant<|channel|>commentary<|message|>{Z}<|end|>"
        f"<|start|>assistant<|channel|>analysis<|message|>{Z}<|end|><|start|>assistant<|channel|>final<|message|>{P}"
    ),
    "gpt-oss, bars lost": f"analysisThe user asks, {Z}.assistantfinal{P}",
    "two blocks": f"<think>{Z}</think>\n<think>{Z}</think>\n{P}",
    "two kinds": f"<think>{Z}</think><reflection>{Z}</reflection>{P}",
    "an empty one": f"<think>\n\n</think>\n\n{P}",
    "closed at once": f"</think>\n\n{P}",
    "closed as another": f"<think>{Z}</thinking>\n{P}",
    "code in it": f"<think>\n{FENCE}\n{Z}\n{FENCE}\n</think>\n{P}",
    "half a fence in it": f"<think>\n{FENCE}\n{Z}\n</think>\n{P}",
    "in the middle, on lines of its own": f"{P}\n<think>\n{Z}\n</think>\n",
    "in the middle, on one line": f"{P}\n\n<think>{Z}</think>\n",
    "in the middle, without an end": f"{P}\n\n<think>\n{Z}",
}
ALONE = {
    "the closing mark alone": f"The user wants a capital, {Z}.\n</think>\n\n{P}",
    "in German": f"Der Mensch will eine Hauptstadt, {Z}.\n</think>\n\n{P}",
    "directly before the answer": f"So they want a capital, {Z}.</think>{P}",
    "at the end of a line": f"A capital, {Z}. </think>\n\n{P}",
    "Kimi": f"A capital, {Z}.◁/think▷{P}",
    "Magistral": f"A capital, {Z}.[/THINK]{P}",
    "Gemma": f"A capital, {Z}.\n<channel|>{P}",
    "gpt-oss, without its beginning": f"A capital, {Z}.<|end|><|start|>assistant<|channel|>final<|message|>{P}",
    "code in it": f"A capital.\n{FENCE}\n{Z}\n{FENCE}\n</think>\n{P}",
    "half a fence in it": f"A capital.\n{FENCE}\n{Z}\n</think>\n{P}",
    "an opening mark in it": f"They ask about a <think> tag, {Z}.\n</think>\n{P}",
}
NOTHING_LEFT = [
    f"<think>{Z}",
    f"<think>\n{Z}\n</think>",
    f"<thinking>\n{Z}\n\nParis, I think.",
    f"A capital, {Z}.\n</think>",
    f"<|channel|>analysis<|message|>{Z}",
    f"[THINK]{Z}",
    "<think>",
]
TALKED_ABOUT = [
    "Use `<think>` before and `</think>` after it.",
    "`<think>` is a mark for reasoning.\n\nClose it with `</think>`.",
    f"Write this:\n\n{FENCE}html\n<think>\nreasoning\n</think>\n{FENCE}\n\nand then the answer.",
    f"{FENCE}\n<think>\nreasoning\n</think>\n{FENCE}",
    f"1. {FENCE}xml\n   <think>a</think>\n   {FENCE}\n2. Done.",
    "~~~\n</think>\n~~~\nThat closes it.",
    "    <b>bold</b> and <think> are both tags.",
    "The <think> tag opens it and the </think> tag closes it.",
    "You write <think>like this</think> around it.",
    "<think> is not an HTML element, but some models write it.",
    "<think> and </think> are the marks that some models write.",
    "<think></think> is empty.",
    "<think>...</think> stands around the reasoning.",
    "The closing mark is </think>.",
    'He wrote "</think>" at the end.',
    "End with </think>\nand go on.",
    "If a < b and b < c, then a < c. <3",
    "[THIS] is no mark, nor is [a link](https://example.org), nor <https://example.org>.",
    "A [TOOL_CALLS] mark is Mistral's.",
    "The <tool_call> tag holds a call; </tool_call> ends it.",
    "<div>\n<p>thinking</p>\n</div>",
    "analysis of the data shows a rise.",
    "Here is my answer: no.",
    "Wait here.",
    "",
]


def read(text: str, cut: int, *, alone: bool | None = False, seconds: float = 0.0) -> tuple[str, str, bool]:
    """The answer, everything that was shown on the way, and whether something was withdrawn."""
    reader = Reader([LOOK], alone=alone)
    pieces = [text[at : at + cut] for at in range(0, len(text), cut)]
    shown = [piece for one in pieces for piece in reader.feed(one, seconds)] + reader.close()
    answer = ""
    for piece in shown:
        answer = "" if isinstance(piece, Retraction) else answer + piece
    return answer, "".join(piece for piece in shown if isinstance(piece, str)), Retraction() in shown


CUTS = [1, 2, 3, 7, 10_000]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("text", USED.values(), ids=USED)
def test_reasoning_is_taken_out_wherever_it_is_cut(text: str, cut: int) -> None:
    answer, shown, _ = read(text, cut)
    assert answer.strip() == P
    assert "zeppelin" not in shown


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("text", ALONE.values(), ids=ALONE)
def test_what_a_mark_closes_that_was_not_opened_is_reasoning(text: str, cut: int) -> None:
    for alone in (None, True):  # not known yet; known to do so
        answer, shown, withdrawn = read(text, cut, alone=alone)
        assert (answer.strip(), "zeppelin" in shown, withdrawn) == (P, False, False)


@pytest.mark.parametrize(
    "beginning", ["The user wants a capital", "Okay, so a capital", "We need to", "Let me see", "Hmm"]
)
def test_what_reads_like_thinking_aloud_is_held_of_any_model(beginning: str) -> None:
    text = f"{beginning}, {Z}. " * 100 + f"\n</think>\n\n{P}"
    assert read(text, 5, seconds=1.5) == (P, P, False)
    assert read(text, 5, seconds=100, alone=None) == (P, P, False)  # not known yet
    text = f"{beginning} nothing more."
    assert read(text, 5) == (text, text, False)
    assert read(f"{beginning} on. " * ALOUD_HELD, 5)[0].startswith(beginning)


def test_what_is_held_is_shown_after_a_while_although_nothing_more_comes() -> None:
    unknown, known = Reader(alone=None), Reader(alone=False)
    assert unknown.feed("The capital is") == []
    assert unknown.due() == HELD_SECONDS
    assert unknown.wait(HELD_SECONDS / 2) == []
    assert unknown.wait(HELD_SECONDS) == ["The capital is"]
    assert unknown.due() is None
    assert known.feed("Let me see what") == []
    assert known.due() == ALOUD_SECONDS
    assert known.wait(ALOUD_SECONDS) == ["Let me see what"]
    aloud = Reader(alone=None)
    assert (aloud.feed("Let me see what"), aloud.due()) == ([], None)


def test_what_was_shown_before_its_closing_mark_is_withdrawn() -> None:
    assert read(f"A capital is asked for.\n</think>\n\n{P}", 5) == (P, f"A capital is asked for.\n{P}", True)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("text", NOTHING_LEFT)
def test_reasoning_without_an_answer_is_none(text: str, cut: int) -> None:
    for alone in (None, True, False):
        assert read(text, cut, alone=alone)[0].strip() == ""


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("text", TALKED_ABOUT)
def test_marks_that_are_talked_about_are_text(text: str, cut: int) -> None:
    for alone in (None, True, False):
        answer, _, withdrawn = read(text, cut, alone=alone)
        assert (answer, withdrawn) == (text.lstrip(), False)


def test_an_ordinary_answer_is_passed_on_piece_by_piece() -> None:
    reader = Reader([LOOK])
    pieces = ["Paris", " is", " the", " capital", " of", " France."]
    assert [reader.feed(piece) for piece in pieces] == [[piece] for piece in pieces]


def test_the_first_answer_of_a_model_is_held_for_a_moment() -> None:
    reader = Reader(alone=None)
    assert reader.feed("Paris is", 0.1) == []
    assert reader.feed(" the capital", HELD_SECONDS) == ["Paris is the capital"]
    assert reader.feed(".", HELD_SECONDS) == ["."]
    reader = Reader(alone=None)
    assert reader.feed("x" * HELD) == []
    assert reader.feed("x") == ["x" * (HELD + 1)]


def test_where_reasoning_has_a_field_of_its_own_nothing_is_held() -> None:
    reader = Reader(alone=True)
    reader.separated()
    assert reader.feed("Okay, so") == ["Okay, so"]


def test_a_habit_is_noted() -> None:
    for text, alone in ((ALONE["in German"], True), (P, False), (USED["think"], False)):
        reader = Reader(alone=None)
        reader.feed(text)
        reader.close()
        assert reader.closed_alone is alone


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("deepseek/deepseek-r1", True),
        ("DeepSeek-R1-Distill-Qwen-7B", True),
        ("qwen/qwq-32b", True),
        ("Qwen3-30B-A3B-Thinking-2507", True),
        ("gpt-5-mini", None),
        ("llama-3.1-8b", None),
    ],
)
def test_names_tell_some_habits(model: str, known: bool | None) -> None:
    assert closes_alone(model) is known


def test_it_makes_no_difference_how_an_answer_is_cut() -> None:
    chance = random.Random(12)
    parts = [*USED.values(), *ALONE.values(), *NOTHING_LEFT, *TALKED_ABOUT, "\n", "`", FENCE, "<", "</", "<|", " "]
    for _ in range(400):
        text = "".join(chance.choice(parts) for _ in range(chance.randint(1, 4)))
        whole = read(text, len(text) or 1)[0].strip()
        assert {read(text, cut)[0].strip() for cut in (1, 4, 11)} == {whole}, text


def test_the_answer_in_a_whole_text() -> None:
    assert read_whole("Paris.\n</think>") == ("", [])
    assert read_whole("Paris, I think. " * 100 + f"\n</think>\n{P}") == (P, [])
    assert read_whole(USED["think"]) == read_whole(ALONE["in German"]) == (P, [])
