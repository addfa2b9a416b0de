-- Sharing grants 共享授权 (政务数据共享条例, 国令第809号): one row as it stands, one row per step.
-- What somebody did is a deed (0013) beside each step; both are in the step's transaction.

create table access_grant (
    grant_id    text primary key check (grant_id <> ''),
    version     integer not null check (version > 0),
    state       text not null check (state in (
        'APPLIED', 'INCOMPLETE', 'REVIEWED', 'AGREED', 'IN_FORCE', 'REFUSED', 'DISPUTED', 'WITHDRAWN',
        'REVOKED', 'EXPIRED')),
    kind        text not null check (kind in ('SHARING', 'BREAK_GLASS')),
    -- whom it is for, whose data
    unit        text not null check (unit <> ''),
    unit_name   text not null,
    person      text not null default '',
    owner       text not null check (owner <> ''),
    -- what for
    purpose     text not null,
    basis       text not null,
    scene       text not null default '',
    incident    text not null default '',
    -- how much: {"CaseRecord": ["facts", …]}
    fields      jsonb not null check (jsonb_typeof(fields) = 'object'),
    lookups     jsonb not null default '{}' check (jsonb_typeof(lookups) = 'object'),
    conditional boolean not null default true,
    masked      boolean not null default false,
    division    text not null default '',
    own_cause   boolean not null default false,
    mode        text not null default 'INTERFACE' check (mode in ('INTERFACE', 'BATCH', 'FILE')),
    documents   text[] not null default '{}',
    page        integer check (page > 0),
    cost        integer check (cost > 0),
    rate        double precision check (rate > 0),
    receiver    text,
    valid_from  timestamptz not null,
    valid_to    timestamptz not null check (valid_to > valid_from),
    -- how it went
    applied_by  text not null,
    applied_at  timestamptz not null,
    reviewed_at timestamptz,
    decided_at  timestamptz,
    provided_at timestamptz,
    ended_at    timestamptz,
    told        boolean not null default false,
    settled     boolean not null default false,
    missing     text not null default '',
    refusal     text not null default '',
    dispute     text not null default '',
    settlement  text not null default '',
    ending      text not null default '',
    review      text not null default '' check (review in ('', 'JUSTIFIED', 'NOT_JUSTIFIED')),
    -- whose turn it is, and until when
    due_step    text,
    due_unit    text not null default '',
    due_at      timestamptz,
    provisional boolean not null default false,
    late        text[] not null default '{}',
    changed_at  timestamptz not null,
    check ((due_step is null) = (due_at is null)),
    check (kind <> 'BREAK_GLASS' or (person <> '' and incident <> ''))
);
create index access_grant_in_force on access_grant (unit, valid_to) where state = 'IN_FORCE';
create index access_grant_unit on access_grant (unit, applied_at);
create index access_grant_owner on access_grant (owner, applied_at);
create index access_grant_due on access_grant (due_unit, due_at) where due_at is not null;
create index access_grant_receiver on access_grant (receiver) where receiver is not null;
comment on column access_grant.person is 'break-glass 紧急调阅: the one who may use it; empty: anybody of the unit';
comment on column access_grant.told is 'what is missing was told; that is done once';
comment on column access_grant.settled is 'a dispute was settled; there is one';
comment on column access_grant.due_unit is 'whose turn it is; empty: the data authority';
comment on column access_grant.due_at is 'the first moment that is late';
comment on column access_grant.provisional is 'due_at lies where next year''s days off are not known yet';
comment on column access_grant.late is 'steps that were done after their time';

create table grant_step (
    grant_id text not null references access_grant,
    version  integer not null check (version > 0),
    step     text not null,
    state    text not null,
    at       timestamptz not null,
    unit     text not null,
    person   text not null,
    role     text not null,
    reason   text not null default '',
    due_at   timestamptz,
    late     boolean not null default false,
    digest   bytea not null,
    primary key (grant_id, version)
);
create index grant_step_at on grant_step (at);
comment on column grant_step.version is 'the version that this step made';
comment on column grant_step.due_at is 'until when this step was due';
comment on column grant_step.digest is 'of who, step and content: the same once more is a replay';

-- Gateways hold what is in force in memory and look at this number to know that it stands.
-- One row that steps into and out of force lock: read committed, it never passes one over,
-- as a sequence or a time of change would.
create table grant_change (
    counter bigint not null default 0,
    lone    boolean primary key default true check (lone)
);
insert into grant_change default values;

create function count_grant_change() returns trigger language plpgsql as $$
begin
    update grant_change set counter = counter + 1;
    return null;
end $$;
create trigger access_grant_began after insert on access_grant
    for each row when (new.state = 'IN_FORCE') execute function count_grant_change();
create trigger access_grant_changed after update on access_grant
    for each row when (old.state = 'IN_FORCE' or new.state = 'IN_FORCE') execute function count_grant_change();
create trigger access_grant_removed after delete on access_grant
    for each row when (old.state = 'IN_FORCE') execute function count_grant_change();

-- Whether a look may rest on the grant now: the record's own statement asks this.
create function grant_in_force(id text) returns boolean language sql stable as $$
    select exists (
        select from access_grant
        where grant_id = id and state = 'IN_FORCE'
            and valid_from <= clock_timestamp() and clock_timestamp() < valid_to)
$$;

-- As the graph shows it: what has run out is over whether or not anybody has noted it.
create view access_grant_now as
select
    grant_id, version,
    case when state in ('AGREED', 'IN_FORCE') and valid_to <= now() then 'EXPIRED' else state end as state,
    kind, unit, unit_name, array[unit, owner] as parties, nullif(person, '') as person, owner, purpose, basis, scene, nullif(incident, '') as incident,
    array(
        select type.key || '.' || field.name
        from jsonb_each(fields) type, jsonb_array_elements_text(type.value) field (name)
        order by 1) as items,
    array(
        select type.key || '.' || field.name
        from jsonb_each(lookups) type, jsonb_array_elements_text(type.value) field (name)
        order by 1) as lookups,
    case when conditional then 'CONDITIONAL' else 'UNCONDITIONAL' end as sharing,
    case when masked then 'MASKED' else 'WHOLE' end as giving,
    nullif(division, '') as division,
    case when own_cause then 'OWN_CASE' else 'ALL' end as extent,
    mode, documents, page, cost, rate::text as rate, receiver, valid_from, valid_to,
    applied_by, applied_at, reviewed_at, decided_at, provided_at, ended_at,
    nullif(missing, '') as missing, nullif(refusal, '') as refusal, nullif(dispute, '') as dispute,
    nullif(settlement, '') as settlement, nullif(ending, '') as ending, nullif(review, '') as review,
    due_step, nullif(due_unit, '') as due_unit, due_at,
    case
        when due_at is null then null
        when due_at <= now() then 'LATE'
        when provisional then 'PROVISIONAL'
        else 'IN_TIME'
    end as lateness,
    late as late_steps, changed_at
from access_grant;
