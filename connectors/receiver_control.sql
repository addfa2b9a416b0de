-- state --
select receiver, title_zh, title_en, topic, status, suspended_at, suspended_because,
    waiting, oldest_at, parked, last_sent_at, last_receipt_at
from receiver_state order by receiver;

-- parked --
select p.receiver, p.key, p.first_event, p.reason, p.parked_at,
    (select count(*) from outbox o where o.receiver = p.receiver and o.key = p.key) as waiting
from parked_key p order by p.parked_at, p.receiver, p.key;

-- suspend --
with changed as (
    update receiver set suspended_at = clock_timestamp(), suspended_because = $3
    where receiver = $1 and suspended_at is null returning receiver)
insert into operator_action (who, action, target, reason)
select $2, 'suspend', receiver, $3 from changed returning target;

-- resume --
with changed as (
    update receiver set suspended_at = null, suspended_because = null
    where receiver = $1 and suspended_at is not null returning receiver)
insert into operator_action (who, action, target, reason)
select $2, 'resume', receiver, $3 from changed returning target;

-- release --
-- The dead letter is tried anew; it and what waits behind it go in their order.
with changed as (
    delete from parked_key where receiver = $1 and key = $4 returning receiver, key, first_event),
letters as (
    delete from dead_letter d using changed c where d.receiver = c.receiver and d.event_id = c.first_event),
anew as (
    update outbox o set attempts = 0 from changed c
    where o.receiver = c.receiver and o.key = c.key)
insert into operator_action (who, action, target, reason)
select $2, 'release', receiver || '/' || key, $3 from changed returning target;
