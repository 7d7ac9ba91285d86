-- A conversation that Mastra copies (`cloneThread`) is known as a copy. Mastra leaves out our columns, so that until now
-- a copied message counted as said by the copy's owner, was for them alone to read, and outlived its original.

alter table public.mastra_messages
    add column copy_of text,    -- id of the message that this one is a copy of, however often copied; empty: not known
    add column copy_owner text; -- whose conversation that message is part of
create index hathi_messages_copy_idx on public.mastra_messages (copy_of) where copy_of is not null;
create index hathi_messages_copy_owner_idx on public.mastra_messages (copy_owner) where copy_owner is not null;

-- The thread of which a thread is a copy, by its metadata: an object, or a string that holds one. Null: it is none.
create function hathi.copied_from(metadata text) returns text language plpgsql immutable set search_path = '' as $$
declare
    read jsonb;
begin
    if metadata is null or position('sourceThreadId' in metadata) = 0 then
        return null;
    end if;
    read := metadata::jsonb;
    if jsonb_typeof(read) = 'string' then
        read := (read #>> '{}')::jsonb;
    end if;
    return read #>> '{clone,sourceThreadId}';
exception when data_exception then -- text in older Mastra: anything
    return null;
end
$$;

-- A message as it stands in a copied thread, with the labels of its original. Mastra copies text, role and time. Of one
-- that was edited since, only these last two agree: it reads as it does now. A message that is younger than the copy
-- was said there, unless all three agree. The original is locked, so that whoever deletes or edits it finds the copy.
create function hathi.labelled(copy public.mastra_messages, thread public.mastra_threads)
returns public.mastra_messages language plpgsql set search_path = '' as $$
declare
    source text := hathi.copied_from(thread.metadata::text);
    original public.mastra_messages;
    owner text;
begin
    if source is null then
        return copy;
    end if;
    select message.* into original from public.mastra_messages as message
        where message.thread_id = source and message."createdAt" = copy."createdAt" and message.role = copy.role
          and (message.content = copy.content or copy."createdAt" <= thread."createdAt")
        order by message.content = copy.content desc, message.seq limit 1 for share;
    if original.id is null then
        copy.copy_of := case when copy."createdAt" < thread."createdAt" then '' end;
        return copy;
    end if;
    copy.copy_of := coalesce(original.copy_of, original.id);
    if copy.copy_of <> '' then
        owner := coalesce((select "resourceId" from public.mastra_threads where id = source), original."resourceId");
        copy.copy_owner := coalesce(original.copy_owner, owner);
        copy.author := coalesce(original.author, case when original.role = 'user' then copy.copy_owner end);
    end if;
    copy.audience := original.audience;
    copy.name := original.name;
    copy.images := original.images;
    copy.off_record := original.off_record;
    if original.audience is not null then
        copy.content := original.content;
    end if;
    return copy;
end
$$;

-- Mastra writes the thread first, and then its messages one by one, all in one transaction.
create function hathi.insert_copy() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    thread public.mastra_threads;
begin
    select * into thread from public.mastra_threads where id = new.thread_id;
    if thread.metadata is null or exists (select from public.mastra_messages where id = new.id) then -- it is changed
        return new;
    end if;
    return hathi.labelled(new, thread);
end
$$;
create trigger hathi_insert_copy before insert on public.mastra_messages
    for each row when (new.author is null and new.audience is null) execute function hathi.insert_copy();

-- Messages that were there before their thread was, or before it was known as a copy.
create function hathi.label_copies(thread public.mastra_threads) returns void
language plpgsql set search_path = '' as $$
declare
    message public.mastra_messages;
    copy public.mastra_messages;
    ids text[] := '{}';
begin
    for message in
        select * from public.mastra_messages
        where thread_id = thread.id and author is null and audience is null and copy_of is null order by seq
    loop
        copy := hathi.labelled(message, thread);
        continue when copy.copy_of is null;
        update public.mastra_messages set
            copy_of = copy.copy_of, copy_owner = copy.copy_owner, author = copy.author, audience = copy.audience,
            name = copy.name, images = copy.images, off_record = copy.off_record, content = copy.content
            where id = copy.id;
        ids := ids || copy.id;
    end loop;
    if cardinality(ids) > 0 then -- a search finds the original
        perform hathi.unindex(ids);
        delete from hathi.edited where edited.message = any(ids);
    end if;
end
$$;
create function hathi.insert_copied_thread() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if tg_op = 'INSERT'
       or hathi.copied_from(old.metadata::text) is distinct from hathi.copied_from(new.metadata::text) then
        perform hathi.label_copies(new);
    end if;
    return null;
end
$$;
create trigger hathi_insert_copied_thread after insert or update of metadata on public.mastra_threads
    for each row when (new.metadata is not null and hathi.copied_from(new.metadata::text) is not null)
    execute function hathi.insert_copied_thread();

-- What somebody said to Hathi goes from all copies with the message, and changes with it, whoever deletes or edits it.
-- Where Mastra alone was spoken to, copies are what they are in Mastra: independent.
create function hathi.delete_copies() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    ids text[] := array(select id from gone where audience is not null and copy_of is null);
begin
    if cardinality(ids) > 0 then
        delete from public.mastra_messages where copy_of = any(ids);
    end if;
    return null;
end
$$;
create trigger hathi_delete_copies after delete on public.mastra_messages
    referencing old table as gone for each statement execute function hathi.delete_copies();

create function hathi.edit_copies() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update public.mastra_messages set content = new.content, name = new.name, images = new.images
        where copy_of = new.id;
    delete from hathi.edited using public.mastra_messages as copy where copy_of = new.id and edited.message = copy.id;
    return null;
end
$$;
create trigger hathi_edit_copies after update of content, name, images on public.mastra_messages
    for each row when (
        new.audience is not null and new.copy_of is null
        and (old.content, old.name, old.images) is distinct from (new.content, new.name, new.images)
    ) execute function hathi.edit_copies();

-- Whether a copy may be read where the newest message that waits in its thread was said: the rule of memory/privacy.py.
-- What was answered in somebody's direct message, or carries no label, was said to the owner of that conversation.
create function hathi.may_read_copy(copy public.mastra_messages) returns boolean language sql stable as $$
    select coalesce((
        select hathi.may_read(
            copy.audience,
            coalesce(copy.author, case when coalesce(starts_with(copy.audience, 'direct:'), true)
                                       then copy.copy_owner end),
            newest.audience, 'public:' || thread.space,
            case when starts_with(newest.audience, 'direct:') then array(select hathi.identities(newest.author)) end)
        from public.mastra_threads as thread join public.mastra_messages as newest on newest.thread_id = thread.id
        where thread.id = copy.thread_id and addressed and seq > answered and coalesce(answers, seq) > answered
        order by seq desc limit 1
    ), false)
$$;

-- What is about a person: what they said, what the bot answered to them, the rest of any conversation that is theirs
-- alone, and all copies of that. Export shows these rows.
create or replace function hathi.messages_about(person text) returns setof public.mastra_messages
language sql stable as $$
    with spoken as (
        select thread_id, id, seq from public.mastra_messages where author = person and copy_of is null
        union
        select message.thread_id, message.id, message.seq
        from public.mastra_threads as thread join public.mastra_messages as message on message.thread_id = thread.id
        where thread."resourceId" = person and message.author is null and message.role = 'user' and copy_of is null
    ),
    shared as (
        select distinct message.thread_id from public.mastra_messages as message
        where message.thread_id in (select thread_id from spoken) and copy_of is null
          and message.role = 'user' and message.id not in (select id from spoken)
    ),
    answered as (
        select answer.id,
               answer.answers as upto,
               lag(answer.answers, 1, 0::bigint) over (partition by answer.thread_id order by answer.answers) as since,
               answer.thread_id
        from public.mastra_messages as answer
        where answer.thread_id in (select thread_id from shared) and answer.answers is not null
    ),
    original as (
        select id from spoken
        union
        select message.id from public.mastra_messages as message
        where copy_of is null
          and message.thread_id in (select thread_id from spoken except select thread_id from shared)
        union
        select answered.id from answered join spoken on spoken.thread_id = answered.thread_id
        where spoken.seq > answered.since and spoken.seq <= answered.upto
    ),
    about as (
        select id from original
        union
        select id from public.mastra_messages where copy_of in (select id from original)
        union
        select id from public.mastra_messages where author = person
        union
        select id from public.mastra_messages
        where copy_owner = person and coalesce(starts_with(audience, 'direct:'), true)
    )
    select message.* from public.mastra_messages as message where message.id in (select id from about)
$$;

-- What goes when a person is forgotten, everywhere or as far as it was said in a thread: what is about them; and copies
-- of what others said, in conversations of theirs in which nobody else has said anything.
create function hathi.messages_to_forget(person text, thread text) returns table (id text, thread_id text)
language sql stable as $$
    with about as materialized (
        select message.id, message.thread_id, message.copy_of from hathi.messages_about(person) as message
    )
    select about.id, about.thread_id from about
    where thread is null or about.thread_id = thread
       or copy_of in (select original.id from about as original where original.thread_id = thread)
    union
    select message.id, message.thread_id
    from public.mastra_threads as own join public.mastra_messages as message on message.thread_id = own.id
    where thread is null and own."resourceId" = person and message.copy_of is not null
      and not exists (
          select from public.mastra_messages as other
          where other.thread_id = own.id and other.copy_of is null and other.author <> person
      )
$$;

-- A page is not copied: what people said to Hathi of themselves stands on their own page alone, or on that of the thread
-- in which they said it. Mastra copies a page, word for word, onto that of the copy's owner, or of the copy.
create function hathi.copied_page(person text, page text) returns boolean language sql stable as $$
    select exists (
        select from public.mastra_threads as copy
        join public.mastra_threads as source on source.id = hathi.copied_from(copy.metadata::text)
        where copy."resourceId" = person and copy.metadata is not null and source."resourceId" <> person
          and hathi.page_text(source."resourceId") = page
          and exists (select from public.mastra_messages where author = source."resourceId" and copy_of is null)
    )
$$;
create function hathi.keep_page() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    if hathi.copied_page(new.id, new."workingMemory") then
        new."workingMemory" := case when tg_op = 'UPDATE' then old."workingMemory" end;
    end if;
    return new;
end
$$;
create trigger hathi_keep_page before insert or update of "workingMemory" on public.mastra_resources
    for each row when (new."workingMemory" <> '') execute function hathi.keep_page();

create function hathi.keep_thread_page() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    source text := hathi.copied_from(new.metadata::text);
begin
    if hathi.page_text('thread ' || source) = new.metadata::text::jsonb ->> 'workingMemory'
       and exists (select from public.mastra_messages where thread_id = source and audience is not null) then
        new.metadata := new.metadata::text::jsonb - 'workingMemory';
    end if;
    return new;
end
$$;
create trigger hathi_keep_thread_page before update of metadata on public.mastra_threads
    for each row when (hathi.copied_from(new.metadata::text) is not null) execute function hathi.keep_thread_page();

-- A Mastra with a role of its own needs rights on its own tables alone.
alter function hathi.delete_derived() security definer;
alter function hathi.edit_derived() security definer;
alter function hathi.delete_thread() security definer;

-- Conversations that were copied before: as far as their originals are still there, the oldest copy first.
select hathi.label_copies(thread) from public.mastra_threads as thread
    where hathi.copied_from(metadata::text) is not null order by "createdAt", id;
-- And their pages, where nobody has changed them.
update public.mastra_threads set metadata = metadata where hathi.copied_from(metadata::text) is not null;
update public.mastra_resources as resource set "workingMemory" = null
    where "workingMemory" <> '' and hathi.copied_page(id, "workingMemory")
      and not exists (select from hathi.facts where page = resource.id);
