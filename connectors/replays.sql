-- alone --
-- One replay of a receiver at a time; the lock dies with whoever replays.
select pg_try_advisory_lock(7003, hashtext($1::text));

-- receiver --
select receiver, suspended_at, suspended_because from receiver where receiver = $1::text;

-- planned --
-- All that is selected, in its order: identified, not read.
select s.seq, s.event_id, coalesce(s.payload_hash, sha256(s.payload)) as payload_hash,
    s.key_id is not null and k.wrapped is null as erased
from sent_events($1, $2, $3, $4, $5, $6, $7, $8) s left join person_key k on k.key_id = s.key_id
where s.seq > 0 and s.payload <> ''
order by s.seq;

-- left_out --
-- Selected, and without bytes: had before the platform began, or archived since.
select s.payload is null as before, count(*) as events
from sent_events($1, $2, $3, $4, $5, $6, $7, $8) s
where s.payload is null or s.payload = ''
group by 1;

-- batch --
-- The next of them with their bytes, and with the key of whoever they are sealed for.
select s.seq, s.bucket, s.event_id, s.receiver, s.decision_id, s.version, s.change, s.key, s.payload,
    coalesce(s.payload_hash, sha256(s.payload)) as payload_hash, s.created_at, s.traceparent,
    s.key_id, k.person, k.wrapped, k.destroyed_at,
    -- A batch is one of the place it was put at; by another channel there was none such.
    case when s.topic = $12::text then coalesce(s.kpartition::bigint * 100000 + s.koffset, 0) else 0 end as place,
    case when s.key_id is not null and k.wrapped is null then exists (
        select from outbox_sent h where h.decision_id = s.decision_id and h.receiver = s.receiver and h.seq = 0)
    else false end as follows_history
from sent_events($1, $2, $3, $4, $5, $6, $7, $8) s left join person_key k on k.key_id = s.key_id
where s.payload <> ''
    and s.seq > $9::bigint and s.seq <= $10::bigint
order by s.seq limit $11::bigint;

-- of_case --
select decision_id from decision where case_no = $1::text order by 1;

-- unfinished --
select * from replay where receiver = $1::text and topic = $2::text and selection = $3::text and ended_at is null
order by begun_at desc limit 1;

-- begin --
insert into replay (replay_id, receiver, topic, selection, events, root, first_seq, last_seq, reached_seq)
values ($1, $2, $3, $4, $5, $6, $7::bigint, $8, $7::bigint - 1) returning *;

-- notices --
insert into notice (event_id, receiver, payload_hash, why)
select * from unnest($1::text[], $2::text[], $3::bytea[], $4::text[]) on conflict do nothing;

-- reached --
update replay set reached_seq = $2, sent = $3, erased = $4, frontier = $5, unsent = $6 where replay_id = $1;

-- end --
update replay set ended_at = clock_timestamp() where replay_id = $1 returning receiver || '/' || replay_id as target;

-- list --
select replay_id, receiver, topic, selection, events, sent, erased, cardinality(unsent) as unsent, begun_at, ended_at
from replay order by begun_at desc limit 100;
