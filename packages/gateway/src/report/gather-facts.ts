import type { Cpf } from '@atesto/shared/domain/cpf';
import { getMissing, listTransactionCaptures } from '@atesto/shared/ledger/captures';
import { getPrincipal } from '@atesto/shared/ledger/credentials';
import { getSubject } from '@atesto/shared/ledger/subjects';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { listEvents } from '@atesto/shared/ledger/transactions';
import { openCpf } from '@atesto/shared/vault/cpf-column';
import { openMissing } from '@atesto/shared/vault/missing-column';
import type { GatewayContext } from '../gateway-context.ts';
import { factsOf, type ReportFacts } from './report-facts.ts';

/** Reads what the ledger has about a transaction. @throws VaultError where no key of the ring opens it */
export async function gatherFacts(
  { db, keyRing }: Pick<GatewayContext, 'db' | 'keyRing'>,
  row: TransactionRow,
): Promise<ReportFacts> {
  const cpfOf = async (id: string | undefined): Promise<Cpf | undefined> => {
    const person = id === undefined ? undefined : await getSubject(db, id);
    return person && openCpf(keyRing, person);
  };
  const [events, captures, missing, sender, subjectCpf, operatorCpf] = await Promise.all([
    listEvents(db, row.id),
    listTransactionCaptures(db, row.id),
    getMissing(db, row.id),
    getPrincipal(db, row.owner),
    cpfOf(row.subject),
    cpfOf(row.operator),
  ]);
  return factsOf({
    row,
    events,
    captures,
    missing: missing ? openMissing(keyRing, row.id, missing) : [],
    sender,
    subjectCpf,
    operatorCpf,
  });
}
