-- Up Migration

-- Operations of SPID Server besides the two submissions. `operation` names the row of their table; a submission and an IDCloud process have none.
-- `origin` is the transaction that this one is about: a redirected enrolment, a finished remote capture. `answer_sealed` is the upstream's
-- answer where its caller is owed it (a link, for one), sealed. Some operations are about nobody.
alter table transactions
  alter column subject drop not null,
  add column operation text,
  add column origin uuid references transactions,
  add column answer_sealed bytea;

-- Which earlier requests were the same: for callers that name no key. Submissions need none, so their inserts pay nothing for it.
create index transactions_request on transactions (owner, request_mac) where operation is not null;
-- What people have to look at: what stopped, and what waits with a word that is not one of plain waiting.
create index transactions_attention on transactions (accepted_at)
  where state in ('dead', 'unknown') or (state = 'awaiting' and kind <> 'idcloud.process' and upstream_status not in
    ('SEARCH_PENDING', 'SEARCH_ENQUEUED', 'ENROLL_PENDING', 'ENROLL_ENQUEUED', 'DELETE_PENDING'));

-- Down Migration

drop index transactions_request, transactions_attention;
alter table transactions drop column operation, drop column origin, drop column answer_sealed;
