-- What each record of a look says of one type of one source, as a row: for those who may
-- see some of it alone (whose data they are, or whom they are about), and to be counted.

create view access_look as
select e.record_id || ':' || l.place as look_id, e.record_id, e.at,
    (e.at at time zone 'Asia/Shanghai')::date as day, e.kind as requester_kind, e.unit,
    said.body #>> '{who,name}' as unit_name, e.person, e.purpose, said.body ->> 'basis' as basis, e.cause,
    shown.data_type, shown.data_source, shown.owner,
    array(select distinct one from unnest(array[e.unit, shown.owner]) one where one <> '' order by one) as concerned,
    array(select f.key || '=' || f.value from jsonb_each_text(shown.fields) f order by f.key collate "C") as fields,
    shown.rows_seen, case when e.protected then 'PROTECTED' else 'PUBLIC' end as protection
from access_entry e
-- Read once for a row, and each part of it once.
cross join lateral (select convert_from(e.body, 'UTF8')::jsonb as body offset 0) said
cross join lateral jsonb_array_elements(said.body -> 'looks') with ordinality l(look, place)
cross join lateral (
    select coalesce(l.look ->> 'type', split_part(before.text, '@', 1)) as data_type,
        coalesce(l.look ->> 'source', nullif(split_part(split_part(before.text, ' ', 1), '@', 2), '')) as data_source,
        nullif(l.look ->> 'owner', '') as owner,
        case jsonb_typeof(l.look -> 'fields') when 'object' then l.look -> 'fields' else '{}' end as fields,
        (l.look ->> 'rows')::integer as rows_seen
    -- Records from before 0011 have their looks as texts: Type@source rows fields.
    from (select case jsonb_typeof(l.look) when 'string' then l.look #>> '{}' else '' end as text) before
    offset 0
) shown;
comment on view access_look is
    'a look at one type of one source; whose data they are stands in records from 0022 on';
