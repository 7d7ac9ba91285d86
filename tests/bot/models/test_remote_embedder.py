"""The remote embedder over the wire: a real client talks to a small real server."""

import asyncio
import math
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from bot.errors import (
    KeyRefused,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelSilent,
    ModelUnknown,
    NoCredit,
    PromptTooLong,
    RequestRefused,
)
from bot.models.remote import READ, TOGETHER, RemoteEmbedder
from tests.fakes import embeddings
from tests.fakes.embeddings import Answer, FakeEmbeddings, vector_of
from tests.fakes.model import Silence, Status

KEY = "sk-test-7f3a9c"
SECRET = "my cat is called Wednesday"  # what a person said: never in an error


@pytest.fixture
async def fake() -> AsyncIterator[FakeEmbeddings]:
    async with FakeEmbeddings(key=KEY, models=["fake-1"]) as server:
        yield server


@pytest.fixture
async def embedder(fake: FakeEmbeddings) -> AsyncIterator[RemoteEmbedder]:
    embedder = remote(fake.base_url)
    yield embedder
    await embedder.close()


def remote(base_url: str, **changes: Any) -> RemoteEmbedder:
    arguments: dict[str, Any] = {
        "name": "openai/fake-1",
        "model": "fake-1",
        "key": KEY,
        "key_setting": "OPENAI_API_KEY",
        "url_setting": "OPENAI_BASE_URL",
        "connect": 1,
        "silence": 0.5,
        "retries": 0,
    }
    return RemoteEmbedder(base_url=base_url, **arguments | changes)


def near(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_every_text_gets_a_unit_vector(fake: FakeEmbeddings, embedder: RemoteEmbedder) -> None:
    cat, same, dog = await embedder.embed(["the cat sleeps", "the cat sleeps long", "dogs run"])
    assert {len(cat), len(same), len(dog)} == {fake.dimension}
    assert [math.hypot(*vector) for vector in (cat, same, dog)] == pytest.approx([1, 1, 1])
    assert near(cat, same) > near(cat, dog)
    (body,) = fake.requests
    assert (body["model"], body["encoding_format"]) == ("fake-1", "float")


async def test_no_texts_are_not_asked_about(fake: FakeEmbeddings, embedder: RemoteEmbedder) -> None:
    assert list(await embedder.embed([])) == []
    assert fake.requests == []


async def test_many_texts_go_in_several_requests_and_stay_in_order(
    fake: FakeEmbeddings, embedder: RemoteEmbedder
) -> None:
    texts = [f"number {number}" for number in range(2 * TOGETHER + 3)]
    fake.otherwise = embeddings.other_order
    vectors = await embedder.embed(texts)
    assert [len(body["input"]) for body in fake.requests] == [TOGETHER, TOGETHER, 3]
    assert fake.texts == texts
    for text, vector in zip(texts, vectors, strict=True):
        assert vector == pytest.approx(vector_of(text, fake.dimension))


async def test_empty_and_huge_texts_get_a_vector_too(fake: FakeEmbeddings, embedder: RemoteEmbedder) -> None:
    assert len(await embedder.embed(["", " \n", "word " * 20_000])) == 3
    assert fake.texts[:2] == [".", "."]
    assert len(fake.texts[2]) == READ


@pytest.mark.parametrize(
    "answer",
    [
        embeddings.too_few,
        embeddings.too_many,
        embeddings.nothing,
        embeddings.one_place_twice,
        embeddings.no_places,
        embeddings.mixed,
        embeddings.with_number(math.nan),
        embeddings.with_number(math.inf),
        embeddings.with_number(None),
        embeddings.with_number("0.5"),
        embeddings.with_number(True),
        embeddings.with_number(10**400),
        embeddings.with_vector([]),
        embeddings.with_vector([0.0, 0, -0.0]),
        embeddings.with_vector(None),
        embeddings.with_vector("AACAPw=="),
        embeddings.HTML,
        embeddings.BAD_JSON,
        lambda _: [],
        lambda _: {"object": "list"},
        lambda _: {"data": [None, None]},
    ],
)
async def test_what_are_no_vectors_is_no_answer(fake: FakeEmbeddings, embedder: RemoteEmbedder, answer: Answer) -> None:
    fake.answers = [answer]
    with pytest.raises(ModelSilent) as caught:
        await embedder.embed([SECRET, "another"])
    host = fake.base_url.removeprefix("http://").removesuffix("/v1")
    assert str(caught.value) == (
        f"{host} sent something that is no answer for openai/fake-1: check EMBEDDER and OPENAI_BASE_URL"
    )
    assert len(await embedder.embed([SECRET])) == 1


async def test_a_dimension_that_changes_half_way_is_no_answer(fake: FakeEmbeddings, embedder: RemoteEmbedder) -> None:
    fake.answers = [None, embeddings.longer_by_one]
    with pytest.raises(ModelSilent):
        await embedder.embed(["text"] * (TOGETHER + 1))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Status(401, "invalid_api_key"), KeyRefused),
        (Status(402), NoCredit),
        (Status(429, "rate_limit_exceeded"), ModelBusy),
        (Status(429, "insufficient_quota"), NoCredit),
        (Status(500), ModelBusy),
        (Status(404, "model_not_found"), ModelUnknown),
        (Status(400, None, f"You wrote: {SECRET}"), RequestRefused),
        (Status(400, None, "the input length exceeds the context length"), PromptTooLong),
        (embeddings.error_inside, ModelDown),
        (Silence(), ModelDown),
    ],
)
async def test_each_failure_has_its_kind_and_one_line_without_secrets(
    fake: FakeEmbeddings, embedder: RemoteEmbedder, answer: Answer, kind: type[ModelError]
) -> None:
    fake.answers = [answer]
    with pytest.raises(ModelError) as caught:
        await embedder.embed([SECRET])
    assert type(caught.value) is kind
    said = str(caught.value)
    assert "openai/fake-1" in said
    assert said.isprintable()
    assert [word for word in (KEY, "Wednesday", "FALLBACK_MODELS", " MODEL", "PERSONA") if word in said] == []


async def test_the_wrong_key_is_told_without_the_key(fake: FakeEmbeddings) -> None:
    embedder = remote(fake.base_url, key="sk-wrong")
    with pytest.raises(KeyRefused) as caught:
        await embedder.embed(["hello"])
    assert "check OPENAI_API_KEY" in str(caught.value)
    assert "sk-wrong" not in str(caught.value)
    await embedder.close()


async def test_a_busy_provider_says_when_to_come_again(fake: FakeEmbeddings, embedder: RemoteEmbedder) -> None:
    fake.answers = [Status(429, headers=(("Retry-After", "7"),))]
    with pytest.raises(ModelBusy) as caught:
        await embedder.embed(["hello"])
    assert caught.value.delay == 7


async def test_a_request_that_fails_is_made_again(fake: FakeEmbeddings) -> None:
    embedder = remote(fake.base_url, retries=1, silence=5)
    fake.answers = [Status(500, headers=(("Retry-After", "0.01"),))]
    assert len(await embedder.embed(["hello"])) == 1
    assert len(fake.requests) == 2
    await embedder.close()


async def test_a_server_that_is_not_there_is_down() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        embedder = remote(f"http://127.0.0.1:{nobody.getsockname()[1]}/v1")
        with pytest.raises(ModelDown, match="check OPENAI_BASE_URL and that the server runs"):
            await embedder.embed(["hello"])
        await embedder.close()


async def test_who_no_longer_waits_is_let_go(fake: FakeEmbeddings) -> None:
    embedder = remote(fake.base_url, silence=60)
    fake.answers = [Silence()]
    asking = asyncio.create_task(embedder.embed(["hello"]))
    while not fake.requests:
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(await embedder.embed(["hello"])) == 1
    await embedder.close()
    await embedder.close()
