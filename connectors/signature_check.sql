-- rows --
-- What leaves say of bureaus' signatures, and the rows that should repeat it. Bodies are
-- read elsewhere: what stands there need not be JSON.
select coalesce(l.decision_id, s.decision_id) || '/' || coalesce(l.version, s.version), l.body, v.content,
    case when s.signature_id is not null then json_build_object('algorithm', s.algorithm,
        'at', to_char(s.signed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'differs', s.differs,
        'key', s.key_id, 'numbers', s.numbers, 'salt', s.salt, 'state', s.state, 'statement', s.statement)::text end,
    json_build_object('recorded_by', s.recorded_by,
        'recorded_at', to_char(s.recorded_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text
from (select * from audit_leaf where position('"signature":{'::bytea in body) > 0) l
full join decision_signature s on s.decision_id = l.decision_id and s.version = l.version
left join decision_version v on v.decision_id = l.decision_id and v.version = l.version;

-- keys --
select key_id, unit, algorithm, spki, since, retired from evidence_key where purpose = 'bureau';
