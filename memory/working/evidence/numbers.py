"""Numbers that identify a person, an account or a card, told by their form and check digits. Pure.

The best kept library for these, python-stdnum, is under the LGPL; what is needed of it is a table and six sums.
"""

import re
from collections.abc import Callable, Iterator

_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"  # of a Spanish DNI: the number's remainder by 23
_D = (  # Verhoeff: the group of the pentagon's turns and reflections, by rows
    "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
).split()
_P = "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258".split()


def identities(text: str) -> Iterator[str]:
    """Each number in a text that by its form and its check digits can hardly be anything else."""
    for pattern, holds in _FORMS:
        for found in pattern.finditer(text):
            if holds(re.sub(r"[^0-9A-Za-z]", "", found[0]).upper()):
                yield found[0]


def luhn(digits: str) -> bool:
    """Cards: ISO/IEC 7812."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return len(set(digits)) > 1 and sum(number - 9 * (number > 9) for number in doubled) % 10 == 0


def iban(text: str) -> bool:
    """Accounts: ISO 13616, remainder 1 by 97."""
    return _remainder(text[4:] + text[:4], 97) == 1


def _remainder(text: str, by: int) -> int:
    return int("".join(str(int(letter, 36)) for letter in text)) % by


def _dni(text: str) -> bool:
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and _LETTERS[int(number) % 23] == text[-1]


def _nir(text: str) -> bool:
    """The French number of social security; in Corsica departments have letters."""
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(text[13:])


def _cpf(text: str) -> bool:
    def check(length: int) -> int:
        total = sum(int(digit) * (length + 1 - place) for place, digit in enumerate(text[:length]))
        return total * 10 % 11 % 10

    return len(set(text)) > 1 and check(9) == int(text[9]) and check(10) == int(text[10])


def _verhoeff(text: str) -> bool:
    """India's Aadhaar."""
    check = 0
    for place, digit in enumerate(reversed(text)):
        check = int(_D[check][int(_P[place % 8][int(digit)])])
    return check == 0


def _always(_: str) -> bool:
    return True


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"(?<![\w+])\d(?:[ -]?\d){12,18}(?![\w-])"), luhn),
    (re.compile(r"\b[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,30}\b", re.IGNORECASE), iban),
    (re.compile(r"(?<![\w-])(?!000|666|9)\d{3}[- ](?!00)\d\d[- ](?!0000)\d{4}(?![\w-])"), _always),  # US SSN
    (
        re.compile(r"\b(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]\b"),
        _always,
    ),  # UK NINO
    (re.compile(r"\b(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]\b", re.IGNORECASE), _dni),
    (re.compile(r"\b[12] ?\d\d ?[0-9]{2} ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d\b", re.IGNORECASE), _nir),
    (re.compile(r"\b[A-Z]{6}\d\d[ABCDEHLMPRST]\d\d[A-Z]\d{3}[A-Z]\b", re.IGNORECASE), _always),  # codice fiscale
    (re.compile(r"\b\d{3}\.\d{3}\.\d{3}-\d\d\b"), _cpf),
    (re.compile(r"(?<![\w+-])[2-9]\d{3} \d{4} \d{4}(?![\w-])"), _verhoeff),
)
