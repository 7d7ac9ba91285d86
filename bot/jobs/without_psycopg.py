"""Lets procrastinate be imported without psycopg. To be imported before it.

It imports the two connectors that it brings as soon as it is imported itself, and with them psycopg, which is under the
LGPL and finds no libpq on a fresh machine. Ours is used in their place (connector.py): here stand two modules of their
names with nothing in them that works.
"""

import sys
from types import ModuleType
from typing import Any, NoReturn

CONNECTORS = {
    "procrastinate.psycopg_connector": "PsycopgConnector",
    "procrastinate.sync_psycopg_connector": "SyncPsycopgConnector",
}


class LeftOut:
    """In the place of a connector: it cannot be made."""

    def __init__(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError("procrastinate is used without psycopg here: see bot/jobs/without_psycopg.py")


def _leave_out() -> None:
    if "procrastinate" in sys.modules:  # whoever came first has them
        return
    for name, connector in CONNECTORS.items():
        module = ModuleType(name, __doc__)
        setattr(module, connector, type(connector, (LeftOut,), {}))
        sys.modules[name] = module


_leave_out()
