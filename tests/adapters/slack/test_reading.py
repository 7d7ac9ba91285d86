"""What a message says, as the bot hears it: entities, names, files, and the thread so far."""

import pytest

from adapters.slack.reading import plain
from bot.chat import Thread
from tests.adapters.slack.conftest import House
from tests.stores import forgetting_in

NAMES = {"U1": "Ana", "C1": "general"}


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("hello <@U1>", "hello @Ana"),
        ("hello <@U2|bob>", "hello @bob"),
        ("hello <@U2>", "hello @unknown"),
        ("in <#C1> or <#C2|random>", "in #general or #a private channel"),
        ("<!here> <!channel>", "@here @channel"),
        ("<!subteam^S1|@ops> and <!subteam^S1>", "@ops and @subteam"),
        ("<!date^1392734382^{date}|18 Feb 2014>", "18 Feb 2014"),
        ("<https://example.org/a?b=1&amp;c=2>", "https://example.org/a?b=1&c=2"),
        ("<https://example.org|the example>", "the example (https://example.org)"),
        ("<http://example.org|example.org>", "http://example.org"),
        ("<mailto:a@example.org|a@example.org>", "a@example.org"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt;", "&lt;"),
        ("a < b", "a < b"),
        ("  *bold* _it_ ~no~ `x`  ", "*bold* _it_ ~no~ `x`"),
    ],
)
def test_markup_is_read_as_a_person_sees_it(raw: str, seen: str) -> None:
    assert plain(raw, NAMES) == seen


async def test_mentions_and_speakers_have_names_also_the_first_time(house: House) -> None:
    await house.start()
    await house.ask(f"is <@{house.bob}> in <#{house.channel}> &lt;now&gt;?")
    assert house.asked()[-1] == "is @Bob the Builder in #general <now>?"
    (row,) = await house.rows("select name from public.mastra_messages where author is not null")
    assert row["name"] == "Ana"
    asked = len(house.slack.calls("users.info"))
    await house.ask(f"and now, <@{house.bob}>?")
    assert len(house.slack.calls("users.info")) == asked


async def test_a_private_channel_is_named_in_itself_alone(house: House) -> None:
    secret, shared = house.slack.channel("merger", "private"), house.slack.channel("with-acme", shared=True)
    unknown = "C0NOTOURS"
    await house.start()
    for there in (house.channel, house.dm):
        await house.ask(f"<#{secret}>, <#{secret}|merger>, <#{unknown}|layoffs> or <#{house.channel}>?", channel=there)
        assert house.asked()[-1].endswith("#a private channel, #a private channel, #a private channel or #general?")
    await house.ask(f"<#{secret}> or <#{house.channel}>?", channel=secret)
    assert house.asked()[-1] == "#merger or #general?"
    await house.ask(f"<#{secret}>, <#{house.channel}> or <#{shared}>?", channel=shared)
    assert house.asked()[-1] == "#a private channel, #a private channel or #with-acme?"
    forwarded = [{"is_share": True, "text": f"the <#{secret}|merger> is on", "author_name": "bob"}]
    await house.ask("see this", channel=house.dm, attachments=forwarded)
    assert house.asked()[-1] == "see this\n[forwarded: the #a private channel is on]"
    rows = await house.rows("select content, thread_id from public.mastra_messages")
    assert {row["thread_id"].split(":")[2] for row in rows if "merger" in row["content"]} == {secret}


async def test_without_names_there_are_ids(house: House) -> None:
    house.slack.scopes.discard("users:read")
    await house.start()
    assert await house.ask("hello") == "You said: hello"


async def test_a_text_file_is_read_and_others_are_named(house: House) -> None:
    await house.start()
    text = house.slack.file("notes.txt", b"buy milk", "text/plain")
    page = house.slack.file("page.csv", b"x", "text/csv", html=True)  # Slack shows its login page in place of it
    data = house.slack.file("data.zip", b"PK" * 50, "application/zip")
    large = house.slack.file("large.log", b"x" * 300_000, "text/plain")
    await house.ask("what do these say?", files=[text, page, data, large], subtype="file_share")
    assert house.asked()[-1].splitlines() == [
        "what do these say?",
        "[file: notes.txt]",
        "buy milk",
        "[file: page.csv, which could not be read]",
        "[file: data.zip, 100 bytes, which you cannot read]",
        "[file: large.log, 300,000 bytes, which you cannot read]",
    ]
    assert "[file: notes.txt]\nbuy milk" in (await house.rows("select content from public.mastra_messages"))[0][
        "content"
    ].replace("\\n", "\n")


async def test_a_file_of_which_slack_shows_only_a_stub_is_asked_for(house: House) -> None:
    await house.start()
    stub = house.slack.file("notes.txt", b"buy milk", "text/plain", stub=True)
    await house.ask("what does it say?", files=[stub], subtype="file_share")
    assert "buy milk" in house.asked()[-1]


async def test_the_token_goes_to_slack_alone(house: House) -> None:
    await house.start()
    stolen = {
        "id": "F666", "name": "x.txt", "mimetype": "text/plain", "size": 3, "mode": "hosted",
        "url_private": house.model.base_url.replace("/v1", "/files-pri/T1-F1/x.txt"),
    }  # fmt: skip
    await house.ask("read this", files=[stolen], subtype="file_share")
    assert house.asked()[-1] == "read this\n[file: x.txt, which could not be read]"


async def test_pictures_reach_models_that_see(house: House) -> None:
    await house.start()
    picture = house.slack.file("cat.png", b"\x89PNG...", "image/png")
    await house.ask("what is this?", files=[picture], subtype="file_share")
    content = house.model.asked[-1]["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,")


async def test_voice_and_forwarded_messages_are_named(house: House) -> None:
    await house.start()
    voice = {**house.slack.file("memo.m4a", b"x", "audio/mp4"), "subtype": "slack_audio"}
    await house.ask("", channel=house.dm, files=[voice], subtype="file_share")
    assert house.asked()[-1] == "[voice message, which you cannot hear]"
    forwarded = [
        {"is_share": True, "text": f"the <#{house.slack.channel('plan')}|plan> is &lt;late&gt;", "author_name": "bob"}
    ]
    await house.ask("see this", channel=house.dm, attachments=forwarded)
    assert house.asked()[-1] == "see this\n[forwarded: the #plan is <late>]"
    await house.ask("see <https://example.org>", channel=house.dm, attachments=[{"text": "a preview", "from_url": "x"}])
    assert house.asked()[-1] == "see https://example.org"


async def test_a_bare_mention_is_a_call(house: House) -> None:
    await house.start()
    await house.ask(house.at)
    assert house.asked()[-1] == "(says nothing, but calls you)"


async def test_brought_into_a_thread_it_reads_what_was_said_before_once(house: House) -> None:
    await house.start()
    robot = house.slack.person("alerts", bot=True)
    root = await house.slack.say(robot, house.channel, "Disk is full on db-1")
    await house.slack.say(house.bob, house.channel, "I look at it", thread_ts=root)
    await house.ask(f"{house.at} what should we do?", thread_ts=root)
    assert [line.split(": ", 1)[1] for line in house.asked()] == [
        "Disk is full on db-1", "I look at it", "what should we do?",
    ]  # fmt: skip
    assert house.asked()[1].startswith("Bob the Builder: ")
    rows = await house.rows("select author, addressed, audience from public.mastra_messages order by seq")
    assert [row["addressed"] for row in rows] == [False, False, True, False]
    assert {row["audience"] for row in rows} == {f"public:slack:{house.slack.team}"}
    await house.ask("and then?", thread_ts=root)
    assert len(house.slack.calls("conversations.replies")) == 1


async def test_a_thread_that_cannot_be_read_is_no_reason_to_be_silent(house: House) -> None:
    await house.start()
    house.slack.scopes.discard("channels:history")
    root = await house.slack.say(house.bob, house.channel, "secret plans")
    assert await house.ask(f"{house.at} hello", thread_ts=root) == "You said: hello"


async def test_of_a_long_thread_the_beginning_and_the_last_messages_are_read(house: House) -> None:
    await house.start(last_messages=100)
    root = await house.slack.say(house.bob, house.channel, "the beginning")
    for number in range(250):
        await house.slack.say(house.bob, house.channel, f"reply {number}", thread_ts=root, announce=False)
    await house.ask(f"{house.at} well?", thread_ts=root)
    heard = [line.split(": ", 1)[1] for line in house.asked()]
    assert heard == ["the beginning", *(f"reply {number}" for number in range(220, 250)), "well?"]


async def test_after_a_reset_only_what_came_since_is_read_again(house: House) -> None:
    await house.start()
    root = await house.slack.say(house.bob, house.channel, "before")
    await house.ask(f"{house.at} hello", thread_ts=root)
    thread = Thread("slack", f"{house.slack.team}:{house.channel}:{root}")
    await forgetting_in(house.transcript.database).reset(thread)
    await house.stop()
    await house.slack.say(house.bob, house.channel, "since", thread_ts=root, announce=False)
    await house.start(catch_up_hours=0)
    await house.ask(f"{house.at} what was said?", thread_ts=root)
    assert "before" not in " ".join(house.asked())
