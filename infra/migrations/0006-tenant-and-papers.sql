-- Whose database this is; what a look rested on, and what a rule says about it.

-- One row. Whoever serves another tenant is refused before it reads or writes.
create table tenant (
    name  text not null,
    since timestamptz not null default clock_timestamp(),
    lone  boolean primary key default true check (lone)
);
comment on table tenant is '本库所属的一方 whose database this is, as ZHITONG_TENANT names it';

-- Looks from before are of nobody: they bear empty texts.
alter table access_record
    add column tenant text   not null default '',
    add column role   text   not null default '',
    add column client text   not null default '',
    add column party  text   not null default '',
    add column papers text[] not null default '{}';
alter table access_record alter column tenant drop default;
comment on column access_record.party is
    'keyed digest of the party that asked or was acted for, empty where there was none: its number stands nowhere here';
comment on column access_record.papers is 'kind and number of each paper shown, as "letter 应急介〔2026〕3号"';
create index access_record_party on access_record (party) where party <> '';

-- Written in one statement with its record; a record removed by law takes it along.
create table access_finding (
    finding_id text primary key,
    record_id  text not null references access_record on delete cascade,
    check_name text not null,
    severity   text not null default 'DOUBT',
    zh         text not null,
    en         text not null,
    source     text not null,
    found_at   timestamptz not null
);
create index access_finding_record on access_finding (record_id);
create index access_finding_found_at on access_finding (found_at desc, finding_id);

create or replace view finding_entry as
select f.finding_id, f.decision_id, f.version, f.check_name, f.severity, f.zh, f.en, f.source, f.found_at,
    (select d.recorded_by from decision d where d.decision_id = f.decision_id) as recorded_by,
    null::text as record_id
from finding f
union all
select a.finding_id, null, null, a.check_name, a.severity, a.zh, a.en, a.source, a.found_at, null, a.record_id
from access_finding a;
