"""One truth of a kind and one line for what says the same, wherever it was said; and room for what matters."""

from dataclasses import replace
from typing import Any

import pytest

from bot.prompt import compose, tokens
from memory.privacy import stored
from memory.working.pages import Learned
from memory.working.remembering import WorkingMemory
from tests.memory.working.conftest import ANA, BOB, DM, PUBLIC, STAFF, World, thread_in


def noted(value: str, quote: str = "", field: str = "Facts") -> dict[str, Any]:
    """What a model notes that does not say what it replaces."""
    return {"edits": [{"field": field, "value": value, "message": 1, "quote": quote or value}]}


async def tell(world: World, value: str, said: str, field: str, **more: Any) -> None:
    world.fake.arguments = noted(value, said, field)
    await world.say(said, **more)


async def test_a_new_place_replaces_the_old_one_also_when_the_model_does_not_say_so(world: World) -> None:
    await tell(world, "Lisbon", "I live in Lisbon", "Location")
    await tell(world, "Porto", "I live in Porto", "Location")
    assert await world.known() == ["Location: Porto"]
    (row,) = await world.database.fetch('select "workingMemory" as page from public.mastra_resources')
    assert "Lisbon" not in row["page"]
    assert await world.pages.undo(ANA, world.noted[-1].lines) == 1
    assert await world.known() == ["Location: Lisbon"]


async def test_pronouns_ages_and_time_zones_are_replaced_in_whatever_field_they_stand(world: World) -> None:
    await tell(world, "pronouns they/them", "my pronouns are they/them", "Facts")
    await tell(world, "31 years old", "I am 31 years old", "Facts")
    await tell(world, "pronouns she/her", "my pronouns are she/her", "Preferences")
    await tell(world, "32 years old", "I am 32 years old", "Facts")
    assert await world.known() == ["Preferences: pronouns she/her", "Facts: 32 years old"]


async def test_a_second_home_or_job_stands_beside_the_first(world: World) -> None:
    await tell(world, "Porto and Berlin", "I live in Porto and Berlin", "Location")
    assert await world.known() == ["Location: Porto and Berlin"]
    await tell(world, "Rome", "I also live in Rome", "Location")
    assert await world.known() == ["Location: Porto and Berlin", "Location: Rome"]
    await tell(world, "Oslo", "I moved to Oslo", "Location")
    assert await world.known() == ["Location: Oslo"]


async def test_in_public_the_public_place_holds_and_in_a_direct_message_the_newest(world: World) -> None:
    await tell(world, "Lisbon", "I live in Lisbon", "Location", room=PUBLIC)
    await tell(world, "Porto", "I live in Porto", "Location", room=DM)
    assert (await world.known(PUBLIC), await world.known(DM)) == (["Location: Lisbon"], ["Location: Porto"])
    await tell(world, "Berlin", "I live in Berlin", "Location", room=PUBLIC)
    assert (await world.known(PUBLIC), await world.known(DM)) == (["Location: Berlin"], ["Location: Berlin"])
    await tell(world, "Oslo", "I live in Oslo", "Location", room=STAFF)
    assert (await world.known(PUBLIC), await world.known(STAFF)) == (["Location: Berlin"], ["Location: Oslo"])
    await world.pages.undo(ANA, world.noted[-1].lines)
    await world.pages.undo(ANA, world.noted[-2].lines)
    assert (await world.known(PUBLIC), await world.known(DM)) == (["Location: Lisbon"], ["Location: Porto"])


async def test_what_is_taken_back_in_private_holds_on_in_public(world: World) -> None:
    await tell(world, "vegan", "I am vegan", "Preferences", room=PUBLIC)
    await tell(world, "no longer vegan", "I am no longer vegan", "Facts", room=DM)
    assert await world.known(PUBLIC) == ["Preferences: vegan"]
    assert await world.known(DM) == ["Facts: no longer vegan"]
    await tell(world, "no longer vegan", "I am no longer vegan", "Facts", room=PUBLIC)
    assert await world.known(PUBLIC) == ["Facts: no longer vegan"]


async def test_somebody_elses_place_stays_where_it_is(world: World) -> None:
    await tell(world, "Lisbon", "I live in Lisbon", "Location", room=PUBLIC)
    await tell(world, "Porto", "I live in Porto", "Location", room=PUBLIC, who=BOB)
    assert sorted(await world.known(PUBLIC)) == ["Location: Lisbon", "Location: Porto"]


@pytest.mark.parametrize(
    "again", ["likes green tea.", "green tea, likes", "Likes Green Tea", "likes the green tea", "likes green téa!"]
)
async def test_what_says_the_same_is_one_line_with_one_more_source(world: World, again: str) -> None:
    await tell(world, "likes green tea", "I like green tea", "Interests")
    for number in range(3):
        await tell(world, f"plays {'abc'[number]}", f"I play {'abc'[number]}", "Interests")
    first = world.noted[0].message
    await tell(world, again, "I like green tea", "Interests")
    assert (await world.known())[0] == "Interests: likes green tea"
    assert len(await world.known()) == 4
    await world.forgetting.delete([first])
    assert (await world.known())[0] == "Interests: likes green tea"  # the second message says it still


async def test_what_is_learned_at_once_is_one_line_too(world: World) -> None:
    edits = [
        {"field": "Interests", "value": value, "message": 1, "quote": "I like green tea"}
        for value in ("likes green tea", "Likes green tea.", "green tea, likes")
    ]
    world.fake.arguments = {"edits": edits}
    await world.say("I like green tea")
    assert await world.known() == ["Interests: likes green tea"]


async def test_the_same_said_in_public_and_in_private_is_one_line_where_both_may_be_known(world: World) -> None:
    await tell(world, "likes green tea", "I like green tea", "Interests", room=DM)
    await tell(world, "Likes green tea.", "I like green tea", "Interests", room=PUBLIC)
    assert await world.known(DM) == ["Interests: likes green tea"]
    assert await world.known(PUBLIC) == ["Interests: Likes green tea."]
    (row,) = await world.database.fetch('select "workingMemory" as page from public.mastra_resources')
    assert row["page"].lower().count("green tea") == 1


async def test_what_mastra_only_puts_differently_is_still_ours_and_its_new_place_replaces_ours(world: World) -> None:
    await tell(world, "likes green tea", "I like green tea", "Interests", room=PUBLIC)
    await tell(world, "Lisbon", "I live in Lisbon", "Location", room=PUBLIC)
    await world.database.fetch(
        """
        update public.mastra_resources set "workingMemory" =
            replace("workingMemory", 'likes green tea', 'Likes green tea!') || E'\n- **Location**: Porto'
        """
    )
    assert "Interests: likes green tea" in await world.known(PUBLIC)
    await world.say("Hello", PUBLIC)
    await tell(world, "rain", "I like rain", "Interests", room=DM)
    assert await world.known(DM) == ["Interests: likes green tea", "Location: Porto", "Interests: rain"]
    assert await world.known(PUBLIC) == ["Interests: likes green tea", "Location: Lisbon"]


async def test_two_conversations_at_once_leave_one_place(world: World) -> None:
    ids = [await world.hear(f"I live in place {n}", DM, ANA, thread_in(DM)) for n in range(6)]
    label = stored("direct:discord:dm-ana")
    for n, id_ in enumerate(ids):
        fact = Learned(str(ANA), "Location", f"place {n}", label, id_, frozenset())
        await world.pages.learn(thread_in(DM), 0, None, [fact])
    holding = [line.text for line in (await world.pages.page(ANA)).lines]
    assert holding == ["Location: place 5"]


async def test_names_allergies_and_what_the_question_is_about_come_before_twenty_two_novels(world: World) -> None:
    await tell(world, "Ana", "My name is Ana", "Name")
    await tell(world, "allergic to peanuts", "I am allergic to peanuts", "Facts")
    await tell(world, "plays the cello", "I play the cello", "Interests")
    for number in range(22):
        await tell(world, f"read novel number {number}", f"I read novel number {number}", "Interests")
    tight = WorkingMemory(world.pages, world.forgetting, [], 150)

    async def asked(question: str) -> list[Any]:
        thread = thread_in(DM)
        await world.hear(question, DM, ANA, thread)
        turn = await world.take(thread)
        lines = await world.history.recall(turn)
        found = replace(await tight.recall(turn), lines=lines.lines)
        await world.transcript.give_up(turn, found, "asked for a test")
        await world.end(turn)
        return list(compose("You are Hathi.", found, 10_000))

    cello = await asked("How do I tune a cello?")
    cats = await asked("What do cats eat?")
    assert "Name: Ana" in cello[0].text
    assert "allergic to peanuts" in cello[0].text
    assert "novel number 21" in cello[0].text
    assert "cello" not in cello[0].text
    assert cello[0] == cats[0]  # what the question is about leaves the beginning as it is
    assert "Interests: plays the cello" in cello[-3].text
    assert "plays the cello" not in str(cats)
    assert tokens(cello[0].text) < 350


async def test_nobodys_long_page_pushes_out_another(world: World) -> None:
    await tell(world, "Bob", "My name is Bob", "Name", room=PUBLIC, who=BOB)
    for number in range(30):
        await tell(world, f"read novel number {number}", f"I read novel number {number}", "Interests", room=PUBLIC)
    await world.say("Hello", room=PUBLIC, who=BOB)
    shared = WorkingMemory(world.pages, world.forgetting, [], 150, total=100)
    thread = thread_in(PUBLIC)
    await world.hear("So?", PUBLIC, ANA, thread)
    found = await shared.recall(await world.take(thread))
    assert {known.author for known in found.known} == {str(ANA), str(BOB)}
    assert next(known.lines for known in found.known if known.author == str(BOB)) == ("Name: Bob",)
    assert sum(tokens(line) for known in found.known for line in known.lines) <= 100


async def test_what_is_asked_about_most_comes_before_what_is_newest(world: World) -> None:
    await tell(world, "plays the cello", "I play the cello", "Interests")
    for number in range(12):
        await tell(world, f"read novel number {number}", f"I read novel number {number}", "Interests")
    tight = WorkingMemory(world.pages, world.forgetting, [], 60)
    thread = thread_in(DM)

    async def shown() -> str:
        await world.hear("So?", DM, ANA, thread)
        turn = await world.take(thread)
        found = await tight.recall(turn)
        await world.transcript.give_up(turn, replace(found, lines=(await world.history.recall(turn)).lines), "test")
        await world.end(turn)
        return str(found.known)

    assert "cello" not in await shown()
    world.fake.arguments = {"edits": []}
    for question in ("How do I tune my cello?", "Which strings fit a cello?"):
        await world.say(question)
    assert "cello" in await shown()
