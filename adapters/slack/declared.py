"""What the app declares to Slack, in its manifest, and its code relies on."""

SCOPES = (
    "app_mentions:read", "assistant:write", "channels:history", "channels:read", "chat:write", "commands", "files:read",
    "files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write", "mpim:history", "mpim:read",
    "users:read",
)  # fmt: skip
PROMPTS = (
    ("What do you remember?", "What do you remember of what I told you?"),
    ("Get to know me", "I want you to know me. Ask me three questions, and remember what I answer."),
    ("Sum up", "Sum up what we talked about last."),
    ("What can you do?", "What can you do, and what do you keep of what I say?"),
)


def slash_name(name: str, prefix: str) -> str:
    """A command's name in Slack: /help is Slack's own."""
    return f"/{prefix or ('hathi-' if name == 'help' else '')}{name}"
