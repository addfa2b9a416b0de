-- floor --
-- The newest head from before $1: no word for it or for one before it is looked for.
select size, at from head
where origin = (select origin from evidence_log) and at < $1
order by at desc
limit 1;

-- words --
-- The newest $4 words of each of the keys $1, for heads beyond size $2 at $3: the caller
-- believes none of them.
select h.origin, h.size, h.at, h.note, c.key_id, c.algorithm, c.seen, c.value, clock_timestamp() as asked
from (
    select *, row_number() over (partition by key_id order by size desc, at desc) as place
    from head_countersignature
    where origin = (select origin from evidence_log)
        and (size, at) > ($2::bigint, $3::timestamptz)
        and key_id = any($1::text[])
) c
join head h using (origin, size, at)
where c.place <= $4::integer
order by h.size desc, h.at desc;

-- since --
-- The log's beginning; a head from before that says that it was written anew.
select least(since, (select min(at) from head)) as since from evidence_log;

-- finding --
insert into access_finding (finding_id, record_id, check_name, severity, zh, en, source, found_at)
values ($1, '', $2, 'BREACH', $3, $4, $5, clock_timestamp())
on conflict (finding_id) do nothing;
