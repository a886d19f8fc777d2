-- Up Migration

-- Who may call. Keys are stored as SHA-256 of a 256-bit random secret: no dictionary reaches them, so no slow hash is needed.
create table api_keys (
  id uuid primary key,
  name text not null,
  role text not null check (role in ('administrator', 'system')),
  key_hash bytea not null unique,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);

create table stations (
  id uuid primary key,
  name text not null,
  key_hash bytea not null unique,
  enrolled_at timestamptz not null default now(),
  revoked_at timestamptz
);

create table station_enrolments (
  code_hash bytea primary key,
  name text not null,
  expires_at timestamptz not null,
  redeemed_at timestamptz
);

-- People, by an opaque id. The CPF is sealed; cpf_index is a keyed hash that finds it again.
create table subjects (
  id uuid primary key default gen_random_uuid(),
  cpf_index bytea not null unique,
  cpf_sealed bytea not null
);

-- Pictures that were uploaded and wait for the transaction that takes them. Bytes are in the vault; wrapped_key opens them.
create table captures (
  id uuid primary key,
  owner uuid not null,
  format text not null,
  width int not null,
  height int not null,
  dpi int,
  bytes int not null,
  sha256 bytea not null,
  -- The vault's record. Made anew for each upload, so that two uploads under one id never share a file.
  record uuid not null,
  wrapped_key bytea,
  transaction_id uuid,
  role text check (role in ('payload', 'evidence')),
  created_at timestamptz not null default now()
);
create index captures_transaction on captures (transaction_id) where transaction_id is not null;

create table transactions (
  id uuid primary key,
  owner uuid not null,
  station uuid references stations,
  kind text not null,
  subject uuid not null references subjects,
  operator uuid references subjects,
  operator_verification text,
  captured_at timestamptz,
  -- Keyed hash of what was asked, to tell a repeated request from another one under the same id.
  request_mac bytea not null,
  payload uuid not null,
  payload_bytes int not null,
  wrapped_key bytea,
  state text not null,
  version int not null default 0,
  attempt int not null default 0,
  died_in text,
  upstream_id text,
  upstream_status text,
  verdict text,
  reason text,
  result jsonb,
  accepted_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- When the sweep takes it up. Every unsettled state has one: send, send again, ask, poll, or give up a dead worker's lease.
  due_at timestamptz
);
create index transactions_due on transactions (due_at) where due_at is not null;
create index transactions_resendable on transactions (owner, state) where state in ('retrying', 'dead');

create table transaction_events (
  transaction_id uuid not null references transactions,
  seq int not null,
  type text not null,
  from_state text,
  to_state text not null,
  attempt int not null,
  at timestamptz not null default now(),
  detail jsonb,
  primary key (transaction_id, seq)
);

-- Down Migration

drop table transaction_events, transactions, captures, subjects, station_enrolments, stations, api_keys;
