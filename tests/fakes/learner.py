"""What a good model would note: for the fake model, so that tests can talk and see what is remembered."""

import re
from collections.abc import Mapping
from typing import Any

RULES = (
    ("Name", r"my name is (\w+)", "{}"),
    ("Location", r"i live in (\w+)", "{}"),
    ("Preferences", r"my favourite colour is (\w+)", "favourite colour {}"),
    ("Projects", r"i work on (\w+)", "works on {}"),
    ("Interests", r"i like (\w+)", "{}"),
)
MANY = {"Interests", "Projects"}  # a new one does not take the place of an old one


def learner(body: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `update_working_memory` for a request: `fake.arguments = learner`."""
    content = str(body["messages"][-1]["content"])
    lines = re.findall(r"^  line (\d+): (\w+): (.*)$", content, re.MULTILINE)
    edits = []
    for number, text in re.findall(r"^\[message (\d+)\] [^:]+: (.*)$", content, re.MULTILINE):
        for field, pattern, value in RULES:
            for found in re.finditer(pattern, text, re.IGNORECASE):
                old = [] if field in MANY else [int(line) for line, its, _ in lines if its == field]
                edits.append(
                    {
                        "field": field,
                        "value": value.format(found[1]),
                        "message": int(number),
                        "quote": found[0],
                        "replaces": old,
                    }
                )
    return {"edits": edits}
