-- more --
-- What of decisions says who shows them: kinds and procedure, why each version came, when credit was repaired.
select d.decision_id, d.penalty_kinds, d.procedure, r.at as repaired,
    (select array_agg(v.reason order by v.version) from decision_version v where v.decision_id = d.decision_id) as reasons
from decision d left join (select i.decision_id, min(i.at) as at from inbound_effect i
    where i.change = 'REPAIRED' and i.decision_id = any($1::text[]) group by i.decision_id) r using (decision_id)
where d.decision_id = any($1::text[]);
