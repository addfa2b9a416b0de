-- beat --
-- Says that this relay lives, forgets the long dead, and names the living.
with gone as (delete from relay where beat_at < clock_timestamp() - interval '1 hour'),
beat as (
    insert into relay (relay_id, beat_at, buckets) values ($1, clock_timestamp(), $2)
    on conflict (relay_id) do update set beat_at = excluded.beat_at, buckets = excluded.buckets
    returning relay_id)
select relay_id from relay where beat_at > clock_timestamp() - make_interval(secs => $3)
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
-- The oldest of each receiver, at most $5 of them and little more than $6 bytes. That
-- an event is the first of its key is looked up whatever the mark ($2, $3) is: one
-- committed late, below it, is not overtaken. $4: receivers to leave out for now.
select w.seq, w.bucket, w.event_id, w.receiver, w.topic, w.key, w.payload, w.created_at,
    w.attempts, w.traceparent
from receiver r
left join unnest($2::text[], $3::bigint[]) m (receiver, seq) on m.receiver = r.receiver
cross join lateral (
    select o.*, sum(octet_length(o.payload)) over (order by o.seq) - octet_length(o.payload) as before
    from (
        select e.* from outbox e
        where e.receiver = r.receiver and e.seq >= coalesce(m.seq, 0)
            and e.bucket = any($1::smallint[])
            and not exists (
                select from parked_key k where k.receiver = e.receiver and k.key = e.key)
            and e.seq = (
                select f.seq from outbox f
                where f.receiver = e.receiver and f.key = e.key order by f.seq limit 1)
        order by e.seq limit $5) o) w
where r.suspended_at is null and r.receiver <> all($4::text[]) and w.before < $6
order by w.seq;

-- sent --
-- One statement, so one transaction: what is not moved is still there to be sent.
with moved as (
    delete from outbox o using unnest($1::bigint[], $2::int[], $3::bigint[]) a (seq, kpartition, koffset)
    where o.seq = a.seq
    returning o.*, a.kpartition, a.koffset)
insert into outbox_sent (seq, bucket, event_id, receiver, decision_id, version, change, topic,
    key, schema, payload, traceparent, created_at, attempts, kpartition, koffset)
select seq, bucket, event_id, receiver, decision_id, version, change, topic,
    key, schema, payload, traceparent, created_at, attempts, kpartition, koffset
from moved;

-- failed --
update outbox set attempts = attempts + 1, last_error = $2 where seq = $1 returning attempts;

-- park --
with e as (select * from outbox where seq = $1),
letter as (
    insert into dead_letter (event_id, receiver, seq, reason)
    select event_id, receiver, seq, $2 from e on conflict do nothing)
insert into parked_key (receiver, key, first_event, reason)
select receiver, key, event_id, $2 from e on conflict do nothing;

-- backlog --
select r.receiver,
    (select count(*) from outbox e where e.receiver = r.receiver) as waiting,
    coalesce((select extract(epoch from clock_timestamp() - e.created_at) from outbox e
        where e.receiver = r.receiver order by e.seq limit 1), 0)::float8 as oldest_seconds,
    (select count(*) from parked_key k where k.receiver = r.receiver) as parked,
    r.suspended_at is not null as suspended
from receiver r order by r.receiver;
