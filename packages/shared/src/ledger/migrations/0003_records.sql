-- Up Migration

-- The clearing of the vault asks which records are still named.
create index captures_record on captures (record) where wrapped_key is not null;
create index transactions_payload on transactions (payload) where wrapped_key is not null;

-- Down Migration

drop index captures_record, transactions_payload;
