-- Since when a platform is being looked through for what was said while the bot was away: a process that is killed before
-- it is done leaves it to the next one, whose own last message no longer tells.
create table hathi.looking_back (
    platform text primary key,
    since timestamptz not null
);
