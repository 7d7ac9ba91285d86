"""The environment, read once."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsError
from bot.zones import zone


class Settings(BaseSettings):
    """Every setting there is, from the environment or from `.env` beside the process."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore")

    database_url: SecretStr | None = Field(None, description="any Postgres; without it an embedded one")
    hathi_home: Path | None = Field(None, description="where the embedded database lives")
    model: str | None = Field(None, description="provider/model; without it the first that a key is set for")
    fallback_models: Annotated[tuple[str, ...], NoDecode] = Field((), description="provider/model, comma separated")
    openrouter_api_key: SecretStr = SecretStr("")
    openai_api_key: SecretStr = SecretStr("")
    openai_base_url: str = Field("", description="another server that speaks OpenAI's API")
    anthropic_api_key: SecretStr = SecretStr("")
    ollama_base_url: str = ""
    answer_tokens: int | None = Field(
        None, ge=64, le=128_000, description="of one answer, at most; without it 8192, and your own server's own limit"
    )
    persona: Path | None = Field(None, description="a file with the bot's character and instructions")
    last_messages: int = Field(10, ge=0, le=1000, description="messages of the thread put before the model")
    semantic_recall: bool = Field(True, description="find what was said long ago and elsewhere")
    recall_top_k: int = Field(4, ge=0, le=50, description="messages that are recalled; with neighbours, as many groups")
    recall_neighbours: int = Field(1, ge=0, le=5, description="before and behind each of them, where they help")
    recall_scope: Literal["resource", "thread"] = Field("resource", description="all conversations of a person, or one")
    recall_tokens: int = Field(1000, ge=0, le=20_000, description="of all that is recalled in one prompt, at most")
    recall_language: str = Field(
        "english", pattern=r"^[a-z_]{1,63}$", description="whose words and endings: a text search configuration"
    )
    embedder: str | None = Field(None, description="provider/model; local/minilm, if it is installed")
    working_memory: bool = Field(True, description="keep a page about each person")
    working_memory_template: Path | None = Field(None, description="what is kept: a Markdown or JSON-schema file")
    working_memory_scope: Literal["resource", "thread"] = Field("resource", description="a page for each of these")
    working_memory_tokens: int = Field(600, ge=0, le=20_000, description="of each person's page in a prompt, at most")
    timezone: str = Field("UTC", description="of people whose own is not known: Europe/Lisbon")
    keep_days: float = Field(0, ge=0, le=36_500, description="after which messages are deleted; 0: never")
    concurrent_turns: int = Field(32, ge=1, le=1000, description="turns of different threads side by side, a process")
    heartbeat_seconds: float = Field(5, gt=0, description="how often a process with turns in work says that it lives")
    stalled_seconds: float = Field(20, gt=0, description="without a heartbeat for so long it is taken for dead")
    discord_token: SecretStr = SecretStr("")
    discord_api_url: str = Field("", description="another server that speaks Discord's API; ends in /api/v10")
    discord_gateway_url: str = ""
    discord_allow: Annotated[frozenset[int], NoDecode] = Field(frozenset(), description="ids; empty: everybody")
    discord_deny: Annotated[frozenset[int], NoDecode] = Field(frozenset(), description="ids")
    discord_forget_on_leave: bool = Field(False, description="delete a server's conversations when the bot leaves it")
    discord_shard_count: int | None = Field(None, ge=1, description="of the whole bot; without it one connection")
    discord_shard_ids: Annotated[frozenset[int], NoDecode] = Field(
        frozenset(), description="of this process; empty: all"
    )
    slack_bot_token: SecretStr = SecretStr("")
    slack_app_token: SecretStr = Field(SecretStr(""), description="for Socket Mode")
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="for HTTP, without an app token")
    slack_api_url: str = Field("", description="another server that speaks Slack's API; ends in /api/")
    slack_command_prefix: str = Field("", pattern=r"^[a-z0-9_-]{0,20}$", description="before names of slash commands")
    slack_client_id: str = Field("", description="for many workspaces, in place of a bot token")
    slack_client_secret: SecretStr = SecretStr("")
    slack_allow: Annotated[frozenset[str], NoDecode] = Field(frozenset(), description="ids; empty: everybody")
    slack_deny: Annotated[frozenset[str], NoDecode] = Field(frozenset(), description="ids")
    slack_forget_on_leave: bool = Field(False, description="delete a workspace's conversations when it removes the bot")
    encryption_key: SecretStr = Field(SecretStr(""), description="for tokens at rest; the first of several encrypts")
    link_previews: bool = Field(False, description="of pages that answers link to: fetching them tells what links say")
    catch_up_hours: float = Field(
        24, ge=0, le=720, description="how far back to look for what was missed; 0: not at all"
    )
    port: int = Field(8080, ge=0, le=65535)
    host: str = "127.0.0.1"
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    log_format: Literal["text", "json"] = "text"

    @field_validator("fallback_models", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("discord_allow", "discord_deny", "discord_shard_ids", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return frozenset(int(part) for part in value.replace(",", " ").split())

    @field_validator("slack_allow", "slack_deny", mode="before")
    @classmethod
    def _ids(cls, value: object) -> object:
        return frozenset(value.replace(",", " ").upper().split()) if isinstance(value, str) else value

    @field_validator("timezone")
    @classmethod
    def _is_a_time_zone(cls, value: str) -> str:
        if zone(value) is None:
            raise ValueError("no time zone has this name: write it as in Europe/Lisbon or America/New_York, or UTC")
        return value

    @model_validator(mode="after")
    def _shards_are_counted(self) -> Self:
        if any(not 0 <= id_ < (self.discord_shard_count or 0) for id_ in self.discord_shard_ids):
            raise ValueError("DISCORD_SHARD_IDS must be below DISCORD_SHARD_COUNT")
        return self

    @model_validator(mode="after")
    def _death_takes_several_heartbeats(self) -> Self:
        if self.stalled_seconds < 2 * self.heartbeat_seconds:
            raise ValueError("STALLED_SECONDS must be at least twice HEARTBEAT_SECONDS")
        return self

    @property
    def home(self) -> Path:
        """Where the embedded database lives."""
        if self.hathi_home is not None:
            return self.hathi_home.expanduser()
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            return Path("/var/lib/hathi")
        return platformdirs.user_data_path("hathi", appauthor=False)


def read_settings() -> Settings:
    """Read the environment and `.env`. Raises SettingsError, in one line and without any value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {_problem(e)}" for e in error.errors())
        raise SettingsError(f"a setting cannot be used: {wrong}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f".env cannot be read: {error}") from error


def _problem(error: ErrorDetails) -> str:
    """What is wrong with a setting: in our own words where they are, else in Pydantic's."""
    ours = error.get("ctx", {}).get("error")
    return str(ours) if error["type"] == "value_error" and ours else error["msg"].lower()


def read_persona(path: Path | None) -> str:
    """The bot's character and instructions: the operator's file, else the built-in one. Raises SettingsError."""
    return read_file("PERSONA", path or Path(__file__).with_name("persona.md")).strip()


def read_file(setting: str, path: Path) -> str:
    """The text of a file that a setting names. Raises SettingsError when there is none to be read."""
    try:
        text = path.read_text(encoding="utf-8-sig").replace("\0", "").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{setting}: {path} cannot be read: {reason}") from error
    if not text:
        raise SettingsError(f"{setting}: {path} is empty")
    return text
