"""Who reads along in Slack: outsiders, guests, workspaces of one organisation, and channels that change."""

import asyncio
from typing import Any

import pytest

from tests.adapters.slack.conftest import House
from tests.adapters.slack.test_workspaces import Many, many
from tests.fakes.learner import learner

__all__ = ["many"]  # a fixture

LAUNCH = "the launch is on Friday"


async def labels(house: House) -> list[str]:
    """Of what people said, in its order."""
    rows = await house.rows("select audience from public.mastra_messages where role = 'user' order by seq")
    return [row["audience"] for row in rows]


def public(house: House) -> str:
    return f"public:slack:{house.slack.team}"


def own(house: House, channel: str) -> str:
    return f"private:slack:{house.slack.team}:{channel}"


def shown(house: House) -> str:
    """All that the last prompt holds."""
    return str(house.model.asked[-1]["messages"])


async def found_again(house: House, word: str = "Friday") -> None:
    """Until a word that was said can be recalled."""
    async with asyncio.timeout(20):
        while not await house.rows("select 1 from hathi.passages where strpos(text, $1) > 0", word):
            await asyncio.sleep(0.02)


# Outsiders


@pytest.mark.parametrize("kind", ["public", "private"])
@pytest.mark.parametrize("asker", ["colleague", "stranger"])
async def test_what_is_public_is_not_known_where_another_organisation_reads(
    house: House, kind: Any, asker: str
) -> None:
    shared = house.slack.channel("connected", kind=kind, shared=True)
    sue = house.slack.person("sue", team="T0STRANGER")
    await house.start()
    await house.ask(f"remember: {LAUNCH}")
    await found_again(house)
    user = house.ana if asker == "colleague" else sue
    await house.ask("when is the launch?", user=user, channel=shared)
    assert "Friday" not in shown(house)
    assert await labels(house) == [public(house), f"{own(house, shared)}:closed"]


async def test_a_colleagues_page_is_not_shown_to_a_stranger_or_a_guest(house: House) -> None:
    house.model.arguments = learner
    shared = house.slack.channel("connected", shared=True)
    gus = house.slack.person("gus", guest="restricted")
    project = house.slack.channel("project", members=[house.ana, gus])
    sue = house.slack.person("sue", team="T0STRANGER")
    await house.start()
    await house.ask("I live in Lisbon")
    await house.slack.until(lambda: house.slack.ephemerals)
    for channel, other in ((shared, sue), (project, gus)):
        root = await house.slack.say(house.ana, channel, f"{house.at} hello")
        await house.answer(channel, root)
        assert "Lisbon" not in shown(house)
        await house.ask("where does Ana live?", user=other, channel=channel, thread_ts=root)
        assert "Lisbon" not in shown(house)
    await house.ask("where do I live?", channel=house.slack.channel("random"))
    assert "Lisbon" in shown(house)


async def test_what_is_said_among_outsiders_is_known_in_ones_own_direct_message_alone(house: House) -> None:
    shared = house.slack.channel("connected", shared=True)
    await house.start()
    await house.ask(f"remember: {LAUNCH}", channel=shared)
    await found_again(house)
    await house.ask("when is the launch?")
    assert "Friday" not in shown(house)
    await house.ask("when is the launch?", channel=house.dm)
    assert "Friday" in shown(house)


async def test_a_stranger_who_writes_directly_is_told_nothing_of_the_workspace(house: House) -> None:
    sue = house.slack.person("sue", team="T0STRANGER")
    there = house.slack.dm(sue)
    await house.start()
    await house.ask(f"remember: {LAUNCH}")
    await found_again(house)
    await house.ask("when is the launch?", user=sue, channel=there)
    assert "Friday" not in shown(house)
    assert (await labels(house))[-1] == f"direct:slack:{house.slack.team}:{there}:closed"


async def test_somebody_of_another_workspace_closes_a_room_that_is_not_said_to_be_shared(house: House) -> None:
    sue = house.slack.person("sue", team="T0STRANGER")
    await house.start()
    await house.ask("hello", user=sue)
    assert await labels(house) == [f"{own(house, house.channel)}:closed"]
    (row,) = await house.rows("select author from public.mastra_messages where role = 'user'")
    assert row["author"] == f"slack:T0STRANGER:{sue}"


@pytest.mark.parametrize("flag", ["is_org_shared", "is_global_shared", "pending_shared", "is_pending_ext_shared"])
async def test_a_channel_of_several_workspaces_is_closed_too(house: House, flag: str) -> None:
    house.slack.channels[house.channel].more[flag] = True
    await house.start()
    await house.ask("hello")
    assert await labels(house) == [f"{own(house, house.channel)}:closed"]


async def test_a_channel_that_is_shared_and_no_longer_shared_is_closed_meanwhile(house: House) -> None:
    await house.start()
    await house.ask("one")
    place = house.slack.channels[house.channel]
    place.shared = True
    await house.slack.event({"type": "channel_shared", "connected_team_id": "T0X", "channel": house.channel})
    await house.ask("two")
    place.shared = False
    await house.slack.event({"type": "channel_unshared", "channel": house.channel})
    await house.ask("three")
    assert await labels(house) == [public(house), f"{own(house, house.channel)}:closed", public(house)]


# Guests


@pytest.mark.parametrize("guest", ["restricted", "ultra_restricted"])
async def test_a_guest_is_told_nothing_of_channels_that_they_may_not_see(house: House, guest: str) -> None:
    gus = house.slack.person("gus", guest=guest)
    there, here = house.slack.dm(gus), house.slack.channel("project")
    await house.start()
    await house.ask(f"remember: {LAUNCH}")
    await found_again(house)
    for channel in (there, here):
        await house.ask("when is the launch?", user=gus, channel=channel)
        assert "Friday" not in shown(house)
    team = house.slack.team
    assert (await labels(house))[1:] == [f"direct:slack:{team}:{there}:closed", f"{own(house, here)}:closed"]


@pytest.mark.parametrize("kind", ["public", "private", "mpim"])
@pytest.mark.parametrize("crowd", [0, 40])
async def test_a_channel_where_a_guest_sits_reads_itself_only_whoever_asks(house: House, kind: Any, crowd: int) -> None:
    gus = house.slack.person("gus", guest="restricted")
    people = [house.slack.person(f"p{number}") for number in range(crowd)]
    here = house.slack.channel("project", kind=kind, members=[house.ana, *people, gus])
    await house.start()
    await house.ask(f"remember: {LAUNCH}")
    await found_again(house)
    await house.ask("when is the launch?", channel=here)
    assert "Friday" not in shown(house)
    assert await labels(house) == [public(house), f"{own(house, here)}:closed"]
    assert len(house.slack.calls("users.list")) == (1 if crowd else 0)


async def test_a_crowd_without_a_guest_is_public_and_asked_about_once(house: House) -> None:
    people = [house.slack.person(f"p{number}") for number in range(40)]
    here = house.slack.channel("everybody", members=people)
    await house.start()
    root = await house.slack.say(house.ana, here, f"{house.at} one")
    await house.answer(here, root)
    asked = len(house.slack.requests)
    await house.ask("two", channel=here, thread_ts=root)
    learned = {"conversations.info", "conversations.members", "users.list", "users.info"}
    assert not [each[0] for each in house.slack.requests[asked:] if each[0] in learned]
    assert await labels(house) == [public(house)] * 2


async def test_a_guest_who_joins_closes_a_channel_and_a_colleague_does_not(house: House) -> None:
    gus, cleo = house.slack.person("gus", guest="restricted"), house.slack.person("cleo")
    await house.start()
    await house.ask("one")
    joins = {"type": "member_joined_channel", "channel": house.channel, "channel_type": "C", "team": house.slack.team}
    await house.slack.event({**joins, "user": cleo})
    await house.ask("two")
    await house.slack.event({**joins, "user": gus})
    await house.ask("three")
    assert await labels(house) == [public(house)] * 2 + [f"{own(house, house.channel)}:closed"]


@pytest.mark.parametrize("method", ["conversations.info", "conversations.members", "users.info"])
async def test_who_reads_along_is_not_believed_before_it_is_known(house: House, method: str) -> None:
    house.slack.channels[house.channel].members += [house.bob]
    house.slack.fail(method, 3, status=503)
    await house.start()
    await house.ask("one")
    assert (await labels(house))[0] == f"{own(house, house.channel)}:closed"


# Organisations


async def test_workspaces_of_one_organisation_do_not_read_each_other(many: Many) -> None:
    slack = many.house.slack
    one, two = (slack.installs(team, enterprise="E0ORG", org=True) for team in ("T0ONE", "T0TWO"))
    await many.start()
    await many.install(one.team)
    zoe = slack.person("zoe", team="T0ONE", teams=["T0ONE", "T0TWO"])
    general, other = slack.channel("general", team="T0ONE"), slack.channel("other", team="T0ONE")
    finance = slack.channel("finance", team="T0TWO")
    await many.ask(zoe, finance, f"remember: {LAUNCH}")
    await found_again(many.house)
    await many.ask(zoe, general, "when is the launch?")
    assert "Friday" not in shown(many.house)
    await many.ask(zoe, general, "remember: cake is on Sunday")
    await found_again(many.house, "Sunday")
    await many.ask(zoe, other, "when is cake?")
    assert "Sunday" in shown(many.house)
    assert await labels(many.house) == ["public:slack:T0TWO"] + ["public:slack:T0ONE"] * 3
    spaces = await many.house.rows("select distinct space from public.mastra_threads order by space")
    assert [row["space"] for row in spaces] == ["slack:T0ONE", "slack:T0TWO"]
    assert {author.split(":")[1] for author in await many.authors()} == {"E0ORG"}
    assert two.team == "T0TWO"


async def test_an_organisation_that_leaves_takes_all_its_workspaces_along(many: Many) -> None:
    slack = many.house.slack
    one, _ = (slack.installs(team, enterprise="E0ORG", org=True) for team in ("T0ONE", "T0TWO"))
    await many.start(slack_forget_on_leave=True)
    await many.install(one.team)
    for team in ("T0ONE", "T0TWO"):
        await many.ask(slack.person("zoe", team=team), slack.channel("general", team=team), "hello")
    await slack.event({"type": "app_uninstalled"}, team=one.team)
    assert await many.house.rows("select id from public.mastra_threads") == []


# Channels that change


@pytest.mark.parametrize("mentions_only", [False, True])
async def test_a_channel_that_becomes_private_is_so_at_once_and_back(house: House, mentions_only: bool) -> None:
    house.slack.mentions_only = mentions_only
    await house.start()
    await house.ask("one")
    place = house.slack.channels[house.channel]
    for kind, to in (("private", "private"), ("public", "public")):
        place.kind = kind
        convert = {"type": "message", "subtype": f"channel_convert_to_{to}", "channel": house.channel, "text": "",
                   "user": house.ana, "ts": "1.1", "channel_type": "channel"}  # fmt: skip
        await house.slack.event(convert)
        await house.ask("more")
    assert await labels(house) == [public(house), own(house, house.channel), public(house)]


async def test_an_edit_narrows_who_may_know_of_a_message_and_never_widens_it(house: House) -> None:
    await house.start()
    ts = await house.slack.say(house.ana, house.channel, f"{house.at} remember: the launch is soon")
    await house.answer(house.channel, ts)
    place = house.slack.channels[house.channel]
    place.kind = "private"
    await house.slack.edit(house.channel, ts, f"{house.at} remember: {LAUNCH}")
    await house.quiet()
    assert await labels(house) == [own(house, house.channel)]
    place.kind = "public"
    await house.slack.edit(house.channel, ts, f"{house.at} remember: {LAUNCH}!")
    await house.quiet()
    assert await labels(house) == [own(house, house.channel)]
    await house.ask("thank you", thread_ts=ts)
    await found_again(house)
    await house.ask("when is the launch?", channel=house.slack.channel("elsewhere"))
    assert "Friday" not in shown(house)
