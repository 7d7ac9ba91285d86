"""The `openai` client, made for one server."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import httpx2
import openai

from bot.errors import SettingsError

CONNECT = 10.0  # seconds; a provider that is up accepts within one, a packet lost on the way takes three
RETRIES = 2  # of a request that got no answer; the client waits as long as Retry-After says, up to two minutes


def reach(
    base_url: str, setting: str, key: str, timeout: httpx2.Timeout, retries: int
) -> tuple[openai.AsyncOpenAI, str]:
    """A client, and the host that it asks, without the user and password that an address may carry.

    Raises SettingsError, which names `setting`.
    """
    try:
        url = httpx2.URL(base_url)
        client = openai.AsyncOpenAI(
            api_key=key,
            base_url=url,
            timeout=timeout,
            max_retries=retries,
            # HTTP_PROXY is about the world outside: a proxy cannot reach what listens on this machine only.
            http_client=openai.DefaultAsyncHttpx2Client(trust_env=not _loopback(url.host)),
        )
    except httpx2.InvalidURL as error:
        raise SettingsError(f"{setting} is no usable address: {error}") from error
    # The client picks these up from OPENAI_ORG_ID and OPENAI_PROJECT_ID and would tell them to every provider.
    client.organization = client.project = None
    return client, url.host if url.port is None else f"{url.host}:{url.port}"


def delay_of(error: BaseException | None) -> float | None:
    """Seconds after which the server wants to be asked again, where it says so."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers = error.response.headers
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    try:
        return max(0.0, (parsedate_to_datetime(headers["retry-after"]) - datetime.now(UTC)).total_seconds())
    except (KeyError, ValueError, TypeError):  # TypeError: a date without a time zone
        return None


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"
