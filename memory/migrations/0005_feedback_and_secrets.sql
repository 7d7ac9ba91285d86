-- What people say of answers, and what platforms entrust us with, encrypted (memory/vault.py).

create table hathi.feedback (
    turn bigint not null,     -- whose answer it is about
    person text not null,     -- who says so
    good boolean not null,
    thread_id text not null,
    at timestamptz not null default now(),
    primary key (turn, person)
);
create index feedback_thread_idx on hathi.feedback (thread_id);
create index feedback_person_idx on hathi.feedback (person);

create table hathi.secrets (
    name text primary key,    -- what it is for: slack:T1
    value text not null,      -- encrypted with a key that is not in the database
    expires timestamptz       -- null: kept until it is deleted
);
