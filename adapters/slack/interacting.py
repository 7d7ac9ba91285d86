"""Slash commands, entries in the menu of a message, typed commands, buttons, App Home: answered to who asked alone.

Everything is acknowledged before anything else is done. Only forms need Slack's `trigger_id`, which is gone after three
seconds: they are opened at once, since what a button or a menu has to know is in its value.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.webhook.async_client import AsyncWebhookClient

from adapters.slack import home
from adapters.slack import page as pages
from adapters.slack.calling import quiet, translated
from adapters.slack.declared import PROMPTS, slash_name
from adapters.slack.names import Names
from adapters.slack.posting import FEEDBACK, escaped
from adapters.slack.reading import PLATFORM, Json, Spot, Workspace, is_direct, parts, person, plain, resource
from adapters.slack.workspaces import Workspaces, seen_from
from bot.agent import apology
from bot.chat import Resource, Thread
from bot.commands import Asked, Commands, Told
from bot.errors import DatabaseError, PlatformError
from bot.ports import Forgetting, Noted, Page, Transcript

log = logging.getLogger(__name__)

COMMAND = "hathi:command"  # a button that gives a command
SECTION = 3000  # characters of one section's text
LINES = 20  # of a page that are shown in a message, which holds 50 blocks
TITLE = 60  # characters of a conversation's title
THANKS = {True: "Thank you. Noted with the answer.", False: "Thank you, I am sorry. Noted with the answer."}

Spawn = Callable[[Coroutine[Any, Any, None]], object]  # begins something that runs beside


@dataclass(frozen=True, slots=True)
class Ear:
    """Where to tell somebody something that nobody else sees."""

    team: str
    channel: str
    user: str
    root: str = ""  # of the thread
    response_url: str = ""  # good five times, for half an hour
    typed: bool = False  # they typed a command, where slash commands may not work


@dataclass(frozen=True, slots=True)
class Desk:
    """Runs what people ask of the bot itself."""

    commands: Commands
    prefix: str
    workspaces: Workspaces
    names: Names
    transcript: Transcript
    forgetting: Forgetting
    spawn: Spawn

    # What Slack brings

    async def on_slash(self, ack: AsyncAck, body: Json) -> None:
        """A slash command: it is about all conversations in the channel, since Slack has none in threads."""
        await ack()
        self.spawn(self._slash(body))

    async def on_shortcut(self, ack: AsyncAck, body: Json) -> None:
        """An entry in the menu of a message."""
        await ack()
        self.spawn(self._shortcut(body))

    async def on_action(self, ack: AsyncAck, body: Json) -> None:
        """A button."""
        await ack()
        for action in body.get("actions") or ():
            value = action.get("value") or (action.get("selected_option") or {}).get("value")
            self.spawn(self._action(str(action.get("action_id") or ""), str(value or ""), body))

    async def on_view(self, ack: AsyncAck, body: Json) -> None:
        """A form was sent off."""
        await ack()
        self.spawn(self._submitted(body))

    async def noted(self, noted: Noted) -> None:
        """Tell somebody alone, where they said it, what was noted; such a message notifies nobody."""
        team, channel, root = parts(noted.thread)
        user = noted.person.id.rpartition(":")[2]
        asked = Asked(noted.person, noted.thread)
        line = f"memory undo {' '.join(map(str, noted.lines))}"
        undo = [] if noted.gone else [_buttons([("Undo", line)], asked)]
        await self._tell(Ear(team, channel, user, root), pages.note(noted), undo)

    async def typed(self, words: Sequence[str], spot: Spot, data: Json, us: Workspace) -> None:
        """A command that was typed in a conversation."""
        name, *rest = words
        someone = person(data, spot, us)
        asked = in_thread(spot, someone) if spot.thread_ts else in_channel(us.id, spot.channel, someone)
        root = spot.thread_ts or ("" if spot.direct else spot.ts)
        ear = Ear(us.id, spot.channel, str(data["user"]), root, typed=True)
        await self._run(name, asked, rest, ear)

    async def opened(self, event: Json, us: Workspace) -> None:
        """Somebody looks at the app: at its home, or at the messages."""
        user = str(event["user"])
        if event.get("tab") == "home":
            await self._publish(us, user)
            return
        client = await self.workspaces.client(us.id)
        prompts = [{"title": title, "message": message} for title, message in PROMPTS]
        with translated():
            await client.assistant_threads_setSuggestedPrompts(channel_id=str(event["channel"]), prompts=prompts)

    async def title(self, spot: Spot, text: str) -> None:
        """Call a conversation in the messages of the app what it begins with."""
        line = " ".join(plain(text).split())
        if not line:
            return
        client = await self.workspaces.client(spot.team)
        with translated():
            await client.assistant_threads_setTitle(
                channel_id=spot.channel,
                thread_ts=spot.root,
                title=line if len(line) <= TITLE else f"{line[:TITLE]}…",
            )

    @property
    def usages(self) -> frozenset[str]:
        """Commands as they may be typed behind a mention."""
        bare = [command.usage.removeprefix("/") for command in self.commands.all]
        return frozenset((*bare, *(f"{usage} yes" for usage in bare)))

    # What is done about it

    async def _slash(self, body: Json) -> None:
        us = await seen_from(self.workspaces, body)
        channel, user = str(body["channel_id"]), str(body["user_id"])
        name, words = self._slashed(body)
        asked = in_channel(us.id, channel, resource(user, str(body.get("team_id") or us.id), us))
        await self._run(name, asked, words, Ear(us.id, channel, user, response_url=str(body.get("response_url") or "")))

    async def _shortcut(self, body: Json) -> None:
        us = await seen_from(self.workspaces, body)
        user, message = body["user"], {"ts": body.get("message_ts"), **body["message"]}
        spot = Spot.of(us.id, str(body["channel"]["id"]), message)
        asked = in_thread(spot, who(user, body, us))
        name = str(body["callback_id"])
        if any(command.name == name for command in self.commands.menu):
            asked = replace(asked, message=spot.id)
        url = str(body.get("response_url") or "")
        await self._run(name, asked, (), Ear(us.id, spot.channel, str(user["id"]), spot.thread_ts, url))

    async def _action(self, action: str, value: str, body: Json) -> None:
        us = await seen_from(self.workspaces, body)
        user = str(body["user"]["id"])
        someone = who(body["user"], body, us)
        if action == pages.LINE:
            await self._open(value, body, us)
            return
        if action.startswith("hathi:home-"):
            await self._at_home(action, value, us, user, someone)
            return
        container: Json = body.get("container") or {}
        channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
        root = str((body.get("message") or {}).get("thread_ts") or container.get("thread_ts") or "")
        ear = Ear(us.id, channel, user, root, str(body.get("response_url") or ""))
        if action == FEEDBACK:
            ts = str((body.get("message") or {}).get("ts") or container.get("message_ts") or "")
            await self._rate(Spot(us.id, channel, ts).id, someone, value == "good", ear)
        elif action.startswith(COMMAND):
            asked = pressed(value, someone, us)
            if asked is not None:
                name, command = asked
                await self._run(name, command, command.words, ear)

    async def _open(self, value: str, body: Json, us: Workspace) -> None:
        """Open the form that an entry of a line's menu stands for."""
        container: Json = body.get("container") or {}
        ear = {
            "channel": str((body.get("channel") or {}).get("id") or container.get("channel_id") or ""),
            "root": str(container.get("thread_ts") or ""),
        }
        client = await self.workspaces.client(us.id)
        with translated():
            await client.views_open(trigger_id=str(body.get("trigger_id") or ""), view=pages.form(value, ear))

    async def _submitted(self, body: Json) -> None:
        """Do what a form stands for; whoever sends it changes lines of their own alone."""
        us = await seen_from(self.workspaces, body)
        user, someone = str(body["user"]["id"]), who(body["user"], body, us)
        line, ear = pages.submitted(body.get("view") or {})
        name, *words = line.split()
        channel = str(ear.get("channel") or "")
        if not channel:  # the form was opened at home
            await self._command_at_home(words, us, user, someone)
            return
        asked = in_channel(us.id, channel, someone)
        await self._run(name, asked, words, Ear(us.id, channel, user, str(ear.get("root") or "")))

    async def _command_at_home(self, words: Sequence[str], us: Workspace, user: str, someone: Resource) -> None:
        try:
            told = await self.commands.run("memory", Asked(someone, Thread(PLATFORM, us.id), tuple(words)))
            if told.file is not None:
                await self._hand_over(us.id, user, told.file)
        except DatabaseError as error:  # the page says so
            log.warning("/memory: %s", error)
        await self._publish(us, user)

    async def _rate(self, post: str, someone: Resource, good: bool, ear: Ear) -> None:
        """Note what somebody thinks of an answer; of anything else nothing is noted, and nothing said."""
        try:
            if await self.transcript.rate(post, someone, good):
                await self._tell(ear, THANKS[good])
        except DatabaseError as error:
            log.warning("an answer is not rated: %s", error)
            await self._tell(ear, apology(error))

    async def _at_home(self, action: str, value: str, us: Workspace, user: str, someone: Resource) -> None:
        try:
            if action == home.FORGET and (thread := _conversation(value)):
                direct = is_direct(parts(thread)[1])
                await self.forgetting.reset(thread, None if direct else someone)
            elif action == home.FORGET_ALL:
                await self.forgetting.forget(someone)
            elif action in {home.EXPORT, home.COMMAND}:
                words = ["export"] if action == home.EXPORT else value.split()[1:]
                await self._command_at_home(words, us, user, someone)
                return
        except DatabaseError as error:  # the page says so
            log.warning("%s: %s", action, error)
        await self._publish(us, user)

    async def _hand_over(self, team: str, user: str, export: Mapping[str, Any]) -> None:
        """All that is kept about somebody, as a file in their direct message."""
        client = await self.workspaces.client(team)
        with translated():
            opened: Any = await client.conversations_open(users=[user])
            await client.files_upload_v2(
                channel=str(opened["channel"]["id"]),
                filename="hathi.json",
                content=json.dumps(export, indent=2, ensure_ascii=False).encode(),
                initial_comment="All that I keep about you.",
            )

    async def _publish(self, us: Workspace, user: str) -> None:
        client = await self.workspaces.client(us.id)
        someone = resource(user, us.id, us)
        try:
            about = await self.forgetting.about(someone)
            kept = await self.forgetting.kept(someone, home.CONVERSATIONS)
            page = (await self.commands.run("memory", Asked(someone, Thread(PLATFORM, us.id)))).page or Page()
            links = await self._links(us.id, pages.messages(page, home.LINES))
            view = home.view(about, kept, slash_name("forget", self.prefix), page, links)
        except DatabaseError as error:
            log.warning("a home is empty: %s", error)
            view = home.trouble(apology(error))
        with translated():
            await client.views_publish(user_id=user, view=view)

    async def _run(self, name: str, asked: Asked, words: Sequence[str], ear: Ear) -> None:
        """Run a command, and say how it went."""
        asked = replace(asked, words=tuple(words))
        try:
            if not asked.manages:
                known = await self.names.find(ear.team, ear.user)
                asked = replace(asked, manages=known is not None and known.manages)
            told = await self.commands.run(name, asked)
        except DatabaseError as error:
            log.warning("/%s: %s", name, error)
            told = Told(apology(error))
        text = self._in_slack(told.text, typed=ear.typed)
        more = [_buttons([(told.button, told.confirm)], asked, "danger")] if told.confirm else []
        if told.page is not None:
            more = await self._shown(told.page, asked, ear.team)
        if told.file is not None:
            text = await self._handed_over(ear, told.file)
        await self._tell(ear, text, more, replace=list(words[:1]) == ["undo"])

    async def _shown(self, page: Page, asked: Asked, team: str) -> list[Json]:
        """A person's page below what is said about it."""
        links = await self._links(team, pages.messages(page, LINES))
        pause = ("Resume", "memory resume") if page.paused else ("Pause", "memory pause")
        return [*pages.blocks(page, links, LINES), _buttons([pause, ("Export", "memory export")], asked)]

    async def _handed_over(self, ear: Ear, export: Mapping[str, Any]) -> str:
        try:
            await self._hand_over(ear.team, ear.user, export)
        except PlatformError as error:
            log.warning("an export is not handed over: %s", error)
            return "Slack does not take the file right now. Please try again later."
        return "All that I keep about you is in our direct message now, as a file."

    async def _links(self, team: str, messages: Sequence[str]) -> dict[str, str]:
        """Links to messages of this workspace, as far as Slack tells them."""
        client = await self.workspaces.client(team)
        found: dict[str, str] = {}

        async def look(message: str) -> None:
            _, _, place = message.partition(f"{PLATFORM}:{team}:")
            channel, _, ts = place.partition(":")
            if not ts:
                return
            try:
                with translated():
                    answer: Any = await client.chat_getPermalink(channel=channel, message_ts=ts)
                found[message] = str(answer["permalink"])
            except PlatformError as error:
                log.debug("a line has no link: %s", error)

        async with asyncio.TaskGroup() as tasks:
            for message in set(messages):
                tasks.create_task(look(message))
        return found

    async def _tell(self, ear: Ear, text: str, more: Sequence[Json] = (), *, replace: bool = False) -> None:
        """Say something to one person: in answer to a click while Slack takes that, else as a message only they see.

        `replace`: in place of what they clicked on.
        """
        blocks: list[Any] = [{"type": "section", "text": {"type": "mrkdwn", "text": escaped(text)[:SECTION]}}, *more]
        if ear.response_url:
            webhook = AsyncWebhookClient(ear.response_url, logger=quiet)
            answer: Mapping[str, Any] = {
                "text": escaped(text), "blocks": blocks, "response_type": "ephemeral", "replace_original": replace,
                **({"thread_ts": ear.root} if ear.root else {}),
            }  # fmt: skip
            try:
                with translated():
                    if (await webhook.send_dict(dict(answer))).status_code == 200:
                        return
            except PlatformError as error:
                log.info("an answer goes another way: %s", error)
        client = await self.workspaces.client(ear.team)
        with translated():
            await client.chat_postEphemeral(
                channel=ear.channel, user=ear.user, thread_ts=ear.root or None, text=escaped(text), blocks=blocks
            )

    def _slashed(self, body: Json) -> tuple[str, list[str]]:
        """The command and the words behind it; those that a command has by itself where there are none."""
        given = str(body["command"])
        words = str(body.get("text") or "").split()
        for command in self.commands.all:
            if given == slash_name(command.name, self.prefix):
                return command.name, words or command.words.split()
        return given.removeprefix("/"), words

    def _in_slack(self, text: str, *, typed: bool) -> str:
        """A text with the commands' names as they are here: who types one is told how to type the others."""

        def here(named: re.Match[str]) -> str:
            return f"!{named[1]}" if typed else slash_name(named[1], self.prefix)

        return re.sub(rf"/({'|'.join(command.name for command in self.commands.all)})(?![\w-])", here, text)


def in_channel(team: str, channel: str, someone: Resource) -> Asked:
    """A command given in a channel or direct message itself: it is about all conversations in there."""
    direct = is_direct(channel)
    return Asked(someone, Thread(PLATFORM, f"{team}:{channel}"), shared=not direct, manages=direct, whole=True)


def in_thread(spot: Spot, someone: Resource) -> Asked:
    """A command given in a conversation; one in a direct message outside of its threads is about all in there."""
    if spot.direct and not spot.thread_ts:
        return in_channel(spot.team, spot.channel, someone)
    return Asked(someone, spot.thread, shared=not spot.direct, manages=spot.direct)


def pressed(value: str, someone: Resource, us: Workspace) -> tuple[str, Asked] | None:
    """What a button asks for; None when it is somebody else's, or none of ours."""
    try:
        kept = json.loads(value)
        name, *words = str(kept["line"]).split()
        thread = Thread.parse(str(kept["thread"]))
        owner, whole = str(kept["owner"]), bool(kept["whole"])
    except (ValueError, KeyError, TypeError):
        return None
    if owner != str(someone) or not thread.id.startswith(f"{us.id}:"):
        return None
    direct = is_direct(parts(thread)[1])
    return name, Asked(someone, thread, tuple(words), shared=not direct, manages=direct, whole=whole)


def _conversation(value: str) -> Thread | None:
    """What a button of the home is about; None when it is none of ours."""
    try:
        thread = Thread.parse(value)
    except ValueError:
        return None
    return thread if thread.platform == PLATFORM else None


def who(user: Mapping[str, Any], body: Json, us: Workspace) -> Resource:
    """Who clicked."""
    team = user.get("team_id") or (body.get("team") or {}).get("id") or us.id
    return resource(str(user["id"]), str(team), us)


def _buttons(labels: Sequence[tuple[str, str]], asked: Asked, style: str = "") -> Json:
    """Buttons, each with the command that it gives, whoever runs the bot then."""
    return {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": label},
                "action_id": f"{COMMAND}:{number}" if number else COMMAND,
                "value": json.dumps(
                    {"line": line, "thread": str(asked.thread), "owner": str(asked.person), "whole": asked.whole}
                ),
                **({"style": style} if style else {}),
            }
            for number, (label, line) in enumerate(labels)
        ],
    }
