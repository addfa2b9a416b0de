-- turn --
-- One step at a time of what is about one decision.
select pg_advisory_xact_lock(7044, hashtext($1));

-- decision --
select version, change, subject_code, recorded_by, act_type, party_kind, penalty_kinds, procedure, decided_on
from decision where decision_id = $1;

-- stands --
select * from publication where decision_id = $1 and channel = $2;

-- last --
select step, version, issuer, person, reason, withheld, reference from publication_step
where decision_id = $1 and channel = $2 order by number desc limit 1;

-- step --
insert into publication_step (decision_id, channel, number, step, version, at, unit, issuer, person, role, reason, withheld,
    reference)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- stand --
insert into publication (decision_id, channel, version, stage, steps, at, withheld, issuer, collector, reason, shown, shown_at,
    first_at, down_on, reference, site)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
on conflict (decision_id, channel) do update set version = excluded.version, stage = excluded.stage, steps = excluded.steps, at = excluded.at,
    withheld = excluded.withheld, issuer = excluded.issuer, collector = excluded.collector, reason = excluded.reason,
    shown = excluded.shown, shown_at = excluded.shown_at, first_at = excluded.first_at, down_on = excluded.down_on,
    reference = excluded.reference, site = excluded.site;

-- counted --
select count(*) from publication_step;

-- differing --
-- How a publication stands follows from its steps alone, and each step from somebody's deed.
with told as (
    select decision_id, channel, count(*) as many, max(number) as last,
        (array_agg(step order by number desc))[1] as step, min(at) filter (where step = 'RELEASE') as first_at,
        (array_agg(version order by number desc) filter (where step = 'RELEASE'))[1] as released,
        max(number) filter (where step = 'RELEASE') as at_release,
        coalesce(max(number) filter (where step in ('PULL', 'WITHDRAW', 'TAKE_DOWN')), 0) as at_end,
        (array_agg(withheld::text order by number desc) filter (where step = 'COLLECT'))[1] as withheld
    from publication_step group by decision_id, channel),
stages (step, stage) as (
    select * from unnest($1::text[], $2::text[])),
deeds as (
    select d.target, (convert_from(d.body, 'UTF8')::jsonb -> 'detail' ->> 'number')::integer as number, d.action
    from deed d where d.action like '%-publication')
select p.decision_id || ':' || p.channel as publication_id from publication p
    left join told t using (decision_id, channel) left join stages s on s.step = t.step
where (p.steps, p.stage, p.withheld::text, p.first_at, p.shown) is distinct from (t.many, s.stage, t.withheld, t.first_at,
    case when t.at_release > t.at_end then t.released end) or t.many <> t.last
union
select t.decision_id || ':' || t.channel from told t left join publication p using (decision_id, channel)
where p.decision_id is null
union
select s.decision_id || ':' || s.channel from publication_step s
    left join deeds d on d.target = s.decision_id || '/' || s.channel and d.number = s.number
where d.action is distinct from lower(replace(s.step, '_', '-')) || '-publication'
order by 1;
