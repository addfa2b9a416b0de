-- keep --
-- Stated anew it is answered anew; another window from the same place takes its place.
with gone as (
    delete from stated s using unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[]) n (id, topic, partition, from_offset)
    where s.topic = n.topic and s.partition = n.partition and s.from_offset = n.from_offset)
select 1;

-- enter --
insert into stated (statement_id, topic, partition, from_offset, to_offset, said, signed)
select * from unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[])
on conflict do nothing;

-- recount --
-- What was answered once and is not here any more, or is here by now.
update stated s set due = true
where not s.due and s.held <> (
    select count(*) from arrived a join inbox i on i.event_id = a.event_id
    where a.topic = s.topic and a.partition = s.partition and a.koffset >= s.from_offset and a.koffset < s.to_offset);

-- due --
-- Those whose place was read to its end, or that have waited long enough for it.
select s.statement_id, s.said, reached.seen
from stated s cross join lateral (select greatest(
    (select max(a.koffset) + 1 from arrived a where a.topic = s.topic and a.partition = s.partition),
    (select max(u.koffset) + 1 from undecodable u where u.topic = s.topic and u.partition = s.partition),
    0) as seen) reached
where s.due and (reached.seen >= s.to_offset or s.came_at < clock_timestamp() - make_interval(secs => $1))
order by s.came_at limit $2;

-- held --
select a.koffset, a.event_id from arrived a join inbox i on i.event_id = a.event_id
where a.topic = $1 and a.partition = $2 and a.koffset >= $3 and a.koffset < $4
order by a.koffset;

-- answered --
-- What came or went while the answer was under way is answered at the next look.
update stated s set held = $2, answered_at = clock_timestamp(), due = $2::bigint <> (
    select count(*) from arrived a join inbox i on i.event_id = a.event_id
    where a.topic = s.topic and a.partition = s.partition and a.koffset >= s.from_offset and a.koffset < s.to_offset)
where statement_id = $1;

-- forget_windows --
-- Windows that were not stated again since $1, each with the places in it.
with gone as (
    delete from stated where statement_id in (select statement_id from stated where came_at < $1 order by came_at limit 10)
    returning topic, partition, from_offset, to_offset),
places as (
    delete from arrived a using gone g
    where a.topic = g.topic and a.partition = g.partition and a.koffset >= g.from_offset and a.koffset < g.to_offset)
select count(*) as many from gone;

-- forget_places --
-- Places before $1 that lie in no window: those of replays, and from before statements.
with gone as (
    delete from arrived where ctid = any(array(
        select a.ctid from arrived a where a.at < $1 and not exists (select from stated s
            where s.topic = a.topic and s.partition = a.partition and s.from_offset <= a.koffset and a.koffset < s.to_offset)
        limit 10000))
    returning 1)
select count(*) as many from gone;
