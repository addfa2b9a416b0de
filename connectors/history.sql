-- loaded --
select decisions, left_out from history_load where stamp = $1::text;

-- months --
-- That of the rows, which bear the load's time: by now another may have begun.
select outbox_sent_month(($1::timestamptz at time zone 'Asia/Shanghai')::date);

-- forgotten --
-- What an earlier load left and nothing has touched since. What was corrected or
-- withdrawn, or is sealed in the audit log, is the ledger's for ever.
-- A correction under way has ended before it is looked for, and the next one begins
-- after the load: between the two it would be deleted with what it corrects.
lock table decision in access exclusive mode;
create temporary table forgotten (decision_id text primary key) on commit drop;
-- Its leaf still waits, and is taken from the queue first: the sealer, which locks what
-- it takes, has then either sealed it, and it stays, or never sees it.
with waiting as (
    delete from unsealed u using decision d
    where u.kind = 'DECISION' and u.id = d.decision_id || '/1' and d.origin = 'HISTORY' and d.version = 1
    returning d.decision_id
)
insert into forgotten select decision_id from waiting;
delete from sealed_number x using forgotten f where x.decision_id = f.decision_id;
delete from outbox_sent x using forgotten f where x.decision_id = f.decision_id;
delete from audit_leaf x using forgotten f where x.decision_id = f.decision_id;
delete from decision_version x using forgotten f where x.decision_id = f.decision_id;
delete from decision x using forgotten f where x.decision_id = f.decision_id;
delete from history_load;

-- standing --
select decision_id, change <> 'WITHDRAWN', subject_code, document_key, party_key from decision;

-- note --
insert into history_load (stamp, decisions, left_out) values ($1::text, $2::bigint, $3::bigint);

-- analyse --
analyze decision, decision_version, audit_leaf, outbox_sent;
