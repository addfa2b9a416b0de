-- looks --
-- Leaves that are called looks, in some runs of numbers.
select count(*) from unnest($1::bigint[], $2::bigint[]) r(first, last)
join sealed_leaf s on s.number between r.first and r.last and s.kind = 'LOOK';
