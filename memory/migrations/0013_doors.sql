-- A code that links two identities belongs to whoever types it first, and its offerer confirms who that is.
-- Codes hold for ten minutes: those that are on their way are offered anew.
delete from hathi.link_codes;
alter table hathi.link_codes
    add column claimer text,                          -- who typed it first
    add column agreed boolean not null default false; -- the claimer has confirmed, and the offerer may

-- Tries outlive what is known of a person, or forgetting would give them new ones: they know nobody by name.
delete from hathi.link_tries;
comment on column hathi.link_tries.person is 'sha256 of the identity';

-- What somebody asked about a message on Discord held a copy of it, which its author could not delete. Nothing is kept of
-- such questions from now on, nor of those before.
delete from public.mastra_messages where thread_id in (
    select id from public.mastra_threads where id ~ '^discord:[0-9]+:[0-9]+$'
);

-- A name is known no further than the words of whom it belongs to: what they last said in a thread may be read by these.
alter table hathi.speakers add column audience text;
update hathi.speakers as speaker set audience = thread.audience from hathi.indexed as thread
    where thread.thread = speaker.thread;
