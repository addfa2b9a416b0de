-- begin --
insert into evidence_log (origin, hash) values ($1::text, $2::text) on conflict do nothing;

-- log --
select origin, hash from evidence_log;

-- begun --
-- Whether anything has a leaf already, which is of SHA-256: no row of it was there.
select exists (select from unsealed) or exists (select from sealed_leaf) as begun;

-- state --
select l.origin, l.hash, h.size, h.at,
    extract(epoch from clock_timestamp() - h.at)::double precision as age,
    (select count(*) from (select from unsealed limit 100000) few) as waiting,
    extract(epoch from clock_timestamp() - (select min(at) from unsealed))::double precision as oldest
from evidence_log l
left join lateral (select size, at from head where origin = l.origin order by at desc limit 1) h on true;

-- newest --
select h.size, h.at, h.note,
    array(select row(s.key_id, s.algorithm, s.value) from head_signature s
        where (s.origin, s.size, s.at) = (h.origin, h.size, h.at) order by s.key_id) as signatures,
    array(select row(c.key_id, c.algorithm, c.value, c.seen) from head_countersignature c
        where (c.origin, c.size, c.at) = (h.origin, h.size, h.at) order by c.key_id) as countersignatures
from (select * from head where origin = (select origin from evidence_log) order by at desc limit 1) h;
