"""Hathi's tables shared with a real Mastra: what it reads of ours, what it writes there, and who may come first."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from aiohttp import web

from memory.dsn import parse
from memory.migrate import migrate
from memory.pool import open_database
from tests.conftest import Hathi
from tests.fakes.learner import learner
from tests.fakes.model import FakeModel
from tests.mastra import node
from tests.mastra.node import Mastra, MastraError

pytestmark = pytest.mark.timeout(node.INSTALL_SECONDS + 60)  # the first test may have to install

TABLES = ("mastra_messages", "mastra_resources", "mastra_threads")
THREAD, OWNER = "discord:123", "discord:42"
TALK = (
    ("discord:123:1", "user", "My elephant is called Rani 🐘"),
    ("discord:123:1:answer", "assistant", "A fine name.\n\n```py\nrani = 1\n```"),
    ("discord:123:2", "user", "She eats a lot."),
    ("discord:123:3", "user", "How much should she eat?"),
    ("discord:123:3:answer", "assistant", "About 150 kg a day."),
)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Shared:
    """A database that Hathi's migrations were applied to, with one thread in it."""

    dsn: str
    sql: "asyncpg.Connection[asyncpg.Record]"

    async def put(self, id_: str, role: str, text: str) -> None:
        """Write a message as Hathi does, a second after the last one."""
        seq = await self.sql.fetchval("select count(*) from public.mastra_messages")
        said = datetime(2026, 11, 20, 9, tzinfo=UTC) + timedelta(seconds=seq)
        await self.sql.execute(
            """
            insert into public.mastra_messages
                (id, thread_id, content, role, type, "createdAt", "createdAtZ", "resourceId",
                 author, audience, addressed, answers)
            values ($1, $2, $3, $4, 'v2', $5::timestamptz at time zone 'utc', $5, $6, $7, 'direct 123', $8, $9)
            """,
            id_,
            THREAD,
            json.dumps({"format": 2, "parts": [{"type": "text", "text": text}], "content": text}),
            role,
            said,
            OWNER,
            OWNER if role == "user" else None,
            role == "user",
            seq if role == "assistant" else None,
        )

    async def rows(self, table: str = "mastra_messages") -> list[dict[str, Any]]:
        """All rows of a table, in the order in which they were written."""
        order = "seq" if table == "mastra_messages" else "id"
        found = await self.sql.fetch(f"select to_jsonb(t)::text as row from public.{table} as t order by {order}")
        return [json.loads(row["row"]) for row in found]


@pytest.fixture
async def shared(empty: str) -> AsyncIterator[Shared]:
    await migrated(empty)
    sql = await asyncpg.connect(empty)
    await sql.execute(
        """
        insert into public.mastra_threads
            (id, "resourceId", title, "createdAt", "updatedAt", "createdAtZ", "updatedAtZ")
        values ($1, $2, '', '2026-11-20 09:00', '2026-11-20 09:00', '2026-11-20 09:00Z', '2026-11-20 09:00Z')
        """,
        THREAD,
        OWNER,
    )
    yield Shared(empty, sql)
    await sql.close()


@pytest.fixture
async def talk(shared: Shared) -> Shared:
    """The same, with a conversation."""
    for message in TALK:
        await shared.put(*message)
    return shared


class TestMastraReadsHathi:
    async def test_its_memory_recalls_our_messages_in_order(self, mastra: Mastra, talk: Shared) -> None:
        found = await mastra("recall", dsn=talk.dsn, threadId=THREAD, resourceId=OWNER, disableInit=True)

        assert [(line["id"], line["role"], line["text"]) for line in found["messages"]] == list(TALK)
        assert [line["createdAt"] for line in found["messages"]] == [f"2026-11-20T09:00:0{n}.000Z" for n in range(5)]
        assert found["total"] == 5
        assert found["thread"] == {
            "id": THREAD,
            "resourceId": OWNER,
            "title": "",
            "metadata": None,
            "createdAt": "2026-11-20T09:00:00.000Z",
            "updatedAt": "2026-11-20T09:00:00.000Z",
        }

    async def test_it_recalls_the_last_messages_oldest_first(self, mastra: Mastra, talk: Shared) -> None:
        found = await mastra("recall", dsn=talk.dsn, threadId=THREAD, resourceId=OWNER, last=2)

        assert [line["text"] for line in found["messages"]] == [text for _, _, text in TALK[-2:]]

    async def test_it_finds_a_persons_threads(self, mastra: Mastra, talk: Shared) -> None:
        found = await mastra("threads", dsn=talk.dsn, resourceId=OWNER)

        assert [thread["id"] for thread in found] == [THREAD]

    async def test_it_shows_a_thread_to_nobody_but_its_owner(self, mastra: Mastra, talk: Shared) -> None:
        with pytest.raises(MastraError, match="is for resource with id discord:42"):
            await mastra("recall", dsn=talk.dsn, threadId=THREAD, resourceId="discord:43")

    async def test_it_reads_the_working_memory_of_a_person(self, mastra: Mastra, talk: Shared) -> None:
        page = "# User Information\n- **First Name**: Bo"
        await talk.sql.execute(
            """
            insert into public.mastra_resources (id, "workingMemory", "createdAt", "updatedAt")
            values ($1, $2, '2026-11-20 09:00', '2026-11-20 09:00')
            """,
            OWNER,
            page,
        )

        assert await mastra("workingMemory", dsn=talk.dsn, threadId=THREAD, resourceId=OWNER) == page

    async def test_its_agent_sends_our_messages_to_the_model_as_plain_chat(self, mastra: Mastra, talk: Shared) -> None:
        async with FakeModel() as fake:
            await ask(mastra, talk, fake, "And at night?", disableInit=True)

            assert fake.requests[-1]["messages"] == [
                {"role": "system", "content": "You are a Mastra agent."},
                *({"role": role, "content": text} for _, role, text in TALK),
                {"role": "user", "content": "And at night?"},
            ]
        assert await tables(talk.sql) == set(TABLES)  # ours are enough for it

    async def test_its_agent_sends_the_last_ten(self, mastra: Mastra, shared: Shared) -> None:
        for n in range(12):
            await shared.put(f"discord:123:{n}", "assistant" if n % 2 else "user", f"message {n}")

        async with FakeModel() as fake:
            await ask(mastra, shared, fake, "message 12")

            sent = [message["content"] for message in fake.requests[-1]["messages"][1:]]
        assert sent == [f"message {n}" for n in range(2, 13)]


class TestWhatMastraWrites:
    @pytest.mark.parametrize("stream", [False, True])
    async def test_a_turn_is_two_rows_and_a_later_updated_at(self, mastra: Mastra, talk: Shared, stream: bool) -> None:
        before = await talk.rows()
        [thread] = await talk.rows("mastra_threads")

        async with FakeModel() as fake:
            answer = await ask(mastra, talk, fake, "And at night?", stream=stream)

        assert answer["text"] == "You said: And at night?"
        *untouched, question, reply = await talk.rows()
        assert untouched == before
        assert question == row(
            question, role="user", content=text_content("And at night?", question), seq=before[-1]["seq"] + 1
        )
        assert reply == row(
            reply,
            role="assistant",
            content=text_content("You said: And at night?", reply)
            | {"metadata": {"modelId": "fake-1", "provider": "interop"}},
            seq=before[-1]["seq"] + 2,
        )
        assert question["createdAt"] < reply["createdAt"]

        [thread_after] = await talk.rows("mastra_threads")
        assert {key for key in thread if thread[key] != thread_after[key]} == {"updatedAt", "updatedAtZ"}
        assert thread_after["updatedAt"] >= reply["createdAt"]
        assert await talk.rows("mastra_resources") == []

    async def test_a_turn_with_a_tool_is_one_row_whose_text_is_a_part(self, mastra: Mastra, talk: Shared) -> None:
        async with ModelThatCalls("weigh", {"what": "Rani"}) as base_url:
            await ask(mastra, talk, base_url, "How heavy is she?", tools=True)

        content = json.loads((await talk.rows())[-1]["content"])
        assert [part["type"] for part in content["parts"]] == ["text", "tool-invocation", "step-start", "text"]
        assert [part.get("text") for part in content["parts"]] == ["I look. ", None, None, "4 tons."]
        assert content["parts"][1]["toolInvocation"] == {
            "state": "result",
            "toolCallId": "call_1",
            "toolName": "weigh",
            "args": {"what": "Rani"},
            "result": {"kilograms": 4000},
        }
        assert content["content"] == "4 tons."  # the last step's text alone: not what was said

    async def test_working_memory_is_a_row_of_the_person(self, mastra: Mastra, talk: Shared) -> None:
        page = "# User Information\n- **First Name**: Bo"

        async with ModelThatCalls("updateWorkingMemory", {"memory": page}) as base_url:
            await ask(mastra, talk, base_url, "I am Bo", workingMemory=True)

        [resource] = await talk.rows("mastra_resources")
        assert resource["id"] == OWNER
        assert resource["workingMemory"] == page
        assert resource["metadata"] == "{}"  # a JSON string in the jsonb, not an object
        content = json.loads((await talk.rows())[-1]["content"])
        assert [part["type"] for part in content["parts"]] == ["text", "step-start", "text"]  # the call leaves no trace

    async def test_a_thread_that_it_deletes_takes_our_messages_along(self, mastra: Mastra, talk: Shared) -> None:
        await mastra("deleteThread", dsn=talk.dsn, threadId=THREAD)

        assert await talk.rows() == []
        assert await talk.rows("mastra_threads") == []

    @pytest.mark.parametrize("stream", [False, True])
    async def test_a_failed_turn_leaves_a_row_without_words(self, mastra: Mastra, talk: Shared, stream: bool) -> None:
        async with FakeModel() as fake:
            with pytest.raises(MastraError):
                await ask(mastra, talk, f"{fake.base_url}/nowhere", "Hello?", stream=stream)

        question, failure = (await talk.rows())[-2:]
        assert json.loads(question["content"])["content"] == "Hello?"
        assert failure["role"] == "assistant"
        [part] = json.loads(failure["content"])["parts"]
        assert part["type"] == "error"
        assert set(part["error"]) == {"name", "message"}

    async def test_an_id_that_it_saves_again_keeps_what_is_ours(self, mastra: Mastra, talk: Shared) -> None:
        [before, *_] = await talk.rows()
        again = {"id": before["id"], "role": "user", "text": "edited", "createdAt": "2027-01-01T00:00:00Z"}

        await mastra("save", dsn=talk.dsn, threadId=THREAD, resourceId=OWNER, messages=[again])

        [after, *_] = await talk.rows()
        assert after == before | {"content": '{"format":2,"parts":[{"type":"text","text":"edited"}]}'}


class TestOneDatabaseForBoth:
    async def test_our_tables_have_the_layout_that_mastra_gives_them(self, mastra: Mastra, empty: str) -> None:
        await mastra("init", dsn=empty)
        sql = await asyncpg.connect(empty)
        theirs = await layout(sql)
        await sql.execute("drop schema public cascade; create schema public")
        await migrated(empty)
        ours = await layout(sql)
        await sql.close()

        assert theirs <= ours
        required = {name for name, nullable, default in await columns(empty) if nullable == "NO" and default is None}
        assert required <= {line.split()[0] for line in theirs}  # an insert of Mastra's names its own columns only

    async def test_mastras_start_leaves_what_is_ours_alone(self, mastra: Mastra, talk: Shared) -> None:
        before = await layout(talk.sql), await talk.rows()
        assert await tables(talk.sql) == set(TABLES)

        await mastra("init", dsn=talk.dsn)

        assert (await layout(talk.sql), await talk.rows()) == before
        assert len(await tables(talk.sql)) > 40

    async def test_hathi_starts_on_a_database_that_mastra_made(self, mastra: Mastra, empty: str) -> None:
        await mastra("init", dsn=empty)
        said = [  # the older one written last: the order is by time
            {"id": "b", "role": "assistant", "text": "second", "createdAt": "2026-01-01T00:00:01Z"},
            {"id": "a", "role": "user", "text": "first", "createdAt": "2026-01-01T00:00:00Z"},
        ]
        for message in said:
            await mastra("save", dsn=empty, threadId=THREAD, resourceId=OWNER, title="Elephants", messages=[message])

        await migrated(empty)

        sql = await asyncpg.connect(empty)
        shared = Shared(empty, sql)
        async with FakeModel() as fake:
            await ask(mastra, shared, fake, "third")
            assert [m["content"] for m in fake.requests[-1]["messages"][1:]] == ["first", "second", "third"]
        rows = await shared.rows()
        assert [(row["seq"], json.loads(row["content"])["parts"][0]["text"]) for row in rows] == [
            (1, "first"),
            (2, "second"),
            (3, "third"),
            (4, "You said: third"),
        ]
        assert [thread["title"] for thread in await shared.rows("mastra_threads")] == ["Elephants"]
        await sql.close()


class TestTheHarness:
    async def test_a_command_can_have_a_process_of_its_own(self, talk: Shared) -> None:
        found = await node.mastra("recall", dsn=talk.dsn, threadId=THREAD, resourceId=OWNER, disableInit=True)

        assert len(found["messages"]) == 5

    async def test_nothing_outside_this_machine_is_reached(self, mastra: Mastra, talk: Shared) -> None:
        with pytest.raises(MastraError, match=r"may not reach 203\.0\.113\.9"):
            await ask(mastra, talk, "http://203.0.113.9/v1", "Hello?")

    async def test_a_command_that_takes_too_long_costs_its_process_only(self, mastra: Mastra, talk: Shared) -> None:
        with pytest.raises(TimeoutError):
            await mastra("recall", timeout=0, dsn=talk.dsn, threadId=THREAD, resourceId=OWNER)

        assert await mastra("threads", dsn=talk.dsn, resourceId="discord:nobody") == []


async def ask(mastra: Mastra, shared: Shared, model: FakeModel | str, text: str, **options: Any) -> Any:
    """One turn of Mastra's agent."""
    base_url = model if isinstance(model, str) else model.base_url
    place: dict[str, Any] = {"dsn": shared.dsn, "threadId": THREAD, "resourceId": OWNER}
    return await mastra("agent", **place, text=text, baseUrl=base_url, key="a key", model="fake-1", **options)


def row(found: Row, *, role: str, content: Row, seq: int) -> dict[str, Any]:
    """The row that Mastra should have written; its id, times and the spelling of its JSON are taken from `found`."""
    assert json.loads(found["content"]) == content
    assert found["createdAtZ"] == found["createdAt"] + "+00:00"
    return {
        "id": found["id"],
        "thread_id": THREAD,
        "content": found["content"],
        "role": role,
        "type": "v2",
        "createdAt": found["createdAt"],
        "createdAtZ": found["createdAtZ"],
        "resourceId": OWNER,
        "seq": seq,
        "author": None,
        "audience": None,
        "addressed": False,
        "turn": None,
        "answers": None,
        "name": None,
        "replies_to": None,
        "images": None,
        "off_record": False,
        "copy_of": None,
        "copy_owner": None,
        "zone": None,
    }


def text_content(text: str, found: Row) -> dict[str, Any]:
    written = json.loads(found["content"])["parts"][0]["createdAt"]  # epoch milliseconds
    return {"format": 2, "parts": [{"type": "text", "text": text, "createdAt": written}], "content": text}


class ModelThatCalls:
    """A model that calls a tool and then answers; its base URL. (FakeModel takes what Hathi sends: no tools.)"""

    def __init__(self, tool: str, arguments: Mapping[str, str]) -> None:
        function = {"name": tool, "arguments": json.dumps(arguments)}
        self._call = {"id": "call_1", "type": "function", "function": function}

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._completion)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _completion(self, request: web.Request) -> web.Response:
        body = await request.json()
        message: dict[str, Any] = {"role": "assistant", "content": "I look. ", "tool_calls": [self._call]}
        reason = "tool_calls"
        if body["messages"][-1]["role"] == "tool":
            message, reason = {"role": "assistant", "content": "4 tons."}, "stop"
        return web.json_response(
            {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": reason}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )


async def migrated(dsn: str) -> None:
    async with open_database(parse(dsn)) as database:
        await migrate(database)


async def tables(sql: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    found = await sql.fetch("select tablename from pg_tables where schemaname = 'public' and tablename like 'mastra_%'")
    return {row["tablename"] for row in found}


async def layout(sql: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    """Columns and indexes of the three tables, a line each."""
    found = await sql.fetch(
        """
        select table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' '
               || coalesce(column_default, '') as line
        from information_schema.columns where table_schema = 'public' and table_name = any($1)
        union all
        select indexname || ' ' || indexdef from pg_indexes where schemaname = 'public' and tablename = any($1)
        """,
        list(TABLES),
    )
    return {row["line"] for row in found}


async def columns(dsn: str) -> list[tuple[str, str, str | None]]:
    """Of the three tables: name, nullable, default."""
    sql = await asyncpg.connect(dsn)
    found = await sql.fetch(
        """
        select table_name || '.' || column_name as name, is_nullable, column_default
        from information_schema.columns where table_schema = 'public' and table_name = any($1)
        """,
        list(TABLES),
    )
    await sql.close()
    return [(row["name"], row["is_nullable"], row["column_default"]) for row in found]


class TestOneConversationOfBoth:
    async def test_mastra_reads_what_hathi_wrote_and_hathi_continues_what_mastra_wrote(
        self, mastra: Mastra, hathi: Hathi, fake: FakeModel
    ) -> None:
        async def ask_mastra(command: str, **args: Any) -> Any:
            url = hathi.environment["DATABASE_URL"]
            return await mastra(command, dsn=url, threadId="console:elephants", resourceId="console:ana", **args)

        chat = ("chat", "--as", "ana", "--thread", "elephants")

        await hathi(*chat, stdin="My elephant is called Rani.\nShe eats a lot.\n")

        said = ["My elephant is called Rani.", "You said: My elephant is called Rani.", "She eats a lot."]
        said += ["You said: She eats a lot."]
        recalled = await ask_mastra("recall", disableInit=True)
        assert [line["text"] for line in recalled["messages"]] == said
        assert [line["role"] for line in recalled["messages"]] == ["user", "assistant"] * 2

        await ask_mastra("agent", text="And at night?", baseUrl=fake.base_url, key="k", model="fake-1")

        assert words(fake) == [*said, "And at night?"]
        said += ["And at night?", "You said: And at night?"]

        await hathi(*chat, stdin="What is her name?\n")

        assert words(fake) == [*said, "What is her name?"]
        said += ["What is her name?", "You said: What is her name?"]
        recalled = await ask_mastra("recall")
        assert [line["text"] for line in recalled["messages"]] == said

    async def test_both_keep_one_page(self, mastra: Mastra, hathi: Hathi, fake: FakeModel) -> None:
        url, owner = hathi.environment["DATABASE_URL"], "console:ana"
        where: dict[str, Any] = {"dsn": url, "threadId": "console:ana", "resourceId": owner}
        fake.arguments = learner
        await hathi("chat", "--as", "ana", stdin="I live in Lisbon\nI like tea\n")
        page = await mastra("workingMemory", **where)
        assert "- **Location**: Lisbon" in page
        assert "- **Interests**: tea" in page

        async with FakeModel() as other:
            await mastra("agent", **where, text="Hello", baseUrl=other.base_url, key="k", model="m", workingMemory=True)
            assert "- **Location**: Lisbon" in str(other.requests[0]["messages"])

        # Its model rewrites the page whole: one line stays, two are new, one is gone.
        page = (
            "# About Ana\n\n- **Location**: Lisbon\n- **Goals**: \n  - learn the sitar\n\n## Pets\n- a cat called Momo"
        )
        async with ModelThatCalls("updateWorkingMemory", {"memory": page}) as base_url:
            await mastra("agent", **where, text="I like jazz", baseUrl=base_url, key="k", model="m", workingMemory=True)
        await hathi("chat", "--as", "ana", "--thread", "other", stdin="What do you know?\n")
        known = fake.asked[-1]["messages"][0]["content"]
        for line in ("Location: Lisbon", "Goals: learn the sitar", "Pets: a cat called Momo"):
            assert line in known
        assert "tea" not in known

        await hathi("chat", "--as", "ana", "--thread", "other", stdin="I live in Porto\n")
        page = await mastra("workingMemory", **where)
        assert "Lisbon" not in page
        for line in ("Porto", "learn the sitar", "a cat called Momo"):
            assert line in page
        exported = json.loads((await hathi("export", owner)).out)
        assert {fact["value"]: fact["audience"] for fact in exported["facts"]} == {
            "Lisbon": "direct:console:ana",
            "Porto": "direct:console:other",
            "learn the sitar": None,
            "a cat called Momo": None,
        }


def words(fake: FakeModel) -> list[str]:
    """The newest request to the model, without instructions."""
    return [message["content"] for message in fake.asked[-1]["messages"] if message["role"] != "system"]
