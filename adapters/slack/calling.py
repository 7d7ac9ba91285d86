"""Calls of Slack's Web API: how they are retried, and what their failures mean to us."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import PlatformDown, PlatformRefused

API_URL = AsyncWebClient.BASE_URL
APPS = "https://api.slack.com/apps"
CALL_SECONDS = 30.0
RATE_LIMIT_RETRIES = 3  # of one call; then it is left for later

# Slack's errors that pass by themselves (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
PASSING = {
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    "team_added_to_org", "token_expired", "external_channel_migrating",
}  # fmt: skip
NO_TOKEN = {"invalid_auth", "not_authed", "account_inactive", "token_revoked"}  # somebody has to get us another one
TOKEN_REFUSED = NO_TOKEN | {"no_permission", "not_allowed_token_type", "org_login_required", "ekm_access_denied"}

quiet = logging.getLogger(f"{__name__}.library")  # what Slack's libraries say; it may hold people's words
quiet.setLevel(logging.CRITICAL)


def new_client(token: str | None, api_url: str, session: aiohttp.ClientSession | None) -> AsyncWebClient:
    """A client that waits when it is told to, and never sends a call again that may have been heard."""
    return AsyncWebClient(
        token=token,
        base_url=api_url or API_URL,
        session=session,
        timeout=int(CALL_SECONDS),
        logger=quiet,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=RATE_LIMIT_RETRIES)],
    )


def is_slacks(url: str, api_url: str) -> bool:
    """Whether an address is one of Slack's own, or of the server that stands in for it."""
    there, ours = urlsplit(url), urlsplit(api_url)
    if api_url and (there.scheme, there.netloc) == (ours.scheme, ours.netloc):
        return True
    host = there.netloc.lower()  # with no name and no port in it
    return there.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))


@contextmanager
def translated() -> Iterator[None]:
    """Slack's exceptions → ours, with what to do about them."""
    try:
        yield
    except SlackApiError as error:
        raise _ours(error) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise PlatformDown(f"Slack is not reachable ({type(error).__name__}): look at the network") from error
    except SlackClientError as error:
        raise PlatformDown(f"Slack was not understood ({type(error).__name__})") from error
    except RuntimeError as error:
        if "closed" not in str(error):  # the connection is being made anew
            raise
        raise PlatformDown("the connection to Slack was closed") from error


def code_of(error: BaseException | None) -> str:
    """Slack's own word for what went wrong; empty when there is none."""
    data = getattr(getattr(error, "response", None), "data", None)
    return str(data.get("error") or "") if isinstance(data, dict) else ""


def is_refused(error: SlackApiError) -> bool:
    """Whether it would be the same later."""
    return isinstance(_ours(error), PlatformRefused)


def _ours(error: SlackApiError) -> PlatformDown | PlatformRefused:
    response: Any = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    code = code_of(error)
    if status == 429 or code == "ratelimited":
        down = PlatformDown("Slack wants to be left alone for a while (429)")
        down.delay = _seconds(getattr(response, "headers", None) or {})
        return down
    if status >= 500 or not code or code in PASSING:
        return PlatformDown(f"Slack fails with {code or status or 'an answer that is none'}")
    if code == "missing_scope":
        needed = response.data.get("needed") or "?"
        return PlatformRefused(
            f"the Slack app lacks the scope {needed}: add it at {APPS} (OAuth & Permissions), then install it again"
        )
    if code in TOKEN_REFUSED:
        kind = PlatformDown if code in NO_TOKEN else PlatformRefused  # an answer waits for the other one
        return kind(f"Slack refuses the token ({code}): copy it again from {APPS}, or install the app again")
    return PlatformRefused(f"Slack refuses with {code}")


def _seconds(headers: Any) -> float | None:
    for name in ("Retry-After", "retry-after"):
        value = headers.get(name)
        if value:
            try:
                return float(value if isinstance(value, str) else value[0])
            except ValueError:
                return None
    return None
