-- alone --
-- One looks at a time; the lock ends with its transaction.
select pg_try_advisory_xact_lock(7041, 0) as alone, clock_timestamp() as now;

-- ended --
-- What receipts have ended where two transactions could not see each other: of work that
-- was opened lately. What has left and is not moved yet may have its receipt too. What happened
-- to a decision is ended by its own receipt alone, and its receipt ends nothing of a version.
update work_item w set closed_at = clock_timestamp(), closed_event = found.event_id,
    closed_by = case when found.event_id = w.cause then 'RECEIPT' else 'VERSION' end
from work_item o cross join lateral (
    select s.event_id from (
        select n.event_id, n.version, n.change from outbox_sent n where n.decision_id = o.decision_id and n.receiver = o.receiver
        union all
        select n.event_id, n.version, n.change from outbox n where n.decision_id = o.decision_id and n.receiver = o.receiver) s
    join receipt p on p.event_id = s.event_id and p.receiver = o.receiver
    where case
        when s.event_id <> o.cause then p.answer = 'HELD' and s.version > o.version and s.change <> 'ANNOTATED'
            and o.occasion in ('RECORDED', 'CORRECTED', 'WITHDRAWN')
        when o.kind = 'UNACKNOWLEDGED' then p.answer <> 'WAITING'
        else p.answer = 'HELD' and not exists (select from receipt r where r.event_id = p.event_id
            and r.receiver = p.receiver and r.answer = 'REJECTED' and r.at > p.at)
        end
    order by s.version, s.event_id limit 1) found
where o.item_id = w.item_id and o.closed_at is null and not o.checked and o.kind <> 'UNTOLD' and w.closed_at is null
returning w.item_id;

-- checked --
-- Opened before $1, and looked at since: whoever filed beside it has long ended.
update work_item set checked = true where closed_at is null and not checked and opened_at < $1;

-- awaited --
-- Corrections to be looked at by $1, the oldest $2. Those with a final answer, or whose
-- receiver holds a later version, are answered, and forgotten; what happened to a decision no
-- later version says.
with looked as materialized (
    select a.event_id, a.receiver, a.decision_id, a.version, a.change, a.recorded_at, a.left_at
    from awaited a where a.look_at <= $1 order by a.look_at limit $2),
judged as materialized (
    select l.*, exists (select from receipt p
            where p.event_id = l.event_id and p.receiver = l.receiver and p.answer <> 'WAITING')
        or l.change <> 'ANNOTATED' and exists (
            select from outbox_sent n join receipt p on p.event_id = n.event_id and p.receiver = n.receiver
            where n.decision_id = l.decision_id and n.receiver = l.receiver and n.version > l.version
                and n.change <> 'ANNOTATED' and p.answer = 'HELD')
        as answered
    from looked l),
gone as (
    delete from awaited a using judged j where j.answered and a.event_id = j.event_id and a.receiver = j.receiver)
select j.event_id, j.receiver, j.decision_id, j.version, j.recorded_at, j.left_at, j.answered,
    coalesce((select e.change from inbound_effect e where e.event_id = j.event_id), j.change) as change
from judged j;

-- chase --
-- What is work by now is no longer awaited: what it has as an answer ends it.
with late as materialized (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::timestamptz[], $7::boolean[])
        u (receiver, event_id, decision_id, version, change, due_at, provisional)),
gone as (
    delete from awaited a using late l where a.event_id = l.event_id and a.receiver = l.receiver)
insert into work_item (kind, receiver, cause, decision_id, version, occasion, due_at, provisional)
select 'UNACKNOWLEDGED', l.* from late l
on conflict do nothing
returning item_id;

-- look_later --
update awaited a set look_at = l.look_at
from unnest($1::text[], $2::text[], $3::timestamptz[]) l (event_id, receiver, look_at)
where a.event_id = l.event_id and a.receiver = l.receiver;

-- untimed --
-- Nobody knows yet until when, or whether that day is certain: days off may be known now.
select item_id, kind, opened_at from work_item
where closed_at is null and (due_at is null or provisional) and kind = any($1::text[])
order by due_at nulls first, opened_at limit $2;

-- time --
update work_item w set due_at = t.due_at, provisional = t.provisional
from unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) t (item_id, due_at, provisional)
where w.item_id = t.item_id and (w.due_at, w.provisional) is distinct from (t.due_at, t.provisional);

-- counts --
select receiver, kind, count(*) as open, count(*) filter (where due_at <= clock_timestamp()) as late
from work_item where closed_at is null group by receiver, kind order by receiver, kind;

-- list --
-- What is to be done, the latest due first; $1: of a receiver alone, $2: also what is done.
select e.item_id, e.kind, e.state, e.receiver, e.decision_id, e.version, e.occasion, e.event_id, e.codes, e.fields,
    e.opened_at, e.due_at, e.due_certainty, e.closed_at, e.closed_by, e.because, e.recorded_by
from work_entry e
where ($1::text is null or e.receiver = $1) and ($2::boolean or e.state <> 'DONE')
order by e.closed_at is not null, e.due_at nulls last, e.opened_at, e.item_id limit $3;

-- settle --
update work_item set closed_at = clock_timestamp(), closed_by = 'DEED', because = $2
where item_id::text = $1 and closed_at is null
returning item_id::text as target, kind, receiver, decision_id, version, occasion;

-- sent_decisions --
-- Of each source of $2 that keeps cases: decisions sent since $1, and those of them rejected.
select d.case_source as source, count(distinct s.decision_id) as sent,
    count(distinct s.decision_id) filter (where w.item_id is not null) as rejected
from outbox_sent s join decision d on d.decision_id = s.decision_id
left join work_item w on w.kind = 'REJECTED' and w.receiver = s.receiver and w.cause = s.event_id
    and w.decision_id = s.decision_id
where s.created_at >= $1 and s.koffset is not null and d.case_source = any($2::text[]) and s.change <> 'ANNOTATED'
group by d.case_source;

-- blamed --
-- For what: of several things that a rejection names each counts.
select d.case_source as source, coalesce(b.code, '') as code, coalesce(b.field, '') as field,
    count(distinct w.decision_id) as decisions
from work_item w join decision d on d.decision_id = w.decision_id
join outbox_sent s on s.event_id = w.cause and s.receiver = w.receiver
left join lateral unnest(w.codes, w.fields) b (code, field) on true
where w.kind = 'REJECTED' and s.created_at >= $1 and d.case_source = any($2::text[]) and s.change <> 'ANNOTATED'
group by 1, 2, 3 order by 1, 4 desc, 2, 3;
