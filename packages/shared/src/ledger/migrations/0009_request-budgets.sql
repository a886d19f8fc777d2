-- Up Migration

-- The pace at which an upstream account is called, where every process sees it. Written with each request and worth nothing after a crash.
create unlogged table request_budgets (
  account text primary key,
  -- From when the next request may leave, and from when a live read may take that place.
  free_at timestamptz not null,
  read_at timestamptz not null default '-infinity',
  per_second double precision not null,
  stopped_until timestamptz not null default '-infinity',
  slowed_at timestamptz not null default '-infinity'
);

-- A sweep takes the polls of an account by themselves, in the account's measure.
create index transactions_polls on transactions (account, due_at) where state = 'awaiting' and account is not null and due_at is not null;
drop index transactions_due;
create index transactions_due on transactions (due_at)
  where due_at is not null and not (state = 'awaiting' and account is not null);

-- Down Migration

drop index transactions_due, transactions_polls;
create index transactions_due on transactions (due_at) where due_at is not null;
drop table request_budgets;
