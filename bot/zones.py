"""Time zones by their names in the tz database: `Europe/Lisbon`; and fixed offsets: `UTC+05:30`."""

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"(?:UTC|GMT)([+-])(\d{1,2})(?::([0-5]\d))?")


def zone(name: str) -> tzinfo | None:
    """The time zone of that name; None when there is none."""
    if offset := _OFFSET.fullmatch(name):
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        ahead = timedelta(hours=hours, minutes=minutes) * (-1 if offset[1] == "-" else 1)
        return timezone(ahead, name) if abs(ahead) <= timedelta(hours=14) else None
    try:
        return ZoneInfo(name) if name.strip() == name and name else None
    except (KeyError, ValueError, OSError):  # no such zone, a path that leads out of the database, a folder of it
        return None


def first_zone(*names: str) -> tzinfo:
    """The first of these that there is. Raises LookupError when there is none."""
    for name in names:
        if found := zone(name):
            return found
    raise LookupError("no time zone")


def day_in(moment: datetime, *names: str) -> date:
    """Which day a moment is, in the first of these time zones that there is."""
    return moment.astimezone(first_zone(*names, "UTC")).date()
