-- bounded --
-- A process halted between a statement's preparation and its run is neither idle nor
-- at work to the server: only this ends it (PostgreSQL 17), and its lock with it.
select set_config('transaction_timeout', '45s', false)
where current_setting('server_version_num')::integer >= 170000;

-- lock --
select pg_try_advisory_lock($1);

-- last --
-- The newest head, and how many leaves have a number.
select h.size, h.note, (select coalesce(max(number) + 1, 0) from sealed_leaf) as numbered
from (select 1) one
left join lateral (select size, note from head where origin = $1 order by at desc limit 1) h on true;

-- take --
-- Whoever deletes what waits has it: a load that forgets its rows, or we. Looked up one by
-- one, never joined: a log that was analysed while it was empty had a plan that went through
-- all of it for each.
with taken as (
    delete from unsealed where ctid = any(array(select ctid from unsealed order by at limit $1))
    returning kind, id, leaf, at)
select t.kind, t.id, t.leaf, t.at,
    (select s.leaf from sealed_leaf s where s.kind = t.kind and s.id = t.id) as sealed
from taken t order by t.at, t.kind, t.id;

-- set_aside --
insert into unsealable (kind, id, leaf, at) values ($1, $2, $3, $4) on conflict do nothing;

-- head --
insert into head (origin, size, at, note, oldest) values ($1, $2, $3, $4, $5);

-- sign --
insert into head_signature (origin, size, at, key_id, algorithm, value) values ($1, $2, $3, $4, $5, $6);

-- waiting --
-- Counted to a bound: what waits by the million is as bad as twice that.
select (select count(*) from (select from unsealed limit 100000) few) as waiting,
    coalesce(extract(epoch from clock_timestamp() - (select min(at) from unsealed)), 0)::double precision as oldest;

-- forget_nodes --
delete from tree_node;

-- leaves --
select leaf from sealed_leaf where number >= $1 and number < $2 order by number;
