"""Messages with numbers in them, and a model that repeats the numbers: whoever counts them sees what was answered."""

import re

from tests.fakes.model import Body, text_in


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"#(\d+)", text)]


def echo(body: Body) -> str:
    """Answers with the numbers of all that waits: what was said since the last answer."""
    waiting: list[int] = []
    for message in reversed(body["messages"]):
        if message["role"] == "assistant":
            break
        waiting = [*numbers(text_in(message["content"])), *waiting] if message["role"] == "user" else waiting
    return "You said " + " ".join(f"#{number}" for number in waiting) + "."
