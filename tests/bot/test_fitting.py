"""Of what is too much for a prompt, files give way before people's words, old words before new ones, and it is said."""

import re

from hypothesis import given
from hypothesis import strategies as st

from adapters.files import words
from bot.chat import Line
from bot.fitting import SHORTEST, fit
from bot.ports import Prompt, Recollection
from bot.prompt import LEAST, compose, tokens

BUDGET = 60_000
FILE = "The quick brown fox jumps over the lazy dog. " * 500  # longer than an adapter reads


def waiting(*texts: str) -> Recollection:
    return Recollection(
        tuple(Line("user", text, "console:ana", waiting=True, seq=n, id=str(n)) for n, text in enumerate(texts))
    )


def cost(prompt: Prompt) -> int:
    return sum(tokens(said.text) for said in prompt)


def posted(question: str, *files: str) -> str:
    return "\n".join((question, *(words(f"{n}.txt", file.encode()) for n, file in enumerate(files))))


def test_ten_long_files_are_cut_alike_and_the_question_is_whole() -> None:
    text = posted("Which of these names a fox?", *[FILE] * 10, "a short one")
    assert len(text) > 200_000
    prompt = compose("You are Hathi.", waiting(text), BUDGET)
    assert 0.7 * BUDGET < cost(prompt) <= 0.76 * BUDGET
    read = prompt[-1].text
    assert read.startswith("Which of these names a fox?\n[file: 0.txt]\nThe quick brown fox")
    assert read.endswith("[file: 10.txt]\na short one")
    lengths = [len(file) for file in re.split(r"\[file: ", read)[1:-1]]
    assert len(lengths) == 10
    assert max(lengths) - min(lengths) < 50
    assert read.count("characters are left out here") == 10


def test_what_fits_stays_as_it_is() -> None:
    texts = [posted("Look", FILE), "and this"]
    assert fit(texts, BUDGET, tokens) == texts


def test_files_give_way_before_words_and_old_words_before_new_ones() -> None:
    texts = ["oldest " * 2_000, posted("old", FILE), "new " * 300, posted("newest", FILE)]
    old, new, newest = fit(texts[1:], 600, tokens)
    assert (old[:6], new) == ("old\n[f", "new " * 300)
    assert newest.startswith("newest\n[file: 0.txt]\nThe quick")
    oldest, old, new, newest = fit(texts, 600, tokens)
    assert oldest.startswith("[Left out, since it is more than can be read at once: 2 files.]\noldest oldest")
    assert (old, new, newest) == ("old\n", "new " * 300, "newest\n")
    oldest, old, new, newest = fit(texts, 420, tokens)
    assert oldest == ""
    assert old == "[Left out, since it is more than can be read at once: 1 earlier message and 2 files.]\nold\n"
    assert (new, newest) == ("new " * 300, "newest\n")


def test_of_one_endless_message_the_beginning_and_the_end_are_read() -> None:
    text = "Summarise this: " + "bla " * 100_000 + "In French, please."
    (fitted,) = fit([text], 1000, tokens)
    assert fitted.startswith("Summarise this: bla")
    assert fitted.endswith("bla In French, please.")
    (count,) = re.findall(r"\[… ([\d,]+) characters are left out here", fitted)
    left_out = int(count.replace(",", ""))
    assert len(text) - left_out < len(fitted) < len(text) - left_out + 200


def test_with_more_files_than_there_is_room_for_the_last_ones_are_read_and_the_others_counted() -> None:
    (fitted,) = fit([posted("All of these?", *[FILE] * 100)], 1000, tokens)
    assert re.match(r"\[Left out, since it is more than can be read at once: \d\d files\.\]\nAll of these\?", fitted)
    assert "[file: 99.txt]" in fitted
    assert tokens(fitted) <= 1000


PARTS = st.text(max_size=300) | st.sampled_from(["象" * 500, FILE, "x" * 3_000])


@given(
    st.lists(
        st.builds(lambda said, files: posted(said, *files), PARTS, st.lists(PARTS, max_size=4)), min_size=1, max_size=8
    ),
    st.integers(LEAST, 3_000),
)
def test_it_fits_and_the_newest_words_are_there(texts: list[str], room: int) -> None:
    fitted = fit(texts, room, tokens)
    assert len(fitted) == len(texts)
    assert sum(tokens(text) for text in fitted if text) <= room
    if sum(map(tokens, texts)) <= room:
        assert fitted == texts
    newest = texts[-1].partition("[file: ")[0]
    if tokens(newest) < room - SHORTEST:
        assert newest in fitted[-1]


def test_a_long_message_is_still_read_in_the_turns_after_it_and_reads_alike() -> None:
    long = Line("user", posted("Look", *[FILE] * 10), "console:ana")
    turns = []
    for count in (1, 2, 3):
        later = [Line("user", f"question {n}", "console:ana", waiting=n == count - 1) for n in range(count)]
        turns.append(compose("You are Hathi.", Recollection((long, *later)), BUDGET))
    assert all(cost(prompt) <= BUDGET for prompt in turns)
    assert "The quick brown fox" in turns[0][1].text
    assert turns[0][1] == turns[1][1] == turns[2][1]


def test_asked_to_be_shorter_again_and_again_it_ends() -> None:
    recollection, budget, before = waiting(posted("Look", *[FILE] * 10)), BUDGET, None
    for _ in range(30):
        prompt = compose("You are Hathi." * 40, recollection, budget)
        if prompt == before:
            break
        before, budget = prompt, cost(prompt) // 2
    assert prompt == before
    assert cost(prompt) < 1000
    assert prompt[-1].text.startswith("[Left out") or prompt[-1].text.startswith("Look")
