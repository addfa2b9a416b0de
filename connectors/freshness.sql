-- age --
-- The oldest leaf that no head with the quorum's word covers: one that waits for the
-- sealer, or the oldest under the first head beyond the last that has it. Heads are
-- looked at from the newest on, so that this is one step where all is well.
with covered as (
    select c.size
    from head_countersignature c
    where c.origin = (select origin from evidence_log)
    group by c.origin, c.size, c.at
    having count(*) >= $1::integer
    order by c.size desc, c.at desc
    limit 1
), oldest as (
    select least(
        (select min(at) from unsealed),
        (
            select h.oldest
            from head h
            where h.origin = (select origin from evidence_log)
                and h.size > coalesce((select size from covered), -1)
                and h.oldest is not null
            order by h.size, h.at
            limit 1
        )
    ) as at
)
select
    coalesce(extract(epoch from clock_timestamp() - at), 0)::double precision as age,
    at is not null as waits
from oldest;

-- finding --
insert into access_finding (finding_id, record_id, check_name, severity, zh, en, source, found_at)
values ($1, '', $2, 'BREACH', $3, $4, $5, clock_timestamp())
on conflict (finding_id) do nothing;
