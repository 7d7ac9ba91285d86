"""Reads DATABASE_URL: takes out what asyncpg does not understand and decides how the server is verified."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

import certifi

from bot.errors import SettingsError

# What libpq, poolers and ORMs write into a URL and asyncpg would send on as a server setting (facts: asyncpg 0.32).
NOT_FOR_THE_SERVER = frozenset(
    "channel_binding sslmode sslrootcert sslcert sslkey sslpassword sslsni sslcrl sslcertmode connect_timeout "
    "gssencmode keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout require_auth "
    "load_balance_hosts pgbouncer pool_timeout connection_limit schema".split()
)
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
Tls = ssl.SSLContext | SslMode | bool
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PGBOUNCER_PORT = 6432
CONNECT_SECONDS = 20.0  # a suspended Neon compute needs time to start


@dataclass(frozen=True, slots=True)
class Dsn:
    """Where the database is and how to talk to it."""

    url: str = field(repr=False)  # for asyncpg, with the password in it
    tls: Tls = field(repr=False)
    pooled: bool | None  # whether a transaction pooler stands between; None: find out
    place: str  # `host:port`, for messages
    connect_timeout: float  # seconds
    warnings: tuple[str, ...] = ()


def parse(text: str) -> Dsn:
    """DATABASE_URL, as Neon and others hand it out → Dsn. Raises SettingsError, never with the password in it."""
    url = _split(text)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    host = url.hostname or query.get("host", "")
    socket = not host or host.startswith("/")
    try:
        port = url.port
    except ValueError:
        if "," not in url.netloc:  # several hosts: asyncpg reads their ports
            raise _unreadable() from None
        port = None
    neon = host.endswith(".neon.tech")
    warnings: list[str] = []
    kept = {key: value for key, value in query.items() if key not in NOT_FOR_THE_SERVER}
    if neon or host.split(".")[0].endswith("-pooler"):
        pooled: bool | None = host.split(".")[0].endswith("-pooler")
    elif socket:
        pooled = False
    else:
        pooled = True if query.get("pgbouncer") == "true" or port == PGBOUNCER_PORT else None
    return Dsn(
        url=urlunsplit(url._replace(query=urlencode(kept, quote_via=quote))),
        tls=False if socket else _tls(query, host, neon, warnings),
        pooled=pooled,
        place=host if socket else f"{host}:{port or 5432}",
        connect_timeout=_seconds(query.get("connect_timeout")),
        warnings=tuple(warnings),
    )


def _split(text: str) -> SplitResult:
    text = text.strip().removeprefix("psql ").strip().strip("'\"")  # Neon's console offers `psql 'postgresql://…'` too
    try:
        url = urlsplit(text)
    except ValueError:
        raise _unreadable() from None
    if url.scheme not in {"postgres", "postgresql"}:
        raise SettingsError("DATABASE_URL must begin with postgresql:// (copy the whole connection string)")
    if url.fragment or "#" in text:
        raise _unreadable()
    return url


def _unreadable() -> SettingsError:
    return SettingsError(
        "DATABASE_URL does not parse: expected postgresql://user:password@host/database, "
        "with special characters in the password written as %XX"
    )


def _seconds(text: str | None) -> float:
    if not text:
        return CONNECT_SECONDS
    try:
        return max(float(text), 2.0)
    except ValueError:
        raise SettingsError(f"DATABASE_URL: connect_timeout={text!r} is not a number of seconds") from None


def _tls(query: dict[str, str], host: str, neon: bool, warnings: list[str]) -> Tls:
    """Channel binding, verify-full and Neon's hosts are verified and fail closed; the rest is as the URL asks.

    asyncpg cannot bind the channel (SCRAM-SHA-256-PLUS); checking certificate and host name protects as well.
    """
    mode = query.get("sslmode")
    if mode is not None and mode not in get_args(SslMode):
        raise SettingsError(f"DATABASE_URL: sslmode={mode!r} is not one of {', '.join(get_args(SslMode))}")
    bound = query.get("channel_binding") == "require"
    if bound or neon or mode == "verify-full":
        return _verified(query)
    if mode == "verify-ca" or (mode == "require" and query.get("sslrootcert")):
        context = _verified(query)
        context.check_hostname = False  # as libpq: only the authority is checked
        return context
    if mode == "require":
        warnings.append(
            f"the connection to {host} is encrypted, but the server is not verified: use sslmode=verify-full"
        )
    if mode is None:
        return False if host in LOOPBACK else "prefer"
    return False if mode == "disable" else cast(SslMode, mode)


def _verified(query: dict[str, str]) -> ssl.SSLContext:
    authority = query.get("sslrootcert")
    if authority in {None, "", "system"}:
        authority = None if _has_system_store() else certifi.where()
    try:
        context = ssl.create_default_context(cafile=authority)
        if query.get("sslcert"):
            context.load_cert_chain(query["sslcert"], query.get("sslkey") or None, query.get("sslpassword"))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"DATABASE_URL: the certificate file cannot be read: {error.strerror or error}") from error
    return context


def _has_system_store() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile) or bool(paths.capath and any(Path(paths.capath).iterdir()))
