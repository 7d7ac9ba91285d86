-- Labels that mean what they say (memory/privacy.py): a closed room, in which outsiders or guests of its space read,
-- reads nothing that is public there; each workspace of an organisation is a space of its own; and a message that is
-- changed in a room that has become narrower is for fewer from then on, with all that is derived from it.

-- What of its space may be read where something with this label is said: `place` in memory/privacy.py.
create function hathi.public_of(audience text, space text) returns text
language sql immutable parallel safe set search_path = '' as $$
    select case when pg_catalog.starts_with(audience, 'public:') then audience
                when audience like '%:closed' then null
                else 'public:' || space end
$$;

-- What is derived from a message follows its label as it follows its words.
drop trigger hathi_edit_derived on public.mastra_messages;
create trigger hathi_edit_derived after update of content, audience on public.mastra_messages
    for each row when ((old.content, old.audience) is distinct from (new.content, new.audience))
    execute function hathi.edit_derived();

create or replace function hathi.edit_copies() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.mastra_messages
        set content = new.content, name = new.name, images = new.images, audience = new.audience
        where copy_of = new.id;
    delete from hathi.edited using public.mastra_messages as copy where copy_of = new.id and edited.message = copy.id;
    return null;
end
$$;
drop trigger hathi_edit_copies on public.mastra_messages;
create trigger hathi_edit_copies after update of content, name, images, audience on public.mastra_messages
    for each row when (
        new.audience is not null and new.copy_of is null
        and (old.content, old.name, old.images, old.audience)
            is distinct from (new.content, new.name, new.images, new.audience)
    ) execute function hathi.edit_copies();

-- As before, by the label of the place.
create or replace function hathi.may_read_copy(copy public.mastra_messages) returns boolean language sql stable as $$
    select coalesce((
        select hathi.may_read(
            copy.audience,
            coalesce(copy.author, case when coalesce(starts_with(copy.audience, 'direct:'), true)
                                       then copy.copy_owner end),
            newest.audience, hathi.public_of(newest.audience, thread.space),
            case when starts_with(newest.audience, 'direct:') then array(select hathi.identities(newest.author)) end)
        from public.mastra_threads as thread join public.mastra_messages as newest on newest.thread_id = thread.id
        where thread.id = copy.thread_id and addressed and seq > answered and coalesce(answers, seq) > answered
        order by seq desc limit 1
    ), false)
$$;

-- Where an organisation had the bot as a whole, all its workspaces shared one public label. What was said under it
-- belongs to the workspace that the conversation's id names; most name the organisation alone, and so what was said
-- there belongs to the channel. A copy follows its original, and a line of a page the newest message that it came from:
-- without one it is for its person alone.
create function hathi.of_workspace(audience text, thread text) returns text language sql immutable as $$
    select case when audience not like 'public:slack:E%' then audience
                when thread like 'slack:T%' then 'public:slack:' || split_part(thread, ':', 2)
                when thread like 'slack:%:%'
                then 'private:slack:' || split_part(thread, ':', 2) || ':' || split_part(thread, ':', 3)
                else 'private:' || thread end
$$;
alter table public.mastra_messages disable trigger hathi_edit_derived;
alter table public.mastra_messages disable trigger hathi_edit_copies;
update public.mastra_messages as message set audience = hathi.of_workspace(
        message.audience, coalesce((select thread_id from public.mastra_messages where id = message.copy_of), thread_id))
    where audience like 'public:slack:E%';
alter table public.mastra_messages enable trigger hathi_edit_derived;
alter table public.mastra_messages enable trigger hathi_edit_copies;
update hathi.indexed set audience = hathi.of_workspace(audience, thread_id) where audience like 'public:slack:E%';
update hathi.passages as passage set audience = hathi.of_workspace(passage.audience, thread_id)
    from hathi.indexed as thread where thread.thread = passage.thread and passage.audience like 'public:slack:E%';
update hathi.facts as fact set audience = coalesce(
        (select audience from public.mastra_messages
         where id = any(fact.sources) and copy_of is null order by seq desc limit 1),
        case when starts_with(page, 'thread ') then hathi.of_workspace(audience, substr(page, 8)) end)
    where audience like 'public:slack:E%';
drop function hathi.of_workspace(text, text);
