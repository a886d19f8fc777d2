-- Up Migration

-- What a gauge counts at a scrape is read from the indexes alone. Both are written anyway whenever a transaction moves, so this costs no write more.
drop index transactions_due, transactions_polls;
create index transactions_due on transactions (due_at) include (state, account, accepted_at)
  where due_at is not null and not (state = 'awaiting' and account is not null);
create index transactions_polls on transactions (account, due_at) include (state, accepted_at)
  where state = 'awaiting' and account is not null and due_at is not null;

-- Down Migration

drop index transactions_due, transactions_polls;
create index transactions_due on transactions (due_at)
  where due_at is not null and not (state = 'awaiting' and account is not null);
create index transactions_polls on transactions (account, due_at) where state = 'awaiting' and account is not null and due_at is not null;
