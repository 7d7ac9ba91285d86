"""When the bot speaks, where, and what it is told of who says what."""

from tests.adapters.slack.conftest import House


async def test_a_mention_is_answered_in_its_thread_once(house: House) -> None:
    house.model.answers = ["Good morning."]
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    assert await house.answer(house.channel, ts) == "Good morning."
    await house.quiet()
    assert house.texts(house.channel, ts) == ["Good morning."]
    assert len(house.model.requests) == 1
    (thread,) = await house.rows("select id from public.mastra_threads")
    assert thread["id"] == f"slack:{house.slack.team}:{house.channel}:{ts}"


async def test_a_direct_message_is_answered(house: House) -> None:
    house.model.answers = ["Hi Ana."]
    await house.start()
    assert await house.ask("hello", channel=house.dm) == "Hi Ana."
    (thread,) = await house.rows("select id from public.mastra_threads")
    assert thread["id"] == f"slack:{house.slack.team}:{house.dm}"
