"""Slack, through slack-bolt; nothing else of Hathi knows that library.

adapter.py holds it together; connecting.py keeps the connections of Socket Mode, workspaces.py and installing.py the
tokens, calling.py the calls; hearing.py takes events in, listening.py decides what is said to the bot, reading.py what
it says, names.py who says it, context.py and catching_up.py what was said before; posting.py shows answers;
interacting.py runs commands, from what asking.py keeps in buttons, and answers them through telling.py; page.py is what
is known of a person, home.py the app's home, forms.py what is filled in there, made of blocks.py and permalinks.py;
manifest.py tells Slack of all this, declared.py holds what the code itself needs of that.
"""

from adapters.slack.adapter import Credentials, Slack
from adapters.slack.checking import check
from adapters.slack.listening import Rules

__all__ = ["Credentials", "Rules", "Slack", "check"]
