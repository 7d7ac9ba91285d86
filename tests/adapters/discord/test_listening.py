"""When the bot speaks: over the wire, with the real client."""

from bot.commands import ASK
from tests.adapters.discord.conftest import AT, House
from tests.fakes.discord_api import JOIN
from tests.stores import tables_of


async def test_a_mention_is_answered_as_a_reply_that_pings_nobody(house: House) -> None:
    await house.start()
    message = await house.discord.say(house.ana, house.channel, f"{AT} hello there")
    assert await house.answer(house.channel, message) == "You said: hello there"
    (post,) = house.discord.posts(house.channel)
    assert post.payload["message_reference"]["message_id"] == message
    assert post.payload["allowed_mentions"] == {"parse": []}
    assert len(post.payload["nonce"]) <= 25


async def test_a_direct_message_is_answered_plainly(house: House) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    assert await house.ask("hello", channel=direct) == "You said: hello"
    assert "message_reference" not in house.discord.posts(direct)[0].payload


async def test_a_reply_to_the_bot_is_answered_without_a_mention_and_one_to_others_is_not(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} one")
    post = house.discord.posts(house.channel)[0].id
    assert await house.ask("two", reply_to=post, ping=False) == "You said: two"
    other = await house.discord.say(house.bob, house.channel, "something")
    await house.discord.say(house.ana, house.channel, "nice", reply_to=other)
    await house.quiet()
    assert len(house.discord.posts(house.channel)) == 2


async def test_nothing_else_is_answered(house: House) -> None:
    await house.start()
    robot = house.discord.person("Robot", bot=True)
    say, channel = house.discord.say, house.channel
    await say(house.ana, channel, "just talking")
    await say(house.ana, channel, "@everyone", mention_everyone=True)
    await say(robot, channel, "beep")
    await say(house.ana, channel, f"{AT} hook", webhook_id="77")
    await say(house.ana, channel, f"{AT} joined", type=JOIN)
    await house.quiet()
    assert house.discord.posts(channel) == []
    assert house.model.asked == []


async def test_a_bot_has_to_mention_us_literally_and_a_loop_of_bots_is_broken(house: House) -> None:
    await house.start()
    robot = house.discord.person("Robot", bot=True)
    for number in range(3):
        assert await house.ask(f"{AT} number {number}", user=robot) == f"You said: number {number}"
    post = house.discord.posts(house.channel)[-1].id
    for number in range(3, 5):
        await house.discord.say(robot, house.channel, f"{AT} number {number}", reply_to=post, ping=False)
    await house.discord.say(robot, house.channel, "a reply without a mention", reply_to=post)
    await house.quiet()
    assert house.discord.texts(house.channel) == [f"You said: number {number}" for number in range(3)]
    await house.discord.say(house.ana, house.channel, "stop it, you two")
    assert await house.ask(f"{AT} again", user=robot) == "You said: again"


async def test_a_thread_is_followed_once_the_bot_was_called_into_it(house: House) -> None:
    await house.start()
    thread = await house.discord.thread(house.channel)
    await house.discord.say(house.ana, thread, "among us")
    await house.quiet()
    assert house.discord.posts(thread) == []
    assert await house.ask(f"{AT} join us", channel=thread) == "You said: join us"
    assert "Bob the Builder: without a mention" in await house.ask("without a mention", channel=thread, user=house.bob)
    assert "message_reference" not in house.discord.posts(thread)[0].payload


async def test_a_thread_that_the_bot_was_added_to_or_that_grew_out_of_its_answer_is_followed(house: House) -> None:
    await house.start()
    added = await house.discord.thread(house.channel, joined=True)
    assert await house.ask("hello", channel=added) == "You said: hello"
    await house.ask(f"{AT} one")
    grown = await house.discord.thread(house.channel, message=house.discord.posts(house.channel)[-1].id)
    assert await house.ask("more", channel=grown) == "You said: more"


async def test_a_thread_goes_on_after_a_restart_and_after_a_reset(house: House) -> None:
    await house.start()
    thread = await house.discord.thread(house.channel)
    await house.ask(f"{AT} join us", channel=thread)
    await house.stop()
    await house.start()
    assert await house.ask("still there?", channel=thread) == "You said: still there?"


async def test_an_unknown_thread_with_a_partial_channel_is_no_reason_to_fail(house: House) -> None:
    await house.start()
    thread = house.discord.channel(house.guild)  # the bot is never told of this one
    assert await house.ask(f"{AT} hello", channel=thread) == "You said: hello"
    assert await house.ask("and without a mention", channel=thread) == "You said: and without a mention"


async def test_whom_the_operator_leaves_out_is_not_heard(house: House) -> None:
    await house.start(discord_deny=str(house.bob))
    await house.discord.say(house.bob, house.channel, f"{AT} let me in")
    assert await house.ask(f"{AT} hello") == "You said: hello"
    await house.stop()
    other = house.discord.channel(house.guild, "other")
    await house.start(discord_allow=f"{other},{house.bob}", catch_up_hours=0)
    await house.discord.say(house.ana, house.channel, f"{AT} and me?")
    assert await house.ask(f"{AT} there", channel=other) == "You said: there"
    assert (await house.ask(f"{AT} here", user=house.bob)).endswith("here")
    assert len(house.discord.posts(house.channel)) == 2


async def test_what_is_left_out_is_not_read_as_what_somebody_else_points_at_either(house: House) -> None:
    eve = house.discord.person("Eve", guild=house.guild)
    await house.start(discord_deny=str(eve))
    first = await house.discord.say(eve, house.channel, "a zebra of eve")
    middle = await house.discord.say(house.bob, house.channel, "an antelope of bob", reply_to=first)
    await house.ask(f"{AT} what of this?", reply_to=middle)
    await house.ask(f"{AT} and of this?", reply_to=first)
    started = await house.discord.say(eve, house.channel, "a zebra that begins a thread")
    thread = await house.discord.thread(house.channel, message=started)
    await house.discord.say(eve, thread, "a zebra within it")
    await house.discord.say(house.bob, thread, "a giraffe of bob")
    await house.ask(f"{AT} what was said?", channel=thread)
    asked = await house.discord.menu(house.ana, house.channel, ASK, first)
    assert await house.told(asked) == "I am not to read this message. Whoever runs me decides that."
    everything = str(house.model.asked) + await tables_of(house.transcript.database)
    assert "antelope" in everything
    assert "giraffe" in everything
    assert "zebra" not in everything


async def test_who_is_left_out_by_a_role_is_left_out_where_discord_does_not_tell_it(house: House) -> None:
    role = house.discord.role(house.guild, "outsiders")
    eve = house.discord.person("Eve", guild=house.guild, roles=[role])
    await house.start(discord_deny=str(role))
    first = await house.discord.say(eve, house.channel, "a zebra of eve")
    middle = await house.discord.say(house.bob, house.channel, "an antelope of bob", reply_to=first)
    await house.ask(f"{AT} what of this?", reply_to=middle)
    thread = await house.discord.thread(house.channel)
    await house.discord.say(eve, thread, "a zebra in a thread")
    await house.discord.say(house.bob, thread, "a giraffe of bob")
    await house.ask(f"{AT} what was said?", channel=thread)
    asked = await house.discord.menu(house.ana, house.channel, ASK, first)
    assert "I am not to read this message." in await house.told(asked)
    assert "antelope" in str(house.model.asked)
    assert "giraffe" in str(house.model.asked)
    assert "zebra" not in str(house.model.asked)


async def test_an_edit_of_whom_the_operator_leaves_out_by_now_is_not_read(house: House) -> None:
    await house.start()
    message = await house.discord.say(house.bob, house.channel, f"{AT} hello")
    await house.answer(house.channel, message)
    await house.stop()
    await house.start(discord_deny=str(house.bob))
    await house.discord.edit(house.channel, message, f"{AT} a zebra")
    await house.ask(f"{AT} and now?")
    assert "zebra" not in str(house.model.asked)
