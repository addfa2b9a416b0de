-- lock --
-- One migrator at a time; the lock ends with the transaction.
select pg_advisory_xact_lock($1);

-- create --
-- Which migrations ran, with the digest of what ran.
create table if not exists migration (
    name text primary key,
    digest text not null,
    applied_at timestamptz not null default clock_timestamp()
);

-- applied --
-- Name and digest of each migration that ran.
select name, digest from migration;

-- stamp --
-- Whose database it is, said once; give the name that stands there.
with said as (
    insert into tenant (name) select $1::text where not exists (select from tenant) returning name
)
select name from said union all select name from tenant limit 1;

-- tenant --
-- Whose database it is, if anybody has said so.
select name from tenant;

-- note --
-- Note that a migration ran.
insert into migration (name, digest) values ($1, $2);
