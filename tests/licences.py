"""The licence of each package that Hathi ships with. `make licences` prints them; a test refuses what is not allowed.

Shipped is what `uv.lock` holds for production, and the group `local` that a fresh checkout adds, on any platform.
"""

import importlib.metadata
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parent.parent / "uv.lock"

# What may be shipped with a program under MIT, and why.
ALLOWED: Mapping[str, str] = {
    "0BSD": "permissive",
    "Apache-2.0": "permissive; its NOTICE files go along inside the packages",
    "BSD": "permissive; which of the BSD licences is in the package",
    "BSD-2-Clause": "permissive",
    "BSD-3-Clause": "permissive",
    "CC0-1.0": "public domain",
    "MIT": "permissive",
    "MIT-0": "permissive",
    "MPL-2.0": "copyleft for its own files alone; they are shipped unchanged and in source (certifi: data)",
    "PSF-2.0": "permissive",
    "Zlib": "permissive",
}

# What packages say of themselves where they write no SPDX expression.
SPOKEN: Mapping[str, str] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

# What is shipped on other platforms or for other Pythons than CI's, looked up at its source.
ELSEWHERE: Mapping[str, str] = {
    "audioop-lts": "PSF-2.0",  # discord.py's, from Python 3.13 on
}


NEVER = ("'never'", "'emscripten'")  # platforms in markers, on which there is no Hathi


@dataclass(frozen=True, slots=True)
class Shipped:
    """One package."""

    name: str
    version: str
    licence: str  # an SPDX expression; what it says of itself where that is none
    group: str

    @property
    def allowed(self) -> bool:
        return is_allowed(self.licence)


def is_allowed(expression: str) -> bool:
    """Whether something under this licence may be shipped: each part of an `AND`, one of an `OR`; no brackets."""
    return all(any(one in ALLOWED for one in part.split(" OR ")) for part in expression.split(" AND "))


def shipped() -> list[Shipped]:
    """All of them, by name."""
    packages = {package["name"]: package for package in tomllib.loads(LOCK.read_text())["package"]}
    hathi = packages["hathi"]
    found = dict.fromkeys(_closure(hathi["dependencies"], packages), "production")
    for name in _closure(hathi["dev-dependencies"]["local"], packages):
        found.setdefault(name, "local")
    return [
        Shipped(name, version_of(name, packages[name]["version"]), licence_of(name), group)
        for name, group in sorted(found.items())
    ]


def _closure(dependencies: Iterable[Mapping[str, Any]], packages: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What these need, and what that needs; but for what is never installed."""
    waiting, seen = list(dependencies), set[tuple[str, str]]()
    while waiting:
        dependency = waiting.pop()
        package = packages[dependency["name"]]
        if any(platform in dependency.get("marker", "") for platform in NEVER):
            continue
        for extra in ("", *dependency.get("extra", ())):
            if (package["name"], extra) in seen:
                continue
            seen.add((package["name"], extra))
            more = package.get("optional-dependencies", {}).get(extra, ()) if extra else package.get("dependencies", ())
            waiting += more
            if not extra:
                yield package["name"]


def licence_of(name: str) -> str:
    """What a package says of its licence; empty when it says nothing, or is not installed and not known."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ELSEWHERE.get(name, "")
    expression = str((metadata.get_all("License-Expression") or metadata.get_all("License") or [""])[0])
    if is_allowed(expression):
        return expression
    classified = [
        classifier.rpartition(" :: ")[2]
        for classifier in metadata.get_all("Classifier") or ()
        if classifier.startswith("License :: OSI Approved :: ")
    ]
    said = [SPOKEN.get(one, one) for one in classified or expression.splitlines()[:1]]
    return " AND ".join(said)


def version_of(name: str, locked: str) -> str:
    """The version that is installed; the lock may hold several, for several Pythons."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return locked


def main() -> int:
    """Print them as a table; the status is 1 when one is not allowed."""
    found = shipped()
    for one in found:
        verdict = "" if one.allowed else "  NOT ALLOWED: see ALLOWED in tests/licences.py"
        print(f"{one.name:<22} {one.version:<14} {one.group:<11} {one.licence or 'unknown'}{verdict}")
    return int(not all(one.allowed for one in found))


if __name__ == "__main__":
    sys.exit(main())
