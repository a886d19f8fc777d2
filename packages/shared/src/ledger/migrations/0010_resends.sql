-- Up Migration

-- Runs of resend all. Whose transactions, and which station's: null is all. A run takes up what had been accepted when it began.
create table resends (
  id uuid primary key,
  owner uuid,
  station uuid,
  -- The day whose scheduled run this is.
  daily_on date unique,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  cancelled boolean not null default false
);
-- The same run is not begun twice.
create unique index resends_running on resends
  (coalesce(owner, '00000000-0000-0000-0000-000000000000'), coalesce(station, '00000000-0000-0000-0000-000000000000'))
  where ended_at is null;

-- A run in each account's queue, which has a pace of its own, and how far it came.
create table resend_parts (
  resend uuid not null references resends,
  -- Empty for the SPID account.
  account text not null,
  found int not null,
  taken_up int not null default 0,
  past_accepted_at timestamptz not null default '-infinity',
  past_id uuid not null default '00000000-0000-0000-0000-000000000000',
  worked_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (resend, account)
);
create index resend_parts_open on resend_parts (account, worked_at) where ended_at is null;

-- In the order in which a run goes through them.
drop index transactions_resendable;
create index transactions_resendable on transactions (accepted_at, id) where state in ('retrying', 'dead') and wrapped_key is not null;

-- Down Migration

drop index transactions_resendable;
create index transactions_resendable on transactions (owner, state) where state in ('retrying', 'dead');
drop table resend_parts, resends;
