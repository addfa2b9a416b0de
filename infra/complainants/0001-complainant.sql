-- 举报人库 the complainants' store: a database of its own. No identity lies here in clear, nor any
-- word of what was complained about.
create table tenant (
    name  text not null,
    since timestamptz not null default clock_timestamp(),
    lone  boolean primary key default true check (lone)
);

create table complainant (
    pseudonym text primary key,
    wrapped   bytea,
    sealed    bytea,
    kept_at   timestamptz not null default clock_timestamp(),
    erased_at timestamptz,
    check ((wrapped is null) = (erased_at is not null) and (sealed is null) = (erased_at is not null))
);
comment on column complainant.pseudonym is 'drawn at random: nothing about the person can be computed from it';
comment on column complainant.wrapped is 'the person''s key, sealed under a key that is not kept here';

-- Who was told an identity or asked for one in vain, and who erased one.
create table unmasking (
    unmasking_id uuid primary key default gen_random_uuid(),
    at           timestamptz not null default clock_timestamp(),
    pseudonym    text not null,
    outcome      text not null check (outcome in ('GIVEN', 'UNKNOWN', 'GONE', 'ERASED')),
    who          text not null check (who <> ''),
    why          text not null check (why <> ''),
    approval     text not null check (approval <> '')
);
create index unmasking_pseudonym on unmasking (pseudonym, at);

create function never_changed() returns trigger language plpgsql as $$
begin
    raise exception 'what was unmasked stays on record' using errcode = 'insufficient_privilege';
end $$;
create trigger unmasking_stays before update or delete or truncate on unmasking
    for each statement execute function never_changed();
