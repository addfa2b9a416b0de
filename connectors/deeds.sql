-- log --
-- Whose log it is, and its digest. Before the log is begun it is what it will be.
select (select name from tenant) as tenant, coalesce((select hash from evidence_log), 'sha256') as hash;

-- write --
insert into deed (deed_id, at, kind, who, unit, action, target, reason, body, leaf)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
