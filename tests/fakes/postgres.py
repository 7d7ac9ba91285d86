"""What Neon puts before a database: its proxy, which answers while a compute wakes up; and from Debian's packages a
Postgres that speaks TLS and SCRAM, and PgBouncer.
"""

import asyncio
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import trustme

from tests.fakes.proxy import Proxy

USER, PASSWORD = "hathi", "p@ss/word#1"
QUOTED = "p%40ss%2Fword%231"


COULD_NOT_CONNECT = "Couldn't connect to compute node"


class NeonProxy(Proxy):
    """Neon's proxy before a compute: an error of its own for each connection while it sleeps, then the compute.

    All that it says has the code XX000 (neondatabase/neon, proxy/src/stream.rs). It says so when it has read who comes,
    or has let them in (`late`).
    """

    def __init__(self, compute: str | int) -> None:
        """`compute`: the server's socket file, or the port of a pooler on this machine."""
        super().__init__(str(compute))
        self.errors: list[str] = []  # what it says to the connections to come, in order
        self.refused = 0
        self.late = False
        self._compute = compute

    async def sleep(self, errors: Sequence[str]) -> None:
        """The compute is suspended: connections are cut, and as many of the next ones hear an error."""
        self.errors = list(errors)
        await self.cut()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._compute, int):
            return await asyncio.open_connection("127.0.0.1", self._compute)
        return await super()._reach()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.errors:
            await super()._serve(reader, writer)
            return
        text = self.errors.pop(0)
        self.refused += 1
        try:
            length = int.from_bytes(await reader.readexactly(4), "big")
            await reader.readexactly(length - 4)
            if self.late:
                writer.write(_packet(b"R", (0).to_bytes(4, "big")))  # AuthenticationOk
            writer.write(_packet(b"E", b"SERROR\0CXX000\0M" + text.encode() + b"\0\0"))
            await writer.drain()
        finally:
            writer.close()


def _packet(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


@dataclass(frozen=True)
class TlsPostgres:
    """A running server: its port on localhost and the file with the authority that vouches for it."""

    port: int
    authority: Path

    def url(
        self, database: str = "postgres", *, host: str = "localhost", port: int | None = None, query: str = ""
    ) -> str:
        """A connection string in the form that Neon hands out, plus `query`."""
        return f"postgresql://{USER}:{QUOTED}@{host}:{port or self.port}/{database}?sslmode=require{query}"


@contextmanager
def tls_postgres() -> Iterator[TlsPostgres]:
    """Start it with a certificate for `localhost` only."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        _missing("postgresql")
    with _folder() as folder:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate = authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(folder / "server.key")
        certificate.cert_chain_pems[0].write_to_path(folder / "server.crt")
        (folder / "password").write_text(PASSWORD)
        _hand_over(folder)
        (folder / "server.key").chmod(0o600)
        port = _free_port()
        initdb: list[str | Path] = [
            programs[-1], "-D", "data", "-U", USER, "-A", "scram-sha-256", "--pwfile=password", "-N",
            "-E", "UTF8", "--locale=C.UTF-8",
        ]  # fmt: skip
        subprocess.run(initdb, cwd=folder, user=_user(), check=True, capture_output=True, timeout=60)
        server = subprocess.Popen(
            [
                programs[-1].with_name("postgres"), "-D", "data", "-k", folder, "-p", str(port), "-h", "127.0.0.1,::1",
                "-c", "ssl=on", "-c", f"ssl_cert_file={folder}/server.crt", "-c", f"ssl_key_file={folder}/server.key",
                "-c", "fsync=off",
            ],
            cwd=folder, user=_user(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _until_listening(port, server, lambda: "ready" in (folder / "data/postmaster.pid").read_text().split())
            yield TlsPostgres(port, folder / "ca.pem")
        finally:
            server.terminate()
            server.wait(30)


@contextmanager
def pgbouncer(postgres: TlsPostgres) -> Iterator[int]:
    """PgBouncer in transaction mode before the server, with fewer connections than clients; yields its port."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if not program:
        _missing("pgbouncer")
    with _folder() as folder:
        port = _free_port()
        (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
        (folder / "pgbouncer.ini").write_text(
            f"""[databases]
* = host=127.0.0.1 port={postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 3
"""
        )
        _hand_over(folder)
        server = subprocess.Popen(
            [program, "-q", folder / "pgbouncer.ini"],
            user=_user(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _until_listening(port, server)
            yield port
        finally:
            server.terminate()
            server.wait(30)


def _missing(package: str) -> NoReturn:
    """Skip, for all to see; in CI, which installs it, fail."""
    reason = f"Debian's package {package} is not installed"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hathi-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _user() -> str | None:
    """Neither server runs as root."""
    return "postgres" if os.geteuid() == 0 else None


def _hand_over(folder: Path) -> None:
    if user := _user():
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_listening(port: int, server: subprocess.Popen[bytes], ready: Callable[[], bool] = lambda: True) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, f"the server ended with status {server.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0 and ready():  # Postgres listens before it lets anybody in
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def new_name() -> str:
    """A name for a database."""
    return f"t_{secrets.token_hex(5)}"
