-- record --
-- Several records in one statement, so that concurrent questions share a commit.
insert into access_record (record_id, at, requester_kind, unit, unit_name, person, purpose,
    basis, cause, operation, document_hash, looks, rows_seen, subjects, restrictions, gaps)
select r.record_id, r.at, r.requester_kind, r.unit, r.unit_name, r.person, r.purpose,
    r.basis, r.cause, r.operation, r.document_hash,
    array(select jsonb_array_elements_text(r.looks)), r.rows_seen,
    array(select decode(jsonb_array_elements_text(r.subjects), 'hex')),
    array(select jsonb_array_elements_text(r.restrictions)),
    array(select jsonb_array_elements_text(r.gaps))
from jsonb_to_recordset($1::jsonb) r(record_id text, at timestamptz, requester_kind text, unit text,
    unit_name text, person text, purpose text, basis text, cause text, operation text,
    document_hash text, looks jsonb, rows_seen integer, subjects jsonb,
    restrictions jsonb, gaps jsonb)
on conflict (record_id) do nothing;
