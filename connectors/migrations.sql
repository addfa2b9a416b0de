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

-- note --
-- Note that a migration ran.
insert into migration (name, digest) values ($1, $2);
