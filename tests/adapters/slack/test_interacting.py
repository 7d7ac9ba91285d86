"""Slash commands, message menus, typed commands and buttons: acknowledged at once, answered to who asked alone."""

import json
from functools import partial
from typing import Any

import pytest

from memory.pool import open_database
from tests.adapters.slack.conftest import House
from tests.conftest import Server
from tests.fakes import model as faults
from tests.fakes.proxy import Proxy
from tests.fakes.slack_api import Asked

COMMAND, FEEDBACK = "hathi:command", "hathi:feedback"


async def told(house: House, asked: Asked) -> str:
    """What somebody was told who used a command or pressed a button."""
    await house.slack.until(lambda: asked.answers)
    assert asked.acked is not None
    assert asked.ack is None
    assert all(each["response_type"] == "ephemeral" for each in asked.answers)
    assert all(each["replace_original"] is False for each in asked.answers)
    return asked.texts[-1]


async def typed(
    house: House, text: str, channel: str = "", thread_ts: str | None = None, user: str = ""
) -> dict[str, Any]:
    """Type a command; what only its author is told."""
    before = len(house.slack.ephemerals)
    await house.slack.say(user or house.ana, channel or house.channel, text, thread_ts=thread_ts)
    await house.slack.until(lambda: len(house.slack.ephemerals) > before)
    assert house.slack.ephemerals[-1]["user"] == (user or house.ana)
    return house.slack.ephemerals[-1]


def button(answer: dict[str, Any]) -> str:
    """The value of the button that came with an answer."""
    (element,) = answer["blocks"][-1]["elements"]
    assert element["action_id"] == COMMAND
    return str(element["value"])


async def texts(house: House) -> list[str]:
    rows = await house.rows("select content::text as content from public.mastra_messages order by seq")
    return [row["content"] for row in rows]


async def in_channel(house: House, text: str, user: str = "") -> str:
    """A conversation in a thread of the channel; the ts of its root."""
    ts = await house.slack.say(user or house.ana, house.channel, f"{house.at} {text}")
    await house.answer(house.channel, ts)
    return ts


# Slash commands


async def test_commands_are_answered_to_who_asked_alone(house: House) -> None:
    await house.start()
    await in_channel(house, "hello")
    about = await told(house, await house.slack.slash(house.ana, house.channel, "/memory"))
    assert about.startswith("I keep 2 messages of our conversations. 2 of them are from here.")
    assert "/reset deletes the conversations here, /forget me everything." in about
    help_ = await told(house, await house.slack.slash(house.ana, house.channel, "/hathi-help"))
    assert [line.partition(":")[0] for line in help_.splitlines()] == [
        "/reset", "/forget me", "/forget about …", "/memory", "/link", "/unlink", "/hathi-help",
    ]  # fmt: skip
    nobody = await told(house, await house.slack.slash(house.bob, house.channel, "/memory"))
    assert nobody.startswith("I keep 0 messages")
    assert len(house.slack.posts(house.channel)) == 1
    assert house.slack.ephemerals == []


async def test_with_a_prefix_commands_are_called_by_it_in_all_texts(house: House) -> None:
    await house.start(slack_command_prefix="elephant-")
    help_ = await told(house, await house.slack.slash(house.ana, house.channel, "/elephant-help"))
    assert [line.partition(":")[0] for line in help_.splitlines()] == [
        "/elephant-reset", "/elephant-forget me", "/elephant-forget about …", "/elephant-memory", "/elephant-link",
        "/elephant-unlink", "/elephant-help",
    ]  # fmt: skip
    about = await told(house, await house.slack.slash(house.ana, house.channel, "/elephant-memory"))
    assert "/elephant-reset deletes" in about
    assert "/elephant-forget me everything" in about
    wrong = await told(house, await house.slack.slash(house.ana, house.channel, "/elephant-forget", "about"))
    assert wrong.startswith("Say /elephant-forget me to delete")
    alone = await told(house, await house.slack.slash(house.ana, house.channel, "/elephant-unlink"))
    assert alone == "You are not linked with anybody. /elephant-link does that."
    code = await told(house, await house.slack.slash(house.ana, house.channel, "/elephant-link"))
    assert code.startswith("Type /link ")  # elsewhere it has another name


@pytest.mark.parametrize("command", ["/nope", "/helpless"])
async def test_an_unknown_command_is_said_to_be_none(house: House, command: str) -> None:
    await house.start()
    asked = await house.slack.slash(house.ana, house.channel, command)
    assert await told(house, asked) == f"There is no {command}. /hathi-help lists what there is."


async def test_forget_without_words_means_me_and_reaches_every_place(house: House) -> None:
    await house.start()
    await in_channel(house, "in public")
    await house.ask("in private", channel=house.dm)
    await in_channel(house, "not hers", user=house.bob)
    asked = await house.slack.slash(house.ana, house.channel, "/forget")
    assert "4 messages in all, and 0 lines on your page" in await told(house, asked)
    assert len(await texts(house)) == 6
    pressed = await house.slack.press(house.ana, house.channel, None, COMMAND, button(asked.answers[0]))
    assert "4 in mastra_messages, 2 in mastra_threads" in await told(house, pressed)
    assert ["not hers" in text for text in await texts(house)] == [True, True]


async def test_forget_me_yes_is_not_asked_again(house: House) -> None:
    await house.start()
    await in_channel(house, "hello")
    asked = await house.slack.slash(house.ana, house.channel, "/forget", "Me YES")
    assert (await told(house, asked)).startswith("Done: everything about you is deleted (2 in mastra_messages")
    assert await texts(house) == []


async def test_what_a_response_url_does_not_take_goes_as_a_message_that_only_they_see(house: House) -> None:
    await house.start()
    asked = await house.slack.slash(house.ana, house.channel, "/memory")
    await told(house, asked)
    house.slack.fail("response", status=500)
    failed = await house.slack.slash(house.ana, house.channel, "/memory")
    await house.slack.until(lambda: house.slack.ephemerals)
    house.slack.fail("response", times=2)  # the connection is reset, and the library tries twice
    reset = await house.slack.slash(house.ana, house.channel, "/memory")
    await house.slack.until(lambda: len(house.slack.ephemerals) == 2)
    assert [failed.answers, reset.answers] == [[], []]
    for sent in house.slack.ephemerals:
        assert (sent["channel"], sent["user"], sent["text"]) == (house.channel, house.ana, asked.texts[0])


async def test_a_button_whose_response_url_is_used_up_is_answered_in_its_thread(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fakes.slack_delivery.USES", 0)
    await house.start()
    root = await in_channel(house, "hello")
    (post,) = house.slack.posts(house.channel, root)
    pressed = await house.slack.press(house.ana, house.channel, post["ts"], FEEDBACK, "good")
    await house.slack.until(lambda: house.slack.ephemerals)
    assert pressed.answers == []
    (sent,) = house.slack.ephemerals
    assert (sent["channel"], sent["user"], sent["thread_ts"]) == (house.channel, house.ana, root)


# Reset


async def test_reset_in_a_direct_message_deletes_it_with_its_threads_at_once(house: House) -> None:
    await house.start()
    root = await house.slack.say(house.ana, house.dm, "one")
    await house.answer(house.dm, root)
    await house.ask("two", channel=house.dm, thread_ts=root)
    await in_channel(house, "elsewhere")
    asked = await house.slack.slash(house.ana, house.dm, "/reset")
    assert await told(house, asked) == "Done: the conversations here are deleted, 4 messages."
    assert ["elsewhere" in text for text in await texts(house)] == [True, True]


async def test_who_is_no_admin_resets_their_own_part_of_all_conversations_of_a_channel(house: House) -> None:
    await house.start()
    root = await in_channel(house, "first of ana")
    await house.ask("and of bob", user=house.bob, thread_ts=root)
    await in_channel(house, "second of ana")
    await in_channel(house, "third of bob", user=house.bob)
    await house.ask("of ana in private", channel=house.dm)
    asked = await house.slack.slash(house.ana, house.channel, "/reset")
    question = await told(house, asked)
    assert "one needs the right to manage messages here" in question
    assert "yours to delete: 4 messages" in question
    assert len(await texts(house)) == 10
    pressed = await house.slack.press(house.ana, house.channel, None, COMMAND, button(asked.answers[0]))
    done = await told(house, pressed)
    assert done == "Done: your part of the conversations here is deleted, 4 messages."
    left = await texts(house)
    assert len(left) == 6
    assert not [text for text in left if "first of ana" in text or "second of ana" in text]


async def test_an_admin_resets_all_conversations_of_a_channel_and_of_no_other(house: House) -> None:
    ada, other = house.slack.person("ada", admin=True), house.slack.channel("other")
    await house.start()
    for user in (house.ana, house.bob):
        await in_channel(house, "hello", user)
    await house.ask("elsewhere", channel=other)
    asked = await house.slack.slash(ada, house.channel, "/reset")
    assert await told(house, asked) == (
        "This deletes what I keep of the conversations here, for everybody in it. There is no way back."
    )
    (kept,) = await house.rows(
        "select count(*) as n from public.mastra_messages where thread_id like $1", f"%{house.channel}%"
    )
    pressed = await house.slack.press(ada, house.channel, None, COMMAND, button(asked.answers[0]))
    assert kept["n"] == 4
    assert await told(house, pressed) == "Done: the conversations here are deleted, 4 messages."
    assert ["elsewhere" in text for text in await texts(house)] == [True, True]


async def test_a_button_works_after_a_restart(house: House) -> None:
    await house.start()
    await in_channel(house, "hello")
    asked = await house.slack.slash(house.ana, house.channel, "/reset")
    await told(house, asked)
    await house.stop()
    await house.start()
    assert len(await texts(house)) == 2
    pressed = await house.slack.press(house.ana, house.channel, None, COMMAND, button(asked.answers[0]))
    assert "deleted, 2 messages" in await told(house, pressed)
    assert await texts(house) == []


@pytest.mark.parametrize("how", ["somebody else", "owner", "workspace", "thread", "no JSON", "no line", "a list"])
async def test_a_button_of_somebody_else_or_a_broken_one_does_nothing(
    house: House, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    await house.start()
    await in_channel(house, "hello")
    asked = await house.slack.slash(house.ana, house.channel, "/forget")
    await told(house, asked)
    user, kept = house.ana, json.loads(button(asked.answers[0]))
    match how:
        case "somebody else":
            user = house.bob
        case "owner":
            kept["owner"] = f"slack:{house.slack.team}:{house.bob}"
        case "workspace":
            kept["thread"] = kept["thread"].replace(house.slack.team, "T0OTHER")
        case "thread":
            kept["thread"] = "nowhere"
        case "no line":
            kept["line"] = ""
    value = {"no JSON": "forget me yes", "a list": "[]"}.get(how, json.dumps(kept))
    pressed = await house.slack.press(user, house.channel, None, COMMAND, value)
    assert pressed.acked is not None
    await house.quiet()
    assert pressed.answers == []
    assert house.slack.ephemerals == []
    assert len(await texts(house)) == 2
    assert "a bug" not in caplog.text


# The menu of a message


@pytest.mark.parametrize("on", ["the root", "a message", "the answer"])
async def test_a_thread_is_reset_by_the_menu_of_its_messages(house: House, on: str) -> None:
    await house.start()
    root = await in_channel(house, "one")
    second = await house.slack.say(house.ana, house.channel, "two", thread_ts=root)
    await house.answer(house.channel, second)
    await in_channel(house, "another thread")
    message = {"the root": root, "a message": second}.get(on) or house.slack.posts(house.channel, root)[0]["ts"]
    ada = house.slack.person("ada", admin=True)
    asked = await house.slack.shortcut(ada, house.channel, message, "reset")
    assert "this conversation, for everybody in it" in await told(house, asked)
    pressed = await house.slack.press(ada, house.channel, None, COMMAND, button(asked.answers[0]))
    assert await told(house, pressed) == "Done: this conversation is deleted, 4 messages."
    assert ["another thread" in text for text in await texts(house)] == [True, True]


async def test_an_answer_about_a_message_in_a_thread_stands_in_that_thread(house: House) -> None:
    await house.start()
    root = await in_channel(house, "one")
    second = await house.slack.say(house.ana, house.channel, "two", thread_ts=root)
    await house.answer(house.channel, second)
    asked = await house.slack.shortcut(house.ana, house.channel, second, "reset")
    await told(house, asked)
    assert asked.answers[0]["thread_ts"] == root


async def test_the_menu_in_a_direct_message_resets_it_without_asking(house: House) -> None:
    await house.start()
    root = await house.slack.say(house.ana, house.dm, "one")
    await house.answer(house.dm, root)
    inside = await house.slack.say(house.ana, house.dm, "two", thread_ts=root)
    await house.answer(house.dm, inside)
    asked = await house.slack.shortcut(house.ana, house.dm, inside, "reset")
    assert await told(house, asked) == "Done: this conversation is deleted, 2 messages."
    assert ["one" in text for text in await texts(house)] == [True, True]
    asked = await house.slack.shortcut(house.ana, house.dm, root, "reset")
    assert await told(house, asked) == "Done: the conversations here are deleted, 2 messages."
    assert await texts(house) == []


@pytest.mark.parametrize("on", ["the message", "the answer"])
async def test_a_message_is_forgotten_by_its_menu_by_whom_it_belongs_to(house: House, on: str) -> None:
    await house.start()
    root = await in_channel(house, "a slip of the tongue")
    message = root if on == "the message" else house.slack.posts(house.channel, root)[0]["ts"]
    refused = await told(house, await house.slack.shortcut(house.bob, house.channel, message, "forget-message"))
    assert refused.startswith("That is somebody else's.")
    assert len(await texts(house)) == 2
    done = await told(house, await house.slack.shortcut(house.ana, house.channel, message, "forget-message"))
    left = {"the message": [], "the answer": ["a slip of the tongue"]}[on]
    gone = "2 messages" if on == "the message" else "1 message"
    assert done == f"Done: it is forgotten, {gone} in all."
    assert [expected in text for expected, text in zip(left, await texts(house), strict=True)] == [True] * len(left)
    again = await told(house, await house.slack.shortcut(house.ana, house.channel, message, "forget-message"))
    assert again == "I do not remember this message."


async def test_an_admin_has_somebody_elses_message_forgotten(house: House) -> None:
    ada = house.slack.person("ada", admin=True)
    await house.start()
    root = await in_channel(house, "a slip of the tongue")
    done = await told(house, await house.slack.shortcut(ada, house.channel, root, "forget-message"))
    assert done == "Done: it is forgotten, 2 messages in all."
    assert await texts(house) == []


# Typed commands


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("!reset", "to delete this conversation for everybody"),
        ("{at} reset", "to delete this conversation for everybody"),
        ("{at} reset yes", "your part of this conversation is deleted, 2 messages"),
        ("!forget me", "2 messages in all"),
        ("!FORGET ME", "2 messages in all"),
        ("!forget", "Say !forget me to delete everything about you, or !reset"),
        ("{at} forget me yes", "everything about you is deleted (2 in mastra_messages"),
        ("!memory", "I keep 2 messages of our conversations. 2 of them are from here."),
        ("{at} !memory", "!reset deletes this conversation, !forget me everything."),
        ("!help", "!reset: delete this conversation\n!forget me: "),
        ("{at}, help", "!unlink: be two people again\n!help: what you can ask of me"),
    ],
)
async def test_a_command_typed_in_a_thread_is_told_to_its_author_and_is_no_message(
    house: House, line: str, expected: str
) -> None:
    await house.start()
    root = await in_channel(house, "hello")
    sent = await typed(house, line.format(at=house.at), thread_ts=root)
    assert expected.casefold() in sent["text"].casefold()
    assert (sent["channel"], sent["thread_ts"]) == (house.channel, root)
    await house.quiet()
    assert len(house.slack.ephemerals) == 1  # also where it came as a mention and as a message
    assert len(house.model.asked) == 1
    assert house.texts(house.channel, root) == ["You said: hello"]
    gone = any(word in expected for word in ("your part", "is deleted"))
    assert len(await texts(house)) == (0 if gone else 2)
    assert await house.ask("go on", thread_ts=root) == "You said: go on"
    assert not [text for text in house.asked() if "forget" in text or "reset" in text or "help" in text]


async def test_the_button_under_a_typed_command_is_about_the_same_thread(house: House) -> None:
    ada = house.slack.person("ada", admin=True)
    await house.start()
    root = await in_channel(house, "hello")
    await in_channel(house, "another thread")
    sent = await typed(house, "!reset", thread_ts=root, user=ada)
    pressed = await house.slack.press(ada, house.channel, None, COMMAND, button(sent))
    assert await told(house, pressed) == "Done: this conversation is deleted, 2 messages."
    assert ["another thread" in text for text in await texts(house)] == [True, True]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("!reset", "deleted, 2 messages."),
        ("!memory", "2 of them are from here."),
        ("!help", "!help: what you can ask of me"),
        ("!forget me", "messages in all"),
        ("{at} forget me yes", "everything about you is deleted"),
    ],
)
async def test_a_command_typed_in_a_direct_message_is_no_message(
    house: House, line: str, expected: str, inside: bool
) -> None:
    await house.start()
    root = await house.slack.say(house.ana, house.dm, "hello")
    await house.answer(house.dm, root)
    if inside:
        await house.ask("in here", channel=house.dm, thread_ts=root)
    asked = len(house.model.asked)
    sent = await typed(house, line.format(at=house.at), house.dm, root if inside else None)
    assert expected in sent["text"]
    assert (sent["channel"], sent.get("thread_ts")) == (house.dm, root if inside else None)
    await house.quiet()
    assert len(house.slack.ephemerals) == 1
    assert len(house.model.asked) == asked
    assert not [text for text in await texts(house) if "!" in text or "forget" in text]


async def test_a_command_typed_at_the_top_of_a_channel_is_about_all_conversations_in_it(house: House) -> None:
    await house.start()
    for number in range(2):
        await in_channel(house, f"number {number}")
    sent = await typed(house, f"{house.at} memory")
    assert "4 of them are from here." in sent["text"]
    assert "thread_ts" not in sent  # Slack shows nothing in a thread that is none yet


async def test_what_only_looks_like_a_command_is_a_message(house: House) -> None:
    await house.start()
    root = await in_channel(house, "hello")
    for line in (f"{house.at} memory is a strange thing", "!important", "reset", "help me", f"{house.at} forget"):
        said = line.removeprefix(f"{house.at} ")
        assert await house.ask(line, thread_ts=root) == f"You said: {said}"
    assert house.slack.ephemerals == []


async def test_a_command_typed_where_the_bot_takes_no_part_is_none(house: House) -> None:
    await house.start()
    await in_channel(house, "hello")
    root = await house.slack.say(house.bob, house.channel, "lunch?")
    for line in ("!reset", "!memory", "!help", "!forget me yes", "reset"):
        await house.slack.say(house.ana, house.channel, line, thread_ts=root)
        await house.slack.say(house.ana, house.channel, line)
    await house.quiet()
    assert house.slack.ephemerals == []
    assert len(await texts(house)) == 2


async def test_a_command_is_not_part_of_what_was_said_before_the_bot_came(house: House) -> None:
    await house.start()
    root = await house.slack.say(house.bob, house.channel, "lunch?")
    await typed(house, f"{house.at} help", thread_ts=root)
    await house.ask(f"{house.at} what do you think?", thread_ts=root)
    assert "lunch?" in " ".join(house.asked())
    assert "help" not in " ".join(house.asked())


async def test_a_command_that_was_typed_before_a_restart_does_not_run_again(house: House) -> None:
    await house.start()
    root = await in_channel(house, "from bob", user=house.bob)
    await house.ask(f"{house.at} from ana", thread_ts=root)
    await typed(house, f"{house.at} forget me yes", thread_ts=root)
    await house.ask("said afterwards", channel=house.dm)
    await house.stop()
    await house.start()
    await house.quiet(1.0)
    assert house.slack.calls("conversations.replies")
    assert len(house.slack.ephemerals) == 1
    kept = await texts(house)
    assert ["said afterwards" in text for text in kept[-2:]] == [True, True]


async def test_a_command_behind_a_mention_runs_once_also_where_two_processes_listen(house: House) -> None:
    await house.start()
    await house.start()
    root = await in_channel(house, "hello")
    for number in range(1, 7):
        await house.slack.say(house.ana, house.channel, f"{house.at} memory", thread_ts=root)
        while len(house.slack.ephemerals) < number:
            await house.quiet(0.02)
    await house.quiet()
    assert len(house.slack.ephemerals) == 6
    assert len(house.model.asked) == 1


async def test_a_command_behind_a_mention_may_be_edited_in(house: House) -> None:
    await house.start()
    root = await in_channel(house, "hello")
    ts = await house.slack.say(house.ana, house.channel, "memory", announce=False, thread_ts=root)
    await house.slack.edit(house.channel, ts, f"{house.at} memory")
    await house.slack.until(lambda: house.slack.ephemerals)


async def test_commands_and_buttons_work_over_http(house: House) -> None:
    await house.start(slack_app_token="")
    root = await in_channel(house, "hello")
    asked = await house.slack.slash(house.ana, house.channel, "/forget")
    assert "2 messages in all" in await told(house, asked)
    (post,) = house.slack.posts(house.channel, root)
    rating = await house.slack.press(house.ana, house.channel, post["ts"], FEEDBACK, "good")
    assert "Thank you." in await told(house, rating)
    pressed = await house.slack.press(house.ana, house.channel, None, COMMAND, button(asked.answers[0]))
    assert "everything about you is deleted (2 in" in await told(house, pressed)
    shortcut = await house.slack.shortcut(house.ana, house.channel, root, "forget-message")
    assert await told(house, shortcut) == "I do not remember this message."
    assert {delivery.status for delivery in house.slack.deliveries} == {200}


async def test_a_command_may_be_edited_in(house: House) -> None:
    await house.start()
    root = await in_channel(house, "hello")
    ts = await house.slack.say(house.ana, house.channel, "!important", announce=False, thread_ts=root)
    await house.slack.edit(house.channel, ts, "!memory")
    await house.slack.until(lambda: house.slack.ephemerals)
    await house.slack.edit(house.channel, ts, "!help")
    await house.quiet()
    assert len(house.slack.ephemerals) == 1  # once for each message


# Outages and load


async def test_while_the_database_is_away_people_are_told_so(
    house: House, server: Server, database_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.wiring.open_database", partial(open_database, patience=0.3))
    async with Proxy(server.socket_file) as proxy:
        await house.start(database_url=server.through(proxy, database_name))
        root = await in_channel(house, "before")
        (post,) = house.slack.posts(house.channel, root)
        away = "My memory is out of reach right now."
        await proxy.shut()
        asked = [
            await house.slack.slash(house.ana, house.channel, "/memory"),
            await house.slack.slash(house.ana, house.channel, "/forget"),
            await house.slack.shortcut(house.ana, house.channel, root, "forget-message"),
            await house.slack.press(house.ana, house.channel, post["ts"], FEEDBACK, "good"),
        ]
        for each in asked:
            assert (await told(house, each)).startswith(away)
        await house.slack.home(house.ana)
        await house.slack.until(lambda: house.ana in house.slack.homes)
        assert away in json.dumps(house.slack.homes[house.ana])
        await proxy.open()
        again = await house.slack.slash(house.ana, house.channel, "/memory")
        assert "I keep 2 messages" in await told(house, again)
        await house.slack.home(house.ana)
        await house.slack.until(lambda: away not in json.dumps(house.slack.homes[house.ana]))
        await house.stop()


async def test_everything_is_acknowledged_while_the_model_takes_its_time(house: House) -> None:
    await house.start()
    root = await in_channel(house, "hello")
    (post,) = house.slack.posts(house.channel, root)
    house.model.otherwise = faults.Slow("finally", first=2.0)
    for _ in range(5):
        await house.slack.say(house.ana, house.channel, f"{house.at} think hard")
    asked = [
        await house.slack.slash(house.ana, house.channel, "/memory"),
        await house.slack.slash(house.ana, house.channel, "/hathi-help"),
        await house.slack.shortcut(house.ana, house.channel, root, "reset"),
        await house.slack.press(house.ana, house.channel, post["ts"], FEEDBACK, "good"),
    ]
    assert all(each.acked is not None for each in asked)


# Feedback


async def rated(house: House) -> list[tuple[str, bool, str]]:
    rows = await house.rows(
        """
        select person, good, answer.content::text as content from hathi.feedback
        join public.mastra_messages as answer using (turn) order by person
        """
    )
    return [(row["person"].rpartition(":")[2], row["good"], row["content"]) for row in rows]


@pytest.mark.parametrize("streams", [True, False])
async def test_an_answer_is_rated_by_its_buttons_and_a_mind_may_change(house: House, streams: bool) -> None:
    house.slack.streaming = streams
    house.model.answers = [faults.Slow("An answer that takes its time.", first=0, each=0.2)]
    await house.start()
    root = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.answer(house.channel, root)
    await house.slack.until(lambda: house.slack.posts(house.channel, root)[0].get("blocks"))
    (post,) = house.slack.posts(house.channel, root)
    (row,) = [block for block in post["blocks"] if block["type"] == "context_actions"]
    (buttons,) = row["elements"]
    assert buttons["action_id"] == FEEDBACK
    good, bad = buttons["positive_button"]["value"], buttons["negative_button"]["value"]
    thanks = await told(house, await house.slack.press(house.ana, house.channel, post["ts"], FEEDBACK, good))
    assert thanks == "Thank you. Noted with the answer."
    await house.stop()
    await house.start()
    for user in (house.ana, house.bob):
        sorry = await told(house, await house.slack.press(user, house.channel, post["ts"], FEEDBACK, bad))
        assert sorry == "Thank you, I am sorry. Noted with the answer."
    found = await rated(house)
    assert [each[:2] for each in found] == [(house.ana, False), (house.bob, False)]
    assert all("takes its time" in each[2] for each in found)


async def test_only_the_last_piece_of_a_long_answer_is_rated(house: House) -> None:
    house.model.answers = ["All that I know about elephants. " * 600]
    await house.start()
    root = await in_channel(house, "tell me")
    posts = house.slack.posts(house.channel, root)
    assert len(posts) == 2
    await house.slack.until(lambda: house.slack.posts(house.channel, root)[1].get("blocks"))
    assert FEEDBACK not in json.dumps(posts[0])
    await told(house, await house.slack.press(house.ana, house.channel, posts[1]["ts"], FEEDBACK, "good"))
    assert [each[:2] for each in await rated(house)] == [(house.ana, True)]


async def test_what_is_no_answer_of_ours_is_not_rated(house: House) -> None:
    await house.start()
    root = await in_channel(house, "hello")
    pressed = await house.slack.press(house.ana, house.channel, root, FEEDBACK, "good")
    await house.quiet()
    assert pressed.acked is not None
    assert pressed.answers == []
    assert await house.rows("select from hathi.feedback") == []


# Bent values, and rights


@pytest.mark.parametrize("where", ["Bob's direct message", "another channel", "another thread"])
async def test_a_button_with_a_bent_value_deletes_nothing(house: House, where: str) -> None:
    ada, team = house.slack.person("ada", admin=True), house.slack.team
    bobs, other = house.slack.dm(house.bob), house.slack.channel("other")
    await house.start()
    root = await in_channel(house, "hello")
    await house.ask("a secret of bob", user=house.bob, channel=bobs)
    await house.ask("elsewhere", user=house.bob, channel=other)
    sent = await typed(house, "!reset", thread_ts=root, user=ada)
    before = await texts(house)
    place = {"Bob's direct message": bobs, "another channel": other, "another thread": f"{house.channel}:1.5"}[where]
    for whole in (False, True):
        bent = json.dumps({**json.loads(button(sent)), "thread": f"slack:{team}:{place}", "whole": whole})
        container = {"type": "message", "message_ts": "2.5", "channel_id": house.channel, "thread_ts": root}
        await house.slack.press(ada, house.channel, None, COMMAND, bent, container=container)
        await house.slack.press(ada, house.channel, None, "hathi:page-export", bent, container=container)
    await house.quiet()
    assert await texts(house) == before


async def test_a_button_with_somebody_elses_lines_does_nothing_to_them(house: House) -> None:
    await house.start()
    await house.rows(
        "insert into hathi.facts (page, person, field, value, audience) values ($1, $1, 'Interests', 'trains', 'x')",
        f"slack:{house.slack.team}:{house.bob}",
    )
    (line,) = await house.rows("select id from hathi.facts")
    owner = f"slack:{house.slack.team}:{house.ana}"
    thread = f"slack:{house.slack.team}:{house.channel}"
    for words in ("undo {}", "forget {} yes", "correct {} planes"):
        value = json.dumps(
            {"line": f"memory {words.format(line['id'])}", "thread": thread, "owner": owner, "whole": True}
        )
        await told(house, await house.slack.press(house.ana, house.channel, None, COMMAND, value))
    assert [row["value"] for row in await house.rows("select value from hathi.facts")] == ["trains"]


async def test_an_admin_of_another_workspace_is_none_here(house: House) -> None:
    stranger = house.slack.person("stranger", admin=True, team="T0STRANGER")
    shared = house.slack.channel("shared", shared=True)
    await house.start()
    root = await house.slack.say(house.ana, shared, f"{house.at} hello")
    await house.answer(shared, root)
    for line in ("!reset", f"{house.at} reset yes"):
        sent = await typed(house, line, channel=shared, thread_ts=root, user=stranger)
    assert "your part of this conversation is deleted, 0 messages" in sent["text"]
    assert len(await texts(house)) == 2


async def test_who_is_no_admin_any_more_deletes_nothing_of_others(house: House) -> None:
    ada = house.slack.person("ada", admin=True)
    await house.start()
    root = await in_channel(house, "hello")
    sent = await typed(house, "!reset", thread_ts=root, user=ada)
    assert "for everybody in it" in sent["text"]
    house.slack.people[ada]["is_admin"] = False
    pressed = await house.slack.press(ada, house.channel, None, COMMAND, button(sent))
    assert "your part of this conversation is deleted, 0 messages" in await told(house, pressed)
    assert len(await texts(house)) == 2
