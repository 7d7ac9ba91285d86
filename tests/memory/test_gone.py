"""Gone is gone: whatever is forgotten, no table and no prompt holds it any more, and the counts say what went."""

from collections.abc import Awaitable, Callable

import pytest

from bot.chat import Resource, Thread
from bot.commands import Asked
from bot.errors import DatabaseError
from bot.ports import Counts
from bot.prompt import compose
from tests.memory.working.conftest import ANA, BOB, DM, PUBLIC, World, thread_in, world
from tests.stores import commands_in, link

__all__ = ["world"]  # a fixture

SLACK = Resource("slack", "T1:U1")


async def story(world: World) -> dict[str, str]:
    """Ana tells her colour in a direct message, where it comes up again, and her work in public; the messages' ids."""
    ids = {"colour": await world.say("My favourite colour is blue", DM, answer="Blue is lovely!")}
    ids["work"] = await world.say("I work on payments", PUBLIC, answer="Payments, noted.")
    ids["both"] = await world.say("I like tea. Blue cups are best", DM, answer="Tea then.")
    ids["asked"] = await world.say("What is my favourite colour?", DM, answer="Your favourite colour is blue.")
    ids["bob"] = await world.say("I like trains", PUBLIC, BOB, answer="Trains!")
    assert await world.known(DM) == [
        "Preferences: favourite colour blue",
        "Projects: works on payments",
        "Interests: tea",
    ]
    return ids


async def left(world: World, word: str) -> list[str]:
    """Where a word is still to be found: in tables, or in prompts."""
    found = ["a table"] if word in (await world.tables()).casefold() else []
    for room, who in ((DM, ANA), (PUBLIC, ANA), (PUBLIC, BOB)):
        recollection = await world.asked("Tell me.", room, who)
        if word in str(compose("You are Hathi.", recollection, 10_000)).casefold():
            found.append(f"a prompt in {room.id}")
    return found


Forget = Callable[[World, dict[str, str]], Awaitable[Counts]]


async def by_line(world: World, ids: dict[str, str]) -> Counts:
    (line,) = [line for line in (await world.pages.page(ANA)).lines if "blue" in line.text]
    return await world.forgetting.forget_matter(ANA, {line.id})


async def by_words(world: World, ids: dict[str, str]) -> Counts:
    return await world.forgetting.forget_matter(ANA, set(), "my favorite color")


async def by_command(world: World, ids: dict[str, str]) -> Counts:
    commands = commands_in(world.database)
    told = await commands.run("forget", Asked(ANA, thread_in(DM), tuple("about my favourite colour".split())))
    done = await commands.run("forget", Asked(ANA, thread_in(DM), tuple(told.confirm.split()[1:])))
    assert done.text.startswith("Done: forgotten, 1 line and ")
    return {"facts": 1, "mastra_messages": 1}


async def by_asking(world: World, ids: dict[str, str]) -> Counts:
    await world.say("Please forget my favourite colour.", DM, answer="I forgot that it was blue.")
    assert world.noted[-1].gone > 0
    return {"facts": 1, "mastra_messages": 1}


@pytest.mark.parametrize("forget", [by_line, by_words, by_command, by_asking])
async def test_a_forgotten_line_goes_with_all_that_says_it_and_nothing_else_goes(world: World, forget: Forget) -> None:
    counts = await forget(world, await story(world))
    assert counts["facts"] == 1
    assert counts["mastra_messages"] > 0
    assert await left(world, "blue") == []
    assert await left(world, "payments") != []
    assert await world.known(DM) == ["Projects: works on payments", "Interests: tea"]
    assert "trains" in await world.tables()


async def test_what_is_said_and_taken_back_before_it_is_read_is_never_learned(world: World) -> None:
    await world.hear("My favourite colour is blue", DM, ANA, thread_in(DM))
    await world.say("forget my favourite colour", DM)
    assert await left(world, "blue") == []
    assert [noted.lines for noted in world.noted] == [()]


async def test_a_wish_to_forget_outlives_whoever_was_to_grant_it(world: World) -> None:
    await world.say("My favourite colour is blue", DM)
    await world.database.fetch("alter table hathi.feedback rename to away")
    with pytest.raises(DatabaseError):
        await world.say("forget my favourite colour", DM)
    await world.database.fetch("alter table hathi.away rename to feedback")
    await world.memory.digest(thread_in(DM))
    assert await left(world, "blue") == []


async def test_a_forgotten_line_does_not_bring_back_what_it_had_replaced(world: World) -> None:
    await world.say("I live in Lisbon")
    await world.say("I live in Porto")
    (line,) = (await world.pages.page(ANA)).lines
    await world.forgetting.forget_matter(ANA, {line.id})
    assert await left(world, "lisbon") == []
    assert await left(world, "porto") == []


async def test_a_deleted_message_takes_what_was_learned_from_it(world: World) -> None:
    ids = await story(world)
    counts = await world.forgetting.delete([ids["work"]])
    assert counts == {"mastra_messages": 2, "mastra_threads": 0, "facts": 1, "passages": 2}
    assert await left(world, "payments") == []


async def test_a_reset_conversation_takes_what_was_learned_in_it(world: World) -> None:
    await story(world)
    counts = await world.forgetting.reset(thread_in(DM))
    assert counts["facts"] == 2
    assert await left(world, "blue") == []
    assert await left(world, "tea") == []
    assert await world.known(PUBLIC) == ["Projects: works on payments", "Interests: trains"]


async def test_a_forgotten_person_is_gone_under_each_of_their_names(world: World) -> None:
    await story(world)
    await link(world.links, ANA, SLACK)
    await world.links.offer(ANA)
    there = Thread("slack", "T1:D1")
    await world.say("I like kites", DM.__class__("direct", "slack:T1:D1"), SLACK, there)
    await world.forgetting.about(ANA)
    counts = await world.forgetting.forget(SLACK)
    assert counts["facts"] == 4
    assert counts["mastra_resources"] == 2
    for word in ("blue", "payments", "tea", "kites"):
        assert await left(world, word) == [], word
    assert await left(world, "trains") != []
    for table in ("links", "link_codes", "link_tries", "paused", "facts"):
        rows = await world.database.fetch(f"select to_jsonb(t)::text as row from hathi.{table} as t")
        assert not any("discord:1" in row["row"] or "slack" in row["row"] for row in rows), table


async def test_what_is_too_old_is_deleted_and_what_was_learned_from_it(world: World) -> None:
    ids = await story(world)
    await world.database.fetch(
        """update public.mastra_messages set "createdAtZ" = now() - interval '31 days'
           where id = $1 or id = $1 || ':answer'""",
        ids["work"],
    )
    assert await world.forgetting.expire(31.5) == {"mastra_messages": 0, "mastra_threads": 0, "facts": 0, "passages": 0}
    assert await world.forgetting.expire(30) == {"mastra_messages": 2, "mastra_threads": 0, "facts": 1, "passages": 2}
    assert await left(world, "payments") == []
    assert await left(world, "blue") != []


async def test_a_message_that_mastra_deletes_takes_what_was_learned_from_it_too(world: World) -> None:
    ids = await story(world)
    await world.database.fetch("delete from public.mastra_messages where id = $1", ids["work"])
    assert await world.database.fetch("select from hathi.facts where value like '%payments%'") == []


async def test_what_is_exported_is_everything_with_where_it_came_from(world: World) -> None:
    ids = await story(world)
    export = await world.forgetting.export(ANA)
    facts = {fact["value"]: fact for fact in export["facts"]}
    assert facts["favourite colour blue"]["sources"] == [ids["colour"]]
    assert facts["works on payments"]["audience"] == "public:discord:guild"
    assert "blue" in export["working_memory"]
    assert "trains" not in str(export)
