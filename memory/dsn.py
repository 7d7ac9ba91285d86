"""Reads DATABASE_URL: takes out what asyncpg does not understand and decides how the server is verified."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import SplitResult, parse_qs, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

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
BLANK = " \t\r\n\u00a0\u200b\ufeff"  # what a copy begins or ends with
QUOTES = {"'": "'", '"': '"', "`": "`", "“": "”", "‘": "’", "<": ">"}
COPIED_ALONG = re.compile(r"^(export\s+)?(DATABASE_URL\s*=\s*)?(psql\s+(-d\s+|--dbname[=\s])?)?", re.IGNORECASE)
PLACEHOLDER = re.compile(r"[\[<{][^\]>}]*password[^\]>}]*[\]>}]", re.IGNORECASE)  # [YOUR-PASSWORD], as Supabase has it
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
    host = unquote(url.hostname or "") or query.get("host", "")
    socket = not host or host.startswith("/")
    port = None if "," in url.netloc else url.port  # several hosts: asyncpg reads their ports
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
        place=(host or "a local socket") if socket else f"{host}:{port or 5432}",
        connect_timeout=_seconds(query.get("connect_timeout")),
        warnings=tuple(warnings),
    )


def _split(text: str) -> SplitResult:
    """The parts of a URL. Special characters in user and password may stand there as they are."""
    scheme, colon, rest = _unwrapped(text).partition("://")
    scheme = scheme.lower().removeprefix("jdbc:").partition("+")[0]  # postgresql+asyncpg, as SQLAlchemy writes it
    if not colon or scheme not in {"postgres", "postgresql"}:
        raise SettingsError("DATABASE_URL must begin with postgresql:// (copy the whole connection string)")
    before_query, question_mark, query = rest.partition("?")
    login, at, place = before_query.rpartition("@")
    if PLACEHOLDER.search(login):
        raise SettingsError("DATABASE_URL still has a placeholder in it: write the password in its place")
    if not at and "@" in query.partition("=")[0]:  # a question mark in the password
        raise _unreadable()
    user, colon, password = login.partition(":")
    known = f"{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}{at}"
    try:
        url = urlsplit(f"{scheme}://{known}{place}{question_mark}{query}")
        _ = url.hostname
    except ValueError:
        raise _unreadable() from None
    if url.fragment or "#" in place:
        raise _unreadable()
    _check_host(url)
    return url


def _unwrapped(text: str) -> str:
    """What somebody copied, without what was copied along: quotes, line breaks, `psql '…'` as Neon's console has it."""
    text = "".join(line.strip(BLANK) for line in text.splitlines())
    text, command = COPIED_ALONG.sub("", text, count=1), "psql" in text[:20].lower()
    if text[:1] in QUOTES:
        text = text[1:].partition(QUOTES[text[:1]])[0]
    elif command:
        text = text.partition(" ")[0]
    return text.strip(BLANK + "".join(QUOTES) + ";")


def _check_host(url: SplitResult) -> None:
    """Raises SettingsError for what cannot be one; a socket's folder may stand there too, and several hosts."""
    hosts = url.netloc.rpartition("@")[2]
    if not hosts and not parse_qs(url.query).get("host") and (url.netloc or url.path in {"", "/"}):
        raise SettingsError("DATABASE_URL names no host: expected postgresql://user:password@host/database")
    if hosts.startswith(":"):
        raise SettingsError("DATABASE_URL names no host before the port")
    if any(character.isspace() for character in unquote(hosts) + url.path):
        raise SettingsError("DATABASE_URL has a space in it: copy the whole connection string again")
    if "," in hosts:
        return  # the driver reads them
    try:
        port = url.port
    except ValueError:
        port = 0
    if port == 0:
        raise SettingsError(
            "DATABASE_URL: the port must be a number from 1 to 65535; a / in the password must be written as %2F"
        )
    try:
        (url.hostname or "").encode("idna")
    except UnicodeError:
        raise SettingsError("DATABASE_URL: the host is not a name that a host can have") from None


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
        raise SettingsError("DATABASE_URL: connect_timeout is not a number of seconds") from None


def _tls(query: dict[str, str], host: str, neon: bool, warnings: list[str]) -> Tls:
    """Channel binding, verify-full and Neon's hosts are verified and fail closed; the rest is as the URL asks.

    asyncpg cannot bind the channel (SCRAM-SHA-256-PLUS); checking certificate and host name protects as well.
    """
    mode = query.get("sslmode")
    if mode is not None and mode not in get_args(SslMode):
        raise SettingsError(f"DATABASE_URL: sslmode is not one of {', '.join(get_args(SslMode))}")
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
