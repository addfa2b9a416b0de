-- decisions --
-- What happened to decisions after $1 in the order of their ids, $2 of them: of all, of the unit $3, of the one $4.
select d.decision_id, d.subject_code, d.act_type, d.party_kind, d.document_no, d.decided_on,
    d.origin = 'HISTORY' as before_platform, v.versions, v.changes, v.moments
from decision d cross join lateral (
    select array_agg(o.version order by o.version) as versions, array_agg(o.change order by o.version) as changes,
        array_agg(o.at order by o.version) as moments
    from decision_version o where o.decision_id = d.decision_id) v
where d.decision_id > $1::text and ($3::text is null or d.subject_code = $3::text)
    and ($4::text is null or d.decision_id = $4::text)
order by d.decision_id limit $2;

-- held --
-- When receivers said first that they hold events; an event's id is made of its decision, version and change.
select event_id, receiver, at from receipt where answer = 'HELD' and event_id = any($1::text[]);
