-- Up Migration

-- Keyed hash of a capture that the vendor's SDK made: it is good for one submission.
alter table transactions add column sdk_capture bytea;
create index transactions_sdk_capture on transactions (sdk_capture) where sdk_capture is not null;

-- Down Migration

drop index transactions_sdk_capture;
alter table transactions drop column sdk_capture;
