import { inGroups } from '@atesto/shared/domain/in-groups';
import { createAccept } from '@atesto/shared/ledger/accept';
import { createInsertCapture, getCaptures } from '@atesto/shared/ledger/captures';
import type { Database } from '@atesto/shared/ledger/database';
import { createEnsureSubject } from '@atesto/shared/ledger/subjects';
import { type AskedTransaction, findAccepted } from '@atesto/shared/ledger/transactions';
import type { GatewayContext } from './gateway-context.ts';

const ROWS_OF_STATEMENT = 50;

/** The ledger as the way in uses it: what is asked of it at the same time goes to it as one statement. */
export function ledgerInGroups(
  db: Database,
): Pick<GatewayContext, 'db' | 'accept' | 'findAccepted' | 'ensureSubject' | 'insertCapture' | 'getCaptures'> {
  return {
    db,
    accept: createAccept(db),
    findAccepted: inGroups((asked: readonly AskedTransaction[]) => findAccepted(db, asked), ROWS_OF_STATEMENT),
    ensureSubject: createEnsureSubject(db),
    insertCapture: createInsertCapture(db),
    getCaptures: inGroups(async (asked: readonly (readonly string[])[]) => {
      const found = await getCaptures(db, asked.flat());
      return asked.map((ids) => found.filter(({ id }) => ids.includes(id)));
    }, ROWS_OF_STATEMENT),
  };
}
