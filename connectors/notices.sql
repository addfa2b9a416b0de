-- claim --
-- What one address is to be told now goes with one message, that of before where one was begun and is due again: then
-- what it had is sent as it was, and nothing else with it. For so long as it takes to send it is nobody else's.
with begun as (
    select message from clock_notice
    where address = $1 and sent_at is null and given_up_at is null and message is not null
        and next_at <= clock_timestamp()
    order by next_at, notice_id limit 1),
mine as (
    select notice_id from clock_notice
    where address = $1 and sent_at is null and given_up_at is null and next_at <= clock_timestamp()
        and message is not distinct from (select message from begun)
    order by notice_id limit $3 for update skip locked)
update clock_notice n set message = coalesce(n.message, $2::uuid),
    next_at = clock_timestamp() + make_interval(secs => $4) from mine where n.notice_id = mine.notice_id
returning n.notice_id, n.message, n.attempts, n.clock_id, n.what, n.due_on;

-- named --
select c.clock_id, c.duty, c.unit, d.decision_id, d.document_no, k.title_zh, k.title_en
from clock c join decision d on d.decision_id = c.decision_id join clock_duty k on k.duty = c.duty
where c.clock_id = any($1::text[]);

-- sent --
update clock_notice set sent_at = clock_timestamp(), error = '', attempts = attempts + 1 where notice_id = any($1::bigint[]);

-- failed --
-- $3: when it is tried again; null: it is given up.
update clock_notice set attempts = attempts + 1, error = $2,
    next_at = coalesce($3::timestamptz, next_at), given_up_at = case when $3::timestamptz is null then clock_timestamp() end
where notice_id = any($1::bigint[]);

-- counted --
select address, count(*) filter (where given_up_at is null) as waiting, count(*) filter (where given_up_at is not null) as given_up
from clock_notice where sent_at is null group by address order by address;

-- listed --
select address, clock_id, what, due_on, made_at, attempts, next_at, given_up_at, error from clock_notice
where sent_at is null order by given_up_at is null, notice_id limit $1;

-- again --
-- What was given up is tried again from the beginning, as new messages.
update clock_notice set given_up_at = null, attempts = 0, message = null, next_at = clock_timestamp()
where given_up_at is not null and ($1::text = '' or address = $1) returning notice_id;
