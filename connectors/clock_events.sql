-- alone --
-- One tells at a time: of two, the slower would send an older revision behind a newer one.
select pg_try_advisory_xact_lock(7045, 0) as alone;

-- today --
-- The day in China, or the latest by which clocks were told: a wall clock may be set back.
select greatest(told_on, $1::date) from clock_rules;

-- told_on --
update clock_rules set told_on = $1::date where told_on is distinct from $1::date;

-- untold --
select c.clock_id, c.near_on, c.due_on, c.ended_on, c.ended_at, c.lapsed, c.told from clock c
where c.untold order by c.clock_id limit $1 for update skip locked;

-- turned --
select c.clock_id, c.near_on, c.due_on, c.ended_on, c.ended_at, c.lapsed, c.told from clock c
where c.turns_on <= $2::date and not c.untold order by c.turns_on limit $1 for update skip locked;

-- tell --
-- $3: what has come about; null: nothing is told, the clock stands as it was told.
with given as (
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[])
        g (clock_id, told, what, state, turns_on)),
kept as (
    update clock c set untold = false, turns_on = g.turns_on, told = g.told
    from given g where c.clock_id = g.clock_id
    returning c.clock_id, c.decision_id, c.duty, c.version, c.unit, g.what, g.state, c.started_on, c.near_on,
        c.due_on, c.ended_on, c.ended_at, c.ended_by)
insert into clock_event (clock_id, decision_id, duty, version, unit, what, state, started_on, near_on, due_on,
    ended_on, ended_at, ended_by)
select * from kept where what is not null
returning clock_id, duty, unit, what, due_on;

-- notify --
insert into clock_notice (address, clock_id, what, due_on)
select * from unnest($1::text[], $2::text[], $3::text[], $4::date[]) on conflict do nothing;

-- unsent --
select e.*, d.case_hash, coalesce(r.rule, '') as rule, coalesce('PROVISIONAL' = any(r.notes), false) as provisional
from clock_event e join decision d on d.decision_id = e.decision_id
left join due_day r on r.duty = e.duty and r.started_on = e.started_on
order by e.seq limit $1;

-- sent --
delete from clock_event where seq = any($1::bigint[]);
