"""The `openai` client, made for one server."""

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


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"
