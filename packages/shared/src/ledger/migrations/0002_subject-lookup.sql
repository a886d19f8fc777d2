-- Up Migration

-- A person's latest transaction, for whoever asks by CPF.
create index transactions_subject on transactions (subject, accepted_at desc);

-- Down Migration

drop index transactions_subject;
