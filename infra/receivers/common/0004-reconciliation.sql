-- Where each event lay, doubles among them, so that what the platform states of a stretch
-- of its topic can be held against what is here (docs/reconciliation.md).
create table arrived (
    topic     text not null,
    partition integer not null,
    koffset   bigint not null,
    event_id  text not null,
    primary key (topic, partition, koffset)
);
insert into arrived (topic, partition, koffset, event_id)
select topic, partition, koffset, event_id from inbox on conflict do nothing;

-- What the platform has stated, and what was answered.
create table stated (
    statement_id uuid primary key,
    topic        text not null,
    partition    integer not null,
    from_offset  bigint not null,
    to_offset    bigint not null,
    said         bytea not null,
    signed       text not null,
    came_at      timestamptz not null default clock_timestamp(),
    held         bigint,
    answered_at  timestamptz,
    due          boolean not null default true,
    unique (topic, partition, from_offset)
);
comment on column stated.held is 'how many of its events were here when it was answered: counted again at each statement';
create index stated_due on stated (came_at) where due;
