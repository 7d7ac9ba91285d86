-- What chat platforms bring: who is called what, replies, pictures, guilds; and deletions that outlive a redelivery.

alter table public.mastra_messages
    add column name text,       -- what people call who spoke
    add column replies_to text, -- id of the message, or of the bot's post, that this one is a reply to
    add column images jsonb;    -- [{"url", "type"}]: pictures that stay on the platform
alter table public.mastra_threads add column space text; -- the guild or workspace; null: a direct message, or not known

create index hathi_threads_space_idx on public.mastra_threads (space) where space is not null;
create index posts_post_idx on hathi.posts (post);

-- Messages that were deleted: one that is delivered again, or for the first time after its deletion, is not written down.
-- No words in here; a row is dropped after two days, longer than any platform delivers again or we catch up.
create table hathi.deleted (
    id text primary key,
    at timestamptz not null default now()
);
create index deleted_at_idx on hathi.deleted (at);

-- Conversations that were reset: what the platform still shows from before is not read in again as context.
create table hathi.resets (
    thread_id text primary key,
    at timestamptz not null default now()
);

-- When the next process of a bot may introduce itself to its platform: they take turns (memory/pacing.py).
create table hathi.places (
    name text primary key,
    next timestamptz not null
);
