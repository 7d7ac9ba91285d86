"""All that is stored about a person, to be handed over."""

import json
from collections.abc import Sequence
from typing import Any

from bot.chat import Resource
from memory.content import text_of
from memory.pool import Database


async def export(database: Database, resource: Resource, people: Sequence[str]) -> dict[str, Any]:
    """All that is stored about a person, as values that JSON can hold. `people`: their identities."""
    rows = await database.fetch(
        """
        select jsonb_build_object(
            'resource', $1::text,
            'linked', to_jsonb(array(select person from unnest($2::text[]) as person where person <> $1)),
            'off_record', exists (select from hathi.paused where person = $1),
            'working_memory', (select "workingMemory" from public.mastra_resources where id = $1),
            'facts', coalesce((
                select jsonb_agg(jsonb_build_object(
                    'id', id, 'page', page, 'person', person, 'field', field, 'value', value, 'audience', audience,
                    'sources', sources, 'replaces', replaces,
                    'at', to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by id)
                from hathi.facts where person = any($2) or page = any($2)), '[]'),
            'feedback', coalesce((
                select jsonb_agg(jsonb_build_object(
                    'thread', thread_id, 'good', good,
                    'at', to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by at)
                from hathi.feedback where person = any($2)), '[]'),
            'messages', coalesce((
                select jsonb_agg(jsonb_build_object(
                    'id', id, 'thread', thread_id, 'role', role, 'author', author, 'audience', audience,
                    'at', to_char("createdAtZ" at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                    'type', type, 'content', content) order by seq)
                from (select distinct message.* from unnest($2::text[]) as person, hathi.messages_about(person)
                      as message) as message), '[]'))::text as export
        """,
        str(resource),
        people,
    )
    export: dict[str, Any] = json.loads(rows[0]["export"])
    for message in export["messages"]:
        message["text"] = text_of(message.pop("content"), message.pop("type"), message["id"])
    return export
