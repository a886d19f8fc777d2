import {
  isBodyAlone,
  type SpidWrite,
  type SpidWriteRequest,
  spidWriteKinds,
} from '@atesto/shared/contracts/spid-server-writes';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { countEndedRequests } from '@atesto/shared/ledger/transactions';
import type { GatewayContext } from '../gateway-context.ts';
import type { Accepted } from './accept-sealed.ts';
import { acceptSealed } from './accept-sealed.ts';
import { checkForm, SpidRefusal } from './spid-submission.ts';
import { readWriteFacts } from './spid-write-facts.ts';
import { idFromIdempotencyKey, KEY_CHARACTERS_MAX, readKey } from './transaction-id.ts';

/** Writes that are made once about a transaction of ours, unless the one before came to nothing. */
const once: ReadonlySet<SpidWrite> = new Set(['redirectEnroll', 'finishRemoteCapture']);

/** A write as a caller asks for it. Path and query have been checked. */
export interface SpidWriteAsked {
  name: SpidWrite;
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string>>;
  body?: Buffer | undefined;
  /** The caller's transaction that it is about. */
  origin?: TransactionRow | undefined;
}

/**
 * Accepts a write of SPID Server's that is not a submission. A repeated request is known by its `Idempotency-Key`, and without one by all of what it
 * asks: it is the same until that is over.
 * @throws SpidRefusal
 */
export async function acceptSpidWrite(
  context: GatewayContext,
  principal: Principal,
  asked: SpidWriteAsked,
  key: string | undefined,
): Promise<Accepted> {
  const idempotencyKey = readKey(
    key,
    () => new SpidRefusal(400, [`Idempotency-Key: longer than ${KEY_CHARACTERS_MAX} characters`]),
  );
  const { name, params, query, origin } = asked;
  const row = context.spidTables.server[name];
  const body = asked.body && asked.body.length > 0 ? asked.body : undefined;
  if (row.request && !body && !row.requestOptional) throw new SpidRefusal(400, ['body: missing']);
  const parsed = row.request && body ? checkForm(row.request, body) : undefined;
  const { subject, operator, problems } = readWriteFacts(name, { params, query, body: parsed }, context.limits);
  if (problems.length > 0) throw new SpidRefusal(400, problems);

  const request = sealedForm(isBodyAlone(row), {
    params,
    query,
    ...(row.request && body ? { body: body.toString() } : {}),
  });
  const said = [`${name}\n`, request];
  const id = idempotencyKey
    ? idFromIdempotencyKey(context.keyRing, principal, `${name}\n${idempotencyKey}`)
    : await idFromRequest(context, principal, said, origin !== undefined && once.has(name));
  return acceptSealed(context, principal, {
    id,
    kind: spidWriteKinds[name],
    operation: name,
    origin,
    station: principal.kind === 'station' ? principal.id : undefined,
    subject,
    operator,
    asked: said,
    body: async () => [request],
    // Its caller holds the line.
    lane: 'personWaiting',
    conflict: () => new SpidRefusal(409, ['Idempotency-Key: stands for another request']),
  });
}

function sealedForm(bodyAlone: boolean, { params, query, body }: SpidWriteRequest): Buffer {
  return Buffer.from(bodyAlone ? (body ?? '') : JSON.stringify({ params, query, body }));
}

async function idFromRequest(
  { db, keyRing }: Pick<GatewayContext, 'db' | 'keyRing'>,
  principal: Principal,
  said: readonly (string | Buffer)[],
  inVain: boolean,
): Promise<string> {
  const mac = keyRing.mac('request', ...said);
  const ended = await countEndedRequests(db, principal.id, mac, inVain);
  // Two at once count the same and meet at the same id. No header can hold a line break: no caller's key is ever taken for this.
  return idFromIdempotencyKey(keyRing, principal, `${mac.toString('hex')}\n\n${ended}`);
}
