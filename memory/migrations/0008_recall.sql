-- What was said, made findable: by its words, and where pgvector is there by its meaning (memory/recall/).

create table hathi.indexed (
    thread int generated always as identity primary key, -- what stands for the thread in the tables below
    thread_id text not null unique,
    audience text,                                       -- of what was last said there
    language text not null,                              -- in which its words were read
    upto bigint not null default 0,                      -- place in the conversation (coalesce(answers, seq)): all before it is indexed
    places int not null default 0                        -- given so far
);
create index indexed_audience_idx on hathi.indexed (audience);

-- One message each. The column `embedding`, a halfvec, is added when pgvector is there.
create table hathi.passages (
    thread int not null,
    place int not null,          -- from 1, in the order of the conversation; what is deleted leaves a gap
    message text not null unique,
    author text,                 -- who spoke; null: the bot
    audience text,               -- who may read it (memory/privacy.py); null: the author alone
    said timestamptz not null,
    text text not null,          -- its beginning, as it is shown
    words tsvector not null,     -- no index: a search reads all that may be read anyway, for the vectors
    length real not null,        -- lexemes, with repetitions
    embedder smallint,           -- whose vector it has; null: none yet
    primary key (thread, place)
);
create index passages_embedder_idx on hathi.passages (embedder);

-- Who takes part in which thread, and what they were last called there.
create table hathi.speakers (
    author text not null,
    thread int not null,
    name text not null,
    primary key (author, thread)
);
create index speakers_thread_idx on hathi.speakers (thread);

-- Models that vectors were made with. The one that was last begun with counts.
create table hathi.embedders (
    id smallint generated always as identity primary key,
    name text not null,
    dimension int not null,
    since timestamptz not null default now(),
    unique (name, dimension)
);

-- Messages that read differently now: they are indexed anew, at the place that they had.
create table hathi.edited (
    message text primary key,
    thread_id text not null,
    place int
);
create index edited_thread_idx on hathi.edited (thread_id);

-- The rule of memory/privacy.py, `may_read`, for use inside a query.
create function hathi.may_read(audience text, author text, here text, public text, people text[])
returns boolean language sql immutable parallel safe as $$
    select coalesce(audience = here, false) or coalesce(audience = public, false) or coalesce(author = any(people), false)
$$;

-- Takes messages out of the index. The names of who speaks in a thread go with their last passage there.
create function hathi.unindex(ids text[]) returns void language plpgsql set search_path = '' as $$
declare
    gone int[];
begin
    with passage as (
        delete from hathi.passages where message = any(ids) returning thread
    )
    select array_agg(distinct thread) into gone from passage;
    delete from hathi.speakers as speaker where thread = any(gone) and not exists (
        select from hathi.passages as passage where passage.thread = speaker.thread and passage.author = speaker.author
    );
end
$$;

-- What stands for threads goes with them and their last message, in whichever order those go.
create function hathi.close(threads text[]) returns void language sql set search_path = '' as $$
    delete from hathi.indexed as thread where thread_id = any(threads)
        and not exists (select from public.mastra_threads where id = thread_id)
        and not exists (select from hathi.passages as passage where passage.thread = thread.thread)
$$;
create function hathi.delete_thread() returns trigger language plpgsql set search_path = '' as $$
begin
    perform hathi.close((select array_agg(id) from gone));
    return null;
end
$$;
create trigger hathi_delete_thread after delete on public.mastra_threads
    referencing old table as gone for each statement execute function hathi.delete_thread();

-- What is derived from a message goes with it, whoever deletes it, or changes it.
create or replace function hathi.delete_derived() returns trigger language plpgsql set search_path = '' as $$
declare
    ids text[] := (select array_agg(id) from gone);
begin
    delete from hathi.facts where sources && ids and sources <@ ids;
    update hathi.facts set sources = array(select source from unnest(sources) as source where source <> all(ids))
        where sources && ids;
    perform hathi.unindex(ids);
    perform hathi.close((select array_agg(distinct thread_id) from gone));
    delete from hathi.edited where message = any(ids);
    return null;
end
$$;

create function hathi.edit_derived() returns trigger language plpgsql set search_path = '' as $$
begin
    insert into hathi.edited (message, thread_id, place)
        values (new.id, new.thread_id, (select place from hathi.passages where message = new.id))
        on conflict (message) do nothing;
    perform hathi.unindex(array[new.id]);
    return null;
end
$$;
create trigger hathi_edit_derived after update of content on public.mastra_messages
    for each row when (old.content is distinct from new.content) execute function hathi.edit_derived();
