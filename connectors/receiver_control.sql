-- state --
select receiver, title_zh, title_en, topic, status, suspended_at, suspended_because,
    waiting, oldest_at, parked, last_sent_at, last_receipt_at
from receiver_state order by receiver;

-- parked --
select p.receiver, p.key, p.first_event, p.reason, p.parked_at,
    (select count(*) from (
        select from outbox o where o.receiver = p.receiver and o.key = p.key limit 10001) counted) as waiting
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
with changed as (select release_key($1, $4) as done)
insert into operator_action (who, action, target, reason)
select $2, 'release', $1 || '/' || $4, $3 from changed where done returning target;
