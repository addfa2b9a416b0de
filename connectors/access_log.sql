-- log --
-- Whose database this is, and which digest its log is over.
select (select name from tenant) as tenant, coalesce((select hash from evidence_log), 'sha256') as hash;

-- months --
-- This month and the next two have a partition.
select access_months();

-- record --
-- Several records in one statement, so that concurrent questions share a commit.
select record_looks($1::text, $2::look_entry[], $3::text[]);
