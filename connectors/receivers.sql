-- name --
-- Makes configured receivers known, under their present titles; what operators did to
-- them stays, and one no longer configured stays too: what it was sent is known for ever.
insert into receiver (receiver, title_zh, title_en, topic)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
on conflict (receiver) do update
set title_zh = excluded.title_zh, title_en = excluded.title_en, topic = excluded.topic
where (receiver.title_zh, receiver.title_en, receiver.topic)
    is distinct from (excluded.title_zh, excluded.title_en, excluded.topic);

-- told --
-- Who has had, or is to have, any event: from name to name by the indexes, since the sent
-- log is long. History names receivers there that the table receiver may not have.
with recursive
waiting(receiver) as (
    (select min(receiver) from outbox)
    union
    select (select min(o.receiver) from outbox o where o.receiver > w.receiver) from waiting w where w.receiver is not null
),
sent(receiver) as (
    (select min(receiver) from outbox_sent)
    union
    select (select min(s.receiver) from outbox_sent s where s.receiver > t.receiver) from sent t where t.receiver is not null
)
select receiver from waiting where receiver is not null
union select receiver from sent where receiver is not null order by 1;
