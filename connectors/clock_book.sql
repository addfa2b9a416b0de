-- alone --
-- One computes: of two, the slower would store what was so before.
select pg_try_advisory_xact_lock(7043, 0) as alone;

-- rules --
select duties, calendar from clock_rules;

-- adopt --
insert into clock_rules (duties, calendar) values ($1, $2)
on conflict (one) do update set duties = excluded.duties, calendar = excluded.calendar, adopted_at = clock_timestamp();

-- name --
insert into clock_duty (duty, title_zh, title_en, receiver, figure)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
on conflict (duty) do update set title_zh = excluded.title_zh, title_en = excluded.title_en,
    receiver = excluded.receiver, figure = excluded.figure;

-- taken --
-- What is added after this stays, and has its decision looked at once more.
delete from clock_touched t using (select touch_id from clock_touched order by touch_id limit $1) first
where t.touch_id = first.touch_id returning t.decision_id;

-- rest --
insert into due_day (duty, started_on, due_on, near_on, rule, source, calendars, notes)
select g.duty, g.started_on, g.due_on, g.near_on, g.rule, g.source,
    array(select jsonb_array_elements_text(g.calendars)), array(select jsonb_array_elements_text(g.notes))
from unnest($1::text[], $2::date[], $3::date[], $4::date[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[])
    g (duty, started_on, due_on, near_on, rule, source, calendars, notes)
on conflict (duty, started_on) do update set due_on = excluded.due_on, near_on = excluded.near_on,
    rule = excluded.rule, source = excluded.source, calendars = excluded.calendars, notes = excluded.notes
where (due_day.due_on, due_day.near_on, due_day.rule, due_day.source, due_day.calendars, due_day.notes)
    is distinct from (excluded.due_on, excluded.near_on, excluded.rule, excluded.source, excluded.calendars, excluded.notes);

-- store --
with given as (
    select * from unnest($2::text[], $3::text[], $4::integer[], $5::text[], $6::date[], $7::date[], $8::date[],
        $9::date[], $10::timestamptz[], $11::text[], $12::boolean[])
    g (decision_id, duty, version, unit, started_on, due_on, near_on, ended_on, ended_at, ended_by, lapsed)),
gone as (
    delete from clock c where c.decision_id = any($1::text[]) and not exists (select from given g
        where g.decision_id = c.decision_id and g.duty = c.duty and g.version = c.version))
insert into clock as c (decision_id, duty, version, unit, started_on, due_on, near_on, ended_on, ended_at, ended_by, lapsed)
select * from given
on conflict (clock_id) do update set unit = excluded.unit, started_on = excluded.started_on,
    due_on = excluded.due_on, near_on = excluded.near_on, ended_on = excluded.ended_on,
    ended_at = excluded.ended_at, ended_by = excluded.ended_by, lapsed = excluded.lapsed, untold = true
where (c.unit, c.started_on, c.due_on, c.near_on, c.ended_on, c.ended_at, c.ended_by, c.lapsed)
    is distinct from (excluded.unit, excluded.started_on, excluded.due_on, excluded.near_on, excluded.ended_on,
        excluded.ended_at, excluded.ended_by, excluded.lapsed);

-- rests --
select duty, started_on, due_on, near_on, rule, source, calendars, notes from due_day;

-- move --
-- A clock that has ended too: whether it was late is asked by the days as they are known now.
with given as (
    select * from unnest($1::text[], $2::date[], $3::date[], $4::date[]) g (duty, started_on, due_on, near_on))
update clock c set due_on = g.due_on, near_on = g.near_on, untold = true
from given g
where c.duty = g.duty and c.started_on = g.started_on and (c.due_on, c.near_on) is distinct from (g.due_on, g.near_on);

-- told --
insert into due_day_moved (duty, started_on, before_on, after_on, zh, en, open, every)
select g.duty, g.started_on, g.before_on, g.after_on, g.zh, g.en, coalesce(n.open, 0), coalesce(n.every, 0)
from unnest($1::text[], $2::date[], $3::date[], $4::date[], $5::text[], $6::text[])
    g (duty, started_on, before_on, after_on, zh, en)
left join (select duty, started_on, count(*) filter (where ended_on is null) as open, count(*) as every
    from clock group by duty, started_on) n using (duty, started_on);

-- forget --
-- No term is in force for these any more: their decisions say what is left.
with given as (select * from unnest($1::text[], $2::date[]) g (duty, started_on)),
touched as (
    insert into clock_touched (decision_id)
    select distinct c.decision_id from clock c join given g using (duty, started_on))
delete from due_day d using given g where d.duty = g.duty and d.started_on = g.started_on;

-- touch_all --
insert into clock_touched (decision_id) select decision_id from decision;

-- open --
select duty, state, count(*) as many from clock_entry where open group by duty, state;

-- behind --
select count(*) from (select from clock_touched limit 100001) waiting;

-- stored --
select c.decision_id, c.duty, c.version, c.unit, c.started_on, c.due_on, c.near_on, c.ended_on, c.ended_at, c.ended_by,
    c.lapsed, exists (select from clock_touched t where t.decision_id = c.decision_id) as touched
from clock c where c.decision_id = any($1::text[]);

-- touched --
select distinct decision_id from clock_touched;

-- strays --
-- Clocks of decisions that there are not.
select count(*) from clock c where not exists (select from decision d where d.decision_id = c.decision_id);
