"""What `hathi doctor` wants to know of Slack."""

import aiohttp

from adapters.slack.adapter import Credentials
from adapters.slack.calling import CALL_SECONDS, new_client
from adapters.slack.connecting import open_url
from adapters.slack.workspaces import OneWorkspace


async def check(credentials: Credentials) -> str:
    """Log in and say how the bot stands: who it is, what it may do, how it is reached. Raises PlatformError."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_SECONDS)) as session:
        found = "installed by workspaces themselves at /slack/install"
        if not credentials.client_id:
            found = await OneWorkspace(credentials.bot_token, credentials.api_url, session).check()
        if credentials.app_token:
            await open_url(new_client(None, credentials.api_url, session), credentials.app_token)
            return f"{found}; Socket Mode"
        return f"{found}; HTTP at /slack/events"
