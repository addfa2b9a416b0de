-- live --
-- Held as long as this connection: whose lock is free has ended or is about to begin anew.
select pg_advisory_lock_shared(7003, hashtext($1));

-- beat --
-- Says that this relay lives, forgets the long dead, and names the living.
with gone as (delete from relay where beat_at < clock_timestamp() - interval '1 hour'),
beat as (
    insert into relay (relay_id, beat_at, buckets) values ($1, clock_timestamp(), $2)
    on conflict (relay_id) do update set beat_at = excluded.beat_at, buckets = excluded.buckets
    returning relay_id)
select r.relay_id from relay r where r.beat_at > clock_timestamp() - make_interval(secs => $3)
    and (r.beat_at > clock_timestamp() - make_interval(secs => $4) or exists (select from pg_locks l where l.locktype = 'advisory' and l.classid = 7003 and l.granted
        and l.objid = (hashtext(r.relay_id)::bigint & 4294967295)::oid
        and l.database = (select oid from pg_database where datname = current_database())))
union select relay_id from beat;

-- leave --
delete from relay where relay_id = $1;

-- months --
-- The sent log has a partition for this month and the next.
select outbox_sent_month((day + next)::date)
from (select (clock_timestamp() at time zone 'Asia/Shanghai') as day) today,
    unnest(array[interval '0', interval '1 month']) next;

-- acquire --
select b as bucket from unnest($1::int[]) b where pg_try_advisory_lock(7001, b);

-- release --
select pg_advisory_unlock(7001, b) from unnest($1::int[]) b;

-- waiting --
-- The oldest of each receiver: at most $5 of them, and little more than $6 bytes.
-- - No more than $7 rows are looked at, however many wait; so many of one key hide
--   others only where they fill all of it, and then leave at the full rate.
-- - $8 of a key, more where nothing else is there; behind an event that failed, none.
-- - That these are the first of their key is looked up whatever the mark ($2, $3) is:
--   one committed late, below it, is not overtaken. $4: receivers to leave out for now.
with near as materialized (
    select w.*, row_number() over of_key as place, max(w.attempts) over of_key as attempted
    from receiver r
    left join unnest($2::text[], $3::bigint[]) m (receiver, seq) on m.receiver = r.receiver
    cross join lateral (
        select e.ctid as lies, e.seq, e.receiver, e.key, e.attempts, octet_length(e.payload) as bytes from outbox e
        -- As rows, so that the index is entered at the receiver's own: by seq alone, as the
        -- statistics may have it, a look would pass by all that waits for others.
        where (e.receiver, e.parked, e.seq) >= (r.receiver, false, coalesce(m.seq, 0))
            and (e.receiver, e.parked) <= (r.receiver, false) and e.bucket = any($1::smallint[])
        order by e.receiver, e.parked, e.seq limit $7) w
    where r.suspended_at is null and r.receiver <> all($4::text[])
    window of_key as (partition by w.receiver, w.key order by w.seq)),
chosen as materialized (
    select n.*, row_number() over (partition by n.receiver order by n.place > $8, n.seq) as turn
    from near n where n.place = 1 or n.attempted = 0),
late as materialized (
    -- Looked up once for each key, at its first row.
    select c.receiver, c.key from chosen c
    where c.turn <= $5 and c.place = 1 and c.seq <> (
        select f.seq from outbox f where f.receiver = c.receiver and f.key = c.key order by f.seq limit 1)),
given as materialized (
    select c.lies, sum(c.bytes) over (partition by c.receiver order by c.turn) - c.bytes as before
    from chosen c
    where c.turn <= $5 and (c.receiver, c.key) not in (select l.receiver, l.key from late l))
select o.seq, o.bucket, o.event_id::uuid, o.receiver, o.topic, o.key, o.payload, o.created_at,
    o.attempts, o.traceparent
-- By the place of the row: within one statement it stays, and no index is asked again.
from given g join outbox o on o.ctid = g.lies
where g.before < $6;

-- sent --
-- One statement, so one transaction: what is not moved is still there to be sent.
-- It was sent when the broker had it, not when we heard of it: a receiver may be faster.
-- A broker whose clock is wrong is not followed past now, nor before this month: there
-- may be no partition.
-- $6 is empty, or names where an event went that was recorded for another place.
with moved as (
    delete from outbox o using unnest($1::bigint[], $2::int[], $3::bigint[], $4::timestamptz[], $5::bytea[], $6::text[])
        a (seq, kpartition, koffset, at, digest, went)
    where o.seq = a.seq
    returning o.*, a.kpartition, a.koffset, a.at, a.digest, a.went),
-- Of a natural person it is kept sealed from now on. What is deleted here is still seen
-- below, and found there by its index: what a deletion returns has none, and of a batch
-- about persons each row would be compared with each.
closed as (
    delete from sealed_payload p using moved m
    where p.event_id = m.event_id and p.receiver = m.receiver)
insert into outbox_sent (seq, bucket, event_id, receiver, decision_id, version, change, topic,
    key, schema, payload, payload_hash, key_id, traceparent, created_at, attempts, kpartition, koffset, sent_at)
select m.seq, m.bucket, m.event_id, m.receiver, m.decision_id, m.version, m.change, coalesce(m.went, m.topic),
    m.key, m.schema, coalesce(p.sealed, m.payload), coalesce(m.digest, sha256(m.payload)), p.key_id, m.traceparent, m.created_at,
    m.attempts, m.kpartition, m.koffset,
    greatest(m.created_at, date_trunc('month', clock_timestamp()), least(m.at, clock_timestamp()))
from moved m left join sealed_payload p on p.event_id = m.event_id and p.receiver = m.receiver;

-- failed --
update outbox set attempts = attempts + 1, last_error = $2 where seq = $1 returning attempts;

-- park --
select park_event($1, $2);

-- backlog --
-- To $1 exactly; one more says that there are more.
select r.receiver,
    (select count(*) from (select from outbox e where e.receiver = r.receiver limit $1::bigint + 1) counted) as waiting,
    coalesce(extract(epoch from clock_timestamp() - least(
        (select e.created_at from outbox e where e.receiver = r.receiver and not e.parked order by e.seq limit 1),
        (select e.created_at from outbox e where e.receiver = r.receiver and e.parked order by e.seq limit 1)
    )), 0)::float8 as oldest_seconds,
    (select count(*) from parked_key k where k.receiver = r.receiver) as parked,
    r.suspended_at is not null as suspended
from receiver r order by r.receiver;
