-- held --
select name, value from jsonb_each_text(held($1)) e(name, value) where value is not null;

-- holds --
-- Of every decision that has come: the version that is held, and what it is; null: none is.
select s.decision_id, (held(s.decision_id) ->> 'version')::int as version, held(s.decision_id) ->> 'state' as state from seen s;

-- answered --
select change, answer, count(*)::int as many from inbox group by 1, 2;
