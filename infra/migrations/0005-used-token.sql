-- Tokens that a change was asked for with, until they expire: one that may serve a
-- single change is refused the second time, and any is refused to another holder.

create table used_token (
    issuer text not null,
    number text not null,
    holder text not null,
    expires timestamptz not null,
    primary key (issuer, number));

create index used_token_expires on used_token (expires);
