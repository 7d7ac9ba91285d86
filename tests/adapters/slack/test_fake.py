"""The fake Slack is Slack to Slack's own libraries: slack_sdk and slack_bolt drive it over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient
from yarl import URL

from tests.fakes.slack_api import FakeSlack
from tests.fakes.slack_rules import JSON

QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        yield fake


@pytest.fixture
def client(slack: FakeSlack) -> AsyncWebClient:
    return AsyncWebClient(slack.bot_token, base_url=slack.api_url)


class Intake:
    """An app that keeps what it is told, and acknowledges it unless it is told not to."""

    def __init__(self, slack: FakeSlack) -> None:
        self.slack = slack
        self.bodies: list[Any] = []
        self.retries: list[Any] = []
        self.refusals = 0
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        self.app = AsyncApp(
            client=client, token=slack.bot_token, signing_secret=slack.signing_secret, before_authorize=self.take
        )

    async def take(self, req: AsyncBoltRequest, next: Any) -> BoltResponse | None:
        if req.body.get("type") == "url_verification":
            return await next()  # type: ignore[no-any-return]
        self.bodies.append(req.body)
        self.retries.append(req.headers.get("x-slack-retry-num"))
        if self.refusals:
            self.refusals -= 1
            return BoltResponse(status=500)
        return BoltResponse(status=200)

    @property
    def events(self) -> list[Any]:
        return [body["event"] for body in self.bodies]

    @asynccontextmanager
    async def connected(self, sockets: int = 1) -> AsyncIterator["Intake"]:
        handlers = [AsyncSocketModeHandler(self.app, self.slack.app_token, ping_interval=0.1) for _ in range(sockets)]
        try:
            for handler in handlers:
                await handler.connect_async()  # type: ignore[no-untyped-call]
            await self.slack.until(lambda: self.slack.sockets == sockets)
            yield self
        finally:
            for handler in handlers:
                await handler.close_async()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0.01)  # its tasks end

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        async def post(request: web.Request) -> web.Response:
            answer = await self.app.async_dispatch(await to_bolt_request(request))
            return await to_aiohttp_response(answer)

        server = web.Application()
        server.add_routes([web.post("/slack/events", post)])
        runner = web.AppRunner(server, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        finally:
            await runner.cleanup()


async def refused(call: Any) -> str:
    """The error with which Slack answers."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_a_message_reaches_the_app_by_socket_and_is_acknowledged(slack: FakeSlack) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    async with Intake(slack).connected() as intake:
        ts = await slack.say(ana, channel, f"<@{slack.bot_user}> hello")
        assert [event["type"] for event in intake.events] == ["message", "app_mention"]
        assert {event["ts"] for event in intake.events} == {ts}
        assert len({body["event_id"] for body in intake.bodies}) == 2
        assert intake.events[0]["channel_type"] == "channel"
        assert "channel_type" not in intake.events[1]
    assert [delivery.status for delivery in slack.deliveries] == [200, 200]
    assert slack.tickets == 1
    assert not slack.unexpected


async def test_edits_previews_and_deletions_are_events_of_their_own(slack: FakeSlack) -> None:
    ana, channel = slack.person("Ana"), slack.channel("den", "private")
    async with Intake(slack).connected() as intake:
        ts = await slack.say(ana, channel, "one", announce=False)
        await slack.edit(channel, ts, "two")
        await slack.unfurl(channel, ts)
        await slack.delete(channel, ts)
        await slack.delete_channel(channel)
        edited, previewed, deleted, gone = intake.events
    assert (edited["message"]["text"], edited["previous_message"]["text"]) == ("two", "one")
    assert edited["message"]["edited"]["user"] == ana
    assert previewed["message"]["attachments"]
    assert previewed["message"]["text"] == previewed["previous_message"]["text"] == "two"
    assert (deleted["deleted_ts"], deleted["channel_type"]) == (ts, "group")
    assert gone == {"type": "group_deleted", "channel": channel, "event_ts": gone["event_ts"]}


async def test_events_may_come_twice_in_another_order_or_as_mentions_alone(slack: FakeSlack) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    hello = f"<@{slack.bot_user}> hello"
    async with Intake(slack).connected() as intake:
        slack.mention_first = True
        await slack.say(ana, channel, hello)
        assert [event["type"] for event in intake.events] == ["app_mention", "message"]
        slack.twice = slack.mentions_only = True
        await slack.say(ana, channel, hello)
        await slack.say(ana, channel, "not for you")
        assert [event["type"] for event in intake.events[2:]] == ["app_mention"] * 2
        assert intake.bodies[2]["event_id"] == intake.bodies[3]["event_id"]
        slack.twice, slack.reordered = False, True
        direct = slack.dm(ana)
        for text in ("one", "two", "three"):
            await slack.say(ana, direct, text)
        await slack.flush()
        assert [event["text"] for event in intake.events[4:]] == ["two", "one", "three"]


async def test_slack_can_be_away_and_come_back(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()
    async with Intake(slack).connected():
        await slack.shut()
        with pytest.raises(aiohttp.ClientError):
            await client.auth_test()
        await slack.open()
        await slack.until(lambda: slack.sockets == 1)
        await client.chat_postMessage(channel=channel, text="back", **QUIET)
    with pytest.raises(TimeoutError, match=r"not slack\.posts\(channel\)"):
        await slack.until(lambda: not slack.posts(channel), 0.05)


async def test_what_is_not_acknowledged_comes_again_and_is_given_up_in_the_end(slack: FakeSlack) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    slack.ack_seconds = 0.05
    intake = Intake(slack)
    async with intake.connected():
        intake.refusals = 1
        await slack.say(ana, channel, "once more")
        assert [delivery.attempt for delivery in slack.deliveries] == [0, 1]
        assert intake.retries == [["0"], ["1"]]
        assert len({body["event_id"] for body in intake.bodies}) == 1
        intake.refusals = 4
        await slack.say(ana, channel, "never")
        assert len(slack.given_up) == 1
        assert len(intake.bodies) == 6


async def test_with_no_open_socket_an_event_fails_and_comes_when_there_is_one(slack: FakeSlack) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    saying = asyncio.create_task(slack.say(ana, channel, "anybody?"))
    await slack.until(lambda: slack.deliveries)
    async with Intake(slack).connected() as intake:
        await saying
        assert [event["text"] for event in intake.events] == ["anybody?"]
    assert slack.deliveries[0].reason == "no_socket"


async def test_sockets_survive_a_refresh_and_a_cut(slack: FakeSlack) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    async with Intake(slack).connected(2) as intake:
        await slack.refresh()
        assert slack.sockets == 2
        await slack.drop()
        await slack.until(lambda: slack.sockets == 2)
        await slack.say(ana, channel, "still there?")
        assert len(intake.events) == 1
    assert slack.tickets == 6


async def test_a_silent_socket_is_found_stale_and_replaced(slack: FakeSlack) -> None:
    async with Intake(slack).connected():
        slack.silent = True
        await slack.until(lambda: slack.sockets == 0)
        slack.silent = False
        await slack.until(lambda: slack.sockets == 1)


async def test_a_socket_needs_the_app_token_and_a_new_ticket(slack: FakeSlack) -> None:
    client = AsyncWebClient(base_url=slack.api_url)
    assert await refused(client.apps_connections_open(app_token="xapp-wrong")) == "invalid_auth"
    assert await refused(client.apps_connections_open(app_token=slack.bot_token)) == "not_allowed_token_type"
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            hello = await socket.receive_json()
            assert hello["type"] == "hello"
            assert hello["connection_info"]["app_id"] == slack.app_id
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
        slack.refuse_sockets = True
        url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_events_come_signed_over_http_and_again_when_they_fail(slack: FakeSlack) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    intake = Intake(slack)
    async with intake.listening() as slack.endpoint:
        assert await slack.verify() == (200, slack.challenge)
        intake.refusals = 1
        await slack.say(ana, channel, "hello")
        assert intake.retries == [None, ["1"]]
        assert [delivery.status for delivery in slack.deliveries] == [500, 200]
        asked = await slack.slash(ana, channel, "/hathi", "help")
        assert asked.acked is not None
        assert intake.bodies[-1]["text"] == "help"
        async with aiohttp.ClientSession() as session:
            for headers in (slack.sign("{}", secret="wrong"), slack.sign("{}", timestamp=time.time() - 600)):
                answer = await session.post(slack.endpoint, data="{}", headers=headers)
                assert answer.status == 401


async def test_interactions_are_acknowledged_and_answered_at_their_own_address(slack: FakeSlack) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    root = await slack.say(ana, channel, "look", announce=False)
    reply = await slack.say(ana, channel, "at this", thread_ts=root, announce=False)
    async with Intake(slack).connected() as intake:
        asked = await slack.shortcut(ana, channel, reply, "forget")
        assert intake.bodies[-1]["message"]["thread_ts"] == root
        webhook = AsyncWebhookClient(asked.response_url)
        for _ in range(5):
            assert (await webhook.send(text="done", response_type="ephemeral")).status_code == 200
        assert (await webhook.send(text="too much")).status_code == 404
        assert [answer["text"] for answer in asked.answers] == ["done"] * 5
        pressed = await slack.press(ana, channel, None, "yes", "1", view=True)
        assert pressed.response_url == ""
        assert "channel" not in intake.bodies[-1]
        slack.ack_seconds = 0.05
        intake.refusals = 1
        assert (await slack.press(ana, channel, reply, "yes", "1")).acked is None


async def test_the_bots_own_posts_come_back_to_it(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()
    async with Intake(slack).connected() as intake:
        ts = (await client.chat_postMessage(channel=channel, text="one", **QUIET))["ts"]
        await slack.until(lambda: len(intake.events) == 1)
        await client.chat_update(channel=channel, ts=ts, text="two")
        await slack.until(lambda: len(intake.events) == 2)
        await client.chat_delete(channel=channel, ts=ts)
        await slack.until(lambda: len(intake.events) == 3)
    assert [event.get("subtype") for event in intake.events] == [None, "message_changed", "message_deleted"]
    assert intake.events[0]["bot_id"] == slack.bot_id
    assert intake.events[1]["previous_message"]["text"] == "one"
    assert intake.events[2]["deleted_ts"] == ts


@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing:UserWarning")
async def test_posts_are_as_strict_as_slacks(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()

    async def post(**args: Any) -> str:
        return await refused(client.chat_postMessage(channel=args.pop("channel", channel), **QUIET, **args))

    assert await post(text="a", markdown_text="b") == "markdown_text_conflict"
    assert await post(markdown_text="b" * 12_001) == "msg_too_long"
    assert await post(text=" ", blocks=[]) == "no_text"
    assert await post(text="a", thread_ts="1.2") == "thread_not_found"
    assert await post(text="a", channel="C404") == "channel_not_found"
    assert await post(text="a", channel=slack.channel(joined=False)) == "not_in_channel"
    assert await post(text="a", blocks=[{"type": "markdown", "text": "b" * 6_001}] * 2) == "msg_blocks_too_long"
    assert await post(text="a", blocks=[{"type": "divider"}] * 51) == "invalid_blocks"
    button = {"type": "button", "text": {"type": "plain_text", "text": "ok"}, "action_id": "a", "value": "v" * 2_001}
    assert await post(text="a", blocks=[{"type": "actions", "elements": [button]}]) == "invalid_blocks"
    slack.scopes.discard("chat:write")
    assert await post(text="a") == "missing_scope"
    assert not slack.posts(channel)
    assert not slack.unexpected


async def test_pings_and_unfurls_are_noted(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()
    await client.chat_postMessage(channel=channel, text="a <!here|here> &lt;!channel&gt;", **QUIET)
    await client.chat_postMessage(channel=channel, markdown_text="<@U012> and <!subteam^S1>", **QUIET)
    assert slack.pings == ["<!here|here>", "<@U012>", "<!subteam^S1>"]
    assert not slack.unexpected
    await client.chat_postMessage(channel=channel, text="b")
    assert len(slack.unexpected) == 2
    assert slack.texts(channel) == ["a <!here|here> <!channel>", "<@U012> and <!subteam^S1>", "b"]


async def test_only_own_messages_can_be_changed(slack: FakeSlack, client: AsyncWebClient) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    ts = await slack.say(ana, channel, "mine", announce=False)
    assert await refused(client.chat_update(channel=channel, ts=ts, text="no")) == "cant_update_message"
    assert await refused(client.chat_update(channel=channel, ts="1.2", text="no")) == "message_not_found"
    own = (await client.chat_postMessage(channel=channel, text="own", **QUIET))["ts"]
    assert await refused(client.chat_update(channel=channel, ts=own, text="x" * 4_001)) == "msg_too_long"


async def test_a_stream_is_one_message_that_ends(slack: FakeSlack, client: AsyncWebClient) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    root = await slack.say(ana, channel, "tell me", announce=False)
    await client.assistant_threads_setStatus(channel_id=channel, thread_ts=root, status="thinks")
    assert slack.status_now == {(channel, root): "thinks"}
    begin: dict[str, Any] = {"channel": channel, "thread_ts": root}
    assert await refused(client.chat_startStream(**begin)) == "missing_recipient_team_id"
    begin |= {"recipient_team_id": slack.team, "recipient_user_id": ana}
    ts = (await client.chat_startStream(**begin, markdown_text="a"))["ts"]
    assert slack.status_now == {}
    await client.chat_appendStream(channel=channel, ts=ts, markdown_text="b <!he")
    await client.chat_appendStream(channel=channel, ts=ts, chunks=[{"type": "markdown_text", "text": "re>"}])
    assert await refused(client.chat_update(channel=channel, ts=ts, text="c")) == "streaming_state_conflict"
    ended = await client.chat_stopStream(channel=channel, ts=ts, markdown_text=" end")
    assert ended["message"]["streaming_state"] == "completed"
    assert slack.texts(channel, root) == ["ab <!here> end"]
    assert slack.pings == ["<!here>"]
    late = client.chat_appendStream(channel=channel, ts=ts, markdown_text="x")
    assert await refused(late) == "message_not_in_streaming_state"
    slack.close_streams_after = 1
    ts = (await client.chat_startStream(**begin))["ts"]
    await client.chat_appendStream(channel=channel, ts=ts, markdown_text="last")
    late = client.chat_stopStream(channel=channel, ts=ts)
    assert await refused(late) == "message_not_in_streaming_state"


async def test_the_sdks_own_streams_work(slack: FakeSlack, client: AsyncWebClient) -> None:
    ana = slack.person("Ana")
    channel = slack.dm(ana)
    root = await slack.say(ana, channel, "tell me", announce=False)
    stream = await client.chat_stream(channel=channel, thread_ts=root, buffer_size=1)
    await stream.append(markdown_text="one ")
    await stream.append(markdown_text="two")
    await stream.stop()
    assert slack.texts(channel) == ["one two"]


async def test_over_the_limit_the_sdk_waits_and_posts(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()
    slack.fail("chat.postMessage", 1, 429)
    assert await refused(client.chat_postMessage(channel=channel, text="a", **QUIET)) == "ratelimited"
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler())
    slack.fail("chat.postMessage", 1, 429)
    await client.chat_postMessage(channel=channel, text="b", **QUIET)
    assert slack.texts(channel) == ["b"]


async def test_with_limits_a_burst_of_posts_is_too_much() -> None:
    async with FakeSlack(rate_limited=True) as slack:
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
        one, two = slack.channel(), slack.channel()
        for _ in range(4):
            await client.chat_postMessage(channel=one, text="a", **QUIET)
        assert await refused(client.chat_postMessage(channel=one, text="a", **QUIET)) == "ratelimited"
        ts = (await client.chat_postMessage(channel=two, text="a", **QUIET))["ts"]
        for _ in range(10):
            await client.chat_update(channel=two, ts=ts, text="b")
        assert await refused(client.chat_update(channel=two, ts=ts, text="b")) == "ratelimited"


async def test_faults_come_instead_of_a_call_or_after_it(slack: FakeSlack, client: AsyncWebClient) -> None:
    channel = slack.channel()
    client.retry_handlers.clear()
    slack.fail("chat.postMessage", error="fatal_error", after=True)
    assert await refused(client.chat_postMessage(channel=channel, text="a", **QUIET)) == "fatal_error"
    slack.fail("chat.postMessage")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=channel, text="b", **QUIET)
    slack.fail("chat.postMessage", status=502, body="<html>")
    with pytest.raises(SlackApiError):
        await client.chat_postMessage(channel=channel, text="c", **QUIET)
    slack.fail("chat.postMessage", seconds=0.05)
    await client.chat_postMessage(channel=channel, text="d", **QUIET)
    assert slack.texts(channel) == ["a", "d"]
    assert [args["text"] for args in slack.calls("chat.postMessage")] == ["a", "b", "c", "d"]


async def test_a_file_is_uploaded_and_one_is_read(slack: FakeSlack, client: AsyncWebClient) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    await client.files_upload_v2(channel=channel, filename="a.txt", content="hello", initial_comment="here")
    assert slack.uploads == [(channel, "a.txt", b"hello")]
    assert slack.texts(channel) == ["here"]
    file = slack.file("b.txt", b"data", "text/plain")
    await slack.say(ana, channel, "", files=[file], announce=False)
    assert (await client.files_info(file=file["id"]))["file"]["size"] == 4
    async with aiohttp.ClientSession() as session:
        async with session.get(file["url_private"]) as answer:
            assert answer.content_type == "text/html"
        async with session.get(file["url_private"], headers={"Authorization": f"Bearer {slack.bot_token}"}) as answer:
            assert await answer.read() == b"data"


async def test_history_and_replies_come_in_pages(slack: FakeSlack, client: AsyncWebClient) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    roots = [await slack.say(ana, channel, str(n), announce=False) for n in range(3)]
    answers = [await slack.say(ana, channel, f"re {n}", thread_ts=roots[0], announce=False) for n in range(3)]
    found = [m["ts"] async for page in await client.conversations_history(channel=channel, limit=2)
             for m in page["messages"]]  # fmt: skip
    assert found == roots[::-1]
    newer = await client.conversations_history(channel=channel, oldest=roots[0])
    assert [m["ts"] for m in newer["messages"]] == roots[:0:-1]
    page = await client.conversations_replies(channel=channel, ts=roots[0], limit=2)
    assert [m["ts"] for m in page["messages"]] == [roots[0], *answers[:2]]
    assert page["has_more"]
    slack.history_limit = (1, 15)
    await client.conversations_history(channel=channel)
    assert await refused(client.conversations_history(channel=channel)) == "ratelimited"


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack_sdk's use of aiohttp
async def test_tokens_are_issued_expire_and_are_refreshed_once(slack: FakeSlack, client: AsyncWebClient) -> None:
    other = slack.installs("T0OTHER")
    slack.token_seconds = 43_200
    who = {"client_id": slack.client_id, "client_secret": slack.client_secret}
    issued = await client.oauth_v2_access(**who, code=other.code)
    assert await refused(client.oauth_v2_access(**who, code=other.code)) == "invalid_code"
    assert (await client.auth_test(token=issued["access_token"]))["user_id"] == other.bot_user
    slack.expire(issued["access_token"])
    assert await refused(client.auth_test(token=issued["access_token"])) == "token_expired"
    refresh = {**who, "grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
    renewed = await client.oauth_v2_access(**refresh)
    assert (await client.auth_test(token=renewed["access_token"]))["team_id"] == "T0OTHER"
    assert await refused(client.oauth_v2_access(**refresh)) == "invalid_refresh_token"
    assert await refused(client.auth_test(token="xoxb-wrong")) == "invalid_auth"


@pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")  # slack_sdk's use of aiohttp
async def test_whoever_consents_comes_back_with_a_code(slack: FakeSlack, client: AsyncWebClient) -> None:
    slack.installing = slack.installs("T0OTHER", enterprise="E1", org=True).team
    query = {"client_id": slack.client_id, "scope": "chat:write", "state": "s 1", "redirect_uri": "http://127.0.0.1/in"}
    async with aiohttp.ClientSession() as session:
        answer = await session.get(slack.authorize_url, params=query, allow_redirects=False)
    back = URL(answer.headers["Location"])
    assert (back.path, back.query["state"]) == ("/in", "s 1")
    who = {"client_id": slack.client_id, "client_secret": slack.client_secret}
    assert await refused(client.oauth_v2_access(**{**who, "client_secret": "?"}, code="?")) == "bad_client_secret"
    issued = await client.oauth_v2_access(**who, code=back.query["code"])
    assert issued["is_enterprise_install"]
    assert (issued["team"], issued["enterprise"]["id"]) == (None, "E1")
    assert issued.headers["x-oauth-scopes"] == issued["scope"]
    assert issued.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_a_home_is_published_and_people_are_described(slack: FakeSlack, client: AsyncWebClient) -> None:
    ana = slack.person("Ana", admin=True, display_name="annie")
    view = {"type": "home", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "hi <@U1>"}}]}
    await client.views_publish(user_id=ana, view=view)
    assert slack.homes == {ana: view}
    assert slack.pings == []
    user = (await client.users_info(user=ana))["user"]
    assert (user["is_admin"], user["profile"]["display_name"]) == (True, "annie")
    opened = await client.conversations_open(users=ana)
    assert opened["channel"]["id"] == slack.dm(ana)
    assert (await client.conversations_info(channel=slack.dm(ana)))["channel"]["user"] == ana
    slack.channel(joined=False)
    mine = await client.users_conversations(types="public_channel,im")
    assert [channel["id"] for channel in mine["channels"]] == [slack.dm(ana)]
    await client.chat_postEphemeral(channel=slack.dm(ana), user=ana, text="psst <@U1>")
    assert [args["text"] for args in slack.ephemerals] == ["psst <@U1>"]
    assert slack.pings == []
    await client.assistant_threads_setSuggestedPrompts(
        channel_id=slack.dm(ana), prompts=[{"title": "a", "message": "b"}]
    )
    assert len(slack.prompts) == 1
    assert not slack.unexpected


FIELD: JSON = {"type": "input", "block_id": "b", "label": {"type": "plain_text", "text": "what"},
               "element": {"type": "plain_text_input", "action_id": "a", "max_length": 9}}  # fmt: skip
FORM: JSON = {"type": "modal", "title": {"type": "plain_text", "text": "a form"}, "blocks": [FIELD],
              "submit": {"type": "plain_text", "text": "go"}, "private_metadata": "kept"}  # fmt: skip


async def test_a_form_is_opened_once_by_a_fresh_trigger_changed_and_sent(
    slack: FakeSlack, client: AsyncWebClient
) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    intake = Intake(slack)
    async with intake.connected():
        trigger = (await slack.slash(ana, channel, "/hathi")).payload["trigger_id"]
        assert await refused(client.views_open(trigger_id="1.2", view=FORM)) == "invalid_trigger_id"
        view = (await client.views_open(trigger_id=trigger, view=FORM | {"blocks": [TEXT], "submit": None}))["view"]
        assert await refused(client.views_open(trigger_id=trigger, view=FORM)) == "exchanged_trigger_id"
        assert await refused(client.views_update(view_id="V1", view=FORM)) == "not_found"
        assert await refused(client.views_update(view_id=view["id"], hash="old", view=FORM)) == "hash_conflict"
        await client.views_update(view_id=view["id"], hash=view["hash"], view=FORM)
        with pytest.raises(AssertionError):
            await slack.submit(ana, "ten letters")
        sent = await slack.submit(ana, "words")
        assert (sent.payload["type"], sent.payload["view"]["private_metadata"]) == ("view_submission", "kept")
        assert sent.payload["view"]["state"]["values"] == {"b": {"a": {"type": "plain_text_input", "value": "words"}}}
        assert (slack.views, sent.response_url) == ({}, "")
        slack.trigger_seconds = 0
        late = (await slack.slash(ana, channel, "/hathi")).payload["trigger_id"]
        assert await refused(client.views_open(trigger_id=late, view=FORM)) == "expired_trigger_id"


TEXT: JSON = {"type": "section", "text": {"type": "mrkdwn", "text": "one"}}
MENU: JSON = {"type": "overflow", "action_id": "a", "options": [
    {"text": {"type": "plain_text", "text": each}, "value": each} for each in ("one", "two")]}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"submit": {"type": "plain_text", "text": "x" * 25}},
        {"submit": None},
        {"private_metadata": "x" * 3001},
        {"blocks": []},
        {"blocks": [TEXT] * 101},
        {"blocks": [FIELD, FIELD]},
        {"blocks": [FIELD | {"element": FIELD["element"] | {"initial_value": "x" * 10}}]},
        {"blocks": [FIELD | {"element": FIELD["element"] | {"max_length": 3001}}]},
        {"blocks": [FIELD | {"label": {"type": "mrkdwn", "text": "what"}}]},
        {"type": "home"},
    ],
)
async def test_a_form_that_slack_does_not_take_is_refused(
    slack: FakeSlack, client: AsyncWebClient, change: JSON
) -> None:
    async with Intake(slack).connected():
        asked = await slack.slash(slack.person("Ana"), slack.channel(), "/hathi")
        trigger = asked.payload["trigger_id"]
        await refused(client.views_open(trigger_id=trigger, view=FORM | change))
        await client.views_open(trigger_id=trigger, view=FORM)


@pytest.mark.parametrize(
    "blocks",
    [
        [TEXT | {"accessory": MENU | {"options": MENU["options"][:1]}}],
        [TEXT | {"accessory": MENU | {"options": MENU["options"] * 3}}],
        [TEXT | {"accessory": MENU | {"options": [MENU["options"][0], MENU["options"][1] | {"value": "x" * 151}]}}],
        [TEXT | {"accessory": MENU | {"action_id": "x" * 256}}],
        [TEXT | {"accessory": MENU | {"type": "underflow"}}],
        [{"type": "actions", "elements": [MENU, MENU]}],
        [TEXT | {"block_id": "b"}] * 2,
        [TEXT] * 51,
        [TEXT | {"text": {"type": "plain_text", "text": "one", "verbatim": True}}],
    ],
)
async def test_blocks_that_slack_does_not_take_are_refused(
    slack: FakeSlack, client: AsyncWebClient, blocks: list[JSON]
) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    post = partial(client.chat_postEphemeral, channel=channel, user=ana, text="one")
    assert await refused(post(blocks=blocks)) == "invalid_blocks"
    await post(blocks=[TEXT | {"accessory": MENU}])
    assert len(slack.ephemerals) == 1


async def test_what_nobody_would_see_is_noted(slack: FakeSlack, client: AsyncWebClient) -> None:
    ana, channel = slack.person("Ana"), slack.channel()
    intake = Intake(slack)
    async with intake.connected():
        ts = await slack.say(ana, channel, "hello")
        await client.chat_postEphemeral(channel=channel, user=ana, thread_ts=ts, text="psst")
        assert slack.unexpected == ["chat.postEphemeral: nobody sees it, there is no such thread yet"]
        await slack.say(ana, channel, "and", thread_ts=ts)
        await client.chat_postEphemeral(channel=channel, user=ana, thread_ts=ts, text="psst")
        asked = await slack.slash(ana, channel, "/hathi")
        webhook = AsyncWebhookClient(asked.response_url)
        assert (await webhook.send_dict({"text": "one", "replace_original": True})).status_code == 200
        assert slack.unexpected[1:] == ["response_url: nothing to replace_original"]
        pressed = await slack.press(ana, channel, None, "a", "one", overflow=True)
        assert pressed.payload["actions"][0]["selected_option"]["value"] == "one"
        assert (await AsyncWebhookClient(pressed.response_url).send_dict({"delete_original": True})).status_code == 200
        assert len(slack.unexpected) == 2


async def test_an_unknown_method_is_noted(slack: FakeSlack, client: AsyncWebClient) -> None:
    assert await refused(client.api_call("chat.shout")) == "unknown_method"
    assert slack.unexpected == ["unknown method chat.shout"]
