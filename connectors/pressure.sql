-- waiting --
-- Each receiver, with what is remembered of it. Bytes are those of its first 1,000 events,
-- and as many more as its last is further on: a look costs the same however many wait.
-- What an operator holds back, or is parked, is no delay of ours; its bytes are.
select r.receiver,
    case when r.suspended_at is null then coalesce(extract(epoch from clock_timestamp() - (
        select e.created_at from outbox e
        where (e.receiver, e.parked, e.seq) >= (r.receiver, false, 0) and (e.receiver, e.parked) <= (r.receiver, false)
        order by e.receiver, e.parked, e.seq limit 1)), 0) else 0 end::float8 as seconds,
    case when w.many < 1000 then w.bytes
        else w.bytes * greatest(1, (l.last - w.first)::float8 / greatest(1, w.until - w.first)) end::float8 as bytes,
    coalesce(p.stage, 0) as stage
from receiver r
left join pressure p on p.scope = r.receiver
cross join lateral (
    select count(*) as many, coalesce(sum(f.bytes), 0) as bytes, min(f.seq) as first, max(f.seq) as until
    from (
        select e.seq, octet_length(e.payload) as bytes from outbox e where e.receiver = r.receiver
        order by e.receiver, e.parked, e.seq limit 1000) f) w
cross join lateral (
    select e.seq as last from outbox e where e.receiver = r.receiver
    order by e.receiver desc, e.parked desc, e.seq desc limit 1) l
union all
select r.receiver, 0, 0, p.stage from receiver r join pressure p on p.scope = r.receiver
where not exists (select from outbox e where e.receiver = r.receiver);

-- remembered --
select stage from pressure where scope = $1;

-- size --
select pg_database_size(current_database());

-- enter --
-- Who changes it says so; all others find it changed.
insert into pressure (scope, stage) values ($1, $2)
on conflict (scope) do update set stage = excluded.stage, since = clock_timestamp()
where pressure.stage = $3 and pressure.stage <> excluded.stage
returning scope;
