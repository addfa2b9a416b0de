-- standing --
-- Each decision with the version it stands at, unless there is a newer one, and its first.
select row_to_json(d)::text, timestamptz_send(d.recorded_at), timestamptz_send(d.changed_at),
    v.content, v.version, v.change, timestamptz_send(v.at), v.reason, v.unit, v.content_hash,
    f.content, timestamptz_send(f.at), f.unit, f.who,
    (select json_object_agg(n.field, encode(k.person, 'hex'))::text
        from sealed_number n join person_key k using (key_id)
        where n.decision_id = d.decision_id and n.version = d.version),
    (select l.body from audit_leaf l where l.decision_id = d.decision_id and l.version = 1)
from decision d
left join decision_version v on v.decision_id = d.decision_id and v.version = d.version
    and not exists (select from decision_version w where w.decision_id = d.decision_id and w.version > d.version)
left join decision_version f on f.decision_id = d.decision_id and f.version = 1
where d.ctid >= $1::tid and d.ctid < $2::tid;

-- gone --
-- Decisions with versions and no present row.
select distinct v.decision_id from decision_version v
where not exists (select from decision d where d.decision_id = v.decision_id) order by 1;
