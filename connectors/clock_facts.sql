-- decisions --
-- What happened to decisions after $1 in the order of their ids, $2 of them: of all, or of the unit $3.
select * from decision_facts
where decision_id > $1::text and ($3::text is null or subject_code = $3::text)
order by decision_id limit $2;

-- these --
select * from decision_facts where decision_id = any($1::text[]);

-- held --
-- When receivers said first that they hold events; an event's id is made of its decision, version and change.
select event_id, receiver, at from receipt where answer = 'HELD' and event_id = any($1::text[]);

-- steps --
-- What people did to have decisions shown.
select * from publication_step where decision_id = any($1::text[]) order by decision_id, channel, number;
