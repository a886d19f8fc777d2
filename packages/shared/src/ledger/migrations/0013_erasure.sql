-- Up Migration

-- Somebody asked for erasure; from then on nothing is sent. What is at the platform is erased when its end is known.
alter table transactions
  add column erase_requested_at timestamptz,
  add column erase_requested_by uuid;
-- What the next round takes: the first two are empty most of the time, the third is ordered by age.
create index transactions_erasable on transactions (erase_requested_at)
  where erase_requested_at is not null and state in ('accepted', 'retrying', 'concluded', 'dead');
create index transactions_bodies_to_destroy on transactions (erase_requested_at)
  where erase_requested_at is not null and wrapped_key is not null and state in ('unknown', 'awaiting');
create index transactions_settled on transactions (updated_at) where state in ('concluded', 'dead');

-- Pictures that no transaction took.
create index captures_unspent on captures (created_at) where transaction_id is null;

-- A person without a CPF is nobody: what is left when the last transaction was erased. Operators are staff, and stay.
alter table subjects
  alter column cpf_index drop not null,
  alter column cpf_sealed drop not null,
  add column operates boolean not null default false,
  -- When the person was last named at a door: a transaction may be about to refer to the row.
  add column seen_at timestamptz not null default now();
update subjects set operates = true where id in (select operator from transactions where operator is not null);

-- What an erasure leaves to be done: files of the vault, whose keys are gone already, and people who may have no transaction any more.
create table erased_records (
  record uuid primary key
);
create table erased_subjects (
  subject uuid primary key,
  erased_at timestamptz not null default now()
);
create index erased_subjects_by_age on erased_subjects (erased_at);

-- Down Migration

drop table erased_subjects, erased_records;
delete from subjects where cpf_index is null and not exists (
  select from transactions where subject = subjects.id or operator = subjects.id);
alter table subjects
  alter column cpf_index set not null, alter column cpf_sealed set not null, drop column operates, drop column seen_at;
drop index captures_unspent, transactions_settled, transactions_bodies_to_destroy, transactions_erasable;
alter table transactions drop column erase_requested_at, drop column erase_requested_by;
