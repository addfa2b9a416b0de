-- The data catalogue 数据目录 as it was given to the city's exchange platform, and what
-- that said of each resource. Only ever added to: the last entry is the one that stands.
create table catalogue_version (
    version bigint generated always as identity primary key,
    digest  text not null check (digest ~ '^[0-9a-f]{64}$'),
    body    bytea not null,
    resources int not null,
    changes bytea not null,
    made_at timestamptz not null default now()
);
comment on table catalogue_version is 'each catalogue that differs from the one before it';
comment on column catalogue_version.digest is 'SHA-256 of body';
comment on column catalogue_version.changes is 'what differs from the version before, in words: JSON, [[zh, en]]';
comment on column catalogue_version.body is 'its resources as canonical JSON';

create table catalogue_export (
    export      bigint generated always as identity primary key,
    version     bigint not null references catalogue_version,
    exported_at timestamptz not null default now(),
    who         text not null
);

create table catalogue_reply (
    reply       bigint generated always as identity primary key,
    version     bigint not null references catalogue_version,
    resource    text not null,
    external_id text not null,
    status      smallint not null check (status in (0, 1, 2, 3, 4, 5, 8)),
    opinion     text not null,
    taken_at    timestamptz not null default now(),
    who         text not null
);
comment on column catalogue_reply.resource is 'type@source';
comment on column catalogue_reply.status is
    '0 not reported, 1 waiting, 2 rejected by admin, 3 rejected by state, 4 revoked, 5 passed, 8 rejected';
create index catalogue_reply_resource on catalogue_reply (resource, reply desc);
