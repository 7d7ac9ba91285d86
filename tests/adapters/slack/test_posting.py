"""How an answer reaches its thread: streamed, rolled over, replaced; whole, once, and in Slack's own limits."""

import asyncio
import re
from typing import Any

import pytest

from adapters.markup.slack import pieces
from bot.agent import TOLD
from bot.errors import ModelBusy
from bot.waiting import STILL_TRYING
from tests.adapters.slack.conftest import House
from tests.fakes import model as faults

LONG = "\n\n".join(f"Paragraph {number} of an answer that goes on and on, as some do." for number in range(300))


def slowly(text: str, each: float = 0.02) -> faults.Slow:
    return faults.Slow(text, first=0.05, each=each)


async def test_an_answer_is_streamed_while_it_is_written_and_whole_at_its_end(house: House) -> None:
    text = "First a sentence that is long enough to be seen.\n\n" + "\n".join(
        f"- point {n} of several" for n in range(20)
    )
    house.model.answers = [slowly(text)]
    await house.start()
    assert await house.ask("tell me") == text
    (ts,) = house.slack.messages[house.channel].keys() - {post["ts"] for post in house.slack.posts(house.channel)}
    (start,) = house.slack.calls("chat.startStream")
    assert (start["recipient_user_id"], start["recipient_team_id"]) == (house.ana, house.slack.team)
    assert start["thread_ts"] == ts
    assert len(house.slack.calls("chat.appendStream")) >= 3
    (stop,) = house.slack.calls("chat.stopStream")
    assert stop["blocks"][0]["type"] == "context_actions"
    (post,) = house.slack.posts(house.channel)
    assert house.slack.shown(post) == text
    assert post["streaming_state"] == "completed"
    assert house.slack.calls("chat.update") == house.slack.calls("chat.postMessage") == []


async def test_a_quick_answer_is_one_call(house: House) -> None:
    house.model.answers = ["Yes."]
    await house.start()
    assert await house.ask("is it?") == "Yes."
    (post,) = house.slack.calls("chat.postMessage")
    assert (post["unfurl_links"], post["unfurl_media"]) == (False, False)
    assert [block["type"] for block in post["blocks"]] == ["markdown", "context_actions"]
    assert house.slack.calls("chat.startStream") == []


async def test_a_direct_message_is_answered_under_it_and_all_of_them_are_one_conversation(house: House) -> None:
    await house.start()
    first = await house.slack.say(house.ana, house.dm, "My dog is called Rex.")
    await house.answer(house.dm, first)
    second = await house.slack.say(house.ana, house.dm, "What is my dog called?")
    await house.answer(house.dm, second)
    assert house.texts(house.dm, first) == ["You said: My dog is called Rex."]
    assert house.texts(house.dm, second) == ["You said: What is my dog called?"]
    assert "My dog is called Rex." in house.asked()
    # A thread in it is a conversation of its own, which begins with what it grew out of.
    await house.ask("And how old is it?", channel=house.dm, thread_ts=first)
    asked = house.asked()  # before the question may stand what is recalled of the conversation around it
    assert [*asked[:2], asked[-1]] == ["My dog is called Rex.", "You said: My dog is called Rex.", "And how old is it?"]
    threads = {row["id"] for row in await house.rows("select id from public.mastra_threads")}
    base = f"slack:{house.slack.team}:{house.dm}"
    assert threads == {base, f"{base}:{first}"}


async def test_where_nothing_can_be_streamed_a_post_is_updated(house: House) -> None:
    house.slack.streaming = False
    house.model.otherwise = slowly("One line.\n" * 30)
    await house.start()
    text = await house.ask("tell me")
    assert house.texts(house.channel, house.slack.posts(house.channel)[0]["thread_ts"]) == [text]
    assert len(house.slack.calls("chat.update")) >= 2
    await house.ask("again")
    assert len(house.slack.calls("chat.startStream")) == 1  # it is not tried again and again
    assert len(house.slack.posts(house.channel)) == 2


@pytest.mark.parametrize("appends", [0, 2])
async def test_a_stream_that_slack_closes_goes_on_as_a_post(house: House, appends: int) -> None:
    house.slack.close_streams_after = appends
    text = "\n".join(f"Line {number} of it." for number in range(40))
    house.model.answers = [slowly(text)]
    await house.start()
    assert await house.ask("tell me") == text
    (post,) = house.slack.posts(house.channel)
    assert house.slack.shown(post) == text
    assert any(block["type"] == "context_actions" for block in post["blocks"])


async def test_a_stream_that_lasts_too_long_goes_on_as_a_post(house: House) -> None:
    house.slack.stream_seconds = 0.3
    text = "\n".join(f"Line {number} of it." for number in range(40))
    house.model.answers = [slowly(text)]
    await house.start()
    assert await house.ask("tell me") == text
    assert [house.slack.shown(post) for post in house.slack.posts(house.channel)] == [text]


async def test_a_long_answer_is_several_messages_each_within_the_limit_with_its_code_whole(house: House) -> None:
    text = f"{LONG}\n\n```python\n" + "\n".join(f"print({number})" for number in range(400)) + "\n```\n\nDone."
    house.model.answers = [slowly(text, each=0.0)]
    await house.start()
    assert await house.ask("tell me") == text
    posts = house.slack.posts(house.channel)
    assert [house.slack.shown(post) for post in posts] == pieces(text)
    assert len(posts) >= 2
    assert all(house.slack.shown(post).count("```") % 2 == 0 for post in posts)
    rated = [any(block["type"] == "context_actions" for block in post.get("blocks") or ()) for post in posts]
    assert rated == [False] * (len(posts) - 1) + [True]


async def test_nobody_is_pinged_and_nothing_unfurled_whatever_the_model_says(house: House) -> None:
    text = f"<!channel> <!here> <!everyone> <!subteam^S012345> <@{house.bob}> @channel\n\n`<!channel>`\n\n" * 3
    house.model.answers = [slowly(text), text]
    await house.start()
    await house.ask("be rude")
    await house.ask("again")
    house.slack.streaming = False
    house.model.answers = [slowly(text)]
    await house.ask("once more")
    assert house.slack.pings == []


async def test_a_status_is_shown_until_something_is_there_to_be_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.slack.posting.STATUS_SECONDS", 0.1)
    go = asyncio.Event()
    house.model.answers = [faults.Held("At last.", go)]
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.slack.until(lambda: len(house.slack.statuses) >= 3)  # renewed, before Slack takes it away
    assert house.slack.status_now[house.channel, ts] == "is thinking…"
    go.set()
    await house.answer(house.channel, ts)
    await house.quiet()
    assert (house.channel, ts) not in house.slack.status_now
    shown = len(house.slack.statuses)
    await house.quiet()
    assert len(house.slack.statuses) == shown


async def test_a_status_is_taken_away_where_nothing_is_answered(house: House) -> None:
    go = asyncio.Event()
    house.model.answers = ["Hello.", faults.Held("Never mind.", go)]
    await house.start()
    await house.ask("hi")
    root = house.slack.posts(house.channel)[0]["thread_ts"]
    ts = await house.slack.say(house.ana, house.channel, "and now?", thread_ts=root)
    await house.slack.until(lambda: house.slack.status_now.get((house.channel, root)))
    await house.slack.delete(house.channel, ts)
    go.set()
    await house.ended()
    assert house.slack.status_now == {}
    assert house.texts(house.channel, root) == ["Hello."]


LIMITED: dict[str, Any] = {"status": 429, "headers": {"Retry-After": "1"}}
LOST: dict[str, Any] = {"after": True}  # it took effect, and nobody was told
FAILURES: list[tuple[str, dict[str, Any]]] = [
    ("chat.postMessage", LIMITED),
    ("chat.postMessage", {"status": 503, "after": True}),
    ("chat.postMessage", LOST),
    ("chat.startStream", {"status": 500}),
    ("chat.startStream", LOST),
    ("chat.appendStream", {"error": "internal_error"}),
    ("chat.appendStream", LOST),
    ("chat.stopStream", {}),
    ("chat.stopStream", LOST),
]


@pytest.mark.parametrize(("way", "failure"), FAILURES, ids=str)
async def test_a_call_that_fails_doubles_nothing_and_loses_nothing(
    house: House, way: str, failure: dict[str, Any]
) -> None:
    text = "\n".join(f"Line {number} of it." for number in range(20))
    house.model.answers = ["Hello.", "Short." if way == "chat.postMessage" else slowly(text)]
    await house.start()
    first = await house.slack.say(house.ana, house.channel, f"{house.at} hi")
    await house.answer(house.channel, first)
    house.slack.fail(re.escape(way), **failure)
    answer = await house.ask("tell me", channel=house.channel, thread_ts=first)
    await house.quiet(0.3)
    assert house.texts(house.channel, first) == ["Hello.", answer]
    assert len(house.model.asked) == 2


async def test_rate_limits_only_cost_time(house: House) -> None:
    house.slack._rate_limited = True
    house.slack.streaming = False
    house.model.otherwise = slowly("One line.\n" * 20)
    await house.start()
    said = [await house.slack.say(house.ana, house.channel, f"{house.at} {number}") for number in range(6)]
    for ts in said:
        await house.answer(house.channel, ts)
    assert sum(house.slack.limited.values()) > 0
    assert len(house.slack.posts(house.channel)) == 6


async def test_a_post_that_is_deleted_while_it_is_written_stays_deleted(house: House) -> None:
    house.model.answers = [slowly("One line.\n" * 60)]
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} tell me")
    await house.slack.until(lambda: house.slack.posts(house.channel))
    (post,) = house.slack.posts(house.channel)
    del house.slack.messages[house.channel][post["ts"]]
    await house.answer(house.channel, ts)
    assert house.slack.posts(house.channel) == []


async def test_a_channel_that_the_bot_was_thrown_out_of_ends_the_turn(house: House) -> None:
    go = asyncio.Event()
    house.model.answers = [faults.Held("Too late.", go)]
    await house.start()
    await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.slack.until(lambda: house.model.asked)
    house.slack.channels[house.channel].joined = False
    go.set()
    await house.ended()


@pytest.mark.parametrize("streams", [True, False])
async def test_an_answer_that_a_crash_interrupted_is_finished_in_the_same_message(house: House, streams: bool) -> None:
    text = "\n".join(f"Line {number} of it." for number in range(30))
    house.slack.streaming = streams
    house.model.otherwise = slowly(text)
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} tell me")
    await house.slack.until(lambda: house.slack.posts(house.channel))
    house.running[0].cancel("a crash")
    house.slack.fail("chat", times=50, status=500)  # nothing it does at its end reaches Slack
    await house.stop()
    house.slack.faults.clear()
    await house.start()
    await house.answer(house.channel, ts)
    assert house.texts(house.channel, ts) == [text]


async def test_a_post_whose_record_was_lost_is_found_again(house: House) -> None:
    house.model.otherwise = "A whole answer."
    await house.start()
    await house.ask("hello")
    ts = house.slack.posts(house.channel)[0]["thread_ts"]
    # As after a crash right behind the post: it is there, and the turn that made it is begun again.
    await house.stop()
    await house.rows("delete from hathi.posts")
    await house.rows(
        """
        with job as (
            insert into public.procrastinate_jobs (queue_name, task_name, lock, args, status, attempts)
            select 'slack', 'turn', thread_id, jsonb_build_object('thread', thread_id, 'message', $1::text), 'todo', 1
            from public.mastra_messages where id = $1 returning id
        )
        update public.mastra_messages set turn = job.id from job where role = 'assistant'
        """,
        house.message_id(house.channel, ts),
    )
    await house.start()
    await house.slack.until(lambda: house.slack.calls("conversations.replies"))
    await house.quiet()
    assert house.texts(house.channel, ts) == ["A whole answer."]
    assert len(house.model.asked) == 1


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is told after half a second that the model does not answer."""
    monkeypatch.setattr("bot.waiting.NOTICE_SECONDS", 0.5)
    monkeypatch.setattr("bot.waiting.AGAIN_SECONDS", 0.2)


def rated(post: dict[str, Any]) -> bool:
    return any(block["type"] == "context_actions" for block in post.get("blocks") or ())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("slow", [False, True])
async def test_a_model_that_does_not_answer_is_told_of_in_the_post_that_becomes_the_answer(
    house: House, slow: bool
) -> None:
    go = asyncio.Event()
    text = " ".join(f"word{number}" for number in range(40))
    refused = faults.Status(429, headers=(("Retry-After", "2"),))
    house.model.answers = [refused, slowly(text)] if slow else [faults.Held(text, go)]
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.slack.until(lambda: house.texts(house.channel, ts) == [STILL_TRYING])
    assert not rated(house.slack.posts(house.channel)[0])
    go.set()
    assert await house.answer(house.channel, ts) == text
    assert house.texts(house.channel, ts) == [text]
    assert rated(house.slack.posts(house.channel)[0])
    assert len(house.slack.calls("chat.postMessage")) == 1
    rows = await house.rows("select role from public.mastra_messages order by seq")
    assert [row["role"] for row in rows] == ["user", "assistant"]


@pytest.mark.usefixtures("impatient")
async def test_another_process_goes_on_where_the_notice_stands(house: House) -> None:
    house.model.answers = [faults.Silence()]
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.slack.until(lambda: house.texts(house.channel, ts) == [STILL_TRYING])
    await house.stop()
    await house.start()
    assert await house.answer(house.channel, ts) == "You said: hello"
    assert house.texts(house.channel, ts) == ["You said: hello"]


@pytest.mark.usefixtures("impatient")
async def test_a_notice_is_no_more_when_the_turn_is_given_up(house: House) -> None:
    house.model.otherwise = faults.Status(500, headers=(("x-should-retry", "false"),))
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.slack.until(lambda: house.texts(house.channel, ts) == [STILL_TRYING])
    await house.ended()
    assert house.texts(house.channel, ts) == [TOLD[ModelBusy]]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("after", [False, True])
async def test_a_notice_that_failed_or_only_seemed_to_is_there_once_or_not_at_all(house: House, after: bool) -> None:
    go = asyncio.Event()
    house.model.answers = [faults.Held("Here I am.", go)]
    await house.start()
    house.slack.fail("chat.postMessage", status=503, after=after)
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.slack.until(lambda: house.slack.calls("chat.postMessage"))
    await house.quiet()
    go.set()
    assert await house.answer(house.channel, ts) == "Here I am."
    assert house.texts(house.channel, ts) == ["Here I am."]


async def test_links_are_unfurled_only_if_the_operator_wants_that(house: House) -> None:
    house.slack.streaming = False
    await house.start(link_previews=True)
    await house.ask("what is at https://example.org?")
    (post,) = house.slack.calls("chat.postMessage")
    assert (post["unfurl_links"], post["unfurl_media"]) == (True, True)
    house.slack.unexpected.clear()  # which is what the fake thinks of it
