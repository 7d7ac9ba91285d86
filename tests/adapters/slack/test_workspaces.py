"""Many workspaces: how they install the bot, what it keeps of them, and who is who across them."""

import asyncio
import base64
import hashlib
import html
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp
import pytest

from adapters.slack import adapter
from bot import wiring
from bot.errors import SettingsError
from bot.settings import Settings
from tests.adapters.slack.conftest import House, free_port
from tests.fakes.learner import learner

COOKIE = "slack-app-oauth-state"
KEY, OTHER_KEY = (base64.b64encode(hashlib.sha256(word).digest()).decode() for word in (b"one", b"other"))
both_ways = pytest.mark.parametrize("way", ["socket", "http"])
HALF_A_DAY = 43_200


@dataclass
class Many:
    """A bot that workspaces install by themselves."""

    house: House
    address: str = ""
    settings: dict[str, Any] = field(default_factory=dict)

    async def start(self, way: str = "socket", **settings: Any) -> None:
        port = free_port()
        given = self.settings | {"port": port} | ({"slack_app_token": ""} if way == "http" else {}) | settings
        self.address = f"http://127.0.0.1:{port}"
        if way == "socket":
            await self.house.start(**given)
            return
        self.house.slack.endpoint = f"{self.address}/slack/events"
        merged = Settings(**{**self.house.settings, **given}, _env_file=None)
        task = asyncio.create_task(wiring.serve(merged, ["slack"]))
        self.house.running.append(task)
        async with asyncio.timeout(20), aiohttp.ClientSession() as client:
            while not task.done():
                try:
                    async with client.post(self.house.slack.endpoint) as answer:
                        if answer.status == 401:
                            break
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.02)

    async def install(self, team: str = "", seconds: int | None = None) -> tuple[int, str]:
        """Somebody installs the bot in their workspace; the last page's status and words."""
        browser = Browser(self)
        self.house.slack.token_seconds = seconds
        self.house.slack.installing = team
        try:
            return await browser.open(await browser.consent(await browser.begin()))
        finally:
            self.house.slack.token_seconds = HALF_A_DAY if seconds else None

    async def ask(self, user: str, channel: str, text: str, **more: Any) -> str:
        """Say something that is for the bot; what it answers."""
        slack = self.house.slack
        at = f"<@{slack.workspaces[slack.channels[channel].team].bot_user}> "
        ts = await slack.say(user, channel, ("" if channel.startswith("D") else at) + text, **more)
        await slack.until(lambda: f"You said: {text}" in slack.texts(channel, ts))
        return slack.texts(channel, ts)[-1]

    def tokens(self, channel: str) -> set[str]:
        """Those that the bot posted with."""
        return {
            token
            for method, args, token, _ in self.house.slack.requests
            if args.get("channel") == channel and method.startswith("chat.")
        }

    @property
    def refreshes(self) -> list[Any]:
        return [args for args in self.house.slack.calls("oauth.v2.access") if args.get("grant_type") == "refresh_token"]

    async def kept(self) -> list[str]:
        """Under which names secrets are kept."""
        return [row["name"] for row in await self.house.rows("select name from hathi.secrets order by name")]

    async def threads(self) -> list[str]:
        return [row["id"] for row in await self.house.rows("select id from public.mastra_threads order by id")]

    async def authors(self) -> list[str]:
        rows = await self.house.rows("select author from public.mastra_messages where role = 'user' order by seq")
        return [row["author"] for row in rows]


@dataclass
class Browser:
    """It keeps the cookie, and plays Slack's part of leading back to where the app is told to be."""

    many: Many
    cookie: str = ""

    async def begin(self) -> str:
        """Open the page where one installs; where its button leads to."""
        _, page = await self.open(f"{self.many.address}/slack/install")
        found = re.search(r'href="(https://slack\.com/oauth/v2/authorize\?[^"]+)"', page)
        assert found, page
        return html.unescape(found[1])

    async def consent(self, link: str) -> str:
        """Say yes on Slack's page; where that leads back to."""
        back = quote(f"{self.many.address}/slack/oauth_redirect", safe="")
        there = f"{self.many.house.slack.authorize_url}?{urlsplit(link).query}&redirect_uri={back}"
        async with aiohttp.ClientSession() as client, client.get(there, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            return answer.headers["Location"]

    async def open(self, address: str) -> tuple[int, str]:
        headers = {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
            client.get(address, headers=headers) as answer,
        ):
            if COOKIE in answer.cookies:
                self.cookie = answer.cookies[COOKIE].value
            return answer.status, await answer.text()


@pytest.fixture
def many(house: House) -> Many:
    slack = house.slack
    return Many(
        house,
        settings={
            "slack_bot_token": "", "slack_client_id": slack.client_id, "slack_client_secret": slack.client_secret,
            "encryption_key": KEY,
        },
    )  # fmt: skip


async def everything(house: House) -> str:
    """All rows of all tables."""
    tables: Sequence[Any] = await house.rows(
        "select format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    found: list[str] = []
    for table in tables:
        rows = await house.rows(f"select t::text as words from {table['name']} t")
        found += [str(row["words"]) for row in rows]
    return "\n".join(found)


# Installing


@both_ways
async def test_a_workspace_installs_the_bot_and_is_answered_with_its_own_token(many: Many, way: str) -> None:
    house = many.house
    await many.start(way)
    status, page = await many.install()
    assert (status, "Thank you" in page) == (200, True)
    assert await many.kept() == [f"slack:{house.slack.team}"]
    token = house.slack.workspaces[house.slack.team].token
    assert token != house.slack.bot_token
    assert await many.ask(house.ana, house.channel, "hello") == "You said: hello"
    assert many.tokens(house.channel) == {token}


async def test_a_state_is_good_once_and_only_in_the_browser_that_got_it(many: Many) -> None:
    await many.start()
    browser = Browser(many)
    back = await browser.consent(await browser.begin())
    for cookie in ("", "somebody-elses"):
        status, _ = await Browser(many, cookie).open(back)
        assert status == 400
    assert await many.house.rows("select 1 from hathi.secrets where name like 'slack:%'") == []
    cookie = browser.cookie
    assert (await browser.open(back))[0] == 200
    assert browser.cookie != cookie
    await Browser(many).consent(await Browser(many).begin())  # the code is good once more
    assert (await Browser(many, cookie).open(back))[0] == 401
    forged = back.replace(parse_qs(urlsplit(back).query)["state"][0], "forged")
    assert (await Browser(many, "forged").open(forged))[0] == 401
    assert (await Browser(many).open(f"{many.address}/slack/oauth_redirect"))[0] == 400


async def test_one_who_says_no_or_comes_with_a_used_code_installs_nothing(many: Many) -> None:
    await many.start()
    many.house.slack.refuses_install = True
    await many.install()
    many.house.slack.refuses_install = False
    browser = Browser(many)
    back = await browser.consent(await browser.begin())
    many.house.slack.codes.clear()
    assert (await browser.open(back))[0] == 401
    assert [name for name in await many.kept() if name.startswith("slack:")] == []


async def test_no_table_holds_a_token_that_can_be_read(many: Many) -> None:
    house = many.house
    await many.start()
    await many.install(seconds=HALF_A_DAY)
    await many.ask(house.ana, house.channel, "hello")
    mine = house.slack.workspaces[house.slack.team]
    words = await everything(house)
    assert "hello" in words
    assert f"slack:{house.slack.team}" in words
    for secret in (mine.token, mine.refresh_token, "xoxb-", "xoxe", house.slack.client_secret, KEY):
        assert secret not in words


async def test_without_a_redirect_nothing_is_installed_where_one_token_is_given(house: House) -> None:
    port = free_port()
    await house.start(port=port)
    async with aiohttp.ClientSession() as client:
        for path in ("/slack/install", "/slack/oauth_redirect", "/slack/events"):
            async with client.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert answer.status == 404


async def test_who_begins_one_installation_after_the_other_fills_no_table(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "INSTALLATIONS", 3)
    await many.start()
    opened = [(await Browser(many).open(f"{many.address}/slack/install"))[0] for _ in range(5)]
    assert opened == [200, 200, 200, 429, 429]
    assert len([name for name in await many.kept() if name.startswith("state:")]) == 3


# Who is where


@both_ways
async def test_two_workspaces_are_each_answered_with_their_own_token(many: Many, way: str) -> None:
    house, slack = many.house, many.house.slack
    other = slack.installs()
    zoe, there = slack.person("zoe", team=other.team), slack.channel("general", team=other.team)
    await many.start(way)
    await many.install()
    await many.install(other.team)
    answers = await asyncio.gather(
        many.ask(house.ana, house.channel, "here"),
        many.ask(zoe, there, "there"),
        many.ask(zoe, slack.dm(zoe), "direct"),
    )
    assert list(answers) == ["You said: here", "You said: there", "You said: direct"]
    assert many.tokens(house.channel) == {slack.workspaces[slack.team].token}
    assert many.tokens(there) == many.tokens(slack.dm(zoe)) == {other.token}
    assert set(await many.authors()) == {f"slack:{slack.team}:{house.ana}", f"slack:{other.team}:{zoe}"}


async def test_one_message_that_two_workspaces_see_is_two_conversations(many: Many) -> None:
    house, slack = many.house, many.house.slack
    other = slack.installs()
    shared = slack.channel("connected", shared=True)
    await many.start()
    await many.install()
    await many.install(other.team)
    text = f"{house.at} <@{other.bot_user}> hello"
    ts = await slack.say(house.ana, shared, text)
    event = {"type": "message", "channel": shared, "user": house.ana, "text": text, "ts": ts, "team": slack.team,
             "user_team": slack.team, "source_team": slack.team, "channel_type": "channel"}  # fmt: skip
    await slack.event(event, team=other.team)
    await slack.until(lambda: len([each for each in slack.texts(shared, ts) if each.startswith("You said")]) == 2)
    await house.quiet()
    assert await many.threads() == sorted(f"slack:{team}:{shared}:{ts}" for team in (slack.team, other.team))
    assert {each["user"] for each in slack.posts(shared, ts)} == {house.slack.bot_user, other.bot_user}
    assert len(house.model.asked) == 2
    assert await many.authors() == [f"slack:{slack.team}:{house.ana}"] * 2


@both_ways
async def test_an_organisation_installs_it_for_all_its_workspaces(many: Many, way: str) -> None:
    slack = many.house.slack
    first = slack.installs("T0FIRST", enterprise="E0ORG", org=True)
    slack.installs("T0SECOND", enterprise="E0ORG", org=True)
    await many.start(way)
    assert (await many.install(first.team))[0] == 200
    assert await many.kept() == ["slack:E0ORG"]
    for team in ("T0FIRST", "T0SECOND"):
        zoe, there = slack.person("zoe", team=team), slack.channel("general", team=team)
        assert await many.ask(zoe, there, "hello") == "You said: hello"
        assert many.tokens(there) == {first.token}
        assert [each["streaming_state"] for each in slack.posts(there)] == ["completed"]
    rows = await many.house.rows("select author from public.mastra_messages where role = 'user'")
    assert {row["author"].split(":")[1] for row in rows} == {"E0ORG"}
    there = slack.channel("general", team=first.team)
    ts = await slack.say(zoe, there, f"<@{first.bot_user}> who am I?", announce=False)
    event = {"type": "app_mention", "channel": there, "user": zoe, "text": f"<@{first.bot_user}> hello", "ts": ts}
    await slack.event(event, team=first.team, team_id=None)
    await slack.until(lambda: slack.texts(there, ts))
    assert not slack.given_up
    await slack.event({"type": "app_uninstalled"}, team=first.team)
    assert await many.kept() == []


async def test_a_person_of_two_workspaces_of_one_organisation_is_one(many: Many) -> None:
    slack = many.house.slack
    one, two = (slack.installs(team, enterprise="E0ORG") for team in ("T0ONE", "T0TWO"))
    await many.start()
    await many.install(one.team)
    await many.install(two.team)
    zoe = slack.person("zoe", team=one.team)
    channels = [slack.channel("general", team=each.team) for each in (one, two)]
    for place, install in zip(channels, (one, two), strict=True):
        await many.ask(zoe, place, "hello", team=install.team, user_team=install.team, source_team=install.team)
        assert many.tokens(place) == {install.token}
        assert [each["streaming_state"] for each in slack.posts(place)] == ["completed"]
    assert await many.authors() == [f"slack:E0ORG:{zoe}"] * 2


async def test_so_is_one_where_the_whole_organisation_has_it(many: Many) -> None:
    slack = many.house.slack
    one, two = (slack.installs(team, enterprise="E0ORG", org=True) for team in ("T0ONE", "T0TWO"))
    await many.start()
    await many.install(one.team)
    zoe = slack.person("zoe", team=one.team)
    for install in (one, two):
        place = slack.channel("general", team=install.team)
        await many.ask(zoe, place, "hello", team=install.team, user_team=install.team, source_team=install.team)
    asked = await slack.slash(zoe, place, "/memory")
    await slack.until(lambda: asked.texts)
    assert "I keep 4 messages" in asked.texts[0]
    assert await many.authors() == [f"slack:E0ORG:{zoe}"] * 2


async def test_where_the_whole_organisation_has_it_a_page_is_held_in_the_hand_too(many: Many) -> None:
    slack, many.house.model.arguments = many.house.slack, learner
    one, two = (slack.installs(team, enterprise="E0ORG", org=True) for team in ("T0ONE", "T0TWO"))
    await many.start()
    await many.install(one.team)
    zoe, place = slack.person("zoe", team=two.team), slack.channel("general", team=two.team)
    await many.ask(zoe, place, "I live in Lisbon", team=two.team, user_team=two.team, source_team=two.team)
    await slack.until(lambda: slack.ephemerals)
    (note,) = slack.ephemerals
    assert (note["user"], note["channel"], note["text"]) == (zoe, place, "Noted: Location: Lisbon")
    asked = await slack.slash(zoe, place, "/memory")
    await slack.until(lambda: asked.answers)
    (menu,) = [block["accessory"] for block in asked.answers[0]["blocks"] if "accessory" in block]
    assert "<https://t0two.slack.com/archives/" in str(asked.answers[0]["blocks"])
    picked = await slack.press(zoe, place, None, menu["action_id"], menu["options"][0]["value"], overflow=True)
    await slack.until(lambda: slack.calls("views.update"))
    await slack.submit(zoe, "Porto")
    await slack.until(lambda: picked.answers)
    assert "Location: Porto" in str(picked.answers[0]["blocks"])
    await slack.home(zoe)
    await slack.until(lambda: "Location: Porto" in str(slack.homes.get(zoe)))
    undo = await slack.press(zoe, place, None, "hathi:undo", note["blocks"][1]["elements"][0]["value"])
    await slack.until(lambda: undo.texts)
    assert undo.texts == ["Done: it is not on your page."]


async def test_what_a_stranger_of_a_connected_workspace_says_is_noted_for_them_alone(house: House) -> None:
    house.model.arguments = learner
    stranger = house.slack.person("sue", team="T0STRANGER")
    shared = house.slack.channel("connected", shared=True)
    await house.start()
    await house.ask("I live in Lisbon", user=stranger, channel=shared)
    await house.slack.until(lambda: house.slack.ephemerals)
    (note,) = house.slack.ephemerals
    assert (note["user"], note["channel"]) == (stranger, shared)
    undo = await house.slack.press(stranger, shared, None, "hathi:undo", note["blocks"][1]["elements"][0]["value"])
    await house.slack.until(lambda: undo.texts)
    assert undo.texts == ["Done: it is not on your page."]


async def test_a_stranger_of_a_connected_workspace_is_known_by_their_own_and_the_room_is_private(house: House) -> None:
    stranger = house.slack.person("sue", team="T0STRANGER")
    shared = house.slack.channel("connected", shared=True)
    await house.start()
    await house.ask("hello", user=stranger, channel=shared)
    await house.ask("hello", channel=shared)
    await house.ask("hello")
    rows = await house.rows("select author, audience from public.mastra_messages where role = 'user' order by seq")
    team = house.slack.team
    assert [row["author"] for row in rows] == [
        f"slack:T0STRANGER:{stranger}", f"slack:{team}:{house.ana}", f"slack:{team}:{house.ana}",
    ]  # fmt: skip
    private, also, public = (row["audience"] for row in rows)
    assert private == also != public
    assert shared in private
    assert shared not in public


async def test_the_stranger_is_private_too_where_only_the_mention_is_heard(house: House) -> None:
    stranger = house.slack.person("sue", team="T0STRANGER")
    shared = house.slack.channel("connected", shared=True)
    house.slack.mentions_only = True
    await house.start()
    await house.ask("hello", user=stranger, channel=shared)
    ((author, audience),) = await house.rows("select author, audience from public.mastra_messages where role = 'user'")
    assert (author, shared in audience) == (f"slack:T0STRANGER:{stranger}", True)


# Leaving


@both_ways
@pytest.mark.parametrize(
    ("event", "stays"),
    [
        ({"type": "app_uninstalled"}, False),
        ({"type": "tokens_revoked", "tokens": {"bot": ["U0"]}}, False),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U0"]}}, True),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U0"], "bot": []}}, True),
    ],
)
async def test_what_is_revoked_is_deleted(many: Many, way: str, event: dict[str, Any], stays: bool) -> None:
    house = many.house
    await many.start(way)
    await many.install()
    await many.ask(house.ana, house.channel, "hello")
    await house.slack.event(event)
    assert await many.kept() == ([f"slack:{house.slack.team}"] if stays else [])
    assert len(await many.threads()) == 1  # what was said stays unless it is told otherwise
    assert not house.slack.given_up


async def test_who_leaves_may_have_forgotten_what_was_said_there_and_only_there(many: Many) -> None:
    house, slack = many.house, many.house.slack
    other = slack.installs()
    zoe, there = slack.person("zoe", team=other.team), slack.channel("general", team=other.team)
    await many.start(slack_forget_on_leave=True)
    await many.install()
    await many.install(other.team)
    await many.ask(house.ana, house.channel, "stays")
    await many.ask(zoe, there, "goes")
    await many.ask(zoe, slack.dm(zoe), "goes too")
    await house.quiet()
    await slack.event({"type": "app_uninstalled"}, team=other.team)
    words = await everything(house)
    assert "stays" in words
    (thread,) = [thread for thread in await many.threads() if there in thread or house.channel in thread]
    assert thread.startswith(f"slack:{slack.team}:")
    assert await many.kept() == [f"slack:{slack.team}"]
    assert "goes" not in words
    assert await many.ask(house.ana, house.channel, "still here") == "You said: still here"


async def test_a_workspace_that_installs_it_again_is_answered_by_all_processes(
    many: Many, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.slack.workspaces.KNOWN_SECONDS", 0.0)
    house, slack = many.house, many.house.slack
    addresses = []
    for _ in range(2):
        await many.start()
        addresses.append(many.address)
    await many.install()
    for number in range(4):  # both have heard of it
        await many.ask(house.ana, house.channel, f"before {number}")
    for many.address in addresses:
        del slack._tokens[slack.workspaces[slack.team].token]
        await slack.event({"type": "app_uninstalled"})
        assert await many.kept() == []
        await many.install()
        for number in range(4):
            text = f"after {number} {many.address}"
            assert await many.ask(house.ana, house.channel, text) == f"You said: {text}"


# Tokens that expire


@pytest.mark.parametrize("bots", [1, 2])
async def test_an_expired_token_is_renewed_once_however_many_need_it(many: Many, bots: int) -> None:
    house = many.house
    for _ in range(bots):
        await many.start()
    await many.install(seconds=1)
    mine = house.slack.workspaces[house.slack.team]
    old = mine.token
    await asyncio.sleep(1.2)
    answers = await asyncio.gather(*(many.ask(house.ana, house.channel, f"number {n}") for n in range(20)))
    assert sorted(answers) == sorted(f"You said: number {n}" for n in range(20))
    assert len(many.refreshes) == 1
    assert mine.token != old
    assert many.tokens(house.channel) == {mine.token}
    await house.stop()
    await many.start()
    assert await many.ask(house.ana, house.channel, "after a restart") == "You said: after a restart"
    assert len(many.refreshes) == 1


@pytest.mark.parametrize("how", [{"status": 500}, {"error": "internal_error"}, {}])
async def test_while_the_old_token_works_a_failing_renewal_is_no_trouble(
    many: Many, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.slack.workspaces.RENEW_SECONDS", 0.0)
    house = many.house
    await many.start()
    await many.install(seconds=3600)  # it is due to be renewed, and good
    mine = house.slack.workspaces[house.slack.team]
    old = mine.token
    house.slack.fail(r"oauth\.v2\.access", 10_000, headers={"Retry-After": "0"} if "status" in how else None, **how)
    assert await many.ask(house.ana, house.channel, "hello") == "You said: hello"
    assert many.tokens(house.channel) == {old}
    house.slack.faults.clear()
    assert await many.ask(house.ana, house.channel, "again") == "You said: again"
    assert mine.token != old
    assert len(await many.kept()) == 1


@pytest.mark.parametrize("how", [{"status": 500}, {"error": "internal_error"}, {}])
async def test_an_expired_token_that_cannot_be_renewed_now_delays_the_answer(
    many: Many, how: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    house = many.house
    await many.start()
    await many.install(seconds=1)
    await asyncio.sleep(1.2)
    house.slack.fail(r"oauth\.v2\.access", 10_000, **how)
    asking = asyncio.create_task(many.ask(house.ana, house.channel, "hello"))
    await house.slack.until(lambda: "turn 1:" in caplog.text)
    house.slack.faults.clear()
    assert await asking == "You said: hello"


async def test_an_expired_token_that_is_not_renewed_ever_is_a_line_that_says_what_to_do(
    many: Many, caplog: pytest.LogCaptureFixture
) -> None:
    house = many.house
    await many.start()
    await many.install(seconds=1)
    await asyncio.sleep(1.2)
    house.slack.fail(r"oauth\.v2\.access", 1000, error="invalid_refresh_token")
    await house.slack.say(house.ana, house.channel, f"{house.at} hello")
    await house.slack.until(lambda: "install the app there again" in caplog.text)
    house.slack.faults.clear()
    await many.install()
    assert await many.ask(house.ana, house.channel, "again") == "You said: again"


# The key


@pytest.mark.parametrize("key", ["secret", "c2hvcnQ=", f"{KEY},short"])
async def test_a_key_that_is_none_ends_it_with_a_line(many: Many, key: str) -> None:
    given = {**many.house.settings, **many.settings, "encryption_key": key}
    with pytest.raises(SettingsError, match="ENCRYPTION_KEY must be 32 random bytes in base64: make one with") as error:
        await wiring.serve(Settings(**given, _env_file=None), ["slack"])
    assert key not in str(error.value)


async def test_a_key_can_be_changed_and_a_wrong_one_is_named(many: Many, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    house = many.house
    await many.start()
    await many.install()
    await many.ask(house.ana, house.channel, "hello")
    await house.stop()
    house.slack.ack_seconds, house.slack.retry_delays = 0.5, [0.5, 1.0, 15.0]
    await many.start(encryption_key=OTHER_KEY, catch_up_hours=0)
    saying = asyncio.create_task(house.slack.say(house.ana, house.channel, f"{house.at} wrong key"))
    await house.slack.until(lambda: "ENCRYPTION_KEY is not the one that" in caplog.text)
    assert KEY not in caplog.text
    assert OTHER_KEY not in caplog.text
    await house.stop()
    await many.start(encryption_key=f"{OTHER_KEY},{KEY}")
    ts = await saying
    assert await house.answer(house.channel, ts) == "You said: wrong key"
    assert not house.slack.given_up
    await many.install()  # encrypted with the new one
    await house.stop()
    await many.start(encryption_key=OTHER_KEY)
    assert await many.ask(house.ana, house.channel, "new key") == "You said: new key"


async def test_the_doctor_sees_whether_the_key_fits(many: Many, capsys: pytest.CaptureFixture[str]) -> None:
    await many.start()
    await many.install()
    for key, expected, words in (
        (KEY, 0, "ok    installed by workspaces themselves at /slack/install; Socket Mode"),
        (f"{OTHER_KEY},{KEY}", 0, "ok    installed by workspaces themselves"),
        (OTHER_KEY, 1, f"fails ENCRYPTION_KEY is not the one that slack:{many.house.slack.team} was encrypted with"),
        ("secret", 1, "fails ENCRYPTION_KEY must be 32 random bytes in base64"),
    ):
        status, line = await many.house.doctor(capsys, **{**many.settings, "encryption_key": key})
        assert words in line
        assert status == expected


async def test_a_colleague_from_another_workspace_of_the_organisation_is_one_person_everywhere(many: Many) -> None:
    house = many.house
    house.slack.enterprise = "E0HERD"
    await many.start()
    await many.install()
    colleague = house.slack.person("colleague", team="T0NEXTDOOR")
    await house.ask("hello", user=colleague)
    (row,) = await house.rows("select author from public.mastra_messages where author is not null")
    assert row["author"] == f"slack:E0HERD:{colleague}"


async def test_a_picture_from_a_workspace_that_has_not_installed_the_bot_costs_no_answer(many: Many) -> None:
    house = many.house
    await many.start()
    await many.install()
    picture = house.slack.file("cat.png", b"PNG", "image/png", team="T0STRANGER")
    await house.ask("what is this?", files=[picture], subtype="file_share")
    assert "(you cannot see the picture)" in house.asked()[-1]


async def test_no_message_makes_the_bot_fetch_a_file_of_another_workspace_or_of_another_message(many: Many) -> None:
    house = many.house
    house.slack.installs("T0VICTIM")
    await many.start()
    await many.install()
    await many.install("T0VICTIM")
    theirs = house.slack.file("plan.png", b"PLAN", "image/png", team="T0VICTIM")
    ours = house.slack.file("cat.png", b"CAT", "image/png")
    mine = house.slack.file("mine.png", b"MINE", "image/png")
    bent = [
        {**mine, "mode": "external", "is_external": True, "url_private": theirs["url_private"],
         "url_private_download": theirs["url_private_download"]},
        {**theirs},
        {**mine, "url_private_download": ours["url_private_download"]},
        {**mine, "url_private_download": mine["url_private_download"].replace("/files-pri/", "/files-pri/x/../")},
        {**mine, "url_private_download": mine["url_private"].replace("mine.png", f"..%2F{theirs['id']}")},
    ]  # fmt: skip
    for file in bent:
        await house.ask("what is this?", files=[file], subtype="file_share")
        assert "(you cannot see the picture)" in house.asked()[-1]
    assert house.slack.fetched == []
    text = house.slack.file("plan.txt", b"the plan", "text/plain", team="T0VICTIM")
    own = house.slack.file("own.txt", b"my words", "text/plain")
    for file in (text, {**own, "mode": "external", "url_private_download": text["url_private_download"]}):
        await house.ask("what does it say?", files=[file], subtype="file_share")
        assert "which could not be read]" in house.asked()[-1]
    assert house.slack.fetched == []
    await house.ask("and what is this?", files=[mine], subtype="file_share")
    assert house.slack.fetched == [(mine["id"], house.slack.workspaces[house.slack.team].token)]
    assert [part["type"] for part in house.model.asked[-1]["messages"][-1]["content"]] == ["text", "image_url"]


@pytest.mark.parametrize(("lists", "installs"), [
    ({"slack_deny": "T0PORCH"}, False), ({"slack_allow": "T0ELSE"}, False), ({"slack_allow": "T0PORCH"}, True),
    ({"slack_allow": "C0123"}, True),
])  # fmt: skip
async def test_who_is_left_out_does_not_install_the_bot(many: Many, lists: dict[str, str], installs: bool) -> None:
    await many.start(**lists)
    status, page = await many.install()
    assert status == (200 if installs else 403)
    assert ("I am not to be installed there." in page) != installs
    assert bool(await many.kept()) == installs
