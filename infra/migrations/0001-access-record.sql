-- The access register 信息查阅登记簿: one row per answered question.
create table access_record (
    record_id      text primary key,
    at             timestamptz not null default clock_timestamp(),
    requester_kind text not null,
    unit           text not null,
    unit_name      text not null,
    person         text not null,
    purpose        text not null,
    basis          text not null,
    cause          text not null,
    operation      text not null,
    document_hash  text not null,
    looks          text[] not null,
    rows_seen      integer not null,
    subjects       bytea[] not null,
    restrictions   text[] not null,
    gaps           text[] not null
);
comment on column access_record.subjects is
    'keyed digests of type, source and key of every row seen: "who looked at this" without naming it here';
create index access_record_at on access_record (at desc, record_id);
create index access_record_unit on access_record (unit, at desc);
create index access_record_subjects on access_record using gin (subjects);
