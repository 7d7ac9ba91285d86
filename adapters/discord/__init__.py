"""Discord, through discord.py; nothing else of Hathi knows that library.

adapter.py takes events in and gives replies out; listening.py decides what is said to the bot, reading.py what it says,
context.py and catching_up.py what was said before; posting.py shows answers, noting.py what was learned from questions;
interacting.py runs commands, with what is pressed in buttons.py and page.py; connecting.py keeps the connection.
"""

from adapters.discord.adapter import Discord
from adapters.discord.connecting import Sharding, check, point_at
from adapters.discord.listening import Rules

__all__ = ["Discord", "Rules", "Sharding", "check", "point_at"]
