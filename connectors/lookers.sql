-- records --
-- Looks that saw one of some rows, the newest first. The index by subject alone finds
-- them: by time, the planner would read the register until it has enough of them.
with saw as materialized (
    select record_id, at from access_entry
    where subjects && $1::bytea[] and at >= coalesce($2::timestamptz, '-infinity')
        and at < coalesce($3::timestamptz, 'infinity')
)
select record_id as named from saw order by at desc, record_id limit $4;

-- looks --
-- The same, and of each record the looks that saw them: as access_look names looks.
-- Records from before 0011 do not say which look saw which row.
with saw as materialized (
    select record_id, at, body from access_entry
    where subjects && $1::bytea[] and at >= coalesce($2::timestamptz, '-infinity')
        and at < coalesce($3::timestamptz, 'infinity')
)
select record_id || ':' || l.place as named
from saw cross join lateral jsonb_array_elements(convert_from(body, 'UTF8')::jsonb -> 'looks')
    with ordinality l(look, place)
where jsonb_typeof(l.look) = 'object'
    and l.look -> 'subjects' ?| array(select encode(digest, 'hex') from unnest($1::bytea[]) digest)
order by at desc, record_id, l.place limit $4;
