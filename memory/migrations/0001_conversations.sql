-- Conversations live in Mastra's own tables, so that a Mastra agent or its Studio can share the database; either may have
-- made them first. What is ours stands beside: columns that Mastra's inserts do not name, and the schema `hathi`.
-- Names carry their schema: for a role called hathi the search path begins with the schema hathi.

create table if not exists public.mastra_threads (
    id text primary key,
    "resourceId" text not null,
    title text not null,
    metadata jsonb,
    "createdAt" timestamp not null,
    "updatedAt" timestamp not null,
    "createdAtZ" timestamptz default now(),
    "updatedAtZ" timestamptz default now()
);

create table if not exists public.mastra_messages (
    id text primary key,
    thread_id text not null,
    content text not null,
    role text not null,
    type text not null,
    "createdAt" timestamp not null,
    "resourceId" text,
    "createdAtZ" timestamptz default now()
);

create table if not exists public.mastra_resources (
    id text primary key,
    "workingMemory" text,
    metadata jsonb,
    "createdAt" timestamp not null,
    "updatedAt" timestamp not null,
    "createdAtZ" timestamptz default now(),
    "updatedAtZ" timestamptz default now()
);

-- Tables that an older Mastra made lack these; its own init adds them in the same way.
alter table public.mastra_threads add column if not exists "createdAtZ" timestamptz default now();
alter table public.mastra_threads add column if not exists "updatedAtZ" timestamptz default now();
alter table public.mastra_messages add column if not exists "createdAtZ" timestamptz default now();
alter table public.mastra_messages add column if not exists "resourceId" text;
alter table public.mastra_resources add column if not exists "createdAtZ" timestamptz default now();
alter table public.mastra_resources add column if not exists "updatedAtZ" timestamptz default now();

create index if not exists mastra_threads_resourceid_createdat_idx
    on public.mastra_threads ("resourceId", "createdAt" desc);
create index if not exists mastra_messages_thread_id_createdat_idx
    on public.mastra_messages (thread_id, "createdAt" desc);

-- The order in which things were written down; never taken from clocks. What Mastra wrote before us is numbered once.
create sequence hathi.message_seq;
alter table public.mastra_messages add column seq bigint;
with numbered as (
    select id, row_number() over (order by "createdAt", id) as seq from public.mastra_messages
)
update public.mastra_messages as message set seq = numbered.seq from numbered where numbered.id = message.id;
select setval('hathi.message_seq', coalesce(max(seq), 0) + 1, false) from public.mastra_messages;
alter table public.mastra_messages
    alter column seq set default nextval('hathi.message_seq'),
    alter column seq set not null,
    add column author text,                              -- who spoke; null: the bot, or a row of Mastra's
    add column audience text,                            -- who may read it (memory/privacy.py); null: a row of Mastra's
    add column addressed boolean not null default false, -- said to the bot: it is answered
    add column answers bigint;                           -- seq of the newest message that this answer answers

-- Up to which seq everything said to the bot in this thread is answered or given up.
alter table public.mastra_threads add column answered bigint not null default 0;

-- An answer stands right behind what it answers, also when more was said while it was being written.
create index hathi_messages_place_idx on public.mastra_messages (thread_id, (coalesce(answers, seq)), seq);
create index hathi_messages_author_idx on public.mastra_messages (author) where author is not null;

-- What is about a person: what they said, what the bot answered to them, and the rest of any conversation
-- that is theirs alone. Export shows these rows and forget deletes them.
create function hathi.messages_about(person text) returns setof public.mastra_messages language sql stable as $$
    with spoken as (
        select thread_id, id, seq from public.mastra_messages where author = person
        union
        select message.thread_id, message.id, message.seq
        from public.mastra_threads as thread join public.mastra_messages as message on message.thread_id = thread.id
        where thread."resourceId" = person and message.author is null and message.role = 'user'
    ),
    shared as (
        select distinct message.thread_id from public.mastra_messages as message
        where message.thread_id in (select thread_id from spoken)
          and message.role = 'user' and message.id not in (select id from spoken)
    ),
    answered as (
        select answer.id,
               answer.answers as upto,
               lag(answer.answers, 1, 0::bigint) over (partition by answer.thread_id order by answer.answers) as since,
               answer.thread_id
        from public.mastra_messages as answer
        where answer.thread_id in (select thread_id from shared) and answer.answers is not null
    )
    select message.* from public.mastra_messages as message
    where message.id in (select id from spoken)
       or message.thread_id in (select thread_id from spoken except select thread_id from shared)
       or message.id in (
           select answered.id from answered join spoken on spoken.thread_id = answered.thread_id
           where spoken.seq > answered.since and spoken.seq <= answered.upto
       )
$$;
