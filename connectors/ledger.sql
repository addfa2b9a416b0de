-- enter --
-- The transaction itself is in infra/migrations: it must lock before it looks. What each
-- receiver is given is on record with its event, or neither is there.
with e as (
    select * from enter_decision($1::jsonb, $2::bytea, $3::bytea, $4::bytea, $5::bytea, $6::bytea[], $7::bytea[])
), kept as (
    insert into sealed_payload (event_id, receiver, key_id, sealed)
    select s.* from e, unnest($11::text[], $12::text[], $13::uuid[], $14::bytea[]) s where e.outcome = 'COMMITTED'
), signed as (
    insert into decision_signature (decision_id, version, state, key_id, algorithm, signed_at, statement, salt, numbers,
        differs, recorded_by, recorded_at)
    select s.decision_id, s.version, s.state, s.key_id, s.algorithm, s.signed_at, s.statement, s.salt, s.numbers,
        s.differs, s.recorded_by, s.recorded_at
    from e, jsonb_populate_recordset(null::decision_signature, $1::jsonb -> 'signature') s where e.outcome = 'COMMITTED'
), opened as (
    insert into sealed_opening (decision_id, version, field, key_id, sealed)
    select ($1::jsonb -> 'decision') ->> 'decision_id', (($1::jsonb -> 'decision') ->> 'version')::integer, o.*
    from e, unnest($15::text[], $16::uuid[], $17::bytea[]) o where e.outcome = 'COMMITTED'
)
select e.*, case when e.outcome = 'COMMITTED'
    then record_looks($8::text, $9::look_entry[], $10::text[]) end as looks
from e;

-- namesake --
-- Which standing decision has the agency, document number and party that were to be unique.
select decision_id, content_hash from decision
where subject_code = $1::text and document_key = $2::text and party_key = $3::text
    and change <> 'WITHDRAWN';

-- ancestor --
-- What a later version builds on; neither ever changes once it is there.
select d.case_hash, l.leaf from decision d
join audit_leaf l on l.decision_id = d.decision_id and l.version = $2::integer
where d.decision_id = $1::text;

-- held --
select d.version, d.change, d.content_hash, d.recorded_by, d.changed_at, d.case_hash, d.origin = 'HISTORY' as before_platform,
    v.content, v.reason, v.basis,
    array(select o.receiver from outbox o where o.decision_id = d.decision_id
        union select s.receiver from outbox_sent s where s.decision_id = d.decision_id order by 1) as receivers,
    array(select row(n.field, k.key_id, k.person, k.wrapped, n.sealed)
        from sealed_number n join person_key k using (key_id)
        where n.decision_id = d.decision_id and n.version = d.version and k.wrapped is not null) as numbers
from decision d join decision_version v using (decision_id, version)
where d.decision_id = $1::text;
