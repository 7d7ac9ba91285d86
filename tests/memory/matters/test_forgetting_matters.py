"""Forgetting a matter in Postgres: what is shown is what goes, nothing else does, and nobody is held up meanwhile."""

import asyncio
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from bot.chat import Answer, Message, Resource, Room, Thread
from bot.commands import Asked
from memory.matters import messages as matters
from memory.matters.scope import Scope
from memory.privacy import stored
from memory.working.pages import Learned
from tests.memory.matters.worlds import World as Made
from tests.memory.matters.worlds import world as random_world
from tests.memory.working.conftest import ANA, DM, PUBLIC, World, thread_in, world
from tests.stores import commands_in

__all__ = ["world"]  # a fixture


async def texts(world: World, person: Resource) -> list[str]:
    """All that is kept about a person, as text."""
    export = await world.forgetting.export(person)
    return [message["text"] for message in export["messages"]]


async def settle(world: World, made: Made, person: Resource) -> dict[str, frozenset[str]]:
    """Write a random world down as a person's; what each of their messages, and each answer, names."""
    thread = Thread(person.platform, f"dm-{person.id}")
    room = Room("direct", str(thread))
    pairs = [(message, made.truth[message.id]) for message in made.messages if not message.answer]
    answers = [(message, made.truth[message.id]) for message in made.messages if message.answer]
    truth: dict[str, frozenset[str]] = {}
    for number, (message, names) in enumerate(pairs):
        answer, told = answers[number] if number < len(answers) else (None, frozenset[str]())
        id_ = f"{thread}:{message.id}"
        await world.transcript.hear(Message(id_, thread, person, room, message.text, datetime.now(UTC)))
        turn = await world.take(thread)
        recollection = await world.history.recall(turn)
        said = answer.text if answer is not None else "Fine."
        assert await world.transcript.answer(turn, recollection, Answer(said, "openai/small"))
        await world.end(turn)
        truth[id_] = names
        truth[f"{id_}:answer"] = names | told
    audience = stored(f"direct:{thread}")
    first = f"{thread}:{pairs[0][0].id}"
    lines = [Learned(str(person), one.label, one.value, audience, first, frozenset()) for one in made.lines]
    if lines:
        await world.pages.learn(thread, 0, 1, lines)
        await world.database.fetch("update hathi.facts set sources = '{}' where person = $1", str(person))
    return truth


@pytest.mark.parametrize("language", ["en", "de"])
async def test_in_random_worlds_what_is_shown_goes_and_nothing_else(world: World, language: str) -> None:
    others = random_world(Random(1), language)
    await settle(world, others, Resource("discord", "9999"))
    before = sorted(await texts(world, Resource("discord", "9999")))
    for seed in range(6):
        made, person = random_world(Random(f"{language} {seed}"), language), Resource("discord", str(seed + 100))
        truth = await settle(world, made, person)
        shown = await world.forgetting.would_forget(person, set(), made.what)
        assert len((await world.forgetting.export(person))["messages"]) == len(truth)
        counts = await world.forgetting.forget_matter(person, set(), made.what)
        assert counts == shown.counts
        assert counts["mastra_messages"] == shown.messages + shown.answers
        export = await world.forgetting.export(person)
        left = {message["id"] for message in export["messages"]}
        maybe = {id_ for id_ in truth if id_.removesuffix(":answer").rpartition(":")[2] in made.open}
        assert left - maybe == {id_ for id_, names in truth.items() if made.matter not in names} - maybe, made
        values = sorted(fact["value"] for fact in export["facts"])
        assert values == sorted(one.value for one in made.lines if made.matter not in made.page[one.fact.id]), made
    assert sorted(await texts(world, Resource("discord", "9999"))) == before


async def test_a_question_about_somebody_else_takes_no_line_of_the_page(world: World) -> None:
    await world.say("I live in Porto.")
    await world.say("My name is Marta.")
    await world.say("Where does my sister live?", answer="You did not say.")
    await world.say("What is my dog's name?", answer="You did not say.")
    commands = commands_in(world.database)
    told = await commands.typed("/forget about my sister", ANA, thread_in(DM))
    assert told.startswith("Forgetting “my sister” deletes 1 message of yours and 1 answer to you, in 1 conversation.")
    assert await commands.typed("/forget about my sister yes", ANA, thread_in(DM)) == (
        "Done: forgotten, 0 lines and 2 messages."
    )
    await world.say("forget my dog", answer="Forgotten.")
    assert (world.noted[-1].gone, world.noted[-1].gone_lines) == (2, 0)
    assert await world.known() == ["Location: Porto", "Name: Marta"]


async def test_what_is_shown_counts_conversations_and_changes_nothing(world: World) -> None:
    await world.say("My dog is called Rex", DM, answer="Rex!")
    await world.say("My dog is ill", PUBLIC, answer="Oh.")
    await world.say("My favourite colour is blue", DM)
    tables = await world.tables()
    told = await commands_in(world.database).run("forget", Asked(ANA, thread_in(DM), ("about", "my", "dog")))
    assert told.text == (
        "Forgetting “my dog” deletes 2 messages of yours and 2 answers to you, in 2 conversations. "
        "There is no way back."
    )
    assert told.confirm == "forget about my dog yes"
    assert await world.tables() == tables


async def test_what_went_is_told_where_it_was_asked(world: World) -> None:
    await world.say("My favourite colour is blue")
    await world.say("vergiss my favourite colour", answer="Done.")
    assert world.noted[-1].texts == ("Preferences: favourite colour blue",)
    assert world.noted[-1].gone_lines == 1


async def test_while_messages_are_matched_the_loop_goes_on_and_the_page_is_nobodys(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.say("I live in Porto")
    loop = asyncio.get_running_loop()
    locks: list[int] = []

    def scope(*args: Any) -> Scope:
        """Matches, after a look at the database by the loop, which would wait for us for ever if we held it up."""
        query = world.database.fetch("select from pg_locks where locktype = 'advisory' and database = (select oid from"
                                     " pg_database where datname = current_database())")  # fmt: skip
        locks.append(len(asyncio.run_coroutine_threadsafe(query, loop).result(60)))
        return matched(*args)

    matched = matters.scope
    monkeypatch.setattr(matters, "scope", scope)
    assert (await world.forgetting.forget_matter(ANA, set(), "where I live"))["facts"] == 1
    assert locks == [0]
