-- Replays 重放: what was sent before is sent again, the same ids and bytes, from the sent log.

-- In the order in which a case's events were written. What was had before the platform
-- began has number 0 and is never sent.
create index outbox_sent_replay on outbox_sent (receiver, seq);

-- What a receiver was sent, by time, decisions, event or offsets: what is null selects
-- nothing, and the plan is made for what is not.
create function sent_events(
    of_receiver text, since timestamptz, before timestamptz, decisions text[], event text,
    of_partition integer, from_offset bigint, to_offset bigint
) returns setof outbox_sent language sql stable as $$
    select s.* from outbox_sent s
    where s.receiver = of_receiver
        and (since is null or s.sent_at >= since) and (before is null or s.sent_at < before)
        and (decisions is null or s.decision_id = any(decisions)) and (event is null or s.event_id = event)
        and (of_partition is null or (s.kpartition = of_partition and s.koffset between from_offset and to_offset));
$$;

-- How far each has come; who ordered it and what it was is in its deeds.
create table replay (
    replay_id   text primary key,
    receiver    text not null references receiver,
    topic       text not null,
    selection   text not null,
    events      bigint not null,
    root        bytea not null check (octet_length(root) = 32),
    first_seq   bigint not null,
    last_seq    bigint not null,
    begun_at    timestamptz not null default clock_timestamp(),
    reached_seq bigint not null,
    sent        bigint not null default 0,
    erased      bigint not null default 0,
    frontier    bytea not null default '',
    unsent      text[] not null default '{}',
    ended_at    timestamptz
);
create index replay_unfinished on replay (receiver) where ended_at is null;
comment on column replay.selection is 'canonical JSON of what was asked for: the same again goes on with it';
comment on column replay.root is 'Merkle root over "event id, payload hash" of what is to be sent, in its order';
comment on column replay.frontier is 'roots of the complete subtrees over what was sent so far';
comment on column replay.unsent is 'events whose bytes are no longer those that were sent: they are not sent';

-- What was sent in place of an event whose bytes cannot leave: a receiver answers its hash.
create table notice (
    event_id     text not null,
    receiver     text not null,
    payload_hash bytea not null check (octet_length(payload_hash) = 32),
    why          text not null,
    at           timestamptz not null default clock_timestamp(),
    primary key (event_id, receiver, payload_hash)
);
