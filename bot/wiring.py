"""Puts the house together: the one place, with the command line, that knows core, adapters and memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from bot.agent import Agent
from bot.chat import Resource, Thread
from bot.commands import Commands
from bot.digests import Digests
from bot.errors import DatabaseError, SettingsError
from bot.jobs import DurableJobs
from bot.models import ClosableModel, Keys, default_model, open_model
from bot.models.embedders import default_embedder, open_embedder
from bot.ports import Adapter, Counts, Embedder, Jobs, Memory, Model, Noted
from bot.settings import Settings, read_persona
from memory import dsn
from memory.embedded import EmbeddedPostgres
from memory.forgetting import Forgetting
from memory.history import History
from memory.links import Links
from memory.memories import Memories
from memory.migrate import migrate as bring_up_to_date
from memory.pacing import reserve
from memory.pool import Database, TableMissing, open_database
from memory.recall.index import Index
from memory.recall.remembering import SemanticRecall
from memory.transcript import PostgresTranscript
from memory.working.loading import read_template
from memory.working.pages import Pages
from memory.working.remembering import Unread, WorkingMemory

if TYPE_CHECKING:
    from adapters.slack import Credentials

log = logging.getLogger(__name__)

LAST_WORDS = 10.0  # seconds that what was said last may take to be remembered when a conversation ends
PAST = 50  # messages of the person that the arrow keys bring back


async def chat(settings: Settings, person: Resource, thread: Thread) -> None:
    """One person talks in the terminal, until end of input. Raises HathiError."""
    from adapters.console import Console

    persona = read_persona(settings.persona)
    async with (
        open_models(settings) as models,
        open_store(settings) as store,
        open_index(settings, store.database) as index,
    ):
        lines = await store.transcript.read(thread, PAST)
        past = [line.text for line in lines if line.author == str(person)]
        console = Console(person, thread, store.commands, store.transcript.answer_to, past)
        jobs = open_jobs(settings, store.database, [console.queue])
        agent, digests = open_agent(settings, store, index, models, jobs=jobs, adapters=[console], persona=persona)
        async with asyncio.TaskGroup() as tasks:
            worker = tasks.create_task(jobs.run(agent.turn))
            digesting = [tasks.create_task(digests.run()), tasks.create_task(index.run())]
            if console.interactive:  # while the person types
                tasks.create_task(models[0].warm_up())
                tasks.create_task(index.warm_up())
            await console.run(agent.accept)
            worker.cancel()
            await digests.finish(LAST_WORDS)
            for task in digesting:
                task.cancel()


def open_agent(
    settings: Settings,
    store: "Store",
    index: Index,
    models: Sequence[Model],
    *,
    jobs: Jobs,
    adapters: Sequence[Adapter],
    persona: str,
) -> tuple[Agent, Digests]:
    """The shared core, and what catches up behind it."""
    by_name = {adapter.name: adapter for adapter in adapters}
    memory = open_memory(settings, store, index, models)
    platforms = list(by_name)

    async def undigested(seconds: float) -> list[Thread]:
        found = await store.transcript.undigested(platforms, seconds)
        return found if not settings.semantic_recall else [*found, *await index.left(platforms)]

    async def tell(noted: Noted) -> None:
        await by_name[noted.thread.platform].noted(noted)

    digests = Digests(
        memory,
        undigested,
        tell,
        partial(store.forgetting.expire, settings.keep_days) if settings.keep_days else None,
    )
    agent = Agent(
        transcript=store.transcript,
        forgetting=store.forgetting,
        memory=memory,
        models=models,
        jobs=jobs,
        adapters=by_name,
        persona=persona,
        timezone=settings.timezone,
        own_persona=settings.persona is not None,
        digested=digests.due,
    )
    return agent, digests


def open_memory(settings: Settings, store: "Store", index: Index, models: Sequence[Model]) -> Memory:
    """All that is remembered, behind one door. What is digested last says that a thread is: the pages."""
    history = History(store.transcript, settings.last_messages)
    memories: list[Memory] = [history]
    room = models[0].budget // 4
    if settings.semantic_recall:
        memories.append(
            SemanticRecall(
                index,
                history,
                settings.recall_top_k,
                settings.recall_neighbours,
                min(settings.recall_tokens, room),
                whole=settings.recall_scope == "resource",
            )
        )
    if settings.working_memory:
        budget = min(settings.working_memory_tokens, room)
        memories.append(WorkingMemory(store.pages, store.forgetting, models, budget, total=room))
    else:
        memories.append(Unread(store.pages))
    return Memories(memories)


@asynccontextmanager
async def open_index(settings: Settings, database: Database) -> AsyncIterator[Index]:
    """What semantic recall searches. Raises SettingsError."""
    embedder = open_embedder_of(settings) if settings.semantic_recall else None
    try:
        index = Index(database, embedder, settings.recall_language)
        if settings.semantic_recall:
            await index.check()
        yield index
    finally:
        if embedder is not None:
            await embedder.close()


def open_embedder_of(settings: Settings) -> Embedder | None:
    """The configured embedder, else one that is sure to be there; None when there is none. Raises SettingsError."""
    keys = keys_of(settings)
    spec = settings.embedder or default_embedder(settings.model or default_model(keys), keys)
    return open_embedder(spec, keys) if spec else None


def open_jobs(settings: Settings, database: Database, queues: list[str]) -> DurableJobs:
    """The job engine for what these queues hold."""
    return DurableJobs(
        database,
        queues,
        concurrency=settings.concurrent_turns,
        heartbeat_seconds=settings.heartbeat_seconds,
        stalled_seconds=settings.stalled_seconds,
    )


async def serve(settings: Settings, names: list[str]) -> None:
    """Serve the platforms that have their token set, or just those named, until cancelled. Raises HathiError."""
    from adapters import http

    async with open_store(settings) as store:
        adapters = open_adapters(settings, names, store)

        async def ready() -> str | None:
            try:
                await store.database.fetch("select 1", patience=2.0)
            except DatabaseError as error:
                return str(error)
            return next((adapter.trouble for adapter in adapters if adapter.trouble), None)

        routes = [route for adapter in adapters for route in adapter.routes()]
        async with http.serve(settings.host, settings.port, ready, routes) as address:
            if address:
                log.info("health checks on %s", address)
            if not adapters:
                log.warning(
                    "no platform has its token set: set DISCORD_TOKEN or SLACK_BOT_TOKEN, or talk in the terminal with "
                    "`hathi chat`"
                )
                await asyncio.Event().wait()
            await _serve(settings, store, adapters)


async def _serve(settings: Settings, store: "Store", adapters: list[Adapter]) -> None:
    persona = read_persona(settings.persona)
    async with open_models(settings) as models, open_index(settings, store.database) as index:
        jobs = open_jobs(settings, store.database, [adapter.name for adapter in adapters])
        agent, digests = open_agent(settings, store, index, models, jobs=jobs, adapters=adapters, persona=persona)
        async with asyncio.TaskGroup() as tasks:
            serving = [tasks.create_task(adapter.run(agent.accept)) for adapter in adapters]
            serving += [tasks.create_task(digests.run()), tasks.create_task(index.run())]
            tasks.create_task(models[0].warm_up())
            tasks.create_task(index.warm_up())
            try:
                await jobs.run(agent.turn)
            finally:  # turns that end now still need their platform
                for task in serving:
                    task.cancel()


def open_adapters(settings: Settings, names: list[str], store: "Store") -> list[Adapter]:
    """The platforms that have their token set, or just those named. Raises SettingsError."""
    opened: list[Adapter] = []
    if "discord" in names or (not names and _value(settings.discord_token)):
        opened.append(_discord(settings, store))
    if "slack" in names or (not names and (_value(settings.slack_bot_token) or settings.slack_client_id.strip())):
        opened.append(_slack(settings, store))
    return opened


def _discord(settings: Settings, store: "Store") -> Adapter:
    token = _value(settings.discord_token)
    if not token:
        raise SettingsError("discord needs a token: set DISCORD_TOKEN (README, Discord)")
    from adapters.discord import Discord, Rules, Sharding, point_at

    point_at(settings.discord_api_url, settings.discord_gateway_url)
    count, sharding = settings.discord_shard_count, None
    if count is not None:
        ids = tuple(sorted(settings.discord_shard_ids)) or tuple(range(count))
        sharding = Sharding(count, ids, partial(reserve, store.database))
    return Discord(
        token,
        store.transcript,
        store.forgetting,
        store.commands,
        rules=Rules(settings.discord_allow, settings.discord_deny),
        catch_up_hours=settings.catch_up_hours,
        forget_on_leave=settings.discord_forget_on_leave,
        sharding=sharding,
        link_previews=settings.link_previews,
    )


def _slack(settings: Settings, store: "Store") -> Adapter:
    from adapters.slack import Rules, Slack
    from memory.vault import Vault

    credentials = slack_credentials(settings)
    keys = _value(settings.encryption_key).split(",")
    return Slack(
        credentials,
        store.transcript,
        store.forgetting,
        store.commands,
        vault=Vault(store.database, keys) if credentials.client_id else None,
        prefix=settings.slack_command_prefix,
        catch_up_hours=settings.catch_up_hours,
        forget_on_leave=settings.slack_forget_on_leave,
        rules=Rules(settings.slack_allow, settings.slack_deny),
        link_previews=settings.link_previews,
    )


async def check_vault(settings: Settings) -> None:
    """Whether the tokens of workspaces can be read. Raises SettingsError, DatabaseError."""
    from memory.vault import Vault

    async with open_database_of(settings) as database:
        vault = Vault(database, _value(settings.encryption_key).split(","))
        with suppress(TableMissing):
            await vault.check()


async def rotate_key(settings: Settings) -> int:
    """Encrypt all secrets with the first key; how many there are. Raises SettingsError, DatabaseError."""
    from memory.vault import Vault

    keys = _value(settings.encryption_key)
    if not keys:
        raise SettingsError("there is no key to encrypt with: set ENCRYPTION_KEY, made with `openssl rand -base64 32`")
    async with open_database_of(settings) as database:
        vault = Vault(database, keys.split(","))
        await bring_up_to_date(database)
        return await vault.rotate()


def slack_credentials(settings: Settings) -> "Credentials":
    """What Slack gave the operator, if it is enough. Raises SettingsError."""
    from adapters.slack import Credentials

    given = Credentials(
        bot_token=_value(settings.slack_bot_token),
        app_token=_value(settings.slack_app_token),
        signing_secret=_value(settings.slack_signing_secret),
        client_id=settings.slack_client_id.strip(),
        client_secret=_value(settings.slack_client_secret),
        api_url=settings.slack_api_url.strip(),
    )
    if given.client_id and not given.client_secret:
        raise SettingsError("slack needs the secret that belongs to SLACK_CLIENT_ID: set SLACK_CLIENT_SECRET")
    if given.client_id and not _value(settings.encryption_key):
        raise SettingsError(
            "slack keeps the tokens of workspaces encrypted: set ENCRYPTION_KEY, made with `openssl rand -base64 32`"
        )
    if not given.client_id and not given.bot_token:
        raise SettingsError("slack needs a token: set SLACK_BOT_TOKEN (README, Slack)")
    if not given.app_token and not given.signing_secret:
        raise SettingsError(
            "slack needs a way in: set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP "
            "(README, Slack)"
        )
    return given


def _value(secret: SecretStr) -> str:
    return secret.get_secret_value().strip()


async def migrate(settings: Settings) -> list[str]:
    """Bring the database up to date; the names of what was applied."""
    async with open_database_of(settings) as database:
        return await bring_up_to_date(database)


async def reindex(settings: Settings, progress: Callable[[str, int, int], None]) -> str:
    """Index what is not in the index, and give every message a vector of the present embedder; what was done."""
    async with open_store(settings) as store, open_index(settings, store.database) as index:
        threads = await index.unindexed(None, None)
        messages = 0
        for number, thread in enumerate(threads, 1):
            messages += await index.digest(thread)
            progress("conversations", number, len(threads))
        vectors = await index.fill(lambda done, of: progress("vectors", done, of))
        name = index.embedder.name if index.embedder else "no embedder"
        what = f"indexed {messages} messages, made {vectors} vectors ({name})"
        return what if index.vectors else f"{what}; by words alone: {index.vectors.lack}"


async def export(settings: Settings, person: Resource) -> dict[str, Any]:
    """All that is stored about a person."""
    async with open_store(settings) as store:
        return await store.forgetting.export(person)


async def about(settings: Settings, person: Resource) -> Counts:
    """How many rows there are about a person, by table."""
    async with open_store(settings) as store:
        return await store.forgetting.about(person)


async def forget(settings: Settings, person: Resource) -> Counts:
    """Delete all that is stored about a person; the rows by table."""
    async with open_store(settings) as store:
        return await store.forgetting.forget(person)


async def leave(settings: Settings, space: str) -> Counts:
    """Delete all conversations of a server or workspace; the rows by table."""
    async with open_store(settings) as store:
        return await store.forgetting.leave(space)


@asynccontextmanager
async def open_database_of(settings: Settings) -> AsyncIterator[Database]:
    """The configured database, else the embedded one, which runs as long as somebody uses it."""
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            place, ensure = dsn.parse(settings.database_url.get_secret_value()), None
        else:
            server = await stack.enter_async_context(EmbeddedPostgres(settings.home))
            place, ensure = dsn.parse(server.dsn), server.ensure
        yield await stack.enter_async_context(open_database(place, ensure))


@dataclass(frozen=True, slots=True)
class Store:
    """What is kept in the database, by what it is for."""

    database: Database
    transcript: PostgresTranscript
    pages: Pages
    forgetting: Forgetting
    commands: Commands


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """A database that is up to date, and all that is kept in it."""
    template = read_template(settings.working_memory_template)
    async with open_database_of(settings) as database:
        await bring_up_to_date(database)
        pages = Pages(
            database, template, by_thread=settings.working_memory_scope == "thread", timezone=settings.timezone
        )
        forgetting = Forgetting(pages)
        commands = Commands(forgetting, pages, Links(database), settings.last_messages)
        yield Store(database, PostgresTranscript(database, pages), pages, forgetting, commands)


@asynccontextmanager
async def open_models(settings: Settings) -> AsyncIterator[list[ClosableModel]]:
    """The configured model and its fallbacks. Raises SettingsError; a model is first reached when it is first asked."""
    keys = keys_of(settings)
    names = [settings.model or default_model(keys), *settings.fallback_models]
    async with AsyncExitStack() as stack:
        models = []
        for name in names:
            model = open_model(name, keys, settings.answer_tokens)
            stack.push_async_callback(model.close)
            models.append(model)
        yield models


def keys_of(settings: Settings) -> Keys:
    """The providers' keys and addresses."""
    return Keys(
        openrouter_api_key=settings.openrouter_api_key.get_secret_value(),
        openai_api_key=settings.openai_api_key.get_secret_value(),
        openai_base_url=settings.openai_base_url,
        anthropic_api_key=settings.anthropic_api_key.get_secret_value(),
        ollama_base_url=settings.ollama_base_url,
    )
