-- state --
select receiver, title_zh, title_en, topic, status, suspended_at, suspended_because,
    waiting, oldest_at, parked, last_sent_at, last_receipt_at, corrections_waiting, work_open, work_late
from receiver_state order by receiver;

-- suspend --
update receiver set suspended_at = clock_timestamp(), suspended_because = $2
where receiver = $1 and suspended_at is null returning receiver as target;

-- resume --
update receiver set suspended_at = null, suspended_because = null
where receiver = $1 and suspended_at is not null returning receiver as target;
