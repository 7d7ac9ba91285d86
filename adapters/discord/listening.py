"""Which messages are said to the bot. Pure: what Discord sent goes in, a decision comes out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import discord

if TYPE_CHECKING:
    from discord.abc import MessageableChannel
    from discord.interactions import InteractionChannel

Where: TypeAlias = "InteractionChannel | MessageableChannel | None"


@dataclass(frozen=True, slots=True)
class Rules:
    """Whom the bot listens to: ids of people, roles, channels, categories and guilds. An empty `allow` allows all."""

    allow: frozenset[int] = frozenset()
    deny: frozenset[int] = frozenset()

    def permit(self, author: discord.User | discord.Member, channel: Where) -> bool:
        """Whether this person may talk to the bot there: nothing of theirs is denied, something of it is allowed."""
        ids = set(_ids(author, channel))
        return not ids & self.deny and (not self.allow or bool(ids & self.allow))


def addressed(message: discord.Message, me: int) -> bool | None:
    """Whether a message is said to the bot; None: it is if the bot takes part in the thread where it stands."""
    if message.author.id == me or message.webhook_id or message.type not in _SPOKEN:
        return False
    if message.author.bot:
        return f"<@{me}>" in message.content or f"<@!{me}>" in message.content
    if message.guild is None or _mentions(message, me) or _replies(message, me):
        return True
    # An unknown thread comes without its type.
    if isinstance(message.channel, discord.Thread | discord.PartialMessageable):
        return None
    return False


_SPOKEN = {discord.MessageType.default, discord.MessageType.reply}


def _mentions(message: discord.Message, me: int) -> bool:
    if any(user.id == me for user in message.mentions):
        return True
    # Discord gives each bot a role of its own, and offers it beside the bot when somebody types its name.
    return any(role.tags is not None and role.tags.bot_id == me for role in message.role_mentions)


def _replies(message: discord.Message, me: int) -> bool:
    resolved = message.reference.resolved if message.reference else None
    return isinstance(resolved, discord.Message) and resolved.author.id == me and not resolved.webhook_id


def _ids(author: discord.User | discord.Member, channel: Where) -> Iterator[int]:
    yield author.id
    if isinstance(author, discord.Member):
        yield from (role.id for role in author.roles)
    above = "parent_id" if isinstance(channel, discord.Thread) else "category_id"  # a thread's parent may be unknown
    for name in ("id", above):
        id_ = getattr(channel, name, None)
        if id_ is not None:
            yield id_
    guild = getattr(channel, "guild", None)
    if guild is not None:
        yield guild.id
    parent = getattr(channel, "parent", None)
    if parent is not None and parent.category_id is not None:
        yield parent.category_id
