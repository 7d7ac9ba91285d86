"""The time zone that somebody's page tells of: one that they name, else that of the city they live in."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

from bot.zones import zone
from memory.working.kinds import is_home, tells_zone
from memory.working.sameness import words

_NAMED = re.compile(r"\b[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z0-9_+-]+){1,2}")
_OFFSET = re.compile(r"\b(?:UTC|GMT)(?: ?([+-]\d{1,2}(?::[0-5]\d)?))?\b")
_TWO = re.compile(r" (?:and|und|et|y|e|en|or) | ?[&/] ?")  # homes
_SHORT = {
    "CET": "Europe/Paris", "CEST": "Europe/Paris", "EET": "Europe/Helsinki", "WET": "Europe/Lisbon",
    "BST": "Europe/London",
    "EST": "America/New_York", "EDT": "America/New_York", "CST": "America/Chicago", "CDT": "America/Chicago",
    "MST": "America/Denver", "MDT": "America/Denver", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles",
    "JST": "Asia/Tokyo", "AEST": "Australia/Sydney",
}  # fmt: skip
_AREAS = {"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
_NO_CITY = {"center", "easter", "wake", "midway", "beulah", "nome"}  # words of other things
_NO_COUNTRY = {"factory", "greenwich", "universal", "navajo", "zulu"}


def told(lines: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """(the zone that a person named, the zone where they live), empty where there is none. `lines`: oldest first."""
    named = lives = ""
    for label, value in lines:
        if tells_zone(label, value):
            named = _named(value) or city(value) or named
        elif is_home(label, value):
            lives = "" if _TWO.search(value) else city(value)
    return named, lives


def _named(value: str) -> str:
    for found in _NAMED.findall(value):
        if zone(found):
            return str(found)
    if offset := _OFFSET.search(value):
        return f"UTC{offset[1] or ''}"
    short = [_SHORT[word] for word in re.findall(r"\b[A-Z]{3,4}\b", value) if word in _SHORT]
    return short[0] if short else ""


def city(value: str) -> str:
    """The zone of the city in a value, as far as the tz database names it, or of the country; empty for two."""
    said = f" {' '.join(words(value))} "
    cities, countries = _places()
    for places in (cities, countries):
        found = {name for place, name in places.items() if f" {place} " in said}
        if found:
            return found.pop() if len(found) == 1 else ""
    return ""


@cache
def _places() -> tuple[dict[str, str], dict[str, str]]:
    """Cities and countries after which the tz database names zones."""
    cities: dict[str, str] = {}
    countries: dict[str, str] = {}
    for name in (resources.files("tzdata") / "zones").read_text(encoding="ascii").split():
        area, _, rest = name.partition("/")
        place = " ".join(words(name.rpartition("/")[2].replace("_", " ")))
        if area in _AREAS and rest and place not in _NO_CITY:
            cities.setdefault(place, name)
        elif not rest and name.isalpha() and not name.isupper() and place not in _NO_COUNTRY:
            countries.setdefault(place, name)
    return cities, countries
