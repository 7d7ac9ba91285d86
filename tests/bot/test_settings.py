"""Settings: read once, documented once, wrong ones named in one line without their value."""

import re
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.settings import Settings, read_persona, read_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from anybody's .env and environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_every_setting_stands_in_the_example_with_its_default_and_nothing_else_does() -> None:
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M))
    assert set(example) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        shown = isinstance(field.default, str | int)
        assert example[name.upper()] == (str(field.default) if shown else ""), name


def test_every_setting_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in readme] == []


def test_the_example_copied_unchanged_changes_nothing(tmp_path: Path) -> None:
    defaults = read_settings()
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    assert read_settings() == defaults


def test_env_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("MODEL=ollama/a\nLAST_MESSAGES=3\nSOMETHING_ELSE=1\nDATABASE_URL=\n")
    monkeypatch.setenv("MODEL", "ollama/b")
    monkeypatch.setenv("FALLBACK_MODELS", "local/smollm2, openai/x ,")
    settings = read_settings()
    assert (settings.model, settings.last_messages, settings.database_url) == ("ollama/b", 3, None)
    assert settings.fallback_models == ("local/smollm2", "openai/x")


@pytest.mark.parametrize(("name", "value"), [("LAST_MESSAGES", "many"), ("PORT", "99999"), ("LOG_FORMAT", "sekret")])
def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        read_settings()
    assert name in str(raised.value)
    assert value not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_env_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"MODEL=\xff\xfe")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        read_settings()


def test_secrets_are_not_in_the_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sekret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:sekret@h/d")
    assert "sekret" not in repr(read_settings())


def test_the_persona_is_the_operators_or_the_built_in_one(tmp_path: Path) -> None:
    own = tmp_path / "persona.md"
    own.write_text("You are a pirate.\n")
    assert read_persona(own) == "You are a pirate."
    assert "Hathi" in read_persona(None)


def test_a_persona_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    latin, empty = tmp_path / "latin", tmp_path / "empty"
    latin.write_bytes(b"\xff\xfe\xfd")
    empty.write_text(" \n")
    for path, why in (
        (tmp_path / "nowhere", "No such file"),
        (latin, "not UTF-8"),
        (empty, "is empty"),
        (tmp_path, "dir"),
    ):
        with pytest.raises(SettingsError, match=why) as raised:
            read_persona(path)
        assert "PERSONA" in str(raised.value)


@pytest.mark.parametrize("value", ["Lisbon", "Europe/Nowhere", "../etc/passwd", "+2"])
def test_a_time_zone_that_is_none_is_refused_and_what_to_write_is_said(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TIMEZONE", value)
    with pytest.raises(SettingsError) as raised:
        read_settings()
    assert "TIMEZONE" in str(raised.value)
    assert "Europe/Lisbon" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_time_zone_is_one_of_the_tz_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().timezone == "UTC"
    monkeypatch.setenv("TIMEZONE", "America/Argentina/Buenos_Aires")
    assert read_settings().timezone == "America/Argentina/Buenos_Aires"
