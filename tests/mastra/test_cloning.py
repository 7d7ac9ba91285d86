"""Conversations that a real Mastra copies, in a database that is Hathi's too."""

import json
from typing import Any

import pytest

from bot.chat import Resource, Thread
from memory import dsn
from memory.pool import open_database
from tests.conftest import Hathi
from tests.fakes.learner import learner
from tests.fakes.model import FakeModel
from tests.mastra import node
from tests.mastra.node import Mastra
from tests.mastra.test_interop import OWNER, THREAD, Shared, shared, talk
from tests.stores import forgetting_in, tables_of

__all__ = ["shared", "talk"]  # fixtures

pytestmark = pytest.mark.timeout(node.INSTALL_SECONDS + 60)  # the first test may have to install


@pytest.mark.parametrize("resource", [None, "console:eve"])
@pytest.mark.parametrize(
    ("options", "last"),
    [
        ({}, 5),
        ({"messageLimit": 2}, 2),
        ({"messageFilter": {"startDate": "2026-11-20T09:00:02Z"}}, 3),
        ({"messageFilter": {"messageIds": ["discord:123:3", "discord:123:3:answer"]}}, 2),
    ],
)
async def test_a_copy_keeps_who_said_what_to_whom(
    mastra: Mastra, talk: Shared, resource: str | None, options: dict[str, Any], last: int
) -> None:
    originals = (await talk.rows())[-last:]

    first = await mastra("clone", dsn=talk.dsn, sourceThreadId=THREAD, resourceId=resource, options=options)
    second = await mastra("clone", dsn=talk.dsn, sourceThreadId=first, newThreadId="console:second")

    rows = await talk.rows()
    for copy in (first, second):
        copies = [row for row in rows if row["thread_id"] == copy]
        assert [row["copy_of"] for row in copies] == [row["id"] for row in originals]
        for name in ("author", "audience", "content", "role", "createdAt"):
            assert [row[name] for row in copies] == [row[name] for row in originals]
        assert {row["resourceId"] for row in copies} == {resource or OWNER}  # Mastra reads them as the copy's owner's
    found = await mastra("recall", dsn=talk.dsn, threadId=second, resourceId=resource or OWNER)
    assert len(found["messages"]) == last

    async with open_database(dsn.parse(talk.dsn)) as database:
        assert (await forgetting_in(database).forget(Resource.parse(OWNER)))["mastra_messages"] == 5 + 2 * last
    assert await talk.rows() == []
    assert await talk.rows("mastra_threads") == []


async def test_what_is_said_in_a_copy_is_its_owners_alone(mastra: Mastra, talk: Shared) -> None:
    eve: dict[str, Any] = {"dsn": talk.dsn, "threadId": "console:copy", "resourceId": "console:eve"}
    await mastra("clone", dsn=talk.dsn, sourceThreadId=THREAD, newThreadId="console:copy", resourceId="console:eve")
    async with FakeModel() as fake:
        await mastra("agent", **eve, text="And at night?", baseUrl=fake.base_url, key="a key", model="fake-1")

    async with open_database(dsn.parse(talk.dsn)) as database:
        forgetting = forgetting_in(database)
        exported = await forgetting.export(Resource.parse("console:eve"))
        assert [message["text"] for message in exported["messages"]] == ["And at night?", "You said: And at night?"]
        assert (await forgetting.delete(["discord:123:1"]))["mastra_messages"] == 4
        assert "Rani" not in str([row["content"] for row in await talk.rows() if row["role"] == "user"])
        assert (await forgetting.reset(Thread.parse(THREAD)))["mastra_messages"] == 6
    assert [row["author"] for row in await talk.rows()] == [None, None]


@pytest.mark.parametrize("scope", ["resource", "thread"])
async def test_nobody_hears_or_learns_from_a_copy_what_was_said_to_hathi(
    mastra: Mastra, hathi: Hathi, fake: FakeModel, scope: str
) -> None:
    url = hathi.environment["DATABASE_URL"]
    fake.arguments = learner
    said = hathi.but(WORKING_MEMORY_SCOPE=scope)
    await said("chat", "--as", "ana", stdin="I live in Lisbon\n")

    copied: dict[str, Any] = {"newThreadId": "console:copy", "resourceId": "console:eve"}
    await mastra("clone", dsn=url, sourceThreadId="console:ana", workingMemory=True, scope=scope, **copied)
    await said("chat", "--as", "eve", "--thread", "copy", stdin="What do you know?\n")

    assert "Lisbon" not in json.dumps(fake.asked[-1]["messages"])
    assert "Lisbon" not in (await hathi("export", "console:eve")).out
    done = await hathi("forget", "console:ana", "--yes")
    assert done.status == 0
    async with open_database(dsn.parse(url)) as database:
        assert "Lisbon" not in await tables_of(database)
