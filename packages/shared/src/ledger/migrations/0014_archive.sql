-- Up Migration

-- What is over for long moves into tables of the same columns, that are read together with the live ones (`from transactions`) unless a statement says
-- `only`. So the indexes that are written with each transaction stay as small as what is young, and an answer stays findable.
create table archived_transactions (
  primary key (id),
  check (due_at is null),
  check (state in ('concluded', 'erased'))
) inherits (transactions);
create index archived_transactions_subject on archived_transactions (subject, accepted_at desc);
create index archived_transactions_request on archived_transactions (owner, request_mac) where operation is not null;
create index archived_transactions_payload on archived_transactions (payload) where wrapped_key is not null;

-- For erasure, which asks for both tables at every tick.
create index archived_transactions_erasable on archived_transactions (erase_requested_at)
  where erase_requested_at is not null and state in ('accepted', 'retrying', 'concluded', 'dead');
create index archived_transactions_settled on archived_transactions (updated_at) where state in ('concluded', 'dead');

create table archived_transaction_events (primary key (transaction_id, seq)) inherits (transaction_events);

create table archived_captures (primary key (id)) inherits (captures);
create index archived_captures_transaction on archived_captures (transaction_id);
create index archived_captures_record on archived_captures (record) where wrapped_key is not null;

-- They see the live table alone. An event is written by the statement that writes its transaction, and an origin was read before it is named.
alter table transaction_events drop constraint transaction_events_transaction_id_fkey;
alter table transactions drop constraint transactions_origin_fkey;

-- No index spans both tables, so this keeps an archived id from being accepted anew. After the insertion: one that met the row while it moved has waited
-- for the move by then, and this looks with a new snapshot.
create function refuse_archived_transaction() returns trigger language plpgsql as $$
begin
  if exists (select from archived_transactions where id = new.id) then
    raise unique_violation using message = 'the id is archived', constraint = 'archived_transactions_pkey';
  end if;
  return null;
end $$;
create trigger transactions_archived after insert on transactions for each row execute function refuse_archived_transaction();

create function refuse_archived_capture() returns trigger language plpgsql as $$
begin
  if exists (select from archived_captures where id = new.id) then
    raise unique_violation using message = 'the id is archived', constraint = 'archived_captures_pkey';
  end if;
  return null;
end $$;
create trigger captures_archived after insert on captures for each row execute function refuse_archived_capture();

-- What may go next. Not what people have to look at.
create index transactions_over on transactions (updated_at)
  where state in ('concluded', 'erased') and verdict is distinct from 'contingency';

-- Down Migration

drop index transactions_over;
drop trigger captures_archived on captures;
drop trigger transactions_archived on transactions;
drop function refuse_archived_capture, refuse_archived_transaction;
with back as (delete from archived_transactions returning *) insert into transactions select * from back;
with back as (delete from archived_transaction_events returning *) insert into transaction_events select * from back;
with back as (delete from archived_captures returning *) insert into captures select * from back;
drop table archived_transactions, archived_transaction_events, archived_captures;
alter table transaction_events add constraint transaction_events_transaction_id_fkey foreign key (transaction_id) references transactions;
alter table transactions add constraint transactions_origin_fkey foreign key (origin) references transactions;
