"""procrastinate comes by way of ours, which leaves psycopg out."""

import bot.jobs  # noqa: F401
