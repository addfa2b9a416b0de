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
