"""The embedded embedder, with the real weights."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.errors import ModelDown, ModelSilent, SettingsError
from bot.models.minilm import MiniLM, embedder, installed
from bot.models.minilm.embedder import BATCH, ROOM
from bot.ports import Embedder


@pytest.fixture
async def minilm() -> AsyncIterator[MiniLM]:
    opened = MiniLM()
    yield opened
    await opened.close()


def near(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("said", "asked", "other"),
    [
        ("I moved to Lisbon last spring.", "Which city do I live in?", "The deploy failed twice on Friday."),
        ("My daughter plays the cello.", "What instrument does my kid play?", "We should order pizza tonight."),
        ("I'm allergic to peanuts.", "Is there any food that I can't eat?", "The meeting was moved to Monday."),
    ],
)
async def test_what_means_the_same_is_near(minilm: MiniLM, said: str, asked: str, other: str) -> None:
    one, question, two = await minilm.embed([said, asked, other])
    assert near(one, question) > near(two, question) + 0.1


async def test_vectors_have_length_one_and_one_dimension(minilm: MiniLM) -> None:
    vectors = await minilm.embed(["", "hello", "東京", "😀", "\x00", "word " * 20_000, "x" * 100_000])
    assert {len(vector) for vector in vectors} == {384}
    assert [math.hypot(*vector) for vector in vectors] == pytest.approx([1.0] * 7)
    assert all(type(number) is float for number in vectors[0])


async def test_texts_in_batches_get_what_each_would_get_alone_in_order(minilm: MiniLM) -> None:
    texts = [f"{'very ' * (number * 7 % 40)}odd thing number {number}" for number in range(2 * BATCH + 5)]
    together = await minilm.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = await minilm.embed([text])
        assert near(alone, vector) == pytest.approx(1.0, abs=1e-4)


async def test_no_texts_are_no_vectors(minilm: MiniLM) -> None:
    assert list(await minilm.embed([])) == []


async def test_who_asks_in_between_waits_for_one_batch_only(minilm: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    await minilm.warm_up()
    worker = minilm._worker
    assert worker is not None
    compute = worker.vectors
    sizes: list[int] = []

    def vectors(ids: Sequence[Sequence[int]]) -> list[list[float]]:
        sizes.append(len(ids))
        return compute(ids)

    monkeypatch.setattr(worker, "vectors", vectors)
    many = asyncio.create_task(minilm.embed(["a few words of this and that"] * (BATCH * 20)))
    while not sizes:
        await asyncio.sleep(0)
    begun = len(sizes)
    await minilm.embed(["where do I live?"])
    assert 1 in sizes[begun : begun + 2]  # one may have been handed over, but not begun
    assert len(await many) == BATCH * 20


async def test_who_no_longer_waits_stops_the_work(minilm: MiniLM) -> None:
    many = asyncio.create_task(minilm.embed(["a few words of this and that"] * (BATCH * 20)))
    await asyncio.sleep(0)
    many.cancel()
    with pytest.raises(asyncio.CancelledError):
        await many
    assert len(await minilm.embed(["hello"])) == 1


async def test_many_may_ask_at_once(minilm: MiniLM) -> None:
    texts = [f"person {number} says hello" for number in range(20)]
    each = await asyncio.gather(*(minilm.embed([text]) for text in texts))
    for (alone,), vector in zip(each, await minilm.embed(texts), strict=True):
        assert near(alone, vector) == pytest.approx(1.0, abs=1e-4)


async def test_it_can_be_closed_twice_and_asked_again() -> None:
    minilm: Embedder = MiniLM()
    await minilm.close()
    await minilm.warm_up()
    first = await minilm.embed(["hello"])
    await minilm.close()
    await minilm.close()
    assert await minilm.embed(["hello"]) == first
    await minilm.close()


async def test_what_is_closed_in_the_middle_says_so() -> None:
    minilm = MiniLM()
    many = asyncio.create_task(minilm.embed(["a few words of this and that"] * (BATCH * 20)))
    await asyncio.sleep(0)
    await minilm.close()
    with pytest.raises(ModelDown):
        await many


@pytest.mark.parametrize("lengths", [[], [2], [256] * 9, [3] * 100, [256, 2, 40, 2, 256, 17] * 30])
def test_batches_stay_small_and_leave_nobody_out(lengths: list[int]) -> None:
    batches = list(embedder._batches([[1] * length for length in lengths]))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) <= BATCH
        assert len(batch) * max(lengths[place] for place in batch) <= ROOM


async def test_a_file_that_is_no_model_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"no model")
    monkeypatch.setattr(embedder, "_file", lambda: broken)
    minilm = MiniLM()
    with pytest.raises(ModelDown, match="run `uv sync --reinstall`"):
        await minilm.warm_up()
    with pytest.raises(ModelDown):
        await minilm.embed(["hello"])
    await minilm.close()


@pytest.mark.parametrize("number", [math.nan, math.inf, 0.0])
async def test_numbers_that_are_no_vector_are_no_answer(minilm: MiniLM, number: float) -> None:
    import numpy as np

    class Broken:
        def run(self, _: object, inputs: dict[str, "np.ndarray[tuple[int, int], np.dtype[np.int64]]"]) -> object:
            return [np.full((*inputs["input_ids"].shape, 384), number, dtype=np.float32)]

    await minilm.warm_up()
    assert minilm._worker is not None
    minilm._worker._session = Broken()
    with pytest.raises(ModelSilent):
        await minilm.embed(["hello"])


def test_without_its_parts_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed()
    monkeypatch.setattr(embedder, "_file", lambda: None)
    assert not installed()
    with pytest.raises(SettingsError, match="run `uv sync`"):
        MiniLM()


def test_there_is_one_model_only() -> None:
    with pytest.raises(SettingsError, match="local/minilm"):
        MiniLM("e5")
