-- look_volume --
-- Persons with far more looks on a day than on the median of their own days before it.
-- $1 the day, $2 at least so many, $3 times the median, $4 of so many days
with daily as (
    select unit, person, (at at time zone 'Asia/Shanghai')::date as day, count(*) as many, max(at) as at,
        (array_agg(record_id order by at desc, record_id))[1] as record_id
    from access_entry
    where at >= ($1::date - $4::int)::timestamp at time zone 'Asia/Shanghai'
        and at < ($1::date + 1)::timestamp at time zone 'Asia/Shanghai' and person <> '' and kind <> 'platform'
    group by 1, 2, 3
), judged as (
    select today.unit, today.person, today.many, today.at, today.record_id, coalesce((
        select percentile_cont(0.5) within group (order by before.many) from daily before
        where before.unit = today.unit and before.person = today.person and before.day < $1), 0) as usual
    from daily today where today.day = $1 and today.many >= $2::int
)
select unit || ' ' || person as whose, many, usual, record_id, at from judged where many > $3::float8 * usual;

-- look_at_night --
-- Persons, not programs, with looks at protected fields while offices are closed.
-- $1 the day, $2 at least so many, $3 and $4 the hours at which the night begins and ends
select unit || ' ' || person as whose, count(*) as many, 0::float8 as usual,
    (array_agg(record_id order by at desc, record_id))[1] as record_id, max(at) as at
from access_entry, lateral (select extract(hour from at at time zone 'Asia/Shanghai') as hour) clock
where at >= $1::date::timestamp at time zone 'Asia/Shanghai'
    and at < ($1::date + 1)::timestamp at time zone 'Asia/Shanghai' and protected and person <> ''
    and kind <> 'platform'
    and case when $3::int < $4::int then hour >= $3 and hour < $4 else hour >= $3 or hour < $4 end
    and convert_from(body, 'UTF8')::jsonb #>> '{who,role}' <> 'service'
group by unit, person having count(*) >= $2::int;

-- look_crowd --
-- Rows that many persons saw on a day.
-- $1 the day, $2 at least so many
select encode(subject, 'hex') as whose, count(distinct (unit, person)) as many, 0::float8 as usual,
    (array_agg(record_id order by at desc, record_id))[1] as record_id, max(at) as at
from access_entry cross join lateral unnest(subjects) subject
where at >= $1::date::timestamp at time zone 'Asia/Shanghai'
    and at < ($1::date + 1)::timestamp at time zone 'Asia/Shanghai' and protected and person <> ''
    and kind <> 'platform'
group by subject having count(distinct (unit, person)) >= $2::int;

-- look_sweep --
-- Persons who looked rows up by exact number many times within an hour of the clock.
-- $1 the day, $2 at least so many
with exact as (
    select unit, person, record_id, at, date_trunc('hour', at) as hour from access_entry
    where at >= $1::date::timestamp at time zone 'Asia/Shanghai'
        and at < ($1::date + 1)::timestamp at time zone 'Asia/Shanghai' and protected and person <> ''
        and kind <> 'platform' and exists (
            select from jsonb_array_elements(convert_from(body, 'UTF8')::jsonb -> 'looks') look
            cross join lateral jsonb_each_text(case jsonb_typeof(look -> 'fields') when 'object'
                then look -> 'fields' else '{}' end) field
            where 'LOOKUP' = any(string_to_array(field.value, '|')))
), hourly as (
    select unit, person, hour, count(*) as many, max(at) as at,
        (array_agg(record_id order by at desc, record_id))[1] as record_id
    from exact group by 1, 2, 3 having count(*) >= $2::int
)
select distinct on (unit, person) unit || ' ' || person as whose, many, 0::float8 as usual, record_id, at
from hourly order by unit, person, many desc, hour;

-- look_elsewhere --
-- Persons, not programs, who saw protected rows outside their unit's own place: 619921 lies in 619900's.
-- $1 the day, $2 at least so many
select unit || ' ' || person as whose, count(*) as many, 0::float8 as usual,
    (array_agg(record_id order by at desc, record_id))[1] as record_id, max(at) as at
from access_entry
cross join lateral (select convert_from(body, 'UTF8')::jsonb as body offset 0) said
cross join lateral (select regexp_replace(said.body #>> '{who,division}', '(00)+$', '') as place) own
where at >= $1::date::timestamp at time zone 'Asia/Shanghai'
    and at < ($1::date + 1)::timestamp at time zone 'Asia/Shanghai' and protected and person <> ''
    and kind <> 'platform' and said.body #>> '{who,role}' <> 'service' and own.place <> '' and exists (
        select from jsonb_array_elements(said.body -> 'looks') look
        cross join lateral jsonb_object_keys(case jsonb_typeof(look -> 'places') when 'object'
            then look -> 'places' else '{}' end) place
        where not starts_with(place, own.place))
group by unit, person having count(*) >= $2::int;

-- tell --
-- Each is told once, however often it is noticed; gives those that are new.
insert into access_finding (finding_id, record_id, check_name, zh, en, source, found_at)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
on conflict (finding_id) do nothing returning finding_id;

-- one_reviewer --
-- Whether this session is the one that reviews; it stays so as long as it lasts.
select pg_try_advisory_lock(7022, 1);
