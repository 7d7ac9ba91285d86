"""Installing the bot in further workspaces: Slack's OAuth, with states and tokens in our own vault."""

import secrets

from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore

from adapters.slack.calling import new_client, quiet
from adapters.slack.declared import SCOPES
from adapters.slack.listening import Rules
from adapters.slack.workspaces import Installed
from bot.errors import PlatformRefused
from bot.ports import Vault

STATE_SECONDS = 600


class _Installations(AsyncInstallationStore):
    """What the OAuth flow leaves; reading is done by `Installed`."""

    def __init__(self, installed: Installed, rules: Rules) -> None:
        self._installed = installed
        self._rules = rules

    async def async_save(self, installation: Installation) -> None:
        team, enterprise = installation.team_id or "", installation.enterprise_id or ""
        if not self._rules.permit_install(installation.user_id or "", team, enterprise):
            raise PlatformRefused(f"SLACK_ALLOW and SLACK_DENY leave {team or enterprise}, or who installs, out")
        await self._installed.put(installation.to_bot())

    async def async_save_bot(self, bot: Bot) -> None:
        await self._installed.put(bot)


class _States(AsyncOAuthStateStore):
    """States that are good once, and for ten minutes."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def async_issue(self, *args: object, **kwargs: object) -> str:
        state = secrets.token_urlsafe(32)
        await self._vault.put(f"state:{state}", "issued", STATE_SECONDS)
        return state

    async def async_consume(self, state: str) -> bool:
        return await self._vault.take(f"state:{state}") is not None


def oauth_flow(installed: Installed, rules: Rules) -> AsyncOAuthFlow:
    """The pages /slack/install and /slack/oauth_redirect. Raise PlatformRefused for whom the operator leaves out."""
    return AsyncOAuthFlow(
        client=new_client(None, installed.api_url, installed.session),
        logger=quiet,
        settings=AsyncOAuthSettings(
            client_id=installed.client_id,
            client_secret=installed.client_secret,
            scopes=list(SCOPES),
            user_scopes=[],
            installation_store=_Installations(installed, rules),
            installation_store_bot_only=True,
            state_store=_States(installed.vault),
            state_expiration_seconds=STATE_SECONDS,
        ),
    )
