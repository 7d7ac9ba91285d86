"""Nothing is shipped under a licence that is unknown, or that a program under MIT should not be shipped with."""

import subprocess
import sys

import pytest

from tests.licences import ELSEWHERE, is_allowed, licence_of, shipped


def test_everything_that_is_shipped_is_under_a_licence_that_is_allowed() -> None:
    found = shipped()
    assert len(found) > 40
    assert [f"{one.name}: {one.licence or 'unknown'}" for one in found if not one.allowed] == []


def test_what_is_not_installed_here_is_looked_up_by_hand_as_long_as_it_is_shipped() -> None:
    assert set(ELSEWHERE) <= {one.name for one in shipped()}
    assert licence_of("no-such-package") == ""


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND MIT", True),
        ("GPL-3.0-only OR MIT", True),
        ("LGPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("", False),
        ("Proprietary", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
    ],
)
def test_a_licence_is_allowed_when_all_its_parts_are(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_the_command_prints_one_line_for_each() -> None:
    ended = subprocess.run([sys.executable, "-m", "tests.licences"], capture_output=True, text=True, check=True)
    assert len(ended.stdout.splitlines()) == len(shipped())
    assert "certifi" in ended.stdout


def test_psycopg_is_neither_shipped_nor_imported() -> None:
    assert not any(one.name.startswith("psycopg") for one in shipped())
    program = (
        "import sys, bot.jobs, procrastinate\n"
        "assert 'psycopg' not in sys.modules and 'psycopg_pool' not in sys.modules\n"
        "try:\n    procrastinate.PsycopgConnector()\n"
        "except NotImplementedError as error:\n    print(error)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "without psycopg" in ended.stdout
