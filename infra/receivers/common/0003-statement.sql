-- What the bureau has signed of a decision 决定签署 is kept with the event that brought it.
alter table inbox add column statement text not null default '';
alter table inbox add column signature text not null default '';
comment on column inbox.statement is '决定机关签署的声明（JWS） what the bureau has signed, a JWS; empty: nothing came';
comment on column inbox.signature is 'HOLDS, KEY_UNKNOWN, INVALID or DIFFERS: what it was worth by the keys we had';
