"""Decides what each error of the database driver means: it passes by itself, it is final, or it is a bug of ours.

One table, by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) and, for what carries none, by
type. Beside memory.pool the only file that imports asyncpg.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import asyncpg
from asyncpg.exceptions import _base


class Fate(Enum):
    """The three things that an error can mean."""

    COMES_BACK = "comes back"  # the same statement may succeed later: it is tried again
    FINAL = "final"  # nothing changes until an operator does something
    BUG = "bug"  # the statement or its values are wrong: ours to mend


@dataclass(frozen=True, slots=True)
class Rule:
    """What an error means, and why."""

    fate: Fate
    reason: str
    advice: str = ""  # what an operator can do about it


class BrokenStatement(Exception):
    """A statement of ours that the database cannot run. Says nothing of the values in it: they are people's words."""


def _back(reason: str) -> Rule:
    return Rule(Fate.COMES_BACK, reason)


def _final(reason: str, advice: str = "") -> Rule:
    return Rule(Fate.FINAL, reason, advice)


def _bug(reason: str) -> Rule:
    return Rule(Fate.BUG, reason)


BY_TYPE: Mapping[type[BaseException], Rule] = {
    asyncpg.InvalidCachedStatementError: _back("a table was altered: the next run prepares the statement anew"),
    _base.DataError: _bug("a value of ours does not fit its parameter"),
    asyncpg.ClientConfigurationError: _final("the driver cannot read the URL", "look at DATABASE_URL"),
    asyncpg.UnsupportedClientFeatureError: _bug("the driver cannot do what we ask of it"),
    asyncpg.UnsupportedServerFeatureError: _final("the server lacks something that we need", "update it"),
    asyncpg.InterfaceError: _back("the connection is closed, or closes while it is used"),
    asyncpg.InterfaceWarning: _bug("a warning, which the driver does not raise"),
    asyncpg.TargetServerAttributeNotMatched: _back("no host of several takes writes: a failover is under way"),
    asyncpg.InternalClientError: _back("a connection was told to go, and is used before its end is seen"),
    ssl.SSLCertVerificationError: _final(
        "the certificate does not verify",
        "check the host name in DATABASE_URL, or name the authority with sslrootcert=",
    ),
    socket.gaierror: _back("the host does not resolve at the moment, or at all"),
    OSError: _back("the network or the server is away"),  # TimeoutError and ssl.SSLError are OSErrors
}

BY_SQLSTATE: Mapping[str, Rule] = {
    "00": _bug("success, which is no error"),
    "01": _bug("a warning, which the driver does not raise"),
    "02": _bug("a warning, which the driver does not raise"),
    "03": _bug("a statement was begun before another one had ended"),
    "08": _back("the connection is gone, or could not be made; poolers say so of a server that is away"),
    "09": _bug("a trigger failed"),
    "0A": _bug("a statement that this server does not know"),
    "0B": _bug("a transaction begun wrongly"),
    "0F": _bug("large objects, which we do not use"),
    "0L": _bug("rights that we do not grant"),
    "0P": _bug("roles that we do not set"),
    "0Z": _bug("diagnostics that we do not ask for"),
    "10": _bug("XQuery, which we do not use"),
    "20": _bug("a case without a branch"),
    "21": _bug("a subquery gave more rows than one"),
    "22": _bug("a value that its type cannot hold"),
    "23": _bug("a constraint that our statements should respect"),
    "24": _bug("cursors, which we do not use"),
    "25": _bug("a transaction used wrongly"),
    "25006": _final(
        "the server only reads: a standby, or a quota is used up", "write to its primary, or look at quotas"
    ),
    "25P03": _back("the server closed a transaction that waited too long"),
    "25P04": _back("the server closed a transaction that took too long"),
    "26": _back("a pooler has put another server behind the connection: the next run prepares anew"),
    "27": _bug("a trigger changed what the statement changes"),
    "28": _final("the server does not let this role in", "check user and password in DATABASE_URL"),
    "2B": _bug("rights that we do not revoke"),
    "2D": _bug("a transaction ended wrongly"),
    "2F": _bug("a function of ours failed"),
    "34": _bug("cursors, which we do not use"),
    "38": _bug("external functions, which we do not use"),
    "39": _bug("external functions, which we do not use"),
    "3B": _bug("a savepoint used wrongly"),
    "3D": _final("there is no database of this name", "check the name in DATABASE_URL, or create it"),
    "3F": _final("our schema is missing", "run `hathi migrate`"),
    "40": _back("the transaction lost against another one, which has gone on"),
    "40002": _bug("a constraint that our statements should respect"),
    "42": _bug("a statement that is wrong"),
    "42501": _final("the role lacks a right", "grant it to the role in DATABASE_URL"),
    "42703": _final("a column is gone, as after its extension was dropped", "create the extension again"),
    "42704": _final("a type is gone, as after its extension was dropped", "create the extension again"),
    "42883": _final("a function or operator is gone, as after its extension was dropped", "create the extension again"),
    "42P01": _final("our tables are missing", "run `hathi migrate`"),
    "42P05": _back("a pooler has put another server behind the connection, on which the statement is prepared"),
    "44": _bug("views with a check, which we do not use"),
    "53": _back("the server is short of memory or connections"),
    "53100": _final("the disk is full", "make room on its disk"),
    "53400": _final("a limit in the server's configuration is reached", "raise it"),
    "54": _bug("a statement or value that is too large for Postgres"),
    "55": _final("the server is not in a state to do this", "look at its log"),
    "55006": _back("somebody else uses it at the moment"),
    "55P03": _back("somebody else holds the lock for longer than the server lets us wait"),
    "55P04": _bug("enumerations, which we do not extend"),
    "57": _back("the server or its operator stopped the statement, shuts down or starts"),
    "57P04": _final("the database was dropped", "create it again, or change DATABASE_URL"),
    "58": _back("the server cannot read or write its files; on Neon, its storage is away"),
    "58P01": _final("a file of the server is missing, as of an extension that was removed", "install it again"),
    "58P02": _final("a file of the server is in the way", "look at its log"),
    "58P03": _final("a file name of the server is too long", "look at its log"),
    "72": _back("a snapshot was too old: the next run takes a new one"),
    "F0": _final("the server's configuration is broken", "look at its log"),
    "HV": _final("a table of ours is a foreign one, and its server fails", "look at its log"),
    "P0": _bug("a function raised an error"),
    "XX": _final("the server failed inside", "look at its log"),
    "XX001": _final("data are corrupted", "restore a backup"),
    "XX002": _final("an index is corrupted", "run `reindex`"),
}

# Neon's proxy has one code for all that it says (proxy/src/stream.rs: SQLSTATE_INTERNAL_ERROR), Supabase's pooler too;
# PgBouncer has 08P01. While a connection is made it is their words that decide: these are final, all others pass when
# the compute has woken up. What the compute itself answers arrives with the same code: hence the names and passwords.
ONE_FOR_ALL = frozenset({"XX000", "08P01"})
FINAL_AT_THE_DOOR = re.compile(
    r"""
    password\ authentication\ failed | authentication\ method | not\ permitted\ to\ log\ in | permission\ denied
    | does\ not\ exist | cannot\ be\ found | not\ found | no\ such\ (database|user)
    | endpoint\ is\ disabled | endpoint\ ID\ is\ not\ specified
    | not\ allowed | blocked\ network | exceeded\ the .* (quota|limit)
    | connection\ is\ insecure | unsupported\ startup\ parameter | malformed
    """,
    re.VERBOSE | re.IGNORECASE,
)
# What proxies say in the middle of things, and a failure of Postgres that another try does not meet again.
PASSES_BY_ITSELF = re.compile(
    r"connect to compute|control plane request failed|console request failed|endpoint is |failed to acquire permit"
    r"|too many connection|tuple concurrently (updated|deleted)",
    re.IGNORECASE,
)


def rule_of(error: BaseException, *, connecting: bool = False) -> Rule | None:
    """What an error means; None when it is none of the database's. `connecting`: it came before any statement."""
    for kind in type(error).__mro__:
        if kind in BY_TYPE:
            return BY_TYPE[kind]
    if not isinstance(error, asyncpg.PostgresError | asyncpg.PostgresWarning):
        return None
    state, text = sqlstate_of(error), first_line(error)
    if state in ONE_FOR_ALL and (connecting or PASSES_BY_ITSELF.search(text)):
        if FINAL_AT_THE_DOOR.search(text):
            return _final("what stands before the server refuses", "check DATABASE_URL")
        return _back("what stands before the server cannot reach it yet: a compute that wakes up")
    rule = BY_SQLSTATE.get(state) or BY_SQLSTATE.get(state[:2]) or _bug("a code that Postgres does not document")
    if connecting and rule.fate is Fate.BUG:  # no statement of ours was sent
        return _final("the server refuses the connection", "check DATABASE_URL")
    return rule


def sqlstate_of(error: BaseException) -> str:
    """The SQLSTATE of an error; empty for one that has none."""
    return getattr(error, "sqlstate", None) or ""


def first_line(error: BaseException) -> str:
    """The message alone: what follows it may hold rows, and with them people's words."""
    return (str(error) or type(error).__name__).splitlines()[0]
