import { inGroups } from '@atesto/shared/domain/in-groups';
import { createApplyEvent } from '@atesto/shared/ledger/apply-events';
import type { Database } from '@atesto/shared/ledger/database';
import { postponeAll } from '@atesto/shared/ledger/schedule';
import type { TransactionMoment } from '@atesto/shared/ledger/transactions';
import { getWithAges } from '@atesto/shared/ledger/transactions';
import type { WorkContext } from './work-context.ts';

const ROWS_OF_STATEMENT = 100;

/**
 * The ledger as the work uses it: what is asked of it at the same time goes to it as one statement.
 * @param byId the connections for these, which find everything by its id: they may keep plans
 */
export function ledgerInGroups(
  db: Database,
  byId = db,
): Pick<WorkContext, 'db' | 'applyEvent' | 'getWithAge' | 'postpone'> {
  const postpone = inGroups(async (items: readonly { moment: TransactionMoment; dueInMs: number }[]) => {
    await postponeAll(byId, items);
    return items.map(() => undefined);
  }, ROWS_OF_STATEMENT);
  return {
    db,
    applyEvent: createApplyEvent(byId),
    getWithAge: inGroups((ids: readonly string[]) => getWithAges(byId, ids), ROWS_OF_STATEMENT),
    postpone: (moment, dueInMs) => postpone({ moment, dueInMs }),
  };
}
