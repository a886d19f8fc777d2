-- Up Migration

-- The access token of each IDCloud account, that all processes share: sealed, with the right to fetch the next one and, after a failure, how long
-- nobody tries.
create table idcloud_tokens (
  -- The account's name.
  id text primary key,
  version int not null default 0,
  token_sealed bytea,
  renew_at timestamptz,
  expires_at timestamptz,
  lease uuid,
  leased_until timestamptz,
  failure jsonb,
  paused_until timestamptz
);

-- Down Migration

drop table idcloud_tokens;
