-- Reconciliation as it is asked for in the graph: windows, differences, runs.
create index reconciliation_named on reconciliation ((statement_id::text));
create index reconciliation_closed on reconciliation (closed_at, (statement_id::text));
create index reconciliation_difference_place on reconciliation_difference (topic, kpartition, koffset);
create index reconciliation_difference_named on reconciliation_difference ((difference_id::text));
create index reconciliation_difference_order on reconciliation_difference (found_at, (difference_id::text));
create index reconciliation_run_order on reconciliation_run (ended_at, (run_id::text));

create view reconciliation_window as
select r.statement_id::text as statement_id, r.receiver, r.topic, r.kpartition, r.from_offset, r.to_offset,
    r.records, r.doubles, r.logged, r.foreign_offsets::text[] as foreign_offsets, encode(r.root, 'hex') as root,
    array(select encode(p.part, 'hex') from unnest(r.parts) with ordinality p (part, place) order by p.place) as parts,
    r.closed_at, r.checked_at, r.asked_at as stated_at, nullif(r.signed, '') as signed,
    case when r.void_at is not null then 'VOID' when r.asked_at is null then 'UNSTATED'
        when r.answer = '' then 'AWAITED' else r.answer end as outcome,
    r.answered_at, nullif(r.answer_signed, '') as answer_signed, r.void_at
from reconciliation r;

-- Windows of one partition do not overlap: a place lies in one of them at most.
create view reconciliation_finding as
select d.difference_id::text as difference_id, d.kind, d.receiver, nullif(d.event_id, '') as event_id,
    d.event_id || ':' || d.receiver as delivery_id, nullif(d.decision_id, '') as decision_id, d.version,
    nullif(d.topic, '') as topic, d.kpartition, d.koffset, r.statement_id::text as statement_id,
    case when d.resolved_at is null then 'OPEN' else 'SETTLED' end as state, d.found_at, d.seen_at, d.resolved_at
from reconciliation_difference d
left join reconciliation r on r.topic = d.topic and r.kpartition = d.kpartition and r.void_at is null
    and r.from_offset <= d.koffset and d.koffset < r.to_offset;

create view reconciliation_ran as
select run_id::text as run_id, case when whole then 'WHOLE' else 'FRESH' end as extent,
    nullif(since, 'epoch'::timestamptz) as since, began_at, ended_at, records, windows, differences
from reconciliation_run;

-- How long it presses, beside how hard.
-- Waiting: to 10,000 exactly, 10,001 is "more": every look at this costs as much as it counts.
create or replace view receiver_state as
select r.receiver, r.title_zh, r.title_en, r.topic,
    case when r.suspended_at is null then 'ACTIVE' else 'SUSPENDED' end as status, r.suspended_at, r.suspended_because,
    (select count(*) from (select from outbox e where e.receiver = r.receiver limit 10001) counted) as waiting,
    least(
        (select e.created_at from outbox e where e.receiver = r.receiver and not e.parked order by e.seq limit 1),
        (select e.created_at from outbox e where e.receiver = r.receiver and e.parked order by e.seq limit 1)
    ) as oldest_at,
    (select count(*) from parked_key k where k.receiver = r.receiver) as parked,
    (select max(sent_at) from outbox_sent s where s.receiver = r.receiver and s.koffset is not null) as last_sent_at,
    (select max(filed_at) from receipt p where p.receiver = r.receiver) as last_receipt_at,
    (select count(*) from relay l where l.beat_at > clock_timestamp() - interval '10 seconds') as relays,
    case (select p.stage from pressure p where p.scope = r.receiver)
        when 1 then 'ALARM' when 2 then 'SLOWED' when 3 then 'UNDELIVERED' else 'NONE' end as pressure,
    (select p.since from pressure p where p.scope = r.receiver and p.stage > 0) as pressure_since
from receiver r;
