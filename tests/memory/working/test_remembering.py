"""What is learned from people, where it is known, and what concurrent turns, models and people can do to it."""

import asyncio
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.chat import Message, Resource, Room, Thread
from bot.errors import ModelError
from memory.forgetting import Forgetting
from memory.memories import Memories
from memory.privacy import Audience, stored
from memory.working.pages import Learned
from memory.working.remembering import WorkingMemory
from memory.working.schema import SchemaTemplate
from tests.fakes.learner import learner
from tests.fakes.model import Status
from tests.memory.working.conftest import ANA, BOB, DM, OTHER, PUBLIC, STAFF, World, thread_in
from tests.stores import link

BLUE, PAYMENTS = "Preferences: favourite colour blue", "Projects: works on payments"


async def test_what_is_said_in_a_direct_message_is_known_there_alone_and_what_is_public_everywhere(
    world: World,
) -> None:
    await world.say("My favourite colour is blue", DM)
    await world.say("I work on payments", PUBLIC)
    assert await world.known(DM) == [BLUE, PAYMENTS]
    assert await world.known(PUBLIC) == [PAYMENTS]
    assert await world.known(STAFF) == [PAYMENTS]
    assert await world.known(OTHER) == []


async def test_what_is_said_in_a_private_room_is_known_in_it_and_to_its_person(world: World) -> None:
    await world.say("I work on secrets", STAFF)
    assert await world.known(STAFF) == ["Projects: works on secrets"]
    assert await world.known(PUBLIC) == []
    assert await world.known(DM) == ["Projects: works on secrets"]


async def test_the_model_that_keeps_a_page_reads_only_what_may_be_known_where_it_is_said(world: World) -> None:
    await world.say("My favourite colour is blue", DM)
    await world.say("I work on payments", PUBLIC)
    assert "blue" not in str(world.fake.calls[-1])
    await world.say("Anything else?", DM)
    assert "blue" in str(world.fake.calls[-1])
    assert "payments" in str(world.fake.calls[-1])


async def test_who_else_speaks_in_a_room_is_known_there_under_their_name(world: World) -> None:
    await world.say("I work on payments", PUBLIC)
    recollection = await world.asked("Who works on what?", PUBLIC, BOB)
    assert [(known.author, known.name, known.lines) for known in recollection.known] == [
        ("discord:1", "name-1", (PAYMENTS,))
    ]


async def test_what_has_changed_takes_the_place_of_what_was_and_undoing_it_brings_that_back(world: World) -> None:
    await world.say("I live in Lisbon")
    await world.say("I live in Porto")
    assert await world.known() == ["Location: Porto"]
    assert [noted.texts for noted in world.noted] == [("Location: Lisbon",), ("Location: Porto",)]
    assert await world.pages.undo(ANA, world.noted[-1].lines) == 1
    assert await world.known() == ["Location: Lisbon"]


async def test_what_is_so_again_takes_the_place_of_what_was_between(world: World) -> None:
    await world.say("I live in Lisbon", PUBLIC)
    await world.say("I live in Porto", STAFF)  # a private room: in public it is Lisbon still
    await world.say("I live in Lisbon", STAFF)
    assert await world.known(STAFF) == ["Location: Lisbon"]
    assert await world.known(PUBLIC) == ["Location: Lisbon"]
    await world.say("I live in Porto", PUBLIC)
    assert await world.known(PUBLIC) == ["Location: Porto"]


async def test_a_change_in_a_direct_message_leaves_what_others_may_know_as_it_was(world: World) -> None:
    await world.say("I live in Lisbon", PUBLIC)
    await world.say("I live in Porto", DM)
    assert await world.known(DM) == ["Location: Porto"]
    assert await world.known(PUBLIC) == ["Location: Lisbon"]


async def test_nobody_can_undo_or_correct_a_line_of_somebody_else(world: World) -> None:
    await world.say("I live in Lisbon", PUBLIC)
    (line,) = (await world.pages.page(ANA)).lines
    assert await world.pages.undo(BOB, [line.id]) == 0
    assert not await world.pages.correct(BOB, line.id, "the moon")
    assert await world.known(PUBLIC) == ["Location: Lisbon"]


async def test_a_page_tells_where_and_when_each_line_was_learned(world: World) -> None:
    id_ = await world.say("I work on payments", PUBLIC)
    page = await world.pages.page(ANA)
    (line,) = page.lines
    assert (line.text, line.value, line.kind, line.message, line.thread) == (
        PAYMENTS, "works on payments", "public", id_, thread_in(PUBLIC),
    )  # fmt: skip
    assert await world.pages.correct(ANA, line.id, "works on refunds")
    assert await world.known(PUBLIC) == ["Projects: works on refunds"]


async def test_a_message_that_says_a_known_thing_again_is_one_more_source_of_it(world: World) -> None:
    first = await world.say("I work on payments", PUBLIC)
    again = await world.say("I work on payments", PUBLIC)
    assert await world.known(PUBLIC) == [PAYMENTS]
    await world.forgetting.delete([first])
    assert await world.known(PUBLIC) == [PAYMENTS]
    await world.forgetting.delete([again])
    assert await world.known(PUBLIC) == []


async def test_turns_of_one_person_on_many_replicas_lose_no_update(world: World) -> None:
    messages = [await world.hear(f"m{n}", DM, ANA, Thread("discord", f"t{n}")) for n in range(20)]
    facts = [
        Learned(str(ANA), "Interests", f"thing {n}", _label(), message, frozenset())
        for n, message in enumerate(messages)
    ]
    await asyncio.gather(*(world.pages.learn(Thread("discord", f"t{n}"), 0, 1, [fact]) for n, fact in enumerate(facts)))
    (row,) = await world.database.fetch('select "workingMemory" as text from public.mastra_resources')
    assert sorted(value for _, value in world.pages.template.lines(row["text"])) == sorted(f.value for f in facts)
    assert len((await world.pages.page(ANA)).lines) == 20


async def test_a_thread_that_is_digested_twice_at_once_is_learned_from_once(world: World) -> None:
    thread = thread_in(DM)
    await world.hear("I like cycling", DM, ANA, thread)
    turn = await world.take(thread)
    await world.transcript.give_up(turn, await world.memory.recall(turn), "test")
    await world.end(turn)
    noted = await asyncio.gather(*(world.memory.digest(thread) for _ in range(4)))
    assert [one.texts for some in noted for one in some] == [("Interests: cycling",)]
    assert await world.known() == ["Interests: cycling"]


async def test_a_model_that_fails_costs_nothing_the_next_digest_catches_up(world: World) -> None:
    world.fake.arguments = Status(401)
    with pytest.raises(ModelError):
        await world.say("I like cycling")
    world.fake.arguments = learner
    assert await world.transcript.undigested(["discord"], 0) == [thread_in(DM)]
    await world.memory.digest(thread_in(DM))
    assert await world.known() == ["Interests: cycling"]
    assert await world.transcript.undigested(["discord"], 0) == [thread_in(DM)]  # for the question just asked


async def test_a_change_that_nobody_said_is_refused_with_a_line_in_the_log_and_without_words(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    edit = {"field": "Location", "value": "Atlantis", "message": 1, "quote": "I live in Atlantis"}
    world.fake.arguments = {"edits": [edit, edit | {"message": 9}, edit | {"quote": "", "value": "Hello there friend"}]}
    with caplog.at_level(logging.WARNING):
        await world.say("Hello there")
    assert await world.known() == []
    assert "3 changes of the page are refused" in caplog.text
    assert "Atlantis" not in caplog.text


async def test_a_model_that_cannot_fill_in_a_form_costs_only_words_of_its_own(world: World) -> None:
    world.fake.without_tools = world.fake.without_schemas = Status(400)
    world.fake.arguments = "I am no JSON"
    await world.say("My favourite colour is blue. What do you think?")
    await world.say("I like tea")
    await world.say("My favourite colour is green")
    assert await world.known() == ["Interests: I like tea", "Preferences: My favourite colour is green"]
    await world.say("forget my favourite colour")
    assert await world.known() == ["Interests: I like tea"]


async def test_what_others_say_of_somebody_is_not_on_their_page(world: World) -> None:
    world.fake.arguments = {
        "edits": [{"field": "Facts", "value": "Ana was fired", "message": 2, "quote": "Ana was fired"}]
    }
    await world.say("Ana was fired", PUBLIC, BOB)
    assert [line.text for line in (await world.pages.page(ANA)).lines] == []
    assert [line.text for line in (await world.pages.page(BOB)).lines] == ["Facts: Ana was fired"]


async def test_words_that_somebody_quotes_or_forwards_are_not_theirs(world: World) -> None:
    await world.say("> I live in Rome\nwhat do you say to that?", PUBLIC)
    await world.say("Look\n[forwarded: I live in Rome\nI like cats]", PUBLIC)
    assert await world.known(PUBLIC) == []


async def test_a_page_takes_up_no_more_than_its_budget_and_keeps_the_newest(world: World) -> None:
    tight = WorkingMemory(world.pages, world.forgetting, [], 56)
    for thing in ("tea", "cycling", "jazz", "elephants", "rain", "bread"):
        await world.say(f"I like {thing}")
    thread = thread_in(DM)
    await world.hear("So?", DM, ANA, thread)
    (known,) = (await tight.recall(await world.take(thread))).known
    assert known.lines == ("Interests: jazz", "Interests: elephants", "Interests: rain", "Interests: bread")


async def test_what_is_edited_is_learned_anew(world: World) -> None:
    id_ = await world.say("I live in Lisbon")
    (message,) = await world.database.fetch("select * from public.mastra_messages where id = $1", id_)
    assert message["content"]
    edited = replace(await _message(world, id_), text="I live in Porto")
    assert await world.transcript.edit(edited)
    assert await world.known() == []
    assert "Lisbon" not in await world.tables()
    await world.memory.digest(thread_in(DM))
    assert await world.known() == ["Location: Porto"]


async def test_off_the_record_nothing_is_kept_or_recalled(world: World) -> None:
    await world.say("I live in Lisbon")
    await world.pages.pause(ANA, True)
    recollection = await world.asked("Where do I live?")
    assert [line.text for line in recollection.lines] == ["Where do I live?"]
    assert recollection.known == ()
    await world.say("I like pangolins", answer="Pangolins, noted")
    found = await world.tables()
    assert "pangolins" not in found.lower()
    assert (await world.pages.page(ANA)).paused
    await world.pages.pause(ANA, False)
    assert await world.known() == ["Location: Lisbon"]


async def test_a_page_for_each_thread_knows_what_was_said_in_it(world: World) -> None:
    pages = replace(world.pages, by_thread=True)
    working = WorkingMemory(pages, Forgetting(pages), [], 600)
    one, two = Thread("discord", "one"), Thread("discord", "two")
    for thread, place in ((one, "Lisbon"), (two, "Porto")):
        message = await world.hear(f"I live in {place}", PUBLIC, ANA, thread)
        fact = Learned(str(ANA), "Location", place, _label("public:discord:guild"), message, frozenset())
        await pages.learn(thread, 0, 99, [fact])
        await world.hear("So?", PUBLIC, ANA, thread)
    (known,) = (await working.recall(await world.take(one))).known
    assert known.lines == ("Location: Lisbon",)
    (row,) = await world.database.fetch(
        "select metadata ->> 'workingMemory' as t from public.mastra_threads where id = 'discord:two'"
    )
    assert "Porto" in row["t"]


SCHEMA = """
{"type": "object", "properties": {
    "name": {"type": "string"},
    "age": {"type": "integer"},
    "address": {"type": "object", "properties": {"city": {"type": "string"}, "street": {"type": "string"}}},
    "interests": {"type": "array", "items": {"type": "string"}}
}}
"""


async def test_with_a_schema_updates_are_merged_null_deletes_and_nothing_else_is_lost(world: World) -> None:
    pages = replace(world.pages, template=SchemaTemplate(SCHEMA))
    working = WorkingMemory(pages, Forgetting(pages), world.models, 600)
    there = replace(world, pages=pages, forgetting=Forgetting(pages), memory=Memories([world.history, working]))

    async def say(text: str, update: object, room: Room = DM) -> list[str]:
        there.fake.arguments = {"updates": [{"message": 1, "quote": text, "update": update}]}
        await there.say(text, room)
        return await there.known(DM)

    first = {"name": "Ana", "address": {"city": "Lisbon", "street": "Rua A"}, "interests": ["tea", "jazz"]}
    assert await say("I am Ana from Rua A in Lisbon, I like tea and jazz", first) == [
        "name: Ana", "address city: Lisbon", "address street: Rua A", "interests: tea", "interests: jazz",
    ]  # fmt: skip
    assert await say("I moved to Porto", {"address": {"city": "Porto", "street": None}}) == [
        "name: Ana", "interests: tea", "interests: jazz", "address city: Porto",
    ]  # fmt: skip
    await say("In public I like rain", {"interests": ["rain"]}, PUBLIC)  # does not know of tea and jazz
    assert await there.known(PUBLIC) == ["interests: rain"]
    assert await say("I only like jazz and rain now", {"interests": ["jazz", "rain"]}) == [
        "name: Ana", "interests: jazz", "address city: Porto", "interests: rain",
    ]  # fmt: skip
    assert await say("I am 40 years old", {"age": "forty", "name": 7}) == await there.known(DM)  # neither fits
    (row,) = await there.database.fetch('select "workingMemory" as page from public.mastra_resources')
    assert json.loads(row["page"]) == {"name": "Ana", "address": {"city": "Porto"}, "interests": ["jazz", "rain"]}


async def test_linked_identities_know_the_same_and_part_by_where_things_were_learned(world: World) -> None:
    slack = Resource("slack", "T1:U1")
    slack_dm = replace(DM, id="slack:T1:D1")
    await world.say("My favourite colour is blue", DM)
    await world.say("I work on payments", PUBLIC)
    await link(world.links, ANA, slack)
    assert not await world.links.link(ANA, slack)
    assert await world.known(slack_dm, slack) == [BLUE, PAYMENTS]
    assert await world.known(replace(PUBLIC, id="slack:T1", space="slack:T1"), slack) == []
    await world.say("I like tea", slack_dm, slack)
    assert await world.known(DM) == [BLUE, PAYMENTS, "Interests: tea"]
    assert await world.links.unlink(slack)
    assert await world.known(DM) == [BLUE, PAYMENTS]
    assert await world.known(slack_dm, slack) == ["Interests: tea"]


async def test_a_code_is_good_once_for_ten_minutes_and_not_for_guessing(world: World) -> None:
    slack = Resource("slack", "T1:U1")
    code = await world.links.offer(ANA)
    assert code is not None
    assert await world.links.claim(ANA, code) is None  # one's own
    assert await world.links.claim(BOB, code, sure=True) == ANA
    assert await world.links.claim(slack, code) is None  # Bob's
    await world.database.fetch("update hathi.link_codes set expires = now()")
    assert await world.links.claimed(ANA) is None
    assert not await world.links.link(ANA, BOB)
    assert [await world.links.claim(slack, f"{n:08d}") for n in range(12)] == [None] * 12
    fresh = await world.links.offer(ANA)
    assert fresh is not None
    assert await world.links.claim(slack, fresh) is None  # too many tries
    assert [await world.links.offer(BOB) is not None for _ in range(12)] == [True] * 10 + [False] * 2


async def _message(world: World, id_: str) -> Message:
    return Message(id_, thread_in(DM), ANA, DM, "", datetime.now(UTC))


def _label(label: str = "direct:discord:dm-ana") -> Audience:
    return stored(label)
