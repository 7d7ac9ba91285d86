"""Slash commands, entries in the menu of a message, typed commands, buttons, forms: answered to who asked alone.

Everything is acknowledged before anything else is done. What a button or a form has to know is in its value, so that it
works in any process. A value is believed as far as typing the same would go: lines are looked up by whose they are, and
what deletes a conversation has to be about the place where it is pressed. Only forms need Slack's `trigger_id`, which
is gone after three seconds.
"""

import json
import logging
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck

from adapters.slack import forms, home, page
from adapters.slack.asking import Order, at_home, chosen, given, in_channel, in_thread, is_there, kept, who
from adapters.slack.blocks import actions, button, context, escaped
from adapters.slack.calling import is_slacks, translated
from adapters.slack.declared import PROMPTS, slash_name
from adapters.slack.listening import Rules
from adapters.slack.names import Names
from adapters.slack.permalinks import Permalinks
from adapters.slack.posting import FEEDBACK
from adapters.slack.reading import Json, Spot, Workspace, is_direct, parts, person, plain, resource, user_of
from adapters.slack.telling import Ear, ear_of, hand_over, show, tell
from adapters.slack.workspaces import Workspaces, seen_from
from bot.agent import apology
from bot.chat import Resource, Thread
from bot.commands import Asked, Commands, Told
from bot.errors import DatabaseError, PlatformError
from bot.ports import Forgetting, Noted, Transcript

log = logging.getLogger(__name__)

DELETES_FOR_ALL = {"reset", "forget-message"}  # commands that may delete what others said, for who manages
COMMAND = "hathi:command"  # a button that gives a command
TITLE = 60  # characters of a conversation's title
THANKS = {True: "Thank you. Noted with the answer.", False: "Thank you, I am sorry. Noted with the answer."}
NOT_TO_TALK = "I am not to talk with you here. Whoever runs me decides that."
LATE = "Slack did not open the form in time. Please try again."
HANDED = "It is in a file in our direct message."
NOT_HANDED = "Slack does not take the file right now. Please try again in a minute."

Spawn = Callable[[Coroutine[Any, Any, None]], object]  # begins something that runs beside


@dataclass(frozen=True, slots=True)
class Desk:
    """Runs what people ask of the bot itself."""

    commands: Commands
    prefix: str
    workspaces: Workspaces
    names: Names
    permalinks: Permalinks
    transcript: Transcript
    forgetting: Forgetting
    spawn: Spawn
    rules: Rules

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
        """A button, or an option of a menu."""
        await ack()
        for action in body.get("actions") or ():
            value = action.get("value") or (action.get("selected_option") or {}).get("value")
            self.spawn(self._action(str(action.get("action_id") or ""), str(value or ""), body))

    async def on_form(self, ack: AsyncAck, body: Json) -> None:
        """A form that was filled in; it closes."""
        await ack()
        self.spawn(self._submitted(body))

    async def typed(self, words: Sequence[str], spot: Spot, data: Json, us: Workspace) -> None:
        """A command that was typed in a conversation."""
        name, *rest = words
        someone = person(data, spot, us)
        asked = in_thread(spot, someone) if spot.thread_ts else in_channel(us.id, spot.channel, someone)
        ear = Ear(us.id, spot.channel, str(data["user"]), spot.thread_ts, typed=True, workspace=us.team)
        await self._run(name, replace(asked, openly=not spot.direct), rest, ear)

    async def opened(self, event: Json, us: Workspace) -> None:
        """Somebody looks at the app: at its home, or at the messages."""
        user = str(event["user"])
        if not self.rules.permit((user, event.get("channel"), us.id, us.team, us.enterprise)):
            return
        if event.get("tab") == "home":
            await self._publish(us.id, user, resource(user, us.id, us))
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

    async def note(self, noted: Noted) -> None:
        """Tell somebody what was written on their page: below the answer, without a notification.

        Raises PlatformError, DatabaseError.
        """
        team, channel, root = parts(noted.thread)
        _, user = user_of(noted.person)
        if not user.startswith(("U", "W")):  # a bot has no eyes
            return
        if not root:  # Slack shows it only in a thread that there is: the one with the answer
            root = await self.permalinks.root(team, noted.post) or Spot.parse(noted.message).ts
        text, blocks = page.note(noted)
        await show(self.workspaces, Ear(team, channel, user, root), text, blocks)

    @property
    def usages(self) -> frozenset[str]:
        """Commands as they may be typed behind a mention."""
        bare = [command.usage.removeprefix("/") for command in self.commands.all]
        return frozenset((*bare, *(f"{usage} yes" for usage in bare)))

    # What is done about it

    async def _slash(self, body: Json) -> None:
        us = await seen_from(self.workspaces, body)
        channel, user = str(body["channel_id"]), str(body["user_id"])
        url = str(body.get("response_url") or "")
        if not await self._permits(user, body, Ear(us.id, channel, user, response_url=url), us):
            return
        name, words = self._slashed(body)
        asked = in_channel(us.id, channel, resource(user, str(body.get("team_id") or us.id), us))
        await self._run(name, asked, words, Ear(us.id, channel, user, response_url=url, workspace=us.team))

    async def _shortcut(self, body: Json) -> None:
        us = await seen_from(self.workspaces, body)
        user, message = body["user"], {"ts": body.get("message_ts"), **body["message"]}
        spot = Spot.of(us.id, str(body["channel"]["id"]), message)
        asked = in_thread(spot, who(user, body, us))
        name = str(body["callback_id"])
        if any(command.name == name for command in self.commands.menu):
            asked = replace(asked, message=spot.id)
        ear = Ear(
            us.id, spot.channel, str(user["id"]), spot.thread_ts, str(body.get("response_url") or ""), workspace=us.team
        )
        if await self._permits(ear.user, body, ear, us):
            await self._run(name, asked, (), ear)

    async def _action(self, action: str, value: str, body: Json) -> None:
        us = await seen_from(self.workspaces, body)
        someone = who(body["user"], body, us)
        ear = ear_of(body, us)
        if not await self._permits(ear.user, body, ear, us):
            return
        if action.startswith("hathi:home-"):
            await self._at_home(action, value, ear, someone)
        elif action == FEEDBACK:
            container: Json = body.get("container") or {}
            ts = str((body.get("message") or {}).get("ts") or container.get("message_ts") or "")
            await self._rate(Spot(us.id, ear.channel, ts).id, someone, value == "good", ear)
        elif action == page.LINE:
            if (order := chosen(value, someone, us)) is not None:
                await self._form(order, ear, str(body.get("trigger_id") or ""))
        elif (order := given(value, someone, us)) is None:
            log.debug("what was pressed is somebody else's, or none of ours")
        elif order.name in DELETES_FOR_ALL and not is_there(order, ear.channel, ear.root):
            log.info("what was pressed is about another place: nothing is done")
        elif action == COMMAND:
            await self._run(order.name, order.asked, order.asked.words, ear)
        elif action == page.UNDO:
            await self._undo(order, ear)
        elif action.startswith(page.DO):
            await self._run(order.name, order.asked, order.asked.words, replace(ear, replaces=True), order.at)

    async def _permits(self, user: str, body: Json, ear: Ear, us: Workspace) -> bool:
        """Whether the operator's lists let somebody use us there; who may not is told so, where that can be."""
        team = (body.get("user") or {}).get("team_id") if isinstance(body.get("user"), Mapping) else body.get("team_id")
        if self.rules.permit((user, team, ear.channel, us.id, us.team, us.enterprise)):
            return True
        if not ear.home:
            await tell(self.workspaces, ear, NOT_TO_TALK)
        return False

    async def _rate(self, post: str, someone: Resource, good: bool, ear: Ear) -> None:
        """Note what somebody thinks of an answer; of anything else nothing is noted, and nothing said."""
        try:
            if await self.transcript.rate(post, someone, good):
                await tell(self.workspaces, ear, THANKS[good])
        except DatabaseError as error:
            log.warning("an answer is not rated: %s", error)
            await tell(self.workspaces, ear, apology(error))

    async def _undo(self, order: Order, ear: Ear) -> None:
        """Take back what was noted; what is said of it stands in the place of the note."""
        try:
            told = await self.commands.run(order.name, order.asked)
        except DatabaseError as error:
            log.warning("nothing is taken back: %s", error)
            await tell(self.workspaces, ear, apology(error))
            return
        await show(self.workspaces, ear, escaped(told.text), [context(escaped(told.text))], replaces=True)

    # Forms

    async def _form(self, order: Order, ear: Ear, trigger: str) -> None:
        """Open a form about a line of a page: at once, and then with what the line says."""
        word = order.asked.words[0]
        if word not in forms.TITLES:
            return
        client = await self.workspaces.client(ear.team)
        try:
            with translated():
                opened: Any = await client.views_open(trigger_id=trigger, view=forms.waiting(word))
        except PlatformError as error:
            log.info("a form is not opened: %s", error)
            await self._say(ear, order.asked, LATE)
            return
        view = await self._filled(order, ear)
        with translated():
            await client.views_update(view_id=str(opened["view"]["id"]), view=view)

    async def _filled(self, order: Order, ear: Ear) -> dict[str, Any]:
        asked, (word, line) = order.asked, order.asked.words
        try:
            told = await self.commands.run("memory", replace(asked, words=() if word == page.CORRECT else asked.words))
        except DatabaseError as error:
            log.warning("a form is not filled: %s", error)
            return forms.sentence(word, apology(error))

        def metadata(command: str) -> str:
            return kept(command, asked, order.at, channel=ear.channel, root=ear.root, url=ear.response_url)

        if told.confirm:
            return forms.forgetting(told, metadata(told.confirm))
        found = next((one for one in (told.page.lines if told.page else ()) if str(one.id) == line), None)
        if found is None:
            return forms.sentence(word, "That line is not on your page any more.")
        return forms.correcting(found, metadata(f"memory {word} {line}"))

    async def _submitted(self, body: Json) -> None:
        us = await seen_from(self.workspaces, body)
        view: Json = body["view"]
        metadata = str(view.get("private_metadata") or "")
        order = given(metadata, who(body["user"], body, us), us)
        if order is None or order.name != "memory":
            return
        where = json.loads(metadata)
        channel, root, url = (str(where.get(name) or "") for name in ("channel", "root", "url"))
        if url and not is_slacks(url, self.workspaces.api_url):
            return
        ear = Ear(us.id, channel, str(body["user"]["id"]), root, url, replaces=True)
        if not await self._permits(ear.user, body, ear, us):
            return
        await self._run(order.name, order.asked, (*order.asked.words, *forms.typed(view).split()), ear, order.at)

    # The home

    async def _at_home(self, action: str, value: str, ear: Ear, someone: Resource) -> None:
        if action == home.EXPORT:
            await self._run("memory", at_home(ear.team, someone), ("export",), ear)
            return
        try:
            if action == home.FORGET and (thread := home.conversation(value, ear.team)):
                whole = is_direct(parts(thread)[1]) and thread in await self._conversations(someone)
                await self.forgetting.reset(thread, None if whole else someone)
            elif action == home.FORGET_ALL:
                await self.forgetting.forget(someone)
        except DatabaseError as error:  # the page says so
            log.warning("%s: %s", action, error)
        await self._publish(ear.team, ear.user, someone)

    async def _conversations(self, someone: Resource) -> set[Thread]:
        """Those that somebody's home shows. Nobody else speaks in a direct message of theirs."""
        return {each.thread for each in await self.forgetting.kept(someone, home.CONVERSATIONS)}

    async def _publish(
        self, team: str, user: str, someone: Resource, told: Told | None = None, notice: str = ""
    ) -> None:
        """Show somebody their home as it is now; `told` if it is known what is on their page."""
        client = await self.workspaces.client(team)
        asked = at_home(team, someone)
        try:
            found = (told or await self.commands.run("memory", asked)).page
            assert found is not None
            about = await self.forgetting.about(someone)
            kept = await self.forgetting.kept(someone, home.CONVERSATIONS)
            lines = page.seen(found, most=home.LINES, room=None)
            links = await self.permalinks.of(team, [line.message for line in lines])
            shown = home.Shown(found, page.sections(lines, links, asked), page.pausing(found, asked), notice)
            view = home.view(about, kept, shown, slash_name("forget", self.prefix))
        except DatabaseError as error:
            log.warning("a home is empty: %s", error)
            view = home.trouble(apology(error))
        with translated():
            await client.views_publish(user_id=user, view=view)

    # Commands

    async def _run(self, name: str, asked: Asked, words: Sequence[str], ear: Ear, at: int = 0) -> None:
        """Run a command, and say how it went."""
        asked = replace(asked, words=tuple(words))
        try:
            if not asked.manages and name in DELETES_FOR_ALL:
                asked = replace(asked, manages=await self.names.manages(ear.team, ear.user, {ear.team, ear.workspace}))
            told = await self.commands.run(name, asked)
            if ear.replaces and not ear.home and told == Told(told.text):  # the page is shown with what was done
                after = await self.commands.run("memory", replace(asked, words=()))
                told = replace(after, text=f"{told.text} {after.text}")
        except DatabaseError as error:
            log.warning("/%s: %s", name, error)
            told = Told(apology(error))
        if told.file is not None:
            await self._hand_over(told, asked, ear)
        elif ear.home:
            known_page = told if told.page is not None else None
            await self._publish(ear.team, ear.user, asked.person, known_page, self._notice(told))
        elif told.page is not None:
            await self._show(told, asked, ear, at)
        else:
            text = self._in_slack(told.text, typed=ear.typed)
            await tell(self.workspaces, ear, text, _confirming(told, asked) if told.confirm else ())

    async def _show(self, told: Told, asked: Asked, ear: Ear, at: int) -> None:
        """Somebody's page, from one line on."""
        assert told.page is not None
        at = at if at < len(told.page.lines) else 0
        lines = page.seen(told.page, at)
        links = await self.permalinks.of(ear.team, [line.message for line in lines])
        text = self._in_slack(told.text, typed=ear.typed)
        await tell(self.workspaces, ear, text, page.shown(told.page, lines, links, asked, at), replaces=ear.replaces)

    async def _hand_over(self, told: Told, asked: Asked, ear: Ear) -> None:
        """What was asked for, in a file."""
        assert told.file is not None
        done = HANDED
        try:
            await hand_over(self.workspaces, ear, told.text, told.file)
        except PlatformError as error:
            log.warning("a file is not handed over: %s", error)
            done = NOT_HANDED
        await self._say(replace(ear, replaces=False), asked, done)

    async def _say(self, ear: Ear, asked: Asked, text: str) -> None:
        if ear.home:
            await self._publish(ear.team, ear.user, asked.person, notice=text)
        else:
            await tell(self.workspaces, ear, text)

    def _notice(self, told: Told) -> str:
        """What was done, on a page that shows the rest."""
        first, ended, _ = told.text.partition(". ")
        return self._in_slack(f"{first}." if ended and told.page is not None else told.text, typed=False)

    def _slashed(self, body: Json) -> tuple[str, list[str]]:
        """The command and the words behind it; those that a command has by itself where there are none."""
        called = str(body["command"])
        words = str(body.get("text") or "").split()
        for command in self.commands.all:
            if called == slash_name(command.name, self.prefix):
                return command.name, words or command.words.split()
        return called.removeprefix("/"), words

    def _in_slack(self, text: str, *, typed: bool) -> str:
        """A text with the commands' names as they are here: who types one is told how to type the others.

        A code is typed elsewhere, where commands may have other names.
        """

        def here(named: re.Match[str]) -> str:
            return f"!{named[1]}" if typed else slash_name(named[1], self.prefix)

        names = "|".join(command.name for command in self.commands.all)
        return re.sub(rf"/({names})(?![\w-])(?! where| [0-9A-Z]{{4}}-)", here, text)


def _confirming(told: Told, asked: Asked) -> Sequence[Json]:
    """A button that gives a command, whoever runs the bot then."""
    return [actions(button(told.button, kept(told.confirm, asked), COMMAND, style="danger"))]
