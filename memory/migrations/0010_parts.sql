-- Long messages are indexed in parts, and words are taken apart before Postgres reads them (memory/recall/terms.py).
-- Nothing is read anew here: rows of an earlier reader are found by `reader`, and read anew in the background. Columns
-- have constant defaults, which a version of the program that does not know them leaves alone.

alter table hathi.passages
    add column part smallint not null default 0,   -- of the message, from 0
    add column parts smallint not null default 1,  -- that the message has
    add column reader smallint not null default 1, -- version of the tokenizer that read it
    add column gist bigint,                        -- the same for texts that say the same; null: not read yet
    add column stops tsvector,                     -- words that the language passes over, for questions of nothing else
    drop constraint passages_pkey,
    drop constraint passages_message_key;
alter table hathi.passages add primary key (thread, place, part);
create unique index passages_message_idx on hathi.passages (message, part);
create index passages_reader_idx on hathi.passages (thread, reader);

-- The words of a text that its language passes over ("The Who", "it"); words stand between single spaces.
create function hathi.stop_words(language regconfig, words text) returns tsvector
language sql immutable parallel safe set search_path = '' as $$
    select coalesce(pg_catalog.array_to_tsvector(pg_catalog.array_agg(distinct word)), '')
    from pg_catalog.regexp_split_to_table(words, ' +') as word
    where word <> '' and pg_catalog.octet_length(word) < 100 and pg_catalog.to_tsvector(language, word) = ''
$$;

-- As before, for messages of several parts.
create or replace function hathi.edit_derived() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into hathi.edited (message, thread_id, place)
        values (new.id, new.thread_id, (select place from hathi.passages where message = new.id limit 1))
        on conflict (message) do nothing;
    perform hathi.unindex(array[new.id]);
    return null;
end
$$;
