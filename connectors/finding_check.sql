-- looks --
select record_id, check_name, zh, en, source from access_finding where record_id = any($1::text[]);

-- decisions --
-- Versions whose leaf does not say that nothing was found about them, or about which something is told.
select l.decision_id || '/' || l.version, l.body, array(
    select row(f.finding_id, f.check_name, f.severity, f.zh, f.en, f.source, timestamptz_send(f.found_at))
    from finding f where f.decision_id = l.decision_id and f.version = l.version)
from audit_leaf l
where position('"findings":[]'::bytea in l.body) = 0
    or (l.decision_id, l.version) in (select f.decision_id, f.version from finding f);

-- strays --
select f.finding_id from finding f
where not exists (select from audit_leaf l where l.decision_id = f.decision_id and l.version = f.version)
order by 1;
