-- Work 待办: what a person has to see to, because of what a receiver answered, or did not,
-- or is to be told (docs/work.md).
create table work_item (
    item_id      uuid primary key default gen_random_uuid(),
    kind         text not null check (kind in ('REJECTED', 'UNACKNOWLEDGED', 'UNTOLD')),
    receiver     text not null,
    cause        text not null,
    decision_id  text not null,
    version      integer not null,
    occasion     text not null,
    codes        text[] not null default '{}',
    fields       text[] not null default '{}',
    opened_at    timestamptz not null default clock_timestamp(),
    due_at       timestamptz,
    provisional  boolean not null default false,
    closed_at    timestamptz,
    closed_by    text check (closed_by in ('RECEIPT', 'VERSION', 'DEED')),
    closed_event text,
    because      text,
    checked      boolean not null default false,
    unique (kind, receiver, cause, decision_id),
    check ((closed_at is null) = (closed_by is null)),
    check ((closed_by = 'DEED') = (because is not null))
);
comment on table work_item is '待办 what a person has to see to; one for each cause, for ever';
comment on column work_item.cause is 'the event; of UNTOLD the inbound effect, or the key that was destroyed';
comment on column work_item.occasion is 'what the version is; of UNTOLD what happened to the decision';
comment on column work_item.codes is 'beside fields, one of each for each reason; empty: not told';
comment on column work_item.due_at is 'the first moment that is too late; null: not computed yet, or no clock';
comment on column work_item.provisional is 'due_at lies where days off are not known yet';
comment on column work_item.closed_event is 'what ended it: the event that is held, or was answered';
comment on column work_item.checked is
    'whatever was filed while it was opened has been seen: only what is filed later ends it';
create index work_item_open on work_item (receiver, decision_id) where closed_at is null;
create index work_item_late on work_item (receiver, due_at) where closed_at is null;
create index work_item_unchecked on work_item (opened_at) where closed_at is null and not checked;
create index work_item_untimed on work_item (opened_at) where closed_at is null and (due_at is null or provisional);
create index work_item_decision on work_item (decision_id);
create index work_item_order on work_item (opened_at, (item_id::text));
create index work_item_named on work_item ((item_id::text));

-- What is chased. A row each, put there in the transaction that moves it, and no place in
-- the sent log up to which all was looked at: one that waits for months, here or there,
-- would have all that left behind it looked at again and again.
create table awaited (
    event_id    text not null,
    receiver    text not null,
    decision_id text not null,
    version     integer not null,
    change      text not null,
    recorded_at timestamptz not null,
    left_at     timestamptz not null default clock_timestamp(),
    look_at     timestamptz not null default clock_timestamp(),
    primary key (event_id, receiver)
);
comment on table awaited is 'corrections and withdrawals that have left and have no final answer, as far as was looked';
comment on column awaited.look_at is 'when it is looked at next: soon, and when its time is over';
create index awaited_next on awaited (look_at);

create function await_answer() returns trigger language plpgsql as $$
begin
    insert into awaited (event_id, receiver, decision_id, version, change, recorded_at)
        values (new.event_id, new.receiver, new.decision_id, new.version, new.change, new.created_at)
        on conflict do nothing;
    return null;
end $$;
create trigger outbox_sent_awaited after insert on outbox_sent
    for each row when (new.change <> 'RECORDED' and new.koffset is not null) execute function await_answer();

insert into awaited (event_id, receiver, decision_id, version, change, recorded_at, left_at)
select s.event_id, s.receiver, s.decision_id, s.version, s.change, s.created_at, s.sent_at from outbox_sent s
where s.change <> 'RECORDED' and s.koffset is not null and not exists (select from receipt p
    where p.event_id = s.event_id and p.receiver = s.receiver and p.answer <> 'WAITING')
on conflict do nothing;

create index outbox_corrections on outbox (receiver, seq) where change <> 'RECORDED';

create view work_entry as
select w.item_id::text as item_id, w.kind,
    case when w.closed_at is not null then 'DONE' when w.due_at <= clock_timestamp() then 'LATE' else 'OPEN' end as state,
    w.receiver, w.decision_id, w.version, w.occasion,
    case when w.kind <> 'UNTOLD' then w.cause end as event_id,
    case when w.kind <> 'UNTOLD' then w.cause || ':' || w.receiver end as delivery_id,
    array_remove(w.codes, '') as codes, array_remove(w.fields, '') as fields, w.opened_at, w.due_at,
    case when w.due_at is null then null when w.provisional then 'PROVISIONAL' else 'KNOWN' end as due_certainty,
    w.closed_at, w.closed_by, w.because,
    (select d.recorded_by from decision d where d.decision_id = w.decision_id) as recorded_by,
    (select d.case_source from decision d where d.decision_id = w.decision_id) as case_source
from work_item w;

-- What is held back for a receiver, and what there is to do about it.
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
    (select p.since from pressure p where p.scope = r.receiver and p.stage > 0) as pressure_since,
    (select count(*) from (select from outbox e
        where e.receiver = r.receiver and e.change <> 'RECORDED' limit 10001) counted) as corrections_waiting,
    (select count(*) from (select from work_item w
        where w.receiver = r.receiver and w.closed_at is null limit 10001) counted) as work_open,
    (select count(*) from (select from work_item w
        where w.receiver = r.receiver and w.closed_at is null and w.due_at <= now() limit 10001) counted) as work_late
from receiver r;
