-- Reconsideration and litigation: while one is open, the party sees more of its case
-- (《市应急管理局行政执法记录信息调阅监督制度》第七条). Nothing is changed or deleted: a later
-- word about the same proceeding is another version.

create table proceeding (
    kind          text not null check (kind in ('RECONSIDERATION', 'LITIGATION')),
    number        text not null check (number <> ''),
    version       integer not null check (version > 0),
    case_no       text not null check (case_no <> ''),
    opened_on     date not null,
    closed_on     date,
    outcome       text,
    recorded_by   text not null,
    recorded_unit text not null,
    who           text not null,
    recorded_at   timestamptz not null default clock_timestamp(),
    primary key (kind, number, version),
    check (closed_on is null or closed_on >= opened_on)
);
create index proceeding_case on proceeding (case_no);

create view proceeding_now as
select kind || ' ' || number as proceeding_id, kind, number, version, case_no, opened_on, closed_on, outcome,
    recorded_by, recorded_at
from proceeding p
where not exists (
    select from proceeding later
    where later.kind = p.kind and later.number = p.number and later.version > p.version
);
