-- The record of a look 调阅登记 as it is proved: its body, the leaf over that, and beside
-- them what looks are searched by. Each month is a partition of its own, so that a month
-- past its time is archived and removed as one; a record of another time has a place too.

create table access_entry (
    record_id text        not null,
    at        timestamptz not null,
    kind      text        not null,
    unit      text        not null,
    person    text        not null,
    party     text        not null,
    purpose   text        not null,
    cause     text        not null,
    protected boolean     not null,
    subjects  bytea[]     not null,
    body      bytea       not null,
    leaf      bytea       not null check (octet_length(leaf) = 32),
    primary key (record_id, at)
) partition by range (at);
comment on column access_entry.body is
    'canonical JSON, the very bytes the leaf is computed over; every other column repeats what is in it';
comment on column access_entry.subjects is
    'keyed digests of type, source and key of every row seen: "who looked at this" without naming it here';
comment on column access_entry.party is
    'keyed digest of the party that asked or was acted for, empty where there was none: its number stands nowhere here';

create index access_entry_at on access_entry (at desc, record_id);
create index access_entry_unit on access_entry (unit, at desc);
create index access_entry_person on access_entry (person, at desc);
create index access_entry_purpose on access_entry (purpose, at desc);
create index access_entry_cause on access_entry (cause, at desc) where cause <> '';
create index access_entry_party on access_entry (party) where party <> '';
create index access_entry_subjects on access_entry using gin (subjects);

-- What a clock that jumps writes, far from any month that was made.
create table access_entry_other partition of access_entry default;

-- A month is made apart and attached, as those of the sent log (0004). What lies in the
-- default partition of that month moves with it, or it could not be attached. Whoever
-- reads for long, as a backup, is not waited for: months are made ahead. As the owner: whoever
-- may write records alone may have a month made.
create function access_month(day date) returns void language plpgsql
    security definer set search_path = public, pg_temp set lock_timeout = '2s' as $$
declare
    first  date := date_trunc('month', day);
    name   text := 'access_entry_' || to_char(first, 'YYYY_MM');
    since  timestamptz := first::timestamp at time zone 'Asia/Shanghai';
    until  timestamptz := (first + interval '1 month')::timestamp at time zone 'Asia/Shanghai';
begin
    if to_regclass(name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(7002, 1);
    -- Another may have been quicker; to_regclass would still remember what it saw.
    if exists (select from pg_class where relname = name and relnamespace = current_schema()::regnamespace) then
        return;
    end if;
    execute format('create table %I (like access_entry including all)', name);
    lock table access_entry_other in access exclusive mode;
    execute format('with moved as (delete from access_entry_other where at >= $1 and at < $2 returning *)
        insert into %I select * from moved', name) using since, until;
    if exists (select from pg_roles where rolname = 'zhitong_gateway') then
        execute format('grant select on %I to zhitong_gateway', name);
    end if;
    execute format('alter table access_entry attach partition %I for values from (%L) to (%L)', name, since, until);
end $$;

-- This month and the next two, as often as anybody thinks of it.
create function access_months() returns void language sql as $$
    select access_month((clock_timestamp() at time zone 'Asia/Shanghai' + make_interval(months => ahead))::date)
    from generate_series(0, 2) ahead;
$$;
select access_months();

create function queue_look() returns trigger language plpgsql as $$
begin
    insert into unsealed (kind, id, leaf) select 'LOOK', record_id, leaf from fresh;
    return null;
end $$;
create trigger access_entry_queue after insert on access_entry
    referencing new table as fresh for each statement execute function queue_look();

-- --- what is there already ---------------------------------------------------------------

-- Under SHA-256, as the log of a database that has records from before: its looks as the
-- texts they were kept as, its subjects not by look.
drop function record_looks(jsonb);
alter table access_finding drop constraint access_finding_record_id_fkey;
alter table access_record rename to access_record_before;
alter table access_record_before rename constraint access_record_pkey to access_record_before_pkey;

insert into access_entry (record_id, at, kind, unit, person, party, purpose, cause, protected, subjects, body, leaf)
select r.record_id, r.at, r.requester_kind, r.unit, r.person, r.party, r.purpose, r.cause, written.protected,
    array(select distinct s from unnest(r.subjects) s order by s), written.body, sha256('\x00'::bytea || written.body)
from access_record_before r
cross join lateral (
    -- What was protected of it was not kept: as long as protected looks are, it is kept.
    select true as protected, convert_to(jsonb_build_object(
        'at', to_char(r.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'basis', r.basis,
        'cause', r.cause,
        'document', r.document_hash,
        'findings', coalesce((
            select jsonb_agg(jsonb_build_object('check', f.check_name, 'zh', f.zh, 'en', f.en, 'source', f.source)
                order by f.finding_id)
            from access_finding f where f.record_id = r.record_id), '[]'),
        'gaps', to_jsonb(r.gaps),
        'grants', '[]'::jsonb,
        'hash', 'sha256',
        'kind', 'LOOK',
        'looks', to_jsonb(r.looks),
        'operation', r.operation,
        'papers', to_jsonb(r.papers),
        'party', r.party,
        'protected', true,
        'purpose', r.purpose,
        'record', r.record_id,
        'restrictions', to_jsonb(r.restrictions),
        'rows', r.rows_seen,
        'subjects', (select coalesce(jsonb_agg(distinct encode(s, 'hex')), '[]') from unnest(r.subjects) s),
        'tenant', r.tenant,
        'who', jsonb_build_object('kind', r.requester_kind, 'role', r.role, 'client', r.client,
            'unit', r.unit, 'name', r.unit_name, 'person', r.person)
    )::text, 'UTF8') as body
    offset 0
) written;
drop table access_record_before;

-- --- as the register is read -------------------------------------------------------------

create view access_record as
select e.record_id, e.at, e.kind as requester_kind, e.unit, said.body #>> '{who,name}' as unit_name, e.person,
    e.purpose, said.body ->> 'basis' as basis, e.cause, said.body ->> 'operation' as operation,
    said.body ->> 'document' as document_hash,
    array(
        select case jsonb_typeof(l.look)
            when 'string' then l.look #>> '{}'
            else format('%s@%s %s %s', l.look ->> 'type', l.look ->> 'source', l.look ->> 'rows',
                (select string_agg(f.key || '=' || f.value, ',' order by f.key collate "C")
                from jsonb_each_text(l.look -> 'fields') f))
        end
        from jsonb_array_elements(said.body -> 'looks') with ordinality l(look, place) order by l.place
    ) as looks,
    (said.body ->> 'rows')::integer as rows_seen, e.subjects,
    array(select jsonb_array_elements_text(said.body -> 'restrictions')) as restrictions,
    array(select jsonb_array_elements_text(said.body -> 'gaps')) as gaps,
    said.body ->> 'tenant' as tenant, said.body #>> '{who,role}' as role, said.body #>> '{who,client}' as client,
    e.party, array(select jsonb_array_elements_text(said.body -> 'papers')) as papers,
    e.protected, array(select jsonb_array_elements_text(said.body -> 'grants')) as grants,
    said.body #>> '{answer,digest}' as answer_digest, (said.body #>> '{answer,size}')::bigint as answer_size
from access_entry e
-- Read once for a row, and not at all where no column of it is asked for.
cross join lateral (select convert_from(e.body, 'UTF8')::jsonb as body offset 0) said;

-- --- as looks are written ----------------------------------------------------------------

create type look_entry as (
    record_id text,
    at        timestamptz,
    kind      text,
    unit      text,
    person    text,
    party     text,
    purpose   text,
    cause     text,
    protected boolean,
    subjects  bytea[],
    body      bytea,
    leaf      bytea,
    findings  jsonb
);

-- The one way to write looks, whether questions made them, concurrent ones in one commit,
-- or an entry of the ledger in its own. What is there already is left as it is: a commit
-- in doubt is tried again. Nothing is written into another tenant's database, and no look
-- that rests on a sharing grant which is no longer in force: *grants* are all that were
-- used. Checking them locks them, so a revocation comes before this commit or after it.
create function record_looks(whose text, written look_entry[], grants text[]) returns integer language plpgsql as $$
begin
    if cardinality(written) > 0 and whose is distinct from (select name from tenant) then
        raise exception 'not the database of this tenant' using errcode = 'ZT001';
    end if;
    if cardinality(grants) > 0 and not grants_stand(grants) then
        raise exception 'a sharing grant has ended' using errcode = 'ZT403';
    end if;
    with recorded as (
        insert into access_entry (record_id, at, kind, unit, person, party, purpose, cause, protected, subjects,
            body, leaf)
        select w.record_id, w.at, w.kind, w.unit, w.person, w.party, w.purpose, w.cause, w.protected, w.subjects,
            w.body, w.leaf
        from unnest(written) w
        on conflict (record_id, at) do nothing
        returning record_id, at
    )
    insert into access_finding (finding_id, record_id, check_name, zh, en, source, found_at)
    select w.record_id || ':' || f.place, w.record_id, f.found ->> 'check', f.found ->> 'zh',
        f.found ->> 'en', f.found ->> 'source', w.at
    from unnest(written) w join recorded using (record_id, at)
    cross join lateral jsonb_array_elements(w.findings) with ordinality f(found, place)
    where w.findings is not null;
    return cardinality(written);
end
$$;
