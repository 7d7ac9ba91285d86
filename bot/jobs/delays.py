"""How long a turn is put off."""

LONGEST_DELAY = 60.0  # seconds; a thread waits in order meanwhile
DELAYS = (2.0, 8.0, 30.0)  # seconds before the next attempt, where the provider names none


def delay_after(attempt: int, asked_for: float | None) -> float:
    """Seconds before the attempt that follows this one, counted from 0; `asked_for`: what the other side wants."""
    delay = DELAYS[min(attempt, len(DELAYS) - 1)] if asked_for is None else asked_for
    return min(delay, LONGEST_DELAY)
