-- head --
-- The newest that a witness has given its word for; rather one that has a timestamp too,
-- where it covers all numbers up to $1.
select h.origin, h.size, h.at, h.note, t.response as stamp
from head h
left join head_timestamp t on t.origin = h.origin and t.size = h.size and t.at = h.at
where exists (
    select from head_countersignature c where c.origin = h.origin and c.size = h.size and c.at = h.at
)
order by (t.response is not null and h.size > $1::bigint) desc, h.size desc, h.at desc limit 1;

-- signatures --
select key_id, algorithm, value from head_signature where origin = $1 and size = $2 and at = $3 order by key_id;

-- words --
select key_id, algorithm, seen, value from head_countersignature
where origin = $1 and size = $2 and at = $3 order by key_id;

-- keys --
select key_id, spki from evidence_key where key_id = any($1::text[]) order by key_id;

-- versions --
select decision_id || '/' || version from audit_leaf where decision_id = $1::text order by version;

-- concerning --
-- What the log has of a case: its decisions, the looks it caused, what was done to it.
select 'DECISION' as kind, l.decision_id || '/' || l.version as id
from decision d join audit_leaf l using (decision_id) where d.case_no = $1::text
union all
select 'LOOK', record_id from access_entry where cause = $1::text
union all
select 'DEED', deed_id from deed where target = $1::text
order by 1, 2;

-- leaves --
select kind, id, number from sealed_leaf
where (kind, id) in (select * from unnest($1::text[], $2::text[])) order by number;

-- bodies --
select 'LOOK' as kind, record_id as id, body, null::bytea as content, '{}' as numbers
from access_entry where record_id = any($1::text[])
union all
select 'DEED', deed_id, body, null, '{}' from deed where deed_id = any($2::text[])
union all
select 'DECISION', l.decision_id || '/' || l.version, l.body, v.content,
    coalesce((select json_object_agg(n.field, encode(k.person, 'hex'))::text
        from sealed_number n join person_key k using (key_id)
        where n.decision_id = l.decision_id and n.version = l.version), '{}')
from audit_leaf l left join decision_version v using (decision_id, version)
where l.decision_id || '/' || l.version = any($3::text[]);
