-- since --
-- A number is given in the order of commits and never again, so it is a place to go on from;
-- a leaf's name is its decision's, and its version.
select l.number, v.decision_id, v.version, v.change
from sealed_leaf l
join decision_version v
    on v.decision_id = split_part(l.id, '/', 1) and v.version = split_part(l.id, '/', 2)::integer
where l.kind = 'DECISION' and l.number >= $1
order by l.number limit $2;

-- end --
select coalesce(max(number) + 1, 0) from sealed_leaf;
