"""`hathi` and `python -m bot`: runs a command; an error of ours becomes one line on stderr and exit status 1."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine, Iterator

from bot import cli, logs
from bot.errors import HathiError


def main() -> None:
    """Run the command given in `sys.argv` and exit with its status."""
    arguments = cli.parser().parse_args()
    try:
        status = asyncio.run(until_told_to_stop(cli.run(arguments)))
    except KeyboardInterrupt:  # Ctrl-C where nothing catches it: stop, cleanly
        status = 0
    except HathiError as error:
        print(f"hathi: {error}", file=sys.stderr)
        status = 1
    sys.exit(status)


async def until_told_to_stop(command: Coroutine[object, object, int]) -> int:
    """Run `command`; SIGTERM, and a terminal that closes, end it like the end of its work."""
    logs.catch_bugs()
    task = asyncio.ensure_future(command)
    told: list[bool] = []

    def stop() -> None:
        told.append(True)
        task.cancel()

    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on the loop
        for name in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(name, stop)
    try:
        with _one_by_one():
            return await task
    except asyncio.CancelledError:
        if not told:
            raise
        return 0


@contextlib.contextmanager
def _one_by_one() -> Iterator[None]:
    """A group of errors that holds one of ours is that one: task groups wrap what they let out."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours = group.subgroup(HathiError)
        while isinstance(ours, BaseExceptionGroup):
            ours = ours.exceptions[0]  # type: ignore[assignment]  # down to a leaf
        if ours is not None:
            raise ours from group
        raise


if __name__ == "__main__":
    main()
