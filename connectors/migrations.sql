-- lock --
-- One migrator at a time; the lock ends with the transaction.
select pg_advisory_xact_lock($1);

-- made --
-- Whether any migration ever ran here.
select to_regclass('migration') is not null;

-- create --
-- Which migrations ran, with the digest of what ran.
create table migration (
    name text primary key,
    digest text not null,
    applied_at timestamptz not null default clock_timestamp()
);

-- applied --
-- Name and digest of each migration that ran.
select name, digest from migration;

-- stamp --
-- Whose database it is, said once.
insert into tenant (name) values ($1);

-- tenant --
-- Whose database it is, if anybody has said so.
select name from tenant;

-- note --
-- Note that a migration ran; again, where it is one that runs again.
insert into migration (name, digest) values ($1, $2)
on conflict (name) do update set digest = excluded.digest, applied_at = excluded.applied_at;
