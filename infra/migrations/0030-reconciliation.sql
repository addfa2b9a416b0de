-- Reconciliation 对账: what was due, what was sent, what lies on the topics and what
-- receivers say they have, compared each hour and stated (docs/reconciliation.md).

-- What the topic and the sent log say of one place is found by the place.
create index outbox_sent_place on outbox_sent (topic, kpartition, koffset);

-- A closed stretch of a partition, stated to its receiver and answered.
create table reconciliation (
    statement_id  uuid primary key,
    receiver      text not null,
    topic         text not null,
    kpartition    integer not null,
    from_offset   bigint not null,
    to_offset     bigint not null check (to_offset > from_offset),
    records       bigint not null,
    doubles       bigint not null,
    logged        bigint not null,
    foreign_offsets bigint[] not null,
    root          bytea not null check (octet_length(root) = 32),
    parts         bytea[] not null,
    closed_at     timestamptz not null default clock_timestamp(),
    checked_at    timestamptz not null default clock_timestamp(),
    signed        text not null default '',
    asked_at      timestamptz,
    answer        text not null default '' check (answer in ('', 'AGREES', 'DIFFERS', 'BEHIND')),
    answered_at   timestamptz,
    answer_signed text not null default '',
    void_at       timestamptz
);
create unique index reconciliation_place on reconciliation (topic, kpartition, from_offset) where void_at is null;
create index reconciliation_unanswered on reconciliation (asked_at) where answer in ('', 'BEHIND') and void_at is null;
comment on column reconciliation.records is 'ours that lie there, doubles among them: the leaves of the root, in the order of offsets';
comment on column reconciliation.logged is 'rows of the sent log that lie there: counted again each hour';
comment on column reconciliation.parts is 'roots of each thousand offsets';
comment on column reconciliation.void_at is 'since when the topic is another: its offsets began anew';

create table reconciliation_difference (
    difference_id uuid primary key,
    kind          text not null,
    receiver      text not null,
    event_id      text not null,
    decision_id   text not null,
    version       integer,
    topic         text not null,
    kpartition    integer,
    koffset       bigint,
    found_at      timestamptz not null default clock_timestamp(),
    seen_at       timestamptz not null default clock_timestamp(),
    resolved_at   timestamptz
);
create index reconciliation_difference_open on reconciliation_difference (receiver, kind, event_id) where resolved_at is null;
create index reconciliation_difference_found on reconciliation_difference (found_at desc, difference_id);

create table reconciliation_run (
    run_id      uuid primary key default gen_random_uuid(),
    whole       boolean not null,
    since       timestamptz not null,
    began_at    timestamptz not null,
    ended_at    timestamptz not null default clock_timestamp(),
    records     bigint not null,
    windows     bigint not null,
    differences bigint not null
);
create index reconciliation_run_ended on reconciliation_run (ended_at desc);
comment on column reconciliation_run.since is 'register, sent log and receipts were compared from then on';
comment on column reconciliation_run.differences is 'that stood open when it ended';
