-- One entry of the ledger: one call is one transaction, so no client can leave one open.
--
-- READ COMMITTED: each statement below sees what was committed when it began, so what
-- stands after the lock is what the lock was waited for. In one statement with the lock,
-- or under REPEATABLE READ, it would be what stood before. The lock comes before any
-- write: a case's rows then commit in the order of their seq.
--
-- Whether agency, document number and party stand there already is left to the unique
-- index: looked up here, a plan made while the table was new would read all of the
-- agency's decisions each time, until the first statistics.

create function enter_decision(
    entry    jsonb,
    content  bytea,
    body     bytea,
    leaf     bytea,
    previous bytea,
    payloads bytea[],
    numbers  bytea[]
) returns table (outcome text, held_version integer, held_change text, held_hash text, held_at timestamptz)
language plpgsql as $$
declare
    entering decision := jsonb_populate_record(null::decision, entry -> 'decision');
    present  decision;
    earlier  decision_version;
begin
    perform pg_advisory_xact_lock(entering.case_hash);

    select d.* into present from decision d where d.decision_id = entering.decision_id;
    if present.decision_id is not null then
        select v.* into earlier from decision_version v
            where v.decision_id = entering.decision_id and v.version = entering.version;
    end if;
    outcome := case
        when entering.version = 1 and present.decision_id is null then 'COMMITTED'
        when present.decision_id is null then 'UNKNOWN'
        when entering.version = 1 and entering.content_hash in (earlier.content_hash, present.content_hash)
            then 'REPLAYED'
        when entering.version = 1 then 'CONFLICT'
        when (earlier.content_hash, earlier.change, earlier.reason, coalesce(earlier.basis, ''))
            = (entering.content_hash, entering.change, entering.reason, entry ->> 'basis') then 'REPLAYED'
        when present.change = 'WITHDRAWN' then 'WITHDRAWN'
        when present.version + 1 <> entering.version then 'STALE'
        when previous is distinct from (
            select l.leaf from audit_leaf l
            where l.decision_id = entering.decision_id and l.version = present.version
        ) then 'STALE'
        else 'COMMITTED'
    end;
    if outcome <> 'COMMITTED' then
        held_version := present.version;
        held_change := present.change;
        held_hash := present.content_hash;
        held_at := present.changed_at;
        return next;
        return;
    end if;

    if entering.version = 1 then
        insert into decision values (entering.*);
    else
        -- Who registered it first and when, its origin, and the case its events are
        -- kept in order by stay as they are.
        update decision d set
            act_type = entering.act_type, subject_name = entering.subject_name,
            case_source = entering.case_source, case_no = entering.case_no,
            inspection_no = entering.inspection_no, matter_code = entering.matter_code,
            document_no = entering.document_no, document_key = entering.document_key,
            document_title = entering.document_title, decided_on = entering.decided_on,
            division = entering.division, title = entering.title, facts = entering.facts,
            legal_basis = entering.legal_basis, content = entering.content,
            party_key = entering.party_key, party_kind = entering.party_kind,
            party_name = entering.party_name, party_code = entering.party_code,
            registration_no = entering.registration_no, representative = entering.representative,
            officers = entering.officers, review_no = entering.review_no,
            reviewed_on = entering.reviewed_on, review_opinion = entering.review_opinion,
            collective = entering.collective, procedure = entering.procedure,
            penalty_kinds = entering.penalty_kinds, violation_type = entering.violation_type,
            fine = entering.fine, confiscated = entering.confiscated,
            licence_affected = entering.licence_affected, publicity_to = entering.publicity_to,
            licence_kind = entering.licence_kind, certificate_name = entering.certificate_name,
            certificate_no = entering.certificate_no, valid_from = entering.valid_from,
            valid_to = entering.valid_to, version = entering.version, change = entering.change,
            reason = entering.reason, content_hash = entering.content_hash,
            changed_at = entering.changed_at
        where d.decision_id = entering.decision_id;
    end if;

    insert into decision_version (decision_id, version, change, content, content_hash, reason, basis, unit, who, at)
    values (entering.decision_id, entering.version, entering.change, enter_decision.content, entering.content_hash,
        entering.reason, entry ->> 'basis', entry ->> 'unit', entry ->> 'who', entering.changed_at);

    insert into audit_leaf (decision_id, version, body, leaf, at)
    values (entering.decision_id, entering.version, enter_decision.body, enter_decision.leaf, entering.changed_at);

    if jsonb_array_length(entry -> 'numbers') > 0 then
        insert into sealed_number (decision_id, version, field, key_id, sealed)
        select entering.decision_id, entering.version, n.field, n.key_id, n.sealed
        from rows from (
            jsonb_to_recordset(entry -> 'numbers') as (field text, key_id uuid), unnest(enter_decision.numbers)
        ) as n(field, key_id, sealed);
    end if;

    if jsonb_array_length(entry -> 'findings') > 0 then
        insert into finding (finding_id, decision_id, version, check_name, severity, zh, en, source, found_at)
        select f.finding_id, entering.decision_id, entering.version, f.check_name, f.severity, f.zh, f.en,
            f.source, entering.changed_at
        from jsonb_to_recordset(entry -> 'findings')
            as f(finding_id text, check_name text, severity text, zh text, en text, source text);
    end if;

    -- The case's lock is held: nobody parks or releases its key meanwhile.
    insert into outbox (bucket, event_id, receiver, decision_id, version, change, topic, key, schema, payload,
        traceparent, parked)
    select (entry ->> 'bucket')::smallint, e.event_id, e.receiver, entering.decision_id, entering.version,
        entering.change, e.topic, entry ->> 'key', e.schema, e.payload, entry ->> 'traceparent',
        exists (select from parked_key k where k.receiver = e.receiver and k.key = entry ->> 'key')
    from rows from (
        jsonb_to_recordset(entry -> 'events') as (event_id text, receiver text, topic text, schema text),
        unnest(enter_decision.payloads)
    ) as e(event_id, receiver, topic, schema, payload);

    outcome := 'COMMITTED';
    held_version := entering.version;
    held_change := entering.change;
    held_hash := entering.content_hash;
    held_at := entering.changed_at;
    return next;
end $$;
