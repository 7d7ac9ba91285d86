"""Places in a queue that the processes of one bot share: who may do something next, so far apart."""

from memory.pool import Database


async def reserve(database: Database, name: str, seconds: float) -> float:
    """Take the next place, `seconds` behind the one before; the seconds until it comes. Raises DatabaseError."""
    rows = await database.fetch(
        """
        insert into hathi.places as place (name, next) values ($1, now())
        on conflict (name) do update set next = greatest(now(), place.next + make_interval(secs => $2))
        returning extract(epoch from next - now())::float8 as wait
        """,
        name,
        seconds,
    )
    return max(0.0, float(rows[0]["wait"]))
