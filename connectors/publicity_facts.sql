-- more --
-- What of decisions says who shows them: kinds and procedure, what each version was and why, when credit was repaired.
select d.decision_id, d.penalty_kinds, d.procedure, r.at as repaired,
    v.reasons, v.changes
from decision d cross join lateral (
    select array_agg(o.reason order by o.version) as reasons, array_agg(o.change order by o.version) as changes
    from decision_version o where o.decision_id = d.decision_id) v
left join (select i.decision_id, min(i.at) as at from inbound_effect i
    where i.change = 'REPAIRED' and i.decision_id = any($1::text[]) group by i.decision_id) r using (decision_id)
where d.decision_id = any($1::text[]);

-- rejected --
-- Who rejected an event, and when first; an event's id is made of its decision, version and change.
select event_id, receiver, min(at) as at from receipt
where answer = 'REJECTED' and event_id = any($1::text[]) group by event_id, receiver;
