-- Looks are written by one function, whether a question made them or an entry of the
-- ledger: what receivers are given of a decision is on record in its own transaction.

-- Several records at a time, so that concurrent questions share a commit, each with what a
-- rule says about it. The tenant is the database's: no process can state another.
create function record_looks(written jsonb) returns integer language plpgsql as $$
begin
    with given as (
        select * from jsonb_to_recordset(written) r(record_id text, at timestamptz, requester_kind text,
            role text, client text, unit text, unit_name text, person text, party text, purpose text,
            basis text, cause text, papers jsonb, operation text, document_hash text, looks jsonb,
            rows_seen integer, subjects jsonb, restrictions jsonb, gaps jsonb, findings jsonb)
    ), recorded as (
        insert into access_record (record_id, at, tenant, requester_kind, role, client, unit, unit_name,
            person, party, purpose, basis, cause, papers, operation, document_hash, looks, rows_seen,
            subjects, restrictions, gaps)
        select r.record_id, r.at, (select name from tenant), r.requester_kind, r.role, r.client, r.unit,
            r.unit_name, r.person, r.party, r.purpose, r.basis, r.cause,
            array(select jsonb_array_elements_text(r.papers)), r.operation, r.document_hash,
            array(select jsonb_array_elements_text(r.looks)), r.rows_seen,
            array(select decode(jsonb_array_elements_text(r.subjects), 'hex')),
            array(select jsonb_array_elements_text(r.restrictions)),
            array(select jsonb_array_elements_text(r.gaps))
        from given r
        on conflict (record_id) do nothing
        returning record_id
    )
    insert into access_finding (finding_id, record_id, check_name, zh, en, source, found_at)
    select g.record_id || ':' || f.place, g.record_id, f.found ->> 'check', f.found ->> 'zh',
        f.found ->> 'en', f.found ->> 'source', g.at
    from given g join recorded using (record_id)
    cross join lateral jsonb_array_elements(g.findings) with ordinality f(found, place);
    return jsonb_array_length(written);
end
$$;
