-- A page about each person: what they said of themselves, line by line, each with the messages that it came from.

-- The page as Mastra reads and writes it is text: `mastra_resources."workingMemory"`, or with WORKING_MEMORY_SCOPE=thread
-- `mastra_threads.metadata`. What we know of each of its lines beside the words stands here.
create table hathi.facts (
    id bigint generated always as identity primary key,
    page text not null,                       -- whose page it stands on: a resource, or a thread
    person text,                              -- who said so; null on a thread's page: not known
    field text not null,                      -- a template's label, or a place in a schema's JSON
    value text not null,                      -- one line, or JSON; empty: what it replaces does not hold any more
    audience text,                            -- who may read it (memory/privacy.py); null: only the person
    sources text[] not null default '{}',     -- the messages that it came from, each of which says it
    replaces bigint[] not null default '{}',  -- lines that do not hold any more where this one can be read
    at timestamptz not null default now()
);
create index facts_page_idx on hathi.facts (page);
create index facts_person_idx on hathi.facts (person);
create index facts_sources_idx on hathi.facts using gin (sources);

-- What is derived from a message goes with it, whoever deletes it.
create function hathi.delete_derived() returns trigger language plpgsql set search_path = '' as $$
declare
    ids text[] := (select array_agg(id) from gone);
begin
    delete from hathi.facts where sources && ids and sources <@ ids;
    update hathi.facts set sources = array(select source from unnest(sources) as source where source <> all(ids))
        where sources && ids;
    return null;
end
$$;
create trigger hathi_delete_derived after delete on public.mastra_messages
    referencing old table as gone for each statement execute function hathi.delete_derived();

-- Up to which seq a thread's messages were read for the page; what was said before this version is left alone.
alter table public.mastra_threads add column digested bigint not null default 0;
update public.mastra_threads set digested = answered;
create index hathi_threads_undigested_idx on public.mastra_threads ("updatedAtZ") where digested < answered;

-- Off the record: nothing of what these people say is kept once it is answered.
create table hathi.paused (
    person text primary key,
    since timestamptz not null default now()
);
alter table public.mastra_messages add column off_record boolean not null default false;

-- One person, several identities; whoever stands alone has no row.
create table hathi.links (
    resource text primary key,
    person text not null
);
create index links_person_idx on hathi.links (person);
create function hathi.identities(of text) returns setof text language sql stable as $$
    select of
    union
    select other.resource from hathi.links as mine join hathi.links as other on other.person = mine.person
    where mine.resource = of
$$;
create table hathi.link_codes (
    resource text primary key,   -- who may be linked with; a new code replaces the one before
    code text not null unique,   -- sha256
    expires timestamptz not null
);
create table hathi.link_tries (  -- codes made and codes tried, for limits; a row is dropped after an hour
    person text not null,
    what text not null,          -- offer or try
    at timestamptz not null default now()
);
create index link_tries_idx on hathi.link_tries (person, what, at);

-- A page's text, as Mastra keeps it.
create function hathi.page_text(page text) returns text language sql stable as $$
    select case when starts_with(page, 'thread ')
        then (select metadata::text::jsonb ->> 'workingMemory' from public.mastra_threads -- text in older Mastras
              where id = substr(page, 8) and jsonb_typeof(metadata::text::jsonb) = 'object')
        else (select "workingMemory" from public.mastra_resources where id = page) end
$$;
