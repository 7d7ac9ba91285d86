"""DATABASE_URL as Neon and others hand it out."""

import ssl
from urllib.parse import unquote, urlsplit

import pytest

from bot.errors import SettingsError
from memory.dsn import parse

NEON = (
    "postgresql://u:p%40ss@ep-cool-1{pooler}.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require"
)


def verifies(tls: object) -> bool:
    return isinstance(tls, ssl.SSLContext) and tls.verify_mode == ssl.CERT_REQUIRED and tls.check_hostname


@pytest.mark.parametrize(("pooler", "pooled"), [("", False), ("-pooler", True)])
def test_neons_string_works_unchanged_and_is_verified(pooler: str, pooled: bool) -> None:
    dsn = parse(NEON.format(pooler=pooler))
    assert verifies(dsn.tls)
    assert dsn.pooled is pooled
    assert dsn.url == f"postgresql://u:p%40ss@ep-cool-1{pooler}.eu-central-1.aws.neon.tech/neondb"


@pytest.mark.parametrize(
    "paste",
    [
        "psql '{}'", 'psql "{}"', "psql {}", "psql -d '{}'", "psql '{}' -c 'select 1'", "psql {} -c 'select 1'",
        "'{}'", '"{}"', "`{}`", "“{}”", "<{}>", "{}'", '{}";', "  {}\n", "\ufeff{}\u00a0", "{}\r\n",
        "DATABASE_URL={}", "export DATABASE_URL='{}'", "DATABASE_URL = \"{}\"",
    ],
)  # fmt: skip
def test_the_string_may_come_with_what_surrounds_it_in_the_console(paste: str) -> None:
    assert parse(paste.format(NEON.format(pooler=""))).url == parse(NEON.format(pooler="")).url


@pytest.mark.parametrize(
    ("url", "tls"),
    [
        ("postgresql:///hathi?host=/run/pg&sslmode=require", False),
        ("postgres://u@localhost/db", False),
        ("postgres://u@127.0.0.1:5433/db", False),
        ("postgres://u@[::1]:5433/db", False),
        ("postgres://u@db.example.org/db", "prefer"),
        ("postgres://u@db.example.org/db?sslmode=disable", False),
        ("postgres://u@db.example.org/db?sslmode=allow", "allow"),
        ("postgres://u@db.example.org/db?sslmode=require", "require"),
    ],
)
def test_tls_is_as_the_url_asks(url: str, tls: object) -> None:
    assert parse(url).tls == tls


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u@db.example.org/db?sslmode=verify-full",
        "postgres://u@db.example.org/db?sslmode=verify-full&sslrootcert=system",
        "postgres://u@db.example.org/db?channel_binding=require",
        "postgres://u@localhost/db?channel_binding=require",
        "postgres://u@ep-x.eu.aws.neon.tech/db?sslmode=disable",  # never, whatever the URL says
        "postgres://u@ep-x.eu.aws.neon.tech/db",
    ],
)
def test_what_has_to_be_verified_is(url: str) -> None:
    assert verifies(parse(url).tls)


def test_verify_ca_checks_the_authority_alone() -> None:
    tls = parse("postgres://u@db.example.org/db?sslmode=verify-ca").tls
    assert isinstance(tls, ssl.SSLContext)
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, False)


def test_an_unverified_server_is_worth_a_warning() -> None:
    (warning,) = parse("postgres://u:secret@db.example.org/db?sslmode=require").warnings
    assert "sslmode=verify-full" in warning
    assert "secret" not in warning


@pytest.mark.parametrize(
    ("url", "pooled"),
    [
        ("postgres://u@db.example.org/db", None),
        ("postgres://u@db.example.org/db?pgbouncer=true", True),
        ("postgres://u@db.example.org:6432/db", True),
        ("postgres://u@x-pooler.example.org/db", True),
        ("postgresql:///db?host=/run/pg", False),
    ],
)
def test_a_pooler_is_known_by_its_marks_or_looked_for(url: str, pooled: bool | None) -> None:
    assert parse(url).pooled is pooled


def test_what_only_libpq_and_orms_understand_is_taken_out_and_the_rest_kept() -> None:
    url = (
        "postgres://u@h/db?connect_timeout=7&keepalives=1&schema=public&options=endpoint%3Dep-1&application_name=x%20y"
    )
    dsn = parse(url)
    assert dsn.url == "postgres://u@h/db?options=endpoint%3Dep-1&application_name=x%20y"
    assert dsn.connect_timeout == 7


def test_several_hosts_are_left_to_the_driver() -> None:
    assert parse("postgres://u@a:1,b:2/db").url == "postgres://u@a:1,b:2/db"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgresql://u:p@ss@h/db", "postgresql://u:p%40ss@h/db"),
        ("postgresql://u@example.org:p@ss@h:5433/db?application_name=a@b",
         "postgresql://u%40example.org:p%40ss@h:5433/db?application_name=a%40b"),
        ("postgresql://u:100%@h/db", "postgresql://u:100%25@h/db"),
        ("postgresql://u:p%ss%zz@h/db", "postgresql://u:p%25ss%25zz@h/db"),
        ("postgresql://u:p%40s%2Fs@h/db", "postgresql://u:p%40s%2Fs@h/db"),
        ("postgresql://u:a/b#c[d]e f:g@h/db", "postgresql://u:a%2Fb%23c%5Bd%5De%20f%3Ag@h/db"),
        ("POSTGRESQL://u:p@h/db", "postgresql://u:p@h/db"),
        ("postgresql+asyncpg://u:p@h/db", "postgresql://u:p@h/db"),
        ("jdbc:postgresql://h:5433/db?user=u&password=p", "postgresql://h:5433/db?user=u&password=p"),
        ("postgresql://u:p@h/\n  db", "postgresql://u:p@h/db"),
        ("postgresql:///db", "postgresql:///db"),
        ("postgresql://u:p@/db?host=/run/pg", "postgresql://u:p@/db?host=/run/pg"),
        ("postgresql://%2Frun%2Fpg/db", "postgresql://%2Frun%2Fpg/db"),
    ],
)  # fmt: skip
def test_what_is_plainly_meant_works(given: str, meant: str) -> None:
    assert unquote(parse(given).url).replace(":///", ":/") == unquote(meant).replace(":///", ":/")
    assert urlsplit(parse(given).url).netloc.replace("%2f", "%2F") == urlsplit(meant).netloc


@pytest.mark.parametrize("url", ["postgresql://%2Frun%2Fpg/db", "postgresql:///db", "postgresql:///db?host=/run/pg"])
def test_a_socket_on_this_machine_is_neither_encrypted_nor_pooled(url: str) -> None:
    dsn = parse(url)
    assert (dsn.tls, dsn.pooled) == (False, False)
    assert dsn.place in {"/run/pg", "a local socket"}


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:mysql://u:hunter2@h/db", "https://u:hunter2@console.neon.tech/app", "psql -h h -U u -W hunter2 db",
        "PGPASSWORD=hunter2 psql -h h", "u:hunter2@h/db", "postgresql:u:hunter2@h/db", "postgresql://", "postgresql:///",
        "postgresql://u:hunter2@/db", "postgresql://u:hunter2@", "postgresql://:5432/db", "postgresql://u:hunter2@:5432/db",
        "postgresql://u:hunter2@h:70000/db", "postgresql://u:hunter2@h:0/db", "postgresql://u:hunter2@h:-1/db",
        "postgresql://u:hunter2@h h/db", "postgresql://u:hunter2@h/d b", "postgresql://u:hunter2", "postgresql://u:hunter2/db",
        "postgresql://u:hunter2?@h/db", "postgresql://u:hunter2@a..b/db", f"postgresql://u:hunter2@{'a' * 64}.org/db",
        "postgresql://u:hunter2@h/db#hunter2", "postgresql://u:[YOUR-PASSWORD]@h/db", "postgresql://u:<password>@h/db",
        "psql 'postgresql://u:hunter2@h:x/db' # hunter2",
        "", "nonsense", "mysql://u:hunter2@h/db", "postgres://u:hunter2@h:port/db",
        "postgres://u:hunter2@[::1/db", "postgres://u:hunter2@h/db?sslmode=maybe",
        "postgres://u:hunter2@h/db?connect_timeout=soon",
        "postgres://u:hunter2@h/db?sslmode=verify-full&sslrootcert=/nowhere.crt",
    ],
)  # fmt: skip
def test_what_does_not_parse_is_one_clear_line_without_the_password(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse(url)
    assert "DATABASE_URL" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_password_is_not_in_the_repr() -> None:
    assert "p%40ss" not in repr(parse(NEON.format(pooler="")))
