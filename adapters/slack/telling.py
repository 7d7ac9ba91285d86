"""Something for one person alone: in answer to a click while Slack takes that, else as a message only they see."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.webhook.async_client import AsyncWebhookClient

from adapters.slack.blocks import escaped, said
from adapters.slack.calling import quiet, translated
from adapters.slack.reading import Json, Workspace
from adapters.slack.workspaces import Workspaces
from bot.errors import PlatformError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ear:
    """Where to tell somebody something that nobody else sees."""

    team: str
    channel: str  # empty: in the app's home
    user: str
    root: str = ""  # of the thread
    response_url: str = ""  # good five times, for half an hour
    typed: bool = False  # they typed a command, where slash commands may not work
    replaces: bool = False  # what they see there is their page: it is shown anew in its place
    workspace: str = ""  # that they speak from, where the bot is installed in a whole organisation

    @property
    def home(self) -> bool:
        """Whether they look at the app's home."""
        return not self.channel


def ear_of(body: Json, us: Workspace) -> Ear:
    """Who pressed something, and where: in the home there is no channel."""
    container: Json = body.get("container") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
    root = str((body.get("message") or {}).get("thread_ts") or container.get("thread_ts") or "")
    url = str(body.get("response_url") or "")
    return Ear(us.id, channel, str(body["user"]["id"]), root, url, workspace=us.team)


async def tell(
    workspaces: Workspaces, ear: Ear, text: str, more: Sequence[Json] = (), *, replaces: bool = False
) -> None:
    """Say something, with `more` blocks below. Raises PlatformError, DatabaseError."""
    await show(workspaces, ear, escaped(text), [said(text), *more], replaces=replaces)


async def show(workspaces: Workspaces, ear: Ear, text: str, blocks: Sequence[Any], *, replaces: bool = False) -> None:
    """Show blocks, and in notifications `text`; with `replaces` in the place of what was clicked."""
    if ear.response_url:
        webhook = AsyncWebhookClient(ear.response_url, logger=quiet)
        answer: Mapping[str, Any] = {
            "text": text, "blocks": list(blocks), "response_type": "ephemeral", "replace_original": replaces,
            **({"thread_ts": ear.root} if ear.root else {}),
        }  # fmt: skip
        try:
            with translated():
                if (await webhook.send_dict(dict(answer))).status_code == 200:
                    return
        except PlatformError as error:
            log.info("an answer goes another way: %s", error)
    client = await workspaces.client(ear.team)
    with translated():
        await client.chat_postEphemeral(
            channel=ear.channel, user=ear.user, thread_ts=ear.root or None, text=text, blocks=list(blocks)
        )


async def hand_over(workspaces: Workspaces, ear: Ear, text: str, file: Mapping[str, Any]) -> None:
    """A file in somebody's direct message. Raises PlatformError, DatabaseError."""
    client = await workspaces.client(ear.team)
    with translated():
        opened: Any = await client.conversations_open(users=[ear.user])
        await client.files_upload_v2(
            channel=str(opened["channel"]["id"]),
            filename="hathi.json",
            content=json.dumps(file, indent=2, ensure_ascii=False).encode(),
            initial_comment=text,
        )
