-- subtrees --
-- Digests below each wanted subtree, as many as lie in one row of 256 of its level.
select w.wanted, coalesce(l.leaf, n.digest) as digest
from unnest($1::integer[], $2::smallint[], $3::bigint[], $4::bigint[]) w (wanted, level, first, last)
left join lateral (
    select number, leaf from sealed_leaf where w.level = 0 and number between w.first and w.last) l on w.level = 0
left join lateral (
    select place, digest from tree_node t
    where w.level > 0 and t.level = w.level and t.place between w.first and w.last) n on w.level > 0
order by w.wanted, l.number, n.place;
