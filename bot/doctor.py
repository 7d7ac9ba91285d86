"""Checks what is configured and says what to do about what does not work."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Literal

from bot import wiring
from bot.errors import HathiError, SettingsError
from bot.models import check, default_model, open_model
from bot.models.capabilities import Report, examine
from bot.settings import Settings, read_persona
from memory.migrate import state
from memory.pool import PATIENCE, TableMissing
from memory.recall.index import Index
from memory.recall.vectors import look
from memory.transcript import PostgresTranscript
from memory.working.loading import read_template

State = Literal["ok", "off", "warns", "fails"]
MODEL_SECONDS = 90.0
DATABASE_SECONDS = 3.0  # for which the doctor waits for a database that does not answer


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    what: str
    state: State
    detail: str


async def doctor(settings: Settings, *, as_json: bool = False) -> int:
    """Print the table on stdout; the exit status is 1 when something that is configured fails."""
    findings = await _findings(settings)
    ok = all(finding.state != "fails" for finding in findings)
    if as_json:
        print(json.dumps({"ok": ok, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        _show(findings)
    return int(not ok)


async def doctor_of_models(settings: Settings, *, as_json: bool = False) -> int:
    """Print what the configured models can do; the exit status is 1 when one of them cannot be asked at all."""
    reports = [await _examined(settings, name) for name in _models(settings)]
    ok = not any(report.trouble for report in reports)
    if as_json:
        print(json.dumps({"ok": ok, "models": [_as_json(report) for report in reports]}, indent=2, ensure_ascii=False))
    else:
        _show_reports(reports)
    return int(not ok)


async def _findings(settings: Settings) -> list[Finding]:
    findings = [await _checked("settings", lambda: _settings(settings))]
    findings += await asyncio.to_thread(_files, settings)
    findings.append(await _checked("database", lambda: _database(settings)))
    if findings[-1].state == "ok":
        findings.append(await _checked("given up", lambda: _given_up(settings)))
    for name in _models(settings):
        findings.append(await _checked("model", lambda name=name: _model(settings, name)))  # type: ignore[misc]
    findings.append(await _checked("memory", lambda: _memory(settings)))
    if settings.semantic_recall:
        findings.append(await _checked("embedder", lambda: _embedder(settings)))
        if any((finding.what, finding.state) == ("database", "ok") for finding in findings):
            findings.append(await _checked("recall", lambda: _recall(settings)))
    else:
        findings.append(Finding("recall", "off", "SEMANTIC_RECALL is off"))
    if settings.discord_token.get_secret_value().strip():
        findings.append(await _checked("discord", lambda: _discord(settings)))
    else:
        findings.append(Finding("discord", "off", "DISCORD_TOKEN is not set"))
    slack = (settings.slack_bot_token, settings.slack_app_token, settings.slack_signing_secret)
    if any(secret.get_secret_value().strip() for secret in slack) or settings.slack_client_id.strip():
        findings.append(await _checked("slack", lambda: _slack(settings)))
    else:
        findings.append(Finding("slack", "off", "SLACK_BOT_TOKEN is not set"))
    return findings


async def _checked(what: str, look: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(what, "ok", await look())
    except HathiError as error:
        return Finding(what, "fails", str(error))


async def _settings(settings: Settings) -> str:
    read_persona(settings.persona)
    source = ".env and the environment" if await asyncio.to_thread(Path(".env").is_file) else "the environment"
    given = ", ".join(sorted(name.upper() for name in settings.model_fields_set))
    return f"from {source}: {given or 'nothing is set, all defaults'}"


def _files(settings: Settings) -> list[Finding]:
    """Whether others on this machine can read what holds secrets and people's words; nothing where there is neither."""
    modes = {path: _mode(path) for path in (Path(".env"), settings.home) if os.name == "posix"}
    private = [path for path, mode in modes.items() if mode]
    advice = [
        f"{path} can be read by others on this machine: run `chmod {700 if path.is_dir() else 600} {quote(str(path))}`"
        for path in private
        if modes[path] & (0o055 if path.is_dir() else 0o044)
    ]
    if not private:
        return []
    if advice:
        return [Finding("files", "warns", "; ".join(advice))]
    return [Finding("files", "ok", f"nobody else can read {' or '.join(map(str, private))}")]


def _mode(path: Path) -> int:
    """0 where there is none, or none that we may look at."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


async def _given_up(settings: Settings) -> str:
    """The last turns that ended without an answer; no failure of today's settings."""
    async with wiring.open_database_of(settings) as database:
        try:
            turns = await PostgresTranscript(database).given_up()
        except TableMissing:
            turns = []
    return "; ".join(f"{at} UTC in {thread}: {reason}" for at, thread, reason in turns) or "none"


async def _database(settings: Settings) -> str:
    async with wiring.open_database_of(settings) as database:
        await database.fetch("select 1", patience=DATABASE_SECONDS, waking=PATIENCE)  # a compute may have to wake up
        began = time.perf_counter()
        rows = await database.fetch("select current_setting('server_version') as version", patience=DATABASE_SECONDS)
        milliseconds = (time.perf_counter() - began) * 1000
        kind = "Postgres" if settings.database_url else f"embedded Postgres in {settings.home},"
        return f"{kind} {rows[0]['version']} at {database.place}, {milliseconds:.0f} ms, {await state(database)}"


def _models(settings: Settings) -> list[str | None]:
    return [settings.model, *settings.fallback_models]


async def _model(settings: Settings, name: str | None) -> str:
    keys = wiring.keys_of(settings)
    model = open_model(name or default_model(keys), keys)
    try:
        began = time.perf_counter()
        async with asyncio.timeout(MODEL_SECONDS):
            await check(model)
        return f"{model.name} answered in {time.perf_counter() - began:.1f} s"
    except TimeoutError as error:
        raise SettingsError(f"{model.name} gave no answer within {MODEL_SECONDS:.0f} s") from error
    finally:
        await model.close()


async def _memory(settings: Settings) -> str:
    template = read_template(settings.working_memory_template)
    if not settings.working_memory:
        return "no pages: WORKING_MEMORY is off"
    source = settings.working_memory_template or "the built-in template"
    who = "person" if settings.working_memory_scope == "resource" else "thread"
    return f"a page for each {who}, with {len(template.fields)} fields from {source}"


async def _embedder(settings: Settings) -> str:
    embedder = wiring.open_embedder_of(settings)
    if embedder is None:
        return "none, recall goes by words alone: set EMBEDDER"
    try:
        async with asyncio.timeout(MODEL_SECONDS):
            await embedder.warm_up()
            began = time.perf_counter()
            (vector,) = await embedder.embed(["ready"])
        return f"{embedder.name} gave {len(vector)} numbers in {(time.perf_counter() - began) * 1000:.0f} ms"
    except TimeoutError as error:
        raise SettingsError(f"{embedder.name} gave no vector within {MODEL_SECONDS:.0f} s") from error
    finally:
        await embedder.close()


async def _recall(settings: Settings) -> str:
    async with wiring.open_database_of(settings) as database:
        if await state(database) != "up to date":
            return "nothing is indexed yet"
        index = Index(database, wiring.open_embedder_of(settings), settings.recall_language)
        await index.check()
        size, missing = await index.size(), await index.missing()
        vectors = await look(database)
    if vectors.lack:
        return f"{size} messages are found by their words alone: {vectors.lack}"
    wait = f"; {missing} wait for a vector: run `hathi reindex`" if missing and index.embedder else ""
    return f"{size} messages are found by their words, {size - missing} by their meaning{wait}"


async def _discord(settings: Settings) -> str:
    from adapters.discord import check, point_at

    point_at(settings.discord_api_url, settings.discord_gateway_url)
    return await check(settings.discord_token.get_secret_value().strip())


async def _slack(settings: Settings) -> str:
    from adapters.slack import check

    credentials = wiring.slack_credentials(settings)
    if credentials.client_id:
        await wiring.check_vault(settings)
    return await check(credentials)


async def _examined(settings: Settings, name: str | None) -> Report:
    from rich.console import Console

    try:
        keys = wiring.keys_of(settings)
        model = open_model(name or default_model(keys), keys)
    except SettingsError as error:
        return Report(name or "", str(error))
    console = Console(stderr=True)
    try:
        with console.status(f"asking {model.name}") if console.is_terminal else nullcontext() as status:

            def progress(title: str) -> None:
                if status is not None:
                    status.update(f"asking {model.name}: {title}")

            return await examine(model, lambda: wiring.open_embedder_of(settings), progress)
    finally:
        await model.close()


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "model": report.model,
        "trouble": report.trouble or None,
        "tokens": report.tokens,
        "capabilities": [
            {
                "id": row.question.id,
                "question": row.question.title,
                "answer": row.finding.answer,
                "detail": row.finding.detail,
                "hathi": row.does,
            }
            for row in report.capabilities
        ],
    }


def _show_reports(reports: Sequence[Report]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    colours = {"yes": "green", "no": "yellow", "unknown": "dim"}
    for report in reports:
        if report.trouble:
            print(f"{report.model or 'model'} cannot be asked: {report.trouble}")
            continue
        print(f"{report.model}, asked with about {report.tokens:,} tokens")
        if not sys.stdout.isatty():
            for row in report.capabilities:
                print(f"{row.question.title:<26} {row.finding.answer:<8} {row.finding.detail}. {row.does}")
            continue
        table = Table(box=None, pad_edge=False)
        for heading in ("", "", "what came back, and what Hathi does"):
            table.add_column(heading)
        for row in report.capabilities:
            answer = f"[{colours[row.finding.answer]}]{row.finding.answer}[/]"
            table.add_row(row.question.title, answer, f"{escape(row.finding.detail)}\n[dim]{row.does}[/]")
        console.print(table)


def _show(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not sys.stdout.isatty():
        for finding in findings:
            print(f"{finding.what:<9} {finding.state:<5} {finding.detail}")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("", "", "what was found"):
        table.add_column(heading)
    colours = {"ok": "green", "off": "dim", "warns": "yellow", "fails": "bold red"}
    for finding in findings:
        table.add_row(finding.what, f"[{colours[finding.state]}]{finding.state}[/]", escape(finding.detail))
    Console(highlight=False).print(table)
