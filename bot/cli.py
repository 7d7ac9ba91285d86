"""The command line. What is heavy is imported by the command that needs it: `hathi --help` must be quick."""

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bot.chat import Resource, Thread
from bot.errors import SettingsError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from bot.settings import Settings

PLATFORMS = ("discord", "slack")
Parsed = TypeVar("Parsed", Resource, Thread)


def parser() -> argparse.ArgumentParser:
    """The commands and their arguments; wrong usage ends with exit status 2."""
    top = argparse.ArgumentParser(prog="hathi", description="A Discord and Slack bot that remembers.")
    top.add_argument("--version", action=_Version, nargs=0, help="show the version and leave")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    chat = commands.add_parser("chat", help="talk in the terminal")
    chat.add_argument("--as", dest="person", metavar="NAME", type=_console(Resource), help="who you are")
    chat.add_argument("--thread", metavar="ID", type=_console(Thread), help="which conversation")

    run_ = commands.add_parser("run", help="serve every platform that has its token set, until SIGTERM")
    run_.add_argument("names", nargs="*", metavar="NAME", type=_platform, help="just these: discord, slack")

    commands.add_parser("migrate", help="bring the database up to date")
    commands.add_parser("reindex", help="index what semantic recall does not find yet, as after a change of EMBEDDER")
    commands.add_parser("rotate-key", help="encrypt the tokens of workspaces anew with the first key in ENCRYPTION_KEY")
    doctor = commands.add_parser("doctor", help="check settings, database and model, and say what to do")
    doctor.add_argument(
        "--model", action="store_true", help="ask the model what it can do: ten short questions, some thousand tokens"
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object")

    export = commands.add_parser("export", help="all that is stored about a person, as JSON")
    export.add_argument("person", metavar="RESOURCE", type=_resource, help="for example discord:42 or console:ana")

    forget = commands.add_parser("forget", help="delete all that is stored about a person, or of a server or workspace")
    whom = forget.add_mutually_exclusive_group(required=True)
    whom.add_argument("person", metavar="RESOURCE", nargs="?", type=_resource, help="such as discord:42 or console:ana")
    whom.add_argument("--space", metavar="SPACE", type=_space, help="a server or workspace, such as slack:T012AB3C4")
    forget.add_argument("--yes", action="store_true", help="do not ask")
    return top


async def run(arguments: argparse.Namespace) -> int:
    """Run one command; its exit status. Raises HathiError."""
    from bot import logs, wiring
    from bot.settings import read_settings

    settings = read_settings()
    logs.set_up(settings.log_level or ("info" if arguments.command == "run" else "warning"), settings.log_format)

    match arguments.command:
        case "chat":
            person = arguments.person or Resource("console", _user())
            await wiring.chat(settings, person, arguments.thread or Thread("console", person.id))
        case "run":
            await wiring.serve(settings, arguments.names)
        case "migrate":
            applied = await wiring.migrate(settings)
            print("\n".join(f"applied {name}" for name in applied) or "up to date")
        case "reindex":
            print(await _reindex(settings))
        case "rotate-key":
            number = await wiring.rotate_key(settings)
            print(f"{number} secret{'' if number == 1 else 's'} encrypted with the first key in ENCRYPTION_KEY")
        case "doctor":
            from bot.doctor import doctor, doctor_of_models

            return await (doctor_of_models if arguments.model else doctor)(settings, as_json=arguments.json)
        case "export":
            print(json.dumps(await wiring.export(settings, arguments.person), indent=2, ensure_ascii=False))
        case "forget":
            return await _forget(settings, arguments.person, arguments.space, arguments.yes)
    return 0


async def _forget(settings: "Settings", person: Resource | None, space: str, sure: bool) -> int:
    from bot import wiring

    if not sure:
        if not sys.stdin.isatty():
            raise SettingsError("nothing is deleted: say --yes to delete it without being asked")
        what = f"all conversations of {space}"
        if person is not None:
            about = await wiring.about(settings, person)
            what = f"all about {person} ({', '.join(f'{number} in {table}' for table, number in about.items())})"
        answer = await asyncio.to_thread(input, f"Delete {what}? There is no way back. [y/N] ")
        if answer.strip().lower() not in {"y", "yes"}:
            print("nothing is deleted")
            return 0
    counts = await wiring.forget(settings, person) if person else await wiring.leave(settings, space)
    for table, number in counts.items():
        print(f"{table} {number}")
    return 0


async def _reindex(settings: "Settings") -> str:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from bot import wiring

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what)
            bar.update(tasks[what], completed=done, total=of)

        return await wiring.reindex(settings, progress)


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that costs as much as all the rest of `hathi --help`."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"hathi {version('hathi')}")
        parser.exit()


def _console(kind: type[Parsed]) -> Callable[[str], Parsed]:
    def parse(text: str) -> Parsed:
        if not text.strip() or not text.isprintable():
            raise argparse.ArgumentTypeError("a name has at least one visible character and no control characters")
        return kind("console", text)

    return parse


def _resource(text: str) -> Resource:
    try:
        return Resource.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _space(text: str) -> str:
    return str(_resource(text))


def _platform(text: str) -> str:
    if text not in PLATFORMS:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(PLATFORMS)}")
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "me"
