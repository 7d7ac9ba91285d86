"""Every error of the installed driver is decided, and so is what proxies say with one code for everything."""

import socket
import ssl
from collections.abc import Iterator

import asyncpg
import pytest
from asyncpg.exceptions import _base

from memory.database_errors import BY_SQLSTATE, BY_TYPE, Fate, Rule, rule_of

BACK, FINAL, BUG = Fate.COMES_BACK, Fate.FINAL, Fate.BUG
# What these stand for is known only when one is raised: it then carries the SQLSTATE that the server sent.
BASES = {asyncpg.PostgresError, asyncpg.FatalPostgresError, asyncpg.UnknownPostgresError}


def raised(kind: type[BaseException], state: str = "", text: str = "words") -> BaseException:
    """An error as the driver makes it."""
    error = kind(text)
    if state:
        error.sqlstate = state  # type: ignore[attr-defined]  # as asyncpg sets it
    return error


def classes() -> Iterator[type[BaseException]]:
    there = [*vars(asyncpg.exceptions).values(), *vars(_base).values()]
    yield from sorted({one for one in there if isinstance(one, type) and issubclass(one, BaseException)}, key=str)


def test_every_error_of_the_driver_is_decided_by_its_type_or_its_sqlstate() -> None:
    kinds = [kind for kind in classes() if kind not in BASES]
    assert len(kinds) > 250
    undecided = []
    for kind in kinds:
        state = getattr(kind, "sqlstate", None) or ""
        if not (any(base in BY_TYPE for base in kind.__mro__) or state in BY_SQLSTATE or state[:2] in BY_SQLSTATE):
            undecided.append(kind.__name__)
        assert isinstance(rule_of(raised(kind)), Rule)
    assert undecided == []


def test_every_rule_says_why() -> None:
    rules = [*BY_TYPE.values(), *BY_SQLSTATE.values()]
    assert all(rule.reason for rule in rules)
    assert all(rule.fate is FINAL or not rule.advice for rule in rules)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (raised(asyncpg.CannotConnectNowError), BACK),
        (raised(asyncpg.AdminShutdownError), BACK),
        (raised(asyncpg.QueryCanceledError), BACK),
        (raised(asyncpg.TooManyConnectionsError), BACK),
        (raised(asyncpg.OutOfMemoryError), BACK),
        (raised(asyncpg.DiskFullError), FINAL),
        (raised(asyncpg.SerializationError), BACK),
        (raised(asyncpg.DeadlockDetectedError), BACK),
        (raised(asyncpg.LockNotAvailableError), BACK),
        (raised(asyncpg.ObjectInUseError), BACK),
        (raised(asyncpg.PostgresIOError), BACK),
        (raised(asyncpg.DatabaseDroppedError), FINAL),
        (raised(asyncpg.ReadOnlySQLTransactionError), FINAL),
        (raised(asyncpg.DataCorruptedError), FINAL),
        (raised(asyncpg.InternalServerError, text="cache lookup failed for type 7"), FINAL),
        (raised(asyncpg.InternalServerError, text="tuple concurrently updated"), BACK),
        (raised(asyncpg.InternalServerError, text="Couldn't connect to compute node"), BACK),
        (raised(asyncpg.InvalidPasswordError), FINAL),
        (raised(asyncpg.NotNullViolationError), BUG),
        (raised(asyncpg.InFailedSQLTransactionError), BUG),
        (raised(asyncpg.InvalidCachedStatementError), BACK),
        (raised(asyncpg.UnknownPostgresError, "57Z99"), BACK),
        (raised(asyncpg.UnknownPostgresError, "ZZ001"), BUG),
        (raised(_base.DataError), BUG),
        (raised(asyncpg.InterfaceError), BACK),
        (ConnectionRefusedError(), BACK),
        (TimeoutError(), BACK),
        (ssl.SSLError(), BACK),
        (ssl.SSLCertVerificationError(), FINAL),
        (socket.gaierror(), BACK),
    ],
    ids=repr,
)
def test_what_an_error_in_a_statement_means(error: BaseException, fate: Fate) -> None:
    rule = rule_of(error)
    assert rule is not None
    assert rule.fate is fate


@pytest.mark.parametrize(
    ("text", "fate"),
    [
        ("Couldn't connect to compute node", BACK),
        ("Control plane request failed", BACK),
        ("Console request failed", BACK),
        ("Control plane request failed: endpoint is temporarily unavailable. Check your quotas and/or contact our "
         "support.", BACK),
        ("Failed to acquire permit to connect to the database. Too many database connection attempts are currently "
         "ongoing.", BACK),
        ("Too many connections to this endpoint. Please try again later.", BACK),
        ("Endpoint is starting", BACK),
        ("the database system is starting up", BACK),
        ("sorry, too many clients already", BACK),
        ("Internal error", BACK),
        ("something that nobody has heard of", BACK),
        ("Control plane request failed: endpoint is disabled", FINAL),
        ("Control plane request failed: endpoint cannot be found", FINAL),
        ("Your account or project has exceeded the compute time quota. Upgrade your plan to increase limits.", FINAL),
        ("You have exceeded the limit of concurrently active endpoints.", FINAL),
        ("password authentication failed for user 'ana'", FINAL),
        ("Endpoint ID is not specified. Either please upgrade the postgres client library", FINAL),
        ("This IP address 192.0.2.1 is not allowed to connect to this endpoint.", FINAL),
        ("This connection is trying to access this endpoint from a blocked network.", FINAL),
        ('database "nothing" does not exist', FINAL),
        ('role "nobody" does not exist', FINAL),
        ("connection is insecure (try using `sslmode=require`)", FINAL),
        ("unsupported startup parameter: search_path. Please use unpooled connection", FINAL),
        ("Tenant or user not found", FINAL),
        ("no such database: nothing", FINAL),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [asyncpg.InternalServerError, asyncpg.ProtocolViolationError])
def test_what_a_proxy_means_while_a_connection_is_made(kind: type[BaseException], text: str, fate: Fate) -> None:
    rule = rule_of(raised(kind, text=text), connecting=True)
    assert rule is not None
    assert rule.fate is fate


def test_what_a_server_refuses_while_a_connection_is_made_is_never_a_bug_of_ours() -> None:
    for kind in classes():
        rule = rule_of(raised(kind), connecting=True)
        if issubclass(kind, asyncpg.PostgresError) and not any(base in BY_TYPE for base in kind.__mro__):
            assert rule is not None
            assert rule.fate is not BUG


def test_what_is_none_of_the_databases_is_left_alone() -> None:
    assert rule_of(ValueError("words")) is None
    assert rule_of(KeyError("words")) is None
