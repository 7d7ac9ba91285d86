"""Slash commands, menus and buttons: acknowledged at once, answered to who asked alone, good for ever."""

from datetime import UTC, datetime

from bot.chat import Message, Resource, Room, Thread
from bot.commands import ASK
from tests.adapters.discord.conftest import AT, House
from tests.fakes import model as faults
from tests.fakes.learner import learner
from tests.stores import tables_of


async def texts(house: House) -> list[str]:
    rows = await house.transcript.database.fetch("select content from public.mastra_messages order by seq")
    return [row["content"] for row in rows]


async def test_commands_are_made_known_once_and_again_only_when_they_changed(house: House) -> None:
    await house.start()
    await house.discord.until(lambda: house.discord.commands)
    assert [(command["type"], command["name"]) for command in house.discord.commands] == [
        (1, "reset"), (1, "forget"), (1, "memory"), (1, "link"), (1, "unlink"), (1, "help"), (3, ASK),
        (3, "Forget this message"),
    ]  # fmt: skip
    assert all(command["integration_types"] == [0, 1] for command in house.discord.commands)
    await house.stop()
    await house.start()
    reads = [path for _, method, path, _, _ in house.discord.requests if method == "GET" and path.endswith("/commands")]
    await house.discord.until(
        lambda: len([1 for _, m, p, _, _ in house.discord.requests if (m, p) == ("GET", reads[0])]) == 2
    )
    await house.quiet()
    assert house.discord.puts == 1
    house.discord.commands[0]["description"] = "something older"
    await house.stop()
    await house.start()
    await house.discord.until(lambda: house.discord.puts == 2)
    assert house.discord.commands[0]["description"] == "delete this conversation"


async def test_what_follows_a_command_is_typed_into_fields_and_made_known_anew_when_it_changes(house: House) -> None:
    await house.start()
    await house.discord.until(lambda: house.discord.commands)
    options = {command["name"]: command.get("options", []) for command in house.discord.commands}
    assert options == {
        "forget": [
            {"type": 1, "name": "me", "description": "delete everything about you, everywhere"},
            {
                "type": 1, "name": "about", "description": "delete what you said about something",
                "options": [{
                    "type": 3, "name": "what", "description": "delete what you said about something", "required": True,
                }],
            },
        ],
        "link": [{"type": 3, "name": "code", "description": "be one person here and on another platform"}],
    } | {name: [] for name in ("reset", "memory", "unlink", "help", ASK, "Forget this message")}  # fmt: skip
    del options["forget"][1]["options"][0]["required"]
    await house.stop()
    await house.start()
    await house.discord.until(lambda: house.discord.puts == 2)


async def test_who_manages_messages_resets_a_channel_with_a_button_that_outlives_a_restart(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} hello")
    asked = await house.discord.slash(house.bob, house.channel, "reset", manages=True)
    assert "for everybody in it" in await house.told(asked)
    await house.stop()
    await house.start()
    assert len(await texts(house)) == 2
    pressed = await house.discord.press(house.bob, house.channel, asked.buttons[0], manages=True)
    assert await house.told(pressed) == "Done: this conversation is deleted, 2 messages."
    assert pressed.components == []
    assert await texts(house) == []
    assert house.discord.texts(house.channel) == ["You said: hello"]  # nothing was said in the channel


async def test_who_does_not_deletes_their_own_part(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} from ana")
    await house.ask(f"{AT} from bob", user=house.bob)
    asked = await house.discord.slash(house.ana, house.channel, "reset")
    assert "the right to manage messages" in await house.told(asked)
    pressed = await house.discord.press(house.ana, house.channel, asked.buttons[0])
    assert "your part of this conversation is deleted, 2 messages" in await house.told(pressed)
    assert ["from bob" in text for text in await texts(house)] == [True, True]


async def test_nobody_can_press_somebody_elses_button(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} from ana")
    asked = await house.discord.slash(house.ana, house.channel, "forget", "me")
    await house.told(asked)
    pressed = await house.discord.press(house.bob, house.channel, asked.buttons[0], manages=True)
    assert await house.told(pressed) == "That is about somebody else: only they can press it."
    assert pressed.ephemeral
    assert len(await texts(house)) == 2


async def test_forgetting_everything_reaches_every_place_and_says_how_much(house: House) -> None:
    await house.start()
    await house.ask(f"{AT} in public")
    await house.ask("in private", channel=house.discord.direct(house.ana))
    await house.ask(f"{AT} not mine", user=house.bob)
    asked = await house.discord.slash(house.ana, house.channel, "forget", "me")
    assert "4 messages in all, and 0 lines on your page" in await house.told(asked)
    pressed = await house.discord.press(house.ana, house.channel, asked.buttons[0])
    assert "4 in mastra_messages, 1 in mastra_threads" in await house.told(pressed)
    assert len(await texts(house)) == 2


async def test_memory_and_help_answer_in_a_direct_message_too(house: House) -> None:
    await house.start()
    direct = house.discord.direct(house.ana)
    await house.ask("hello", channel=direct)
    assert "I keep 2 messages" in await house.told(await house.discord.slash(house.ana, direct, "memory"))
    assert "/reset: delete this" in await house.told(await house.discord.slash(house.ana, direct, "help"))
    reset = await house.told(await house.discord.slash(house.ana, direct, "reset"))
    assert reset == "Done: this conversation is deleted, 2 messages."


async def test_a_message_is_forgotten_by_its_menu(house: House) -> None:
    await house.start()
    message = await house.discord.say(house.ana, house.channel, f"{AT} a slip of the tongue")
    await house.answer(house.channel, message)
    menu = "Forget this message"
    assert "somebody else's" in await house.told(await house.discord.menu(house.bob, house.channel, menu, message))
    done = await house.told(await house.discord.menu(house.ana, house.channel, menu, message))
    assert done == "Done: it is forgotten, 2 messages in all."
    assert await texts(house) == []
    again = await house.told(await house.discord.menu(house.ana, house.channel, menu, message))
    assert again == "I do not remember this message."


async def test_asking_about_a_message_is_answered_to_who_asked_alone(house: House) -> None:
    await house.start()
    message = await house.discord.say(house.bob, house.channel, "Carthage must be destroyed.")
    house.model.answers = ["Cato said so. " * 200]
    asked = await house.discord.menu(house.ana, house.channel, ASK, message)
    assert (await house.told(asked)).startswith("Cato said so.")
    await house.discord.until(lambda: len(asked.follow_ups) == 1)
    assert all(follow_up["flags"] == 64 | 4 for follow_up in asked.follow_ups)  # seen by Ana alone, without previews
    assert house.asked() == ["What do you say to this message?\n\n> Bob the Builder: Carthage must be destroyed."]
    assert house.discord.posts(house.channel) == []
    assert await house.ask(f"{AT} what did we talk about?") == "You said: what did we talk about?"
    assert house.asked() == ["what did we talk about?"]  # what only Ana saw is not recalled in the channel


async def test_an_answer_that_comes_too_late_for_its_interaction_is_a_direct_message(house: House) -> None:
    await house.start()
    message = await house.discord.say(house.bob, house.channel, "Carthage must be destroyed.")
    house.model.answers = [faults.Slow("Cato said so.", first=0.7)]
    asked = await house.discord.menu(house.ana, house.channel, ASK, message)
    await house.discord.until(lambda: house.model.asked)
    asked.expired = True
    direct = house.discord.direct(house.ana)
    await house.discord.until(lambda: house.discord.texts(direct))
    await house.quiet()
    assert house.discord.texts(direct) == ["Cato said so."]
    assert asked.texts == []


async def test_an_answer_to_an_interaction_that_died_with_its_process_is_a_direct_message(house: House) -> None:
    thread = Thread("discord", f"{house.channel}:{house.ana}")
    ana = Resource("discord", str(house.ana))
    await house.transcript.hear(
        Message("discord:1", thread, ana, Room("direct", str(thread)), "What do you say?", datetime.now(UTC))
    )
    await house.start()
    direct = house.discord.direct(house.ana)
    await house.discord.until(lambda: house.discord.texts(direct) == ["You said: What do you say?"])


async def test_an_answer_too_long_for_an_interaction_is_a_file(house: House) -> None:
    await house.start()
    message = await house.discord.say(house.bob, house.channel, "Tell me everything.")
    house.model.answers = ["All that I know about elephants. " * 400]
    asked = await house.discord.menu(house.ana, house.channel, ASK, message)
    assert len(await house.told(asked)) <= 2000
    await house.discord.until(lambda: asked.follow_ups)
    await house.quiet()
    assert [(each["content"], [*each["files"]]) for each in asked.follow_ups] == [("The whole answer:", ["files[0]"])]


async def test_everything_is_acknowledged_within_a_second_while_the_model_takes_its_time(house: House) -> None:
    await house.start()
    house.model.otherwise = faults.Slow("finally", first=2.0)
    for _ in range(5):
        await house.discord.say(house.ana, house.channel, f"{AT} think hard")
    message = await house.discord.say(house.bob, house.channel, "and this?")
    asked = [
        await house.discord.slash(house.ana, house.channel, "memory"),
        await house.discord.slash(house.ana, house.channel, "help"),
        await house.discord.menu(house.ana, house.channel, ASK, message),
    ]
    await house.discord.until(lambda: all(each.acknowledged for each in asked))
    assert max((each.acknowledged or 0) - each.at for each in asked) < 1.0


async def test_two_processes_with_the_same_shard_answer_an_interaction_once(house: House) -> None:
    await house.start()
    await house.start()
    asked = await house.discord.slash(house.ana, house.channel, "memory")
    await house.told(asked)
    await house.quiet()
    assert len(asked.texts) == 1
    assert await house.ask(f"{AT} hello") == "You said: hello"
    await house.quiet()
    assert house.discord.texts(house.channel) == ["You said: hello"]


async def test_who_is_left_out_is_told_so(house: House) -> None:
    await house.start(discord_deny=str(house.bob))
    assert "not to talk with you" in await house.told(await house.discord.slash(house.bob, house.channel, "memory"))


async def test_nothing_is_kept_of_a_question_about_somebody_elses_message(house: House) -> None:
    private = house.discord.channel(house.guild, "board", private=True)
    await house.start()
    house.model.arguments = learner
    message = await house.discord.say(house.bob, private, "I like zebras")
    asked = await house.discord.menu(house.ana, private, ASK, message)
    await house.told(asked)
    assert "zebras" in str(house.model.asked)
    await house.discord.until(lambda: asked.texts)
    direct = house.discord.direct(house.ana)
    await house.ask("what do I like?", channel=direct)
    await house.ask("zebras?", channel=direct)
    assert "I like zebras" not in str(house.model.asked[-2:])
    await house.quiet()
    assert "I like zebras" not in await tables_of(house.transcript.database)
