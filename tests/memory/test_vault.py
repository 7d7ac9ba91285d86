"""Secrets at rest: encrypted, once where that is wanted, changed by one at a time."""

import asyncio
import base64
import os

import pytest

from bot.errors import SettingsError
from memory.pool import Database
from memory.vault import Vault, is_weak


def key() -> str:
    return base64.b64encode(os.urandom(32)).decode()  # as openssl prints it, with + and /


async def test_nothing_readable_is_in_the_table(database: Database) -> None:
    vault = Vault(database, [key()])
    await vault.put("slack:T1", "xoxb-secret")
    await vault.put("slack:T1", "xoxb-secret-2")
    assert await vault.get("slack:T1") == "xoxb-secret-2"
    (row,) = await database.fetch("select * from hathi.secrets")
    assert "secret" not in row["value"]
    assert await vault.delete("slack:T1")
    assert not await vault.delete("slack:T1")
    assert await vault.get("slack:T1") is None


async def test_what_may_be_taken_once_is_taken_once_by_whoever_comes_first(database: Database) -> None:
    vault = Vault(database, [key()])
    await vault.put("state:1", "x", seconds=60)
    taken = await asyncio.gather(*(vault.take("state:1") for _ in range(8)))
    assert sorted(taken, key=str) == [None] * 7 + ["x"]


async def test_what_has_expired_is_neither_read_nor_kept(database: Database) -> None:
    vault = Vault(database, [key()])
    await vault.put("a", "x", seconds=-1)
    await vault.put("b", "x", seconds=-1)
    assert await vault.get("a") is None
    assert await vault.take("a") is None
    await vault.put("c", "x")
    assert [row["name"] for row in await database.fetch("select name from hathi.secrets")] == ["c"]


async def test_a_new_key_goes_before_the_old_one_and_both_read(database: Database) -> None:
    old, new = key(), key()
    await Vault(database, [old]).put("a", "x")
    assert await Vault(database, [new, old]).get("a") == "x"
    with pytest.raises(SettingsError, match="ENCRYPTION_KEY is not the one"):
        await Vault(database, [new]).get("a")


@pytest.mark.parametrize("wrong", ["", "short", "not base64 at all, but long enough to be one, you see"])
def test_a_key_that_is_none_says_how_to_make_one(wrong: str) -> None:
    with pytest.raises(SettingsError, match="openssl rand"):
        Vault(None, [wrong])  # type: ignore[arg-type]  # not reached


async def test_one_row_does_not_serve_as_another(database: Database) -> None:
    vault = Vault(database, [key()])
    await vault.put("slack:T1", "one")
    await vault.put("slack:T2", "two")
    await database.fetch("update hathi.secrets set value = (select value from hathi.secrets where name = 'slack:T1')")
    assert await vault.get("slack:T1") == "one"
    with pytest.raises(SettingsError, match="somebody has changed the table"):
        await vault.get("slack:T2")


async def test_changes_of_one_secret_come_one_after_the_other(database: Database) -> None:
    vault = Vault(database, [key()])
    await vault.put("count", "0")

    async def add() -> None:
        async with vault.changing("count") as secret:
            assert secret is not None
            number = int(secret.value)
            await asyncio.sleep(0.01)
            await secret.replace(str(number + 1))

    await asyncio.gather(*(add() for _ in range(6)))
    assert await vault.get("count") == "6"
    async with vault.changing("nothing") as secret:
        assert secret is None


async def test_a_new_first_key_encrypts_everything_anew(database: Database) -> None:
    old, new = key(), key()
    await Vault(database, [old]).put("slack:T1", "xoxb-1")
    await Vault(database, [old]).put("slack:T2", "xoxb-2", seconds=60)
    assert await Vault(database, [new, old]).rotate() == 2
    assert await Vault(database, [new]).get("slack:T1") == "xoxb-1"
    assert await Vault(database, [new]).take("slack:T2") == "xoxb-2"
    with pytest.raises(SettingsError, match="not the one"):
        await Vault(database, [old]).get("slack:T1")


async def test_when_one_secret_cannot_be_read_none_is_encrypted_anew(database: Database) -> None:
    lost, old, new = key(), key(), key()
    await Vault(database, [old]).put("a", "x")
    await Vault(database, [lost]).put("b", "y")
    with pytest.raises(SettingsError, match="b was encrypted with"):
        await Vault(database, [new, old]).rotate()
    assert await Vault(database, [old]).get("a") == "x"


@pytest.mark.parametrize(
    "weak",
    [
        bytes(32),
        b"a" * 32,
        bytes(range(32)),
        bytes(range(64, 0, -2)),
        b"correct horse battery staple ok!",
        b"0123456789abcdef" * 2,
    ],
)
async def test_a_key_that_can_be_guessed_does_not_encrypt_but_still_decrypts(database: Database, weak: bytes) -> None:
    guessed = base64.b64encode(weak).decode()
    with pytest.raises(SettingsError, match="rotate-key"):
        Vault(database, [guessed])
    assert await Vault(database, [key(), guessed]).rotate() == 0


def test_random_keys_are_not_taken_for_weak_ones() -> None:
    assert not any(is_weak(os.urandom(32)) for _ in range(10_000))
