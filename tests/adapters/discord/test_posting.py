"""How answers get to people: streamed, in pieces, exact at the end, and whatever Discord answers meanwhile."""

import asyncio

import pytest

from adapters.markup.discord import pieces
from bot.agent import TOLD
from bot.commands import ASK
from bot.errors import ModelBusy
from bot.waiting import STILL_TRYING
from tests.adapters.discord.conftest import AT, House
from tests.fakes import model as faults

LONG = "".join(f"Line {number} of a long answer about elephants.\n" for number in range(120)).strip()


def gaps(house: House) -> list[float]:
    times = [at for post in house.discord.posts(house.channel) for at, _ in post.texts[1:]]
    return [later - earlier for earlier, later in zip(sorted(times), sorted(times)[1:], strict=False)]


async def test_an_answer_grows_by_edits_a_second_apart_and_is_exact_at_the_end(house: House) -> None:
    await house.start()
    text = " ".join(f"word{number}" for number in range(30))
    house.model.answers = [faults.Slow(text, first=0.1, each=0.1)]
    await house.ask(f"{AT} slowly please")
    await house.discord.until(lambda: house.discord.texts(house.channel) == [text])
    (post,) = house.discord.posts(house.channel)
    assert len(post.texts) >= 3
    assert all(text.startswith(shown) for _, shown in post.texts)
    assert min(gaps(house)) >= 0.98
    assert house.discord.limited == {}


async def test_it_types_until_something_is_there_to_be_read(house: House) -> None:
    await house.start()
    house.model.answers = [faults.Slow("at last", first=0.5)]
    await house.ask(f"{AT} hello")
    paths = [path for _, _, path, _, _ in house.discord.requests]
    typing, posting = (f"/channels/{house.channel}/{what}" for what in ("typing", "messages"))
    assert paths.index(typing) < paths.index(posting)
    assert paths.count(typing) == 1


async def test_a_long_answer_comes_in_pieces_of_which_only_the_first_is_a_reply(house: House) -> None:
    await house.start()
    house.model.answers = [LONG]
    await house.ask(f"{AT} everything")
    await house.discord.until(lambda: house.discord.texts(house.channel) == pieces(LONG))
    posts = house.discord.posts(house.channel)
    assert len(posts) == 3
    assert ["message_reference" in post.payload for post in posts] == [True, False, False]


async def test_what_a_model_says_pings_nobody(house: House) -> None:
    await house.start()
    house.model.answers = [f"@everyone @here <@{house.ana}> <@&{house.guild}> wake up"]
    await house.ask(f"{AT} ping")
    for _, method, path, body, _ in house.discord.requests:
        if method in {"POST", "PATCH"} and "/messages" in path:
            assert body is not None
            assert body["allowed_mentions"] == {"parse": []}


async def test_an_answer_that_a_second_model_makes_shorter_leaves_nothing_of_the_first(house: House) -> None:
    await house.start(fallback_models="openai/second")
    house.model.answers = [faults.Break(after=400, text=LONG + " end"), "Short."]
    await house.ask(f"{AT} everything")
    await house.discord.until(lambda: house.discord.texts(house.channel) == ["Short."])
    await house.quiet()
    rows = await house.transcript.database.fetch("select role from public.mastra_messages order by seq")
    assert [row["role"] for row in rows] == ["user", "assistant"]  # taking a post back forgets nothing


@pytest.mark.parametrize(
    ("status", "after"), [(502, False), (502, True), (503, False), (503, True), (0, False), (0, True)]
)
async def test_a_post_that_failed_or_only_seemed_to_is_there_once(house: House, status: int, after: bool) -> None:
    await house.start()
    house.discord.fail(r"POST /channels/\d+/messages", status=status, after=after)
    await house.ask(f"{AT} hello")
    await house.quiet()
    assert house.discord.texts(house.channel) == ["You said: hello"]


@pytest.mark.parametrize("headers", [{"Via": "1.1 google"}, {}])
async def test_being_told_to_slow_down_costs_a_delay(
    house: House, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.discord.posting.BANNED_SECONDS", 0.3)
    await house.start()
    body = {"message": "You are being rate limited.", "retry_after": 0.3, "global": bool(headers)}
    house.discord.fail(r"POST /channels/\d+/messages", status=429, headers=headers, body=body)
    assert await house.ask(f"{AT} hello") == "You said: hello"
    assert house.discord.texts(house.channel) == ["You said: hello"]


async def test_a_post_deleted_while_it_grows_stays_deleted(house: House) -> None:
    await house.start()
    house.model.answers = [faults.Slow("one two three four five six seven eight", first=0.05, each=0.3)]
    await house.discord.say(house.ana, house.channel, f"{AT} count")
    await house.discord.until(lambda: house.discord.posts(house.channel))
    await house.discord.delete(house.channel, house.discord.posts(house.channel)[0].id)
    assert await house.ask(f"{AT} next") == "You said: next"
    assert house.discord.texts(house.channel) == ["You said: next"]


async def test_a_post_too_old_to_be_edited_is_made_anew(house: House) -> None:
    await house.start()
    house.model.answers = [faults.Slow("one two three", first=0.05, each=0.3)]
    body = {"message": "Maximum number of edits to messages older than 1 hour reached.", "code": 30046}
    house.discord.fail(r"PATCH /channels/\d+/messages", status=400, body=body)
    await house.ask(f"{AT} count")
    await house.discord.until(lambda: house.discord.texts(house.channel) == ["one two three"])


async def test_where_it_may_not_post_the_turn_ends_and_the_next_one_runs(house: House) -> None:
    await house.start()
    house.discord.forbidden.add(house.channel)
    message = await house.discord.say(house.ana, house.channel, f"{AT} hello")
    while not await house.transcript.answer_to(f"discord:{message}"):
        await asyncio.sleep(0.01)
    await house.quiet()
    house.discord.forbidden.clear()
    assert await house.ask(f"{AT} again") == "You said: again"
    assert house.discord.texts(house.channel) == ["You said: again"]


async def test_a_question_deleted_before_its_answer_is_shown_costs_nothing_but_the_reply(house: House) -> None:
    await house.start()
    house.model.answers = [faults.Slow("to both", first=0.4)]
    first = await house.discord.say(house.ana, house.channel, f"{AT} keep me")
    await house.discord.until(lambda: house.model.asked)
    house.discord.messages[house.channel].pop(first)  # gone, and nobody was told
    assert await house.answer(house.channel, first) == "to both"


async def test_a_question_deleted_while_the_answer_grows_takes_the_answer_with_it(house: House) -> None:
    await house.start()
    house.model.answers = [faults.Slow("one two three four five", first=0.05, each=0.3)]
    message = await house.discord.say(house.ana, house.channel, f"{AT} count")
    await house.discord.until(lambda: house.discord.posts(house.channel))
    await house.discord.delete(house.channel, message)
    await house.discord.until(lambda: not house.discord.posts(house.channel))
    assert await house.transcript.database.fetch("select from public.mastra_messages") == []


async def test_the_model_is_down_and_the_person_hears_of_it(house: House) -> None:
    await house.start()
    house.model.answers = [faults.Status(401)]
    await house.discord.say(house.ana, house.channel, f"{AT} hello")
    await house.discord.until(lambda: house.discord.posts(house.channel))
    assert house.discord.texts(house.channel)[0].startswith("My language model does not let me in.")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is told after half a second that the model does not answer."""
    monkeypatch.setattr("bot.waiting.NOTICE_SECONDS", 0.5)
    monkeypatch.setattr("bot.waiting.AGAIN_SECONDS", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_a_model_that_does_not_answer_is_told_of_in_the_message_that_becomes_the_answer(house: House) -> None:
    await house.start()
    go = asyncio.Event()
    house.model.answers = [faults.Held(LONG, go)]
    await house.discord.say(house.ana, house.channel, f"{AT} hello")
    await house.discord.until(lambda: house.discord.texts(house.channel) == [STILL_TRYING])
    go.set()
    await house.discord.until(lambda: house.discord.texts(house.channel) == pieces(LONG))
    first, *_ = house.discord.posts(house.channel)
    assert [text for _, text in first.texts].count(STILL_TRYING) == 1
    rows = await house.transcript.database.fetch("select role from public.mastra_messages order by seq")
    assert [row["role"] for row in rows] == ["user", "assistant"]


@pytest.mark.usefixtures("impatient")
async def test_another_process_goes_on_where_the_notice_stands(house: House) -> None:
    await house.start()
    house.model.answers = [faults.Silence()]
    await house.discord.say(house.ana, house.channel, f"{AT} hello")
    await house.discord.until(lambda: house.discord.texts(house.channel) == [STILL_TRYING])
    await house.stop()
    await house.start()
    await house.discord.until(lambda: house.discord.texts(house.channel) == ["You said: hello"])
    assert len(house.discord.posts(house.channel)) == 1


@pytest.mark.usefixtures("impatient")
async def test_a_notice_is_no_more_when_the_turn_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (0.6, 0.1))
    await house.start()
    house.model.otherwise = faults.Status(500, headers=(("x-should-retry", "false"),))
    await house.discord.say(house.ana, house.channel, f"{AT} hello")
    await house.discord.until(lambda: house.discord.texts(house.channel) == [STILL_TRYING])
    await house.discord.until(lambda: house.discord.texts(house.channel) == [TOLD[ModelBusy]])


@pytest.mark.usefixtures("impatient")
async def test_a_notice_goes_with_its_question(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (2.0,))
    await house.start()
    house.model.otherwise = faults.Status(500, headers=(("x-should-retry", "false"),))
    message = await house.discord.say(house.ana, house.channel, f"{AT} hello")
    await house.discord.until(lambda: house.discord.texts(house.channel) == [STILL_TRYING])
    await house.discord.delete(house.channel, message)
    await house.discord.until(lambda: not house.discord.texts(house.channel))


@pytest.mark.usefixtures("impatient")
async def test_who_asked_alone_is_told_where_the_answer_is_theirs_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs.delays.DELAYS", (1.0,))
    await house.start()
    message = await house.discord.say(house.bob, house.channel, "Carthage must be destroyed.")
    house.model.answers = [faults.Status(500, headers=(("x-should-retry", "false"),)), "Cato said so."]
    asked = await house.discord.menu(house.ana, house.channel, ASK, message)
    await house.discord.until(lambda: asked.texts[-1:] == ["Cato said so."])
    assert asked.texts == [STILL_TRYING, "Cato said so."]
    assert house.discord.texts(house.discord.direct(house.ana)) == []
    assert house.discord.posts(house.channel) == []


@pytest.mark.parametrize("previews", [False, True])
async def test_a_link_gets_a_preview_only_if_the_operator_wants_that(house: House, previews: bool) -> None:
    await house.start(link_previews=previews)
    house.model.answers = ["See https://evil.example/?q=words " * 100] * 2
    message = await house.discord.say(house.bob, house.channel, "look at this")
    await house.ask(f"{AT} what is there?")
    await house.discord.until(lambda: len(house.discord.posts(house.channel)) == 2)
    posts = house.discord.posts(house.channel)
    assert {bool(post.payload.get("flags", 0) & 4) for post in posts} == {not previews}
    asked = await house.discord.menu(house.ana, house.channel, ASK, message)
    await house.discord.until(lambda: asked.follow_ups)
    assert {bool(flags & 4) for flags in (asked.flags, asked.follow_ups[0]["flags"])} == {not previews}
