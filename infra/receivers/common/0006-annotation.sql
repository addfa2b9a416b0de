-- What happened to a decision that stands: repaired, objected to, taken off a list, erased by
-- law. Kept beside the decision's row, which it leaves alone.
create table annotation (
    event_id    text primary key,
    decision_id text not null,
    version     integer not null,
    happened    text not null,
    cause       text not null,
    expected    text not null,
    sender      text,
    number      text,
    listing_no  text,
    document_no text,
    decided_by  text,
    occurred_on date,
    ends_on     date,
    withheld    text[],
    held_at     timestamptz not null default clock_timestamp()
);
create index annotation_decision on annotation (decision_id, held_at);
comment on table annotation is '标注：仍然有效的决定发生了什么 what happened to a decision that stands';
comment on column annotation.version is 'which stood when it was told';
comment on column annotation.expected is 'NOTE: note it by our own rules; ERASE_OR_RESTRICT: by the law that we are under';

-- A decision as it is shown: its row, and what happened to it since, the first first.
create function shown(decision text) returns jsonb language sql stable as $$
    select jsonb_build_object('row', held(decision), 'annotations', coalesce((
        select jsonb_agg(to_jsonb(a) - 'decision_id' order by a.held_at, a.event_id)
        from annotation a where a.decision_id = decision), '[]'::jsonb));
$$;
