-- list --
select p.receiver, p.key, p.first_event, p.reason, p.parked_at,
    (select count(*) from (
        select from outbox o where o.receiver = p.receiver and o.key = p.key limit 10001) counted) as waiting
from parked_key p order by p.parked_at, p.receiver, p.key;

-- events --
-- What waits behind a parked key, the dead letter first: the first hundred.
select o.event_id, o.decision_id, o.version, o.change, octet_length(o.payload) as bytes,
    encode(sha256(o.payload), 'hex') as payload_hash, o.created_at, o.attempts, o.last_error,
    o.event_id = p.first_event as dead
from parked_key p join outbox o on o.receiver = p.receiver and o.key = p.key
where p.receiver = $1::text and p.key = $2::text order by o.seq limit 100;

-- dead --
-- The dead letter of that name, and whether the receiver had the decision before us.
select o.event_id, o.receiver, o.decision_id, o.version, o.change, o.key, o.traceparent,
    encode(sha256(o.payload), 'hex') as payload_hash,
    exists (select from outbox_sent h
        where h.decision_id = o.decision_id and h.receiver = o.receiver and h.seq = 0) as follows_history
from outbox o join parked_key p on p.receiver = o.receiver and p.key = o.key and p.first_event = o.event_id
where o.receiver = $1::text and o.event_id = $2::text;

-- release --
select $1::text || '/' || $2::text as target where release_key($1::text, $2::text);

-- hand_over --
select $1::text || '/' || $2::text as target from hand_over_event($1::text, $2::text) key where key is not null;

-- skip --
select $1::text || '/' || $2::text as target from skip_event($1::text, $2::text, $3::bytea) key where key is not null;
