-- own --
-- One captures a source. The lock is this session's: who loses it has ended.
select pg_try_advisory_lock(7039, hashtext($1::text));

-- left --
-- Not left to the end of the session, which the server sees a moment later.
select pg_advisory_unlock(7039, hashtext($1::text));

-- begun --
insert into capture_source (source) values ($1) on conflict do nothing;

-- progress --
select mark, looked_at, sweep_at, phase, place, swept_at, there, mapping, adopting, changed, unasked from capture_source where source = $1;

-- bound --
update capture_source set mapping = $2 where source = $1;

-- rebind --
-- All is looked at anew, from the beginning.
update capture_source set mapping = $2, adopting = $3, unasked = not $3, phase = '', place = null where source = $1
returning source, mapping;

-- unversioned --
-- Another column says versions from now on.
update captured set row_version = null where source = $1;

-- looked --
update capture_source set mark = $2, looked_at = greatest(looked_at, $3) where source = $1;

-- sweeping --
-- What is more than may be changed without asking stays so until nothing of it waits.
update capture_source s set phase = 'rows', place = null, sweep_at = $2, there = $3,
    changed = case when exists (select from capture_item i where i.source = s.source and i.code = 'CAPTURE_MANY')
        then changed else 0 end
where source = $1;

-- changed --
update capture_source set changed = changed + $2 where source = $1;

-- reached --
update capture_source set phase = $2, place = $3 where source = $1;

-- swept --
update capture_source set phase = '', place = null, adopting = false, unasked = false, swept_at = sweep_at, looked_at = greatest(looked_at, sweep_at)
where source = $1;

-- known --
select c.key, c.local_id, c.decision_id, c.fingerprint, c.row_version, c.version from captured c
where c.source = $1 and c.key = any($2::text[]);

-- items --
select key, code, fingerprint, settled, tried_at > clock_timestamp() - make_interval(secs => $3) as fresh
from capture_item where source = $1 and key = any($2::text[]);

-- keys --
-- Of what is known and of what waits: a row may be gone that was never entered.
(select key from captured where source = $1 and key > $2::text order by key limit $3) union
(select key from capture_item where source = $1 and key > $2::text order by key limit $3)
order by key limit $3;

-- standing --
-- The decisions themselves, and who made their present version: what a capture has
-- committed and not noted, for it was killed in between, is told by this.
select d.decision_id, d.version, d.change, d.content_hash, d.origin, d.document_no, d.document_key, d.party_key,
    d.party_name, d.decided_on, v.who
from decision d join decision_version v using (decision_id, version)
where d.decision_id = any($1::text[]);

-- holders --
select key, decision_id from captured where source = $1 and decision_id = any($2::text[]);

-- note --
insert into captured as c (source, key, local_id, decision_id, fingerprint, agrees, row_version, version)
select $1, r.* from unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::boolean[], $7::float8[], $8::integer[]) r
on conflict (source, key) do update set local_id = excluded.local_id, decision_id = excluded.decision_id,
    fingerprint = excluded.fingerprint, agrees = excluded.agrees, row_version = excluded.row_version,
    version = excluded.version, seen_at = clock_timestamp();

-- open --
insert into capture_item as i (source, key, code, zh, en, fingerprint, decision_id)
select $1, r.* from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[]) r
on conflict (source, key) do update set zh = excluded.zh, en = excluded.en, decision_id = excluded.decision_id,
    since = case when i.code = excluded.code then i.since else clock_timestamp() end,
    settled = case when i.fingerprint = excluded.fingerprint then i.settled else '' end,
    code = excluded.code, fingerprint = excluded.fingerprint, attempts = i.attempts + 1, tried_at = clock_timestamp();

-- close --
delete from capture_item where source = $1 and key = any($2::text[]);

-- states --
select s.source, s.looked_at, s.swept_at, s.phase, s.there,
    extract(epoch from clock_timestamp() - s.looked_at)::float8 as lag,
    (select count(*) from captured c where c.source = s.source) as captured,
    (select count(*) from captured c where c.source = s.source and not c.agrees) as apart,
    (select count(*) from capture_item i where i.source = s.source) as items
from capture_source s where $1 = '' or s.source = $1 order by s.source;

-- refused --
select count(*) as items from capture_item where source = $1;

-- waiting --
select source, key, code, zh, en, decision_id, settled, attempts, since, tried_at from capture_item
where $1 = '' or source = $1 order by source, since, key limit $2;

-- settle_many --
-- All that were more than may be changed without asking; one row says how many.
with settled as (
    update capture_item set settled = 'correction', tried_at = 'epoch'
    where source = $1 and code = 'CAPTURE_MANY' and settled = '' returning 1
)
select 'CAPTURE_MANY' as code, count(*) as rows from settled having count(*) > 0;

-- settle --
-- It is tried at the next look at it.
update capture_item set settled = $3, tried_at = 'epoch' where source = $1 and key = $2
returning source, key, code, settled;
