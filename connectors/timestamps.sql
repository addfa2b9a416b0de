-- due --
-- The newest head, unless a stamp of that size stands or the last one is young.
select h.origin, h.size, h.at, h.note
from head h
where h.origin = (select origin from evidence_log)
    and not exists (
        select from head_timestamp t
        where t.origin = h.origin
            and (t.size >= h.size or t.at > h.at - make_interval(secs => $1::double precision))
    )
order by h.at desc
limit 1;

-- keep --
insert into head_timestamp (origin, size, at, stamped, response) values ($1, $2, $3, $4, $5)
on conflict (origin, size, at) do nothing;
