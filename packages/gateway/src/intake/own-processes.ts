import type { TransactionKind } from '@atesto/shared/domain/transaction';
import { isSpidKind } from '@atesto/shared/domain/transaction';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { IdcloudConflict, IdcloudRefusal } from './idcloud-refusal.ts';

/** What a caller's process id stands for: a transaction of its own; somebody else's, or an erased one; nothing here, so it is the upstream's; or no id at all. */
export type OwnProcess =
  | { kind: 'ours'; row: TransactionRow }
  | { kind: 'hidden' }
  | { kind: 'elsewhere' }
  | { kind: 'malformed' };

const uuid = z.guid();

export async function findOwnProcess(
  { db }: Pick<GatewayContext, 'db'>,
  principal: Principal,
  id: string,
): Promise<OwnProcess> {
  if (!uuid.safeParse(id).success) return { kind: 'malformed' };
  const row = await getTransaction(db, id);
  if (!row) return { kind: 'elsewhere' };
  const isOurs = row.owner === principal.id && !isSpidKind(row.kind) && row.state !== 'erased';
  return isOurs ? { kind: 'ours', row } : { kind: 'hidden' };
}

/**
 * The id that IDCloud knows, for a process that a body names: the upstream's where the id is ours, else the id itself.
 * @throws IdcloudRefusal 50001 for somebody else's, IdcloudConflict where IDCloud has not given its own yet
 */
export async function upstreamIdFor(
  context: Pick<GatewayContext, 'db'>,
  principal: Principal,
  id: string,
  wanted: 'process' | 'authentication' = 'process',
): Promise<string> {
  const own = await findOwnProcess(context, principal, id);
  if (own.kind === 'hidden') throw new IdcloudRefusal(50001);
  if (own.kind !== 'ours') return id;
  const { kind, result } = own.row;
  // A journey of by Unico is referred to by what came of it, which is empty until then.
  const known =
    wanted === 'authentication' && kind === 'idcloud.unico' ? authenticationIdOf(result) : livingUpstreamId(own.row);
  if (!known) throw new IdcloudConflict('IDCloud has not given an id to the process that this one refers to.');
  return known;
}

/** The id that IDCloud gave it. One that came to nothing there is sent anew, and the old id is none of it. */
export function livingUpstreamId({ state, upstreamId }: TransactionRow): string | undefined {
  return state === 'awaiting' || state === 'concluded' ? upstreamId : undefined;
}

const authenticated = z.object({ authenticationInfo: z.object({ authenticationId: z.string() }) });

function authenticationIdOf(result: TransactionRow['result']): string | undefined {
  return authenticated.safeParse(result).data?.authenticationInfo.authenticationId;
}

/** Kinds that by Client answers for. */
export const clientKinds: readonly TransactionKind[] = ['idcloud.process', 'idcloud.document'];
