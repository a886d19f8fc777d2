-- Up Migration

-- The circuit of an upstream account that failed, where every worker sees it. Written when it opens and closes, and worth nothing after a crash.
create unlogged table account_health (
  -- As the queue: `spid`, or `idcloud-` and the account's name.
  upstream text primary key,
  -- Times that it was opened without a quiet time in between.
  opens int not null,
  -- While it is open nobody calls. After that one process does, a little; the others wait for what becomes of it.
  open_until timestamptz not null,
  prober uuid,
  probed_until timestamptz,
  closed_at timestamptz
);

-- Down Migration

drop table account_health;
