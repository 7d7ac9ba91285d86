-- A line of a page says which days it is about, so that it is shown as past after them; and what a model could not read
-- for the page does not count as read.

alter table hathi.facts
    add column first_day date,                -- the days that it is about, from the first …
    add column last_day date,                 -- … to the last; null: about none, or about what comes round again
    add column days_named boolean not null default false, -- "tomorrow" has been looked for in it; not in older lines
    add column used int not null default 0;   -- how many questions were about it

-- The time zone of who spoke, as the platform told: "today" is the person's day.
alter table public.mastra_messages add column zone text;

alter table public.mastra_threads
    add column digest_tries int not null default 0,      -- failures in a row to read what stands behind `digested`
    add column digest_tried_at timestamptz,              -- the last of them that counted
    add column digest_singly bigint not null default 0;  -- up to here one message is read at a time
