-- keys --
-- Keys of persons: destroyed by a deed alone, and then for ever, with what is sealed under them.
select k.key_id::text, k.wrapped is null, k.destroyed_at is not null,
    case when k.wrapped is null then (select count(*) from sealed_number n where n.key_id = k.key_id) end
from person_key k order by k.key_id;

-- sealed_number --
-- Sealed ID numbers with their keys; a number that belongs to no version stands for none.
select n.decision_id, n.version, n.field, n.sealed, k.key_id, k.person, k.wrapped, v.version is null as stray
from sealed_number n
left join person_key k using (key_id)
left join decision_version v on v.decision_id = n.decision_id and v.version = n.version
where k.wrapped is not null or k.key_id is null or v.version is null;

-- sealed_opening --
-- What opens the digests that a bureau has signed for ID numbers, with the numbers.
select coalesce(s.decision_id, o.decision_id) as decision_id, coalesce(s.version, o.version) as version,
    coalesce(s.field, o.field) as field, s.digest, s.algorithm, o.sealed, k.key_id, k.person, k.wrapped, n.sealed as number
from (
    select d.decision_id, d.version, m.field, e.value as digest, d.algorithm
    from decision_signature d, jsonb_each_text(d.numbers) e
    join unnest($1::text[], $2::text[]) m(name, field) on m.name = e.key
) s
full join sealed_opening o on o.decision_id = s.decision_id and o.version = s.version and o.field = s.field
left join person_key k on k.key_id = o.key_id
left join sealed_number n on n.decision_id = o.decision_id and n.version = o.version and n.field = o.field
    and n.key_id = o.key_id
where k.wrapped is not null or k.key_id is null;
