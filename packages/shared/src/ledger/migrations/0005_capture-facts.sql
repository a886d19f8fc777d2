-- Up Migration

-- What a report says of a picture: which finger it is (or 10, the face), the reader, and the station's figures of its quality.
alter table captures
  add column biometric_index int,
  add column device jsonb,
  add column quality jsonb;

-- Fingers that the person lacks, with reasons in free text: sealed.
alter table transactions add column missing_sealed bytea;

-- Down Migration

alter table transactions drop column missing_sealed;
alter table captures drop column biometric_index, drop column device, drop column quality;
