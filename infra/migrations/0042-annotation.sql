-- What happened to a decision that stands leaves as an event of its own, by the same outbox
-- (docs/streams.md): what others told us, and what an erasure did here.
alter table inbound_effect alter column message_id drop not null, add column event_id text unique;
alter table inbound_effect add constraint inbound_effect_told check ((message_id is null) = (change = 'ERASED'));
comment on table inbound_effect is 'what happened to decisions and who had them is to learn: taken, once it is told';
comment on column inbound_effect.message_id is 'null: nobody told us, a person was erased here';
comment on column inbound_effect.sender is 'who told us, and is not told; empty: nobody';
comment on column inbound_effect.event_id is 'the event that tells it, to whomever by an event';
comment on column outbox.change is 'what the version is; ANNOTATED: it brings none, but what happened to the decision';
comment on column outbox_sent.change is 'what the version is; ANNOTATED: it brings none, but what happened to the decision';
comment on column work_item.cause is 'the event; of UNTOLD what happened, as inbound_effect names it';
comment on column work_item.occasion is 'what the version is, or what happened to the decision';

-- A dead letter that tells what happened is given to a person: it stays known as one that
-- lies nowhere, its key goes on, and telling it is work. A notice would stand for a version.
create function hand_over_event(of_receiver text, event text) returns text language plpgsql as $$
declare
    e outbox;
    k parked_key;
begin
    select o.* into e from outbox o where o.event_id = event and o.receiver = of_receiver and o.change = 'ANNOTATED';
    if e.seq is null then
        return null;
    end if;
    perform lock_key(e.key);
    select p.* into k from parked_key p
    where p.receiver = of_receiver and p.key = e.key and p.first_event = event for update;
    if k.key is null then
        return null;
    end if;
    insert into work_item (kind, receiver, cause, decision_id, version, occasion)
    select 'UNTOLD', of_receiver, i.effect_id::text, e.decision_id, e.version, i.change
    from inbound_effect i where i.event_id = event on conflict do nothing;
    delete from outbox o where o.seq = e.seq;
    insert into outbox_sent (seq, bucket, event_id, receiver, decision_id, version, change, topic, key, schema,
        payload, payload_hash, traceparent, created_at, attempts)
    values (e.seq, e.bucket, e.event_id, e.receiver, e.decision_id, e.version, e.change, e.topic, e.key, e.schema,
        e.payload, sha256(e.payload), e.traceparent, e.created_at, e.attempts);
    perform release_key(of_receiver, k.key);
    return k.key;
end $$;

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
                and 'ANNOTATED' not in (n.change, s.change) and p.answer = 'HELD') then 'SUPERSEDED'
        else 'CURRENT'
    end
from outbox_sent s;
