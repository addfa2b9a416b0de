-- unproved --
select v.decision_id || '/' || v.version from decision_version v
where not exists (select from audit_leaf l where l.decision_id = v.decision_id and l.version = v.version)
order by 1;

-- strays --
-- Signatures of no head there is: their foreign key was out of force when it went.
select 'head_signature', s.size, timestamptz_send(s.at), s.key_id from head_signature s
where not exists (select from head h where h.origin = s.origin and h.size = s.size and h.at = s.at)
union all
select 'head_countersignature', c.size, timestamptz_send(c.at), c.key_id from head_countersignature c
where not exists (select from head h where h.origin = c.origin and h.size = c.size and h.at = c.at);

-- twice --
-- What is one row by its table's key: others are read by a join, or take each other's place.
select 'decision', decision_id from decision group by decision_id having count(*) > 1
union all
select 'finding', finding_id from finding group by finding_id having count(*) > 1
union all
select 'sealed_number', decision_id || '/' || version from sealed_number
group by decision_id, version, field having count(*) > 1
union all
select 'sealed_opening', decision_id || '/' || version from sealed_opening
group by decision_id, version, field having count(*) > 1
union all
select 'person_key', key_id::text from person_key group by key_id having count(*) > 1
union all
select 'evidence_key', key_id from evidence_key group by key_id having count(*) > 1;
