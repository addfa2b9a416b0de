-- record --
-- Several records in one statement, so that concurrent questions share a commit.
select record_looks($1::jsonb);
