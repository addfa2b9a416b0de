-- version --
-- A version of a decision as it was said, without ID numbers; without $2 the present one.
select version, change, content, at from decision_version
where decision_id = $1::text and ($2::integer is null or version = $2::integer)
order by version desc limit 1;

-- findings --
-- What the checks found when it was registered.
select check_name, severity, zh, en, source from finding
where decision_id = $1::text and version = $2::integer order by finding_id;

-- numbered --
-- The decisions of a document number, in the one form by which numbers are compared.
select decision_id from decision where document_key = $1::text order by decision_id limit 20;
