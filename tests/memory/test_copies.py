"""Conversations that Mastra copied: nobody's words count as somebody else's, and what is forgotten leaves no copy."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.chat import Answer, Message, Resource, Room, Thread
from bot.commands import Asked
from bot.ports import Counts
from memory import dsn
from memory.content import text_of
from memory.migrate import migrate, migrations
from memory.pool import Database, open_database
from tests.conftest import Server
from tests.memory.cloning import clone, clone_messages, clone_thread, say_to_mastra
from tests.memory.working.conftest import ANA, BOB, DM, PUBLIC, STAFF, World, thread_in, world
from tests.stores import commands_in, tables_of, transcript_in

__all__ = ["world"]  # a fixture

SOURCE = str(thread_in(DM))
COPY = Room("direct", "discord:copy")  # a copy in which people can talk with Hathi


async def rows_in(database: Database, thread: str) -> list[dict[str, Any]]:
    rows = await database.fetch("select * from public.mastra_messages where thread_id = $1 order by seq", thread)
    return [dict(row) | {"text": text_of(row["content"], row["type"])} for row in rows]


async def story(world: World) -> None:
    """Ana's direct message with the bot, in which her colour is told."""
    await world.say("My favourite colour is blue", answer="Blue is lovely!")
    await world.say("I like tea", answer="Tea then.")


class TestWhatACopyIs:
    @pytest.mark.parametrize("last", [None, 3])
    @pytest.mark.parametrize("owner", [None, str(BOB)])
    async def test_its_messages_are_those_of_who_said_them(
        self, world: World, last: int | None, owner: str | None
    ) -> None:
        await story(world)
        copy = await clone(world.database, SOURCE, owner=owner, last=last)
        originals = (await rows_in(world.database, SOURCE))[-(last or 4) :]
        copies = await rows_in(world.database, copy)
        assert [row["copy_of"] for row in copies] == [row["id"] for row in originals]
        for name in ("author", "audience", "name", "text", "role", "createdAt", "off_record"):
            assert [row[name] for row in copies] == [row[name] for row in originals], name
        assert {(row["addressed"], row["answers"], row["turn"]) for row in copies} == {(False, None, None)}

    async def test_it_is_known_whichever_of_thread_and_messages_is_written_first(self, world: World) -> None:
        await story(world)
        async with world.database.transaction() as connection:
            await clone_messages(connection, SOURCE, "copy")
            await clone_thread(connection, SOURCE, "copy")
        assert [row["author"] for row in await rows_in(world.database, "copy")] == [str(ANA), None] * 2

    async def test_metadata_that_are_a_string_are_read_and_others_do_no_harm(self, world: World) -> None:
        await story(world)
        metadata = json.dumps({"clone": {"sourceThreadId": SOURCE}})
        for thread, written in (("a", json.dumps(metadata)), ("b", '"sourceThreadId"'), ("c", "[]"), ("d", "null")):
            async with world.database.transaction() as connection:
                await clone_thread(connection, SOURCE, thread)
                await connection.execute(
                    "update public.mastra_threads set metadata = $2::jsonb where id = $1", thread, written
                )
                await clone_messages(connection, SOURCE, thread)
        assert {row["author"] for row in await rows_in(world.database, "a")} == {str(ANA), None}
        for thread in ("b", "c", "d"):
            assert {row["copy_of"] for row in await rows_in(world.database, thread)} == {None}, thread

    async def test_a_copy_of_a_copy_is_one_of_the_original(self, world: World) -> None:
        await story(world)
        first = await clone(world.database, SOURCE, owner=str(BOB))
        second = await clone(world.database, first, owner="console:eve")
        originals = await rows_in(world.database, SOURCE)
        copies = await rows_in(world.database, second)
        assert [row["copy_of"] for row in copies] == [row["id"] for row in originals]
        assert [row["author"] for row in copies] == [row["author"] for row in originals]

    async def test_what_is_said_in_it_afterwards_is_no_copy(self, world: World) -> None:
        await story(world)
        copy = await clone(world.database, SOURCE, owner=str(BOB))
        await say_to_mastra(world.database, copy, str(BOB), "user", "I like kites")
        *_, said = await rows_in(world.database, copy)
        assert said["copy_of"] is None
        exported = await world.forgetting.export(BOB)
        assert [message["text"] for message in exported["messages"]] == ["I like kites"]

    async def test_what_is_said_in_both_at_the_same_time_is_no_copy(self, world: World) -> None:
        await story(world)
        copy = await clone(world.database, SOURCE)
        id_ = await say_to_mastra(world.database, SOURCE, str(ANA), "user", "I like red")
        await world.database.fetch(
            """
            insert into public.mastra_messages
                (id, thread_id, content, "createdAt", "createdAtZ", role, type, "resourceId")
            select 'new', $1, '"I like kites"', "createdAt", "createdAtZ", role, type, "resourceId"
            from public.mastra_messages where id = $2
            """,
            copy,
            id_,
        )
        *_, said = await rows_in(world.database, copy)
        assert (said["copy_of"], said["text"]) == (None, "I like kites")

    async def test_a_message_whose_original_is_gone_is_nobodys(self, world: World) -> None:
        await story(world)
        async with world.database.transaction() as connection:
            await clone_messages(connection, SOURCE, "copy")
            await connection.execute("delete from public.mastra_messages where thread_id = $1", SOURCE)
            await clone_thread(connection, SOURCE, "copy", str(BOB))
        assert {row["copy_of"] for row in await rows_in(world.database, "copy")} == {""}
        for person in (ANA, BOB):
            assert (await world.forgetting.export(person))["messages"] == []
        assert (await world.forgetting.forget(BOB))["mastra_messages"] == 4
        assert await rows_in(world.database, "copy") == []

    async def test_a_message_of_mastras_own_stays_its_owners(self, world: World) -> None:
        await say_to_mastra(world.database, "t1", "user-1", "user", "I like jazz")
        await say_to_mastra(world.database, "t1", "user-1", "assistant", "Jazz it is.")
        copy = await clone(world.database, "t1", owner="user-2")
        assert [row["author"] for row in await rows_in(world.database, copy)] == ["user-1", None]
        await world.database.fetch("delete from public.mastra_messages where thread_id = 't1'")
        assert len(await rows_in(world.database, copy)) == 2  # what Mastra deletes leaves its copies alone
        assert (await world.forgetting.forget(Resource("user-2", "x")))["mastra_messages"] == 0


class TestWhereACopyIsRead:
    async def talk(self, world: World, who: Resource, room: Room = COPY) -> list[str]:
        """The words that a turn in a copy of Ana's direct message is told."""
        recollection = await world.asked("Tell me.", room, who)
        return [line.text for line in recollection.lines if not line.waiting] + [
            passage.text for passage in recollection.recalled
        ]

    async def test_its_owner_goes_on_with_it(self, world: World) -> None:
        await story(world)
        await clone(world.database, SOURCE, str(thread_in(COPY)))
        told = ["My favourite colour is blue", "Blue is lovely!", "I like tea", "Tea then."]
        assert await self.talk(world, ANA) == told  # and none of it is recalled besides

    @pytest.mark.parametrize("room", [COPY, replace(PUBLIC, id="discord:copy"), replace(STAFF, id="discord:copy")])
    async def test_nobody_else_reads_what_was_a_direct_message(self, world: World, room: Room) -> None:
        await story(world)
        await clone(world.database, SOURCE, "discord:copy", str(BOB))
        assert await self.talk(world, BOB, room) == []
        assert await world.known(room, BOB) == []

    async def test_what_was_public_stays_so_in_its_space(self, world: World) -> None:
        await world.say("I like trains", PUBLIC, BOB, answer="Trains!")
        await clone(world.database, str(thread_in(PUBLIC)), "discord:copy")
        turn = Thread("discord", "copy")
        recollection = await world.asked("Hm?", PUBLIC, ANA, turn)
        assert [line.text for line in recollection.lines if not line.waiting] == ["I like trains", "Trains!"]

    async def test_a_message_whose_original_is_gone_is_read_by_nobody(self, world: World) -> None:
        await story(world)
        async with world.database.transaction() as connection:
            await clone_messages(connection, SOURCE, str(thread_in(COPY)))
            await connection.execute("delete from public.mastra_messages where thread_id = $1", SOURCE)
            await clone_thread(connection, SOURCE, str(thread_in(COPY)), str(ANA))
        assert await self.talk(world, ANA) == []

    async def test_a_search_finds_what_was_said_once(self, world: World) -> None:
        await story(world)
        for copy in ("discord:c1", "discord:c2"):
            await clone(world.database, SOURCE, copy)
            await world.say("Hello", Room("direct", copy), thread=Thread.parse(copy))  # its thread is digested
        elsewhere = Room("direct", "discord:elsewhere")
        recollection = await world.asked("What is my favourite colour?", elsewhere)
        told = [passage.text for passage in recollection.recalled]
        assert told.count("My favourite colour is blue") == 1

    async def test_nothing_is_learned_from_it(self, world: World) -> None:
        await story(world)
        before = await world.database.fetch("select * from hathi.facts order by id")
        await clone(world.database, SOURCE, str(thread_in(COPY)), str(BOB))
        await world.say("Hello", COPY, BOB)
        assert await world.database.fetch("select * from hathi.facts order by id") == before
        asked = json.dumps(world.fake.requests[-1]["messages"])
        assert "Hello" in asked
        assert "blue" not in asked

    @pytest.mark.parametrize("scope", ["resource", "thread"])
    async def test_a_page_is_not_copied_with_it(self, world: World, scope: str) -> None:
        await story(world)
        copy = await clone(world.database, SOURCE, owner=str(BOB))
        (row,) = await world.database.fetch("select hathi.page_text($1) as page", str(ANA))
        assert "blue" in row["page"]
        if scope == "resource":
            await world.database.fetch(
                """insert into public.mastra_resources (id, "workingMemory", metadata, "createdAt", "updatedAt")
                   values ($1, $2, '{}', now(), now())""",
                str(BOB),
                row["page"],
            )
        else:
            set_page = "update public.mastra_threads set metadata = coalesce(metadata, '{}') || $2::jsonb where id = $1"
            for thread in (SOURCE, copy):
                await world.database.fetch(set_page, thread, json.dumps({"workingMemory": row["page"]}))
        (row,) = await world.database.fetch(
            "select coalesce(hathi.page_text($1), hathi.page_text('thread ' || $2)) as page", str(BOB), copy
        )
        assert row["page"] is None
        assert [line.text for line in (await world.pages.page(BOB)).lines] == []


Forget = Callable[[World], Awaitable[Counts]]


async def first_message(world: World) -> str:
    id_: str = (await rows_in(world.database, SOURCE))[0]["id"]
    return id_


async def by_deletion(world: World) -> Counts:
    return await world.forgetting.delete([await first_message(world)])


async def by_matter(world: World) -> Counts:
    return await world.forgetting.forget_matter(ANA, set(), "my favourite colour")


async def by_line(world: World) -> Counts:
    (line,) = [line for line in (await world.pages.page(ANA)).lines if "blue" in line.text]
    return await world.forgetting.forget_matter(ANA, {line.id})


async def by_reset(world: World) -> Counts:
    return await world.forgetting.reset(thread_in(DM))


async def by_reset_of_one(world: World) -> Counts:
    return await world.forgetting.reset(thread_in(DM), ANA)


async def by_person(world: World) -> Counts:
    counts = await world.forgetting.about(ANA)
    assert await world.forgetting.forget(ANA) == counts
    return counts


async def by_command(world: World) -> Counts:
    commands = commands_in(world.database)
    told = await commands.run("forget", Asked(ANA, thread_in(DM), ("me",)))
    await commands.run("forget", Asked(ANA, thread_in(DM), tuple(told.confirm.split()[1:])))
    return {"mastra_messages": 12}


async def by_age(world: World) -> Counts:
    await world.database.fetch("""update public.mastra_messages set "createdAtZ" = now() - interval '9 days'""")
    return await world.forgetting.expire(8.5)


@pytest.mark.parametrize(
    ("forget", "messages"),
    [
        (by_deletion, 6),
        (by_matter, 6),
        (by_line, 6),
        (by_reset, 12),
        (by_reset_of_one, 12),
        (by_person, 12),
        (by_command, 12),
        (by_age, 12),
    ],
)
async def test_what_is_forgotten_goes_from_all_copies_and_is_counted(
    world: World, forget: Forget, messages: int
) -> None:
    await story(world)
    copy = await clone(world.database, SOURCE, owner=str(BOB))
    await clone(world.database, copy, owner="console:eve")
    counts = await forget(world)
    assert counts["mastra_messages"] == messages
    tables = (await world.tables()).casefold()
    assert "blue" not in tables
    assert ("tea then." in tables) == (messages == 6)
    if messages == 12:
        assert await world.database.fetch("select from public.mastra_threads") == []


async def test_a_thread_that_mastra_deletes_takes_what_people_said_to_hathi_from_its_copies(world: World) -> None:
    await story(world)
    copy = await clone(world.database, SOURCE)
    await say_to_mastra(world.database, copy, str(ANA), "user", "I like kites")
    await world.database.fetch("delete from public.mastra_messages where thread_id = $1", SOURCE)
    assert [row["text"] for row in await rows_in(world.database, copy)] == ["I like kites"]


async def test_a_copy_under_an_id_of_mastras_is_no_conversation_that_is_shown(world: World) -> None:
    await story(world)
    await clone(world.database, SOURCE)
    assert [(kept.thread, kept.messages) for kept in await world.forgetting.kept(ANA, 10)] == [(thread_in(DM), 4)]


async def test_a_copy_that_is_deleted_leaves_the_original_and_other_copies(world: World) -> None:
    await story(world)
    first = await clone(world.database, SOURCE, "discord:first")
    second = await clone(world.database, first)
    assert (await world.forgetting.reset(Thread.parse(first)))["mastra_messages"] == 4
    assert len(await rows_in(world.database, SOURCE)) == len(await rows_in(world.database, second)) == 4


async def test_who_owns_a_copy_is_forgotten_with_it_and_the_original_stays(world: World) -> None:
    await story(world)
    copy = await clone(world.database, SOURCE, owner=str(BOB))
    await say_to_mastra(world.database, copy, str(BOB), "user", "I like kites")
    await say_to_mastra(world.database, copy, str(BOB), "assistant", "Kites!")
    counts = await world.forgetting.forget(BOB)
    assert (counts["mastra_messages"], counts["mastra_threads"]) == (6, 1)
    assert len(await rows_in(world.database, SOURCE)) == 4


async def test_what_is_edited_reads_so_in_all_copies(world: World) -> None:
    await story(world)
    copy = await clone(world.database, SOURCE, owner=str(BOB))
    second = await clone(world.database, copy)
    new = Message(await first_message(world), thread_in(DM), ANA, DM, "My favourite colour is green", datetime.now(UTC))
    assert await world.transcript.edit(new)
    for thread in (SOURCE, copy, second):
        assert (await rows_in(world.database, thread))[0]["text"] == "My favourite colour is green"
    assert "colour is blue" not in await world.tables()


async def test_what_mastra_edits_in_a_copy_stays_so(world: World) -> None:
    await story(world)
    copy = await clone(world.database, SOURCE)
    first, *_ = await rows_in(world.database, copy)
    await world.database.fetch(
        """
        insert into public.mastra_messages (id, thread_id, content, "createdAt", "createdAtZ", role, type, "resourceId")
        select id, thread_id, $2, "createdAt", "createdAtZ", role, type, "resourceId"
        from public.mastra_messages where id = $1 on conflict (id) do update set content = excluded.content
        """,
        first["id"],
        '{"format":2,"parts":[{"type":"text","text":"red"}]}',
    )
    assert (await rows_in(world.database, copy))[0]["text"] == "red"
    assert (await rows_in(world.database, SOURCE))[0]["text"] == "My favourite colour is blue"


@pytest.mark.parametrize("edited", [False, True])
async def test_a_copy_that_is_made_meanwhile_is_reached_too(world: World, edited: bool) -> None:
    await story(world)
    id_ = await first_message(world)
    async with world.database.transaction() as connection:
        await clone_thread(connection, SOURCE, "copy")
        await clone_messages(connection, SOURCE, "copy")
        changed = Message(id_, thread_in(DM), ANA, DM, "Never mind", datetime.now(UTC))
        changing: asyncio.Task[object] = asyncio.create_task(
            world.transcript.edit(changed) if edited else world.forgetting.delete([id_])
        )
        while not await connection.fetch(  # it waits for the copy
            "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        ):
            assert not changing.done()
            await asyncio.sleep(0.01)
    await changing
    assert "blue" not in str(await rows_in(world.database, "copy")).replace("Blue is lovely!", "" if edited else "Blue")


async def test_a_mastra_with_a_role_of_its_own_copies_edits_and_deletes(
    world: World, server: Server, database_name: str
) -> None:
    await story(world)
    role = f"mastra_{database_name}"
    await world.database.fetch(f"create role {role} login password 'mastra'")
    try:
        for table in ("threads", "messages", "resources"):
            await world.database.fetch(f"grant select, insert, update, delete on public.mastra_{table} to {role}")
        await world.database.fetch(f"grant usage on sequence hathi.message_seq to {role}")
        _, _, rest = server.database(database_name).rpartition("@")
        async with open_database(dsn.parse(f"postgresql://{role}:mastra@{rest}")) as theirs:
            copy = await clone(theirs, SOURCE)
            second = await clone(theirs, copy)
            await say_to_mastra(theirs, copy, str(ANA), "user", "I like kites")
            await theirs.fetch("update public.mastra_messages set content = '\"red\"' where thread_id = $1", second)
            await theirs.fetch("delete from public.mastra_messages where thread_id = $1", SOURCE)
            await theirs.fetch("delete from public.mastra_threads where id = $1", SOURCE)
        assert [row["text"] for row in await rows_in(world.database, copy)] == ["I like kites"]
        assert await rows_in(world.database, second) == []
    finally:
        await world.database.fetch(f"drop owned by {role}")
        await world.database.fetch(f"drop role {role}")


@pytest.mark.parametrize("seed", range(8))
async def test_whoever_is_forgotten_leaves_no_word_in_any_copy(world: World, seed: int) -> None:
    chance = random.Random(seed)
    people = [ANA, BOB, Resource("discord", "3")]
    places = [(PUBLIC, thread_in(PUBLIC)), (STAFF, thread_in(STAFF))]
    threads = [str(thread) for _, thread in places]
    for person in people:
        direct = Thread("discord", f"dm{person.id}")
        places.append((Room("direct", str(direct)), direct))
        threads.append(str(direct))
    for _ in range(24):
        if chance.random() < 0.4:
            source = chance.choice(threads)
            owner = chance.choice([None, *map(str, people), "user-9"])
            threads.append(await clone(world.database, source, owner=owner, last=chance.choice([None, 1, 3])))
            continue
        person = chance.choice(people)
        room, thread = chance.choice([*places[:2], places[2 + people.index(person)]])
        await said(world, f"word{person.id}x{chance.random()}", person, room, thread)
    person = chance.choice(people)
    others = {other.id: (await world.tables()).count(f"word{other.id}x") for other in people if other != person}
    counts = await world.forgetting.about(person)
    assert await world.forgetting.forget(person) == counts
    left = await world.tables()
    assert f"word{person.id}x" not in left
    for other, before in others.items():
        assert (left.count(f"word{other}x") > 0) == (before > 0)


async def said(world: World, text: str, person: Resource, room: Room, thread: Thread) -> None:
    """Somebody says something, and the answer has it in it; nobody digests it."""
    await world.hear(text, room, person, thread)
    turn = await world.take(thread)
    recollection = await world.history.recall(turn)
    assert await world.transcript.answer(turn, recollection, Answer(f"You said {text}", "openai/small"))
    await world.end(turn)


@pytest.fixture
async def old(server: Server, empty_name: str) -> AsyncIterator[Database]:
    """A database that was never brought up to the version that knows copies."""
    async with open_database(dsn.parse(server.database(empty_name))) as database:
        await database.fetch("create schema hathi")
        async with database.transaction() as connection:
            await connection.execute(
                "create table hathi.migrations"
                " (version int primary key, name text not null, applied_at timestamptz not null default now())"
            )
            for version, (name, sql) in enumerate(migrations(), start=1):
                if name == "0011_copies":
                    break
                await connection.execute(sql)
                await connection.execute("insert into hathi.migrations values ($1, $2)", version, name)
        yield database


async def test_copies_that_were_there_before_are_known_by_their_threads(old: Database) -> None:
    transcript = transcript_in(old)
    for number, text in enumerate(("I live in Lisbon", "My cat is Momo", "I like blue")):
        at = datetime.now(UTC) - timedelta(minutes=10 - number)
        await transcript.hear(Message(f"{SOURCE}:{number}", thread_in(DM), ANA, DM, text, at))
    await clone(old, SOURCE, "copy", str(BOB))
    await clone(old, "copy", "second")
    for page in (ANA, BOB):
        await old.fetch(
            """insert into public.mastra_resources (id, "workingMemory", metadata, "createdAt", "updatedAt")
               values ($1, 'I live in Lisbon', '{}', now(), now())""",
            str(page),
        )
    await say_to_mastra(old, "copy", str(BOB), "user", "I like kites")
    await old.fetch("delete from public.mastra_messages where id = $1", f"{SOURCE}:1")
    await transcript.edit(Message(f"{SOURCE}:2", thread_in(DM), ANA, DM, "I like green", datetime.now(UTC)))

    await migrate(old)

    for thread, more in (("copy", [(None, None, "I like kites")]), ("second", [])):
        found = [(row["author"], row["copy_of"], row["text"]) for row in await rows_in(old, thread)]
        assert found == [
            (str(ANA), f"{SOURCE}:0", "I live in Lisbon"),
            (None, "", "My cat is Momo"),
            (str(ANA), f"{SOURCE}:2", "I like green"),
            *more,
        ]
    assert "blue" not in await tables_of(old)
    pages = await old.fetch('select id, "workingMemory" as page from public.mastra_resources')
    assert {row["id"]: row["page"] for row in pages} == {str(ANA): "I live in Lisbon", str(BOB): None}
