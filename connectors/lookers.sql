-- records --
-- Looks that saw one row, the newest first. The index by subject alone finds them: by
-- time, the planner would read the register until it has enough of them.
with saw as materialized (
    select record_id, at from access_entry
    where subjects @> array[$1::bytea] and at >= coalesce($2::timestamptz, '-infinity')
        and at < coalesce($3::timestamptz, 'infinity')
)
select record_id from saw order by at desc, record_id limit $4;
