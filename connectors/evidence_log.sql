-- begin --
insert into evidence_log (origin, hash) values ($1::text, $2::text) on conflict do nothing;

-- log --
select origin, hash from evidence_log;

-- begun --
-- Whether anything has a leaf already, which is of SHA-256: no row of it was there.
select exists (select from unsealed) or exists (select from sealed_leaf) as begun;
