-- latest --
-- The newest head, and whether the witness $1 has given its word for it.
select h.size, h.at, h.note,
    exists (
        select from head_countersignature c
        where (c.origin, c.size, c.at, c.key_id) = (h.origin, h.size, h.at, $1::text)
    ) as countersigned
from head h
where h.origin = (select origin from evidence_log)
order by h.at desc
limit 1;

-- signatures --
select key_id, algorithm, value from head_signature
where origin = (select origin from evidence_log) and size = $1 and at = $2
order by key_id;

-- notes --
-- How each key of the heads was named by the one before it, oldest first.
select n.note, n.value
from key_note n join evidence_key k using (key_id)
where k.purpose = 'head'
order by k.since;

-- last --
select max(size) as size from head_countersignature
where origin = (select origin from evidence_log) and key_id = $1;

-- keep --
insert into head_countersignature (origin, size, at, key_id, algorithm, seen, value)
select origin, size, at, $5, $6, $7, $8 from head
where origin = $1 and size = $2 and at = $3 and note = $4
on conflict (origin, size, at, key_id) do nothing;

-- known --
select exists (
    select from head where origin = $1 and size = $2 and at = $3 and note = $4
) as known;
