-- Up Migration

-- What tells the keys that this ledger is sealed under from others, and nothing about them: a service that is given others must not begin to work. To it
-- every body would be damaged, every person new and every repeated request another one.
create table key_marks (
  use text not null check (use in ('encryption', 'index')),
  -- Of a key-encryption key; the index key has none.
  id text not null,
  mark bytea not null,
  primary key (use, id)
);

-- Down Migration

drop table key_marks;
