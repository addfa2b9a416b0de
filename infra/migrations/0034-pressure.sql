-- How hard what waits presses 积压: measured by every gateway and relay, remembered once, so
-- that they agree, and that a stage is left later than it was entered.
create table pressure (
    scope text primary key,
    stage smallint not null check (stage between 0 and 3),
    since timestamptz not null default clock_timestamp()
);
comment on table pressure is '积压的程度 how hard what waits presses';
comment on column pressure.scope is 'a receiver; * all of them; / the database''s room';
comment on column pressure.stage is '1 said, 2 what is not urgent waits, 3 new decisions are marked undelivered';

-- One table and no condition in each half: only then does a page in the order of
-- queued_at come from the indexes on created_at, however many were sent. A receiver's
-- final answer counts before its WAITING, whatever its clock said; then the latest.
create or replace view delivery as
select e.event_id || ':' || e.receiver as delivery_id, e.event_id, e.receiver,
    e.decision_id, e.version, e.change, e.topic, e.created_at as queued_at,
    null::timestamptz as sent_at, null::integer as kpartition, null::bigint as koffset,
    null::timestamptz as answered_at, null::timestamptz as held_since, '{}'::text[] as reasons, e.attempts,
    case
        when exists (select from parked_key k where k.receiver = e.receiver and k.key = e.key) then 'PARKED'
        when exists (select from receiver r where r.receiver = e.receiver and r.suspended_at is not null) then 'SUSPENDED'
        when exists (select from pressure p where p.scope = e.receiver and p.stage = 3) then 'UNDELIVERED'
        else 'PENDING'
    end as status,
    (select d.recorded_by from decision d where d.decision_id = e.decision_id) as recorded_by,
    'CURRENT' as standing
from outbox e
union all
select s.event_id || ':' || s.receiver, s.event_id, s.receiver,
    s.decision_id, s.version, s.change, s.topic, s.created_at,
    s.sent_at, s.kpartition, s.koffset,
    (select p.at from receipt p where p.event_id = s.event_id and p.receiver = s.receiver
        order by p.answer = 'WAITING', p.at desc, p.answer = 'HELD' desc limit 1),
    (select case when p.answer = 'HELD' then p.at end
        from receipt p where p.event_id = s.event_id and p.receiver = s.receiver
        order by p.answer = 'WAITING', p.at desc, p.answer = 'HELD' desc limit 1),
    coalesce((select p.reasons from receipt p where p.event_id = s.event_id and p.receiver = s.receiver
        order by p.answer = 'WAITING', p.at desc, p.answer = 'HELD' desc limit 1), '{}'),
    s.attempts,
    coalesce((select p.answer from receipt p where p.event_id = s.event_id and p.receiver = s.receiver
        order by p.answer = 'WAITING', p.at desc, p.answer = 'HELD' desc limit 1),
        case when s.payload is null then 'BEFORE_PLATFORM' else 'SENT' end),
    (select d.recorded_by from decision d where d.decision_id = s.decision_id),
    case
        when exists (select from outbox_sent n join receipt p on p.event_id = n.event_id and p.receiver = n.receiver
            where n.decision_id = s.decision_id and n.receiver = s.receiver and n.version > s.version
                and p.answer = 'HELD') then 'SUPERSEDED'
        else 'CURRENT'
    end
from outbox_sent s;

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
        when 1 then 'ALARM' when 2 then 'SLOWED' when 3 then 'UNDELIVERED' else 'NONE' end as pressure
from receiver r;
