-- living --
-- The keys of persons that were not destroyed.
select person, key_id, wrapped from person_key where person = any($1::bytea[]) and wrapped is not null;

-- make --
-- In a fixed order, so that two who make the same keys cannot wait for each other.
insert into person_key (key_id, person, wrapped)
select * from unnest($1::uuid[], $2::bytea[], $3::bytea[])
on conflict (person) where wrapped is not null do nothing;

-- erase --
-- The row stays: it says that there was a key, and when it was destroyed. Who ever had one of
-- the person's decisions is told, and that this is due is in the same transaction.
with destroyed as (
    update person_key set wrapped = null, destroyed_at = clock_timestamp()
    where person = $1::bytea and wrapped is not null returning key_id
),
concerned as (
    select distinct d.key_id, n.decision_id from destroyed d join sealed_number n on n.key_id = d.key_id
),
due as (
    insert into inbound_effect (effect_id, change, decision_id, sender, kind, subject, version)
    select gen_random_uuid(), 'ERASED', c.decision_id, '', 'ERASURE', c.key_id || '/' || c.decision_id, 1
    from concerned c
    returning decision_id
)
select d.key_id, (select count(*) from sealed_number n where n.key_id = d.key_id) as numbers,
    (select count(*) from outbox_sent s where s.key_id = d.key_id) as payloads,
    array(select distinct decision_id from sealed_number n where n.key_id = d.key_id order by 1) as decisions,
    array(select o.receiver from due join outbox o using (decision_id)
        union select s.receiver from due join outbox_sent s using (decision_id) order by 1) as receivers
from destroyed d;

-- erased --
select max(destroyed_at) as at from person_key where person = $1::bytea;
