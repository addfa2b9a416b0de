-- name --
-- Makes configured receivers known, under their present titles; what operators did to
-- them stays, and one no longer configured stays too: what it was sent is known for ever.
insert into receiver (receiver, title_zh, title_en, topic)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
on conflict (receiver) do update
set title_zh = excluded.title_zh, title_en = excluded.title_en, topic = excluded.topic
where (receiver.title_zh, receiver.title_en, receiver.topic)
    is distinct from (excluded.title_zh, excluded.title_en, excluded.topic);
