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
update receiver set suspended_at = clock_timestamp(), suspended_because = $2
where receiver = $1 and suspended_at is null returning receiver as target;

-- resume --
update receiver set suspended_at = null, suspended_because = null
where receiver = $1 and suspended_at is not null returning receiver as target;

-- release --
select $1::text || '/' || $2::text as target where release_key($1::text, $2::text);
