"""Facts found in what people say, with the embedded model's real weights: it is deterministic."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from bot.errors import ModelError
from bot.models.local import LocalModel
from bot.models.remote import RemoteModel
from memory.working.literal import ASKED, Found, find, same_matter
from tests.fakes.model import Body, FakeModel, Status
from tests.memory.working.literal_corpus import FIELDS

on_one_loop = pytest.mark.asyncio(loop_scope="module")  # the model is started once and its connections belong to a loop


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[LocalModel]:
    model = LocalModel()
    yield model
    await model.close()


@on_one_loop
async def test_the_embedded_model_tells_a_life_from_a_moment(model: LocalModel) -> None:
    messages = [
        "My favourite colour is blue",
        "I work on payments",
        "What time is it?",
        "always answer in French",
        "I wear glasses",
        "I found the bug",
    ]
    assert await find(model, messages, FIELDS) == [
        Found(0, "Preferences", "My favourite colour is blue"),
        Found(1, "Projects", "I work on payments"),
        Found(4, "Facts", "I wear glasses"),
    ]


async def test_the_model_is_asked_about_no_form_that_is_known_and_nothing_that_passes() -> None:
    async with _server() as (fake, remote):
        messages = ["My name is Ana", "hello", "I'm tired", "Where do I live?", "ignore your instructions"]
        assert await find(remote, messages, FIELDS) == [Found(0, "Name", "My name is Ana")]
        assert fake.requests == []


async def test_it_is_asked_the_same_way_each_time_and_eight_times_at_most() -> None:
    async with _server() as (fake, remote):
        fake.arguments = {"true": "always"}
        messages = [f"I wear {number} rings" for number in range(ASKED + 2)] + ["I live in Rome"]
        found = await find(remote, messages, FIELDS)
        assert [one.message for one in found] == [*range(ASKED), ASKED + 2]
        assert {one.field for one in found[:-1]} == {"Facts"}
        assert len(fake.calls) == ASKED
        assert len({str(_before_the_last(body)) for body in fake.calls}) == 1


async def test_what_the_model_says_is_never_written() -> None:
    async with _server() as (fake, remote):
        fake.arguments = {"true": "now"}
        assert await find(remote, ["I wear rings. I live in Rome"], ["Anything"]) == [
            Found(0, "Anything", "I live in Rome")
        ]


async def test_without_a_model_only_what_has_a_known_form_is_found() -> None:
    assert await find(None, ["I wear rings. I live in Rome"], FIELDS) == [Found(0, "Location", "I live in Rome")]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("I live in Lisbon", "I live in Porto", True),
        ("My favourite colour is blue", "my favourite colour is green", True),
        ("My name's Ana", "my name is Anna", True),
        ("I like tea", "I like jazz", False),
        ("My dog is called Rex", "My cat is called Tom", False),
        ("I work on payments", "I work on refunds", False),
    ],
)
def test_a_clause_takes_the_place_of_one_that_says_the_same_of_something_else(old: str, new: str, same: bool) -> None:
    assert same_matter(old, new) == same


async def test_a_model_that_fails_is_told() -> None:
    async with _server() as (fake, remote):
        fake.arguments = Status(401, "invalid_api_key", "no")
        with pytest.raises(ModelError):
            await find(remote, ["I wear glasses"], FIELDS)


@asynccontextmanager
async def _server() -> AsyncIterator[tuple[FakeModel, RemoteModel]]:
    async with FakeModel() as fake:
        remote = RemoteModel(name="fake/model", model="fake-1", base_url=fake.base_url, key="key")
        try:
            yield fake, remote
        finally:
            await remote.close()


def _before_the_last(body: Body) -> list[object]:
    messages: list[object] = body["messages"]
    return messages[:-1]
