-- register --
-- A key is itself for ever: the same once more changes nothing.
insert into evidence_key (key_id, purpose, algorithm, spki, since, unit) values ($1, $2, $3, $4, $5, $6)
on conflict (key_id) do nothing returning key_id;

-- active --
select key_id, algorithm, spki from evidence_key
where purpose = $1 and since <= $2 and (retired is null or retired > $2)
order by since desc, key_id;

-- all --
select key_id, purpose, algorithm, spki, since, retired, unit from evidence_key order by purpose, since, key_id;

-- retire --
update evidence_key set retired = $3 where purpose = $1 and key_id <> $2 and (retired is null or retired > $3)
returning key_id, retired;

-- retire_bureau --
-- Keys of ours have successors and are turned instead.
update evidence_key set retired = $2 where key_id = $1 and purpose = 'bureau' and retired is null
returning key_id;

-- bureau --
select key_id, unit, algorithm, spki, since, retired from evidence_key where purpose = 'bureau' and unit = $1::text;

-- note --
insert into key_note (key_id, signed_by, algorithm, note, value) values ($1, $2, $3, $4, $5);

-- one_at_a_time --
select pg_advisory_xact_lock($1);
