"""When the bot speaks, and where; what is said to it, and what it is not meant to hear."""

import asyncio
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.adapters.slack.conftest import House
from tests.fakes import model as faults
from tests.stores import tables_of


async def test_a_mention_is_answered_in_its_thread_once_and_the_thread_is_followed(house: House) -> None:
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    assert await house.answer(house.channel, ts) == "You said: hello"
    assert await house.ask("and now?", thread_ts=ts) == "You said: and now?"
    assert await house.ask("who am I?", house.bob, thread_ts=ts) == "You said: Bob the Builder: who am I?"
    assert house.texts(house.channel, ts)[0] == "You said: hello"
    assert len(house.slack.posts(house.channel)) == len(house.slack.posts(house.channel, ts)) == 3
    assert house.asked()[-1] == "Bob the Builder: who am I?"
    assert house.asked()[0] == "Ana: hello"
    (thread,) = await house.rows("select id, space from public.mastra_threads")
    assert thread["id"] == f"slack:{house.slack.team}:{house.channel}:{ts}"
    assert thread["space"] == f"slack:{house.slack.team}"


async def test_what_is_not_said_to_the_bot_is_not_heard(house: House) -> None:
    await house.start()
    slack = house.slack
    await slack.say(house.ana, house.channel, "good morning, all")
    root = await slack.say(house.bob, house.channel, "who has seen my keys?")
    await slack.say(house.ana, house.channel, "not me", thread_ts=root)
    for subtype in ("channel_join", "channel_topic", "channel_purpose", "me_message", "reminder_add", "bot_message"):
        await slack.say(house.ana, house.channel, "hello", subtype=subtype)
        await slack.say(house.ana, house.dm, "hello", subtype=subtype)
    other = slack.person("deploys", bot=True)
    await slack.say(other, house.channel, "version 7 is out")
    await house.quiet()
    assert house.model.asked == []
    assert await house.rows("select 1 from public.mastra_messages") == []


async def test_the_bot_does_not_answer_itself(house: House) -> None:
    house.model.answers = [f"You could say {house.at}, too."]
    await house.start()
    await house.ask("how do I call you?")
    await house.ask("hello", channel=house.dm)
    await house.quiet()
    assert len(house.model.asked) == 2


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast"])
async def test_what_people_say_with_a_subtype_is_heard(house: House, subtype: str) -> None:
    await house.start()
    first = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.answer(house.channel, first)
    assert await house.ask("and this?", thread_ts=first, subtype=subtype) == "You said: and this?"


async def test_another_bot_that_mentions_it_is_answered_a_few_times_until_a_person_speaks(house: House) -> None:
    await house.start()
    robot = house.slack.person("robot", bot=True)
    first = await house.slack.say(robot, house.channel, f"{house.at} hello")
    await house.answer(house.channel, first)
    await house.slack.say(robot, house.channel, "I said hello", thread_ts=first)  # without a mention
    for number in range(5):
        await house.slack.say(robot, house.channel, f"{house.at} {number}", thread_ts=first)
        await house.quiet(0.1)
    await house.quiet()
    assert len(house.model.asked) == 3
    await house.ask("stop it", thread_ts=first)
    assert len(house.model.asked) == 4


async def test_a_group_direct_message_is_a_room_where_the_bot_is_called(house: House) -> None:
    group = house.slack.channel("mpdm-1", kind="mpim")
    await house.start()
    await house.slack.say(house.ana, group, "just between us")
    await house.ask("hello", channel=group)
    assert len(house.model.asked) == 1


async def test_order_is_kept_in_a_thread_and_a_burst_gets_one_more_answer(house: House) -> None:
    go = asyncio.Event()
    house.model.answers = [faults.Held("First.", go), "Elsewhere.", "The rest."]
    await house.start()
    first = await house.slack.say(house.ana, house.channel, f"{house.at} 0")
    await house.slack.until(lambda: house.model.asked)
    said = [await house.slack.say(house.ana, house.channel, f"{number}", thread_ts=first) for number in range(1, 6)]
    elsewhere = await house.slack.say(house.bob, house.channel, f"{house.at} and me?")
    await house.answer(house.channel, elsewhere)  # another thread does not wait
    go.set()
    assert await house.answer(house.channel, said[-1]) == "The rest."
    assert house.asked()[-5:] == ["1", "2", "3", "4", "5"]
    assert len(house.model.asked) == 3


async def test_the_same_ts_in_two_channels_is_two_messages(house: House) -> None:
    await house.start()
    other = house.slack.channel("random")
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} here")
    await house.slack.say(house.ana, other, f"{house.at} there", ts=ts)
    assert await house.answer(house.channel, ts) == "You said: here"
    assert await house.answer(other, ts) == "You said: there"


async def test_a_ts_stays_what_it_is(house: House) -> None:
    await house.start()
    ts = "1764090000.000100"
    house.slack.messages[house.channel].clear()
    await house.slack.say(house.ana, house.channel, f"{house.at} round me not", ts=ts)
    await house.answer(house.channel, ts)
    (start,) = [*house.slack.calls("chat.postMessage"), *house.slack.calls("chat.startStream")]
    assert start["thread_ts"] == ts


ROOMS = [
    ("public", False, "public"),
    ("private", False, "private"),
    ("mpim", False, "private"),
    ("public", True, "closed"),
    ("private", True, "closed"),
]


@pytest.mark.parametrize(("kind", "shared", "room"), ROOMS)
@pytest.mark.parametrize("mention_first", [False, True])
async def test_who_reads_along_is_known(house: House, kind: Any, shared: bool, room: str, mention_first: bool) -> None:
    house.slack.mention_first = mention_first  # a mention does not say in what kind of channel it stands
    channel = house.slack.channel("somewhere", kind=kind, shared=shared)
    await house.start()
    await house.ask("hello", channel=channel)
    (row,) = await house.rows("select audience from public.mastra_messages where author is not null")
    team = house.slack.team
    own = f"private:slack:{team}:{channel}"
    assert row["audience"] == {"public": f"public:slack:{team}", "private": own, "closed": f"{own}:closed"}[room]


async def test_the_audience_of_a_direct_message_is_that_direct_message(house: House) -> None:
    await house.start()
    await house.ask("a secret", channel=house.dm)
    (row,) = await house.rows("select audience from public.mastra_messages where author is not null")
    assert row["audience"] == f"direct:slack:{house.slack.team}:{house.dm}"
    await house.ask("what do you know of me?")
    assert "a secret" not in " ".join(house.asked())


async def test_two_people_and_a_restart_in_one_thread_read_as_they_should(house: House) -> None:
    await house.start()
    root = await house.slack.say(house.ana, house.channel, f"{house.at} I will bring the cake.")
    await house.answer(house.channel, root)
    await house.ask("And I the coffee.", house.bob, thread_ts=root)
    await house.stop()
    await house.start()
    await house.ask("Who brings what?", thread_ts=root)
    assert house.asked() == [
        "Ana: I will bring the cake.",
        "You said: I will bring the cake.",
        "Bob the Builder: And I the coffee.",
        "You said: Bob the Builder: And I the coffee.",
        "Ana: Who brings what?",
    ]


async def test_today_is_the_day_where_the_one_who_asks_lives(house: House) -> None:
    await house.start()
    early = house.slack.person("mele", display_name="Mele", zone="Pacific/Kiritimati")
    late = house.slack.person("sina", display_name="Sina", zone="Pacific/Pago_Pago")  # 25 hours behind
    for who, zone in ((early, "Pacific/Kiritimati"), (late, "Pacific/Pago_Pago"), (early, "Pacific/Kiritimati")):
        before = datetime.now(ZoneInfo(zone))
        await house.ask("what day is it?", who)
        days = {f"Today is {day:%A}, {day.day} {day:%B %Y}." for day in (before, datetime.now(ZoneInfo(zone)))}
        assert any(day in str(house.model.asked[-1]["messages"][0]["content"]) for day in days)
    rows = await house.rows("select author, zone from public.mastra_messages where author is not null order by seq")
    assert [row["zone"] for row in rows] == ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Kiritimati"]
    assert len([call for call in house.slack.calls("users.info") if early in str(call)]) == 1  # as before


async def test_whom_the_operator_leaves_out_is_not_read_anywhere(house: House) -> None:
    eve, closed = house.slack.person("eve"), house.slack.channel("closed")
    stranger = house.slack.person("stranger", team="T0STRANGER")
    shared = house.slack.channel("shared", shared=True)
    await house.start(slack_deny=f"{eve}, {closed},T0STRANGER")
    root = await house.slack.say(eve, house.channel, f"{house.at} a zebra of eve")
    await house.slack.say(house.bob, house.channel, "a giraffe of bob", thread_ts=root)
    await house.slack.say(house.ana, closed, f"{house.at} a zebra in a closed channel")
    await house.slack.say(stranger, shared, f"{house.at} a zebra of a stranger")
    await house.ask(f"{house.at} what was said?", thread_ts=root)
    await house.slack.edit(house.channel, root, f"{house.at} a zebra anew")
    asked = await house.slack.slash(eve, house.channel, "/memory")
    await house.slack.until(lambda: asked.answers)
    assert asked.answers[0]["text"] == "I am not to talk with you here. Whoever runs me decides that."
    await house.quiet()
    everything = str(house.model.asked) + await tables_of(house.transcript.database)
    assert "giraffe" in everything
    assert "zebra" not in everything


async def test_if_any_are_allowed_only_those_are_heard(house: House) -> None:
    other = house.slack.channel("other")
    await house.start(slack_allow=f"{other},{house.bob}")
    await house.slack.say(house.ana, house.channel, f"{house.at} and me?")
    assert await house.ask("there", channel=other) == "You said: there"
    assert await house.ask("here", user=house.bob) == "You said: here"
    assert len(house.model.asked) == 2
