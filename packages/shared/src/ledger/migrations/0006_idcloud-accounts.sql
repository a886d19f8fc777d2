-- Up Migration

-- Whose budget a transaction spends (null: the SPID account's) and which of the account's keys, by name, its capabilities are of.
alter table transactions
  add column account text,
  add column key_name text;
update transactions set account = 'idcloud', key_name = 'default' where kind = 'idcloud.process';

-- As before, for what has no account; and what the upstream failed at every time.
drop index transactions_attention;
create index transactions_attention on transactions (accepted_at)
  where state in ('dead', 'unknown') or verdict = 'contingency'
    or (state = 'awaiting' and account is null and upstream_status not in
      ('SEARCH_PENDING', 'SEARCH_ENQUEUED', 'ENROLL_PENDING', 'ENROLL_ENQUEUED', 'DELETE_PENDING'));

-- A notice names the upstream's id.
create index transactions_upstream on transactions (account, upstream_id) where account is not null and upstream_id is not null;

-- Notices that came before the answer that names their id: taken up when it is written down.
create table parked_notices (
  account text not null,
  upstream_id text not null,
  received_at timestamptz not null default now(),
  primary key (account, upstream_id)
);

-- Down Migration

drop table parked_notices;
drop index transactions_upstream, transactions_attention;
create index transactions_attention on transactions (accepted_at)
  where state in ('dead', 'unknown') or (state = 'awaiting' and kind <> 'idcloud.process' and upstream_status not in
    ('SEARCH_PENDING', 'SEARCH_ENQUEUED', 'ENROLL_PENDING', 'ENROLL_ENQUEUED', 'DELETE_PENDING'));
alter table transactions drop column account, drop column key_name;
