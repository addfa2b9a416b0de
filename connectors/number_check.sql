-- keys --
-- Keys of persons: destroyed by a deed alone, and then for ever.
select key_id::text, wrapped is null, destroyed_at is not null from person_key order by key_id;

-- numbers --
-- Sealed ID numbers with their keys; a number that belongs to no version stands for none.
select n.decision_id, n.version, n.field, n.sealed, k.key_id, k.person, k.wrapped, v.version is null as stray
from sealed_number n
left join person_key k using (key_id)
left join decision_version v on v.decision_id = n.decision_id and v.version = n.version
where k.wrapped is not null or k.key_id is null or v.version is null;
