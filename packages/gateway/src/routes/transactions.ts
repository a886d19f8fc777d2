import { randomUUID } from 'node:crypto';
import { id, newTransaction, problem, transactionView } from '@atesto/shared/contracts/gateway';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { acceptSpid } from '../intake/accept-spid.ts';
import { awaitTransaction, hasNews } from '../intake/await-transaction.ts';
import { idFromIdempotencyKey } from '../intake/transaction-id.ts';
import { ProblemError } from '../problem.ts';
import { callerGone } from './caller-gone.ts';
import { preferredWait } from './preferred-wait.ts';
import { viewTransaction } from './transaction-view.ts';

/** A transaction is its owner's, and an administrator's. */
export function maySee(principal: Principal, row: TransactionRow): boolean {
  return row.owner === principal.id || principal.kind === 'administrator';
}

/** Reads a transaction for somebody who may see it: its owner, or an administrator. @throws ProblemError `not-found` */
export async function requireTransaction(
  { db }: Pick<GatewayContext, 'db'>,
  principal: Principal,
  transactionId: string,
): Promise<TransactionRow> {
  const row = await getTransaction(db, transactionId);
  // Somebody else's looks like nothing: ids tell nobody whether they exist.
  if (!row || !maySee(principal, row)) throw new ProblemError('not-found');
  return row;
}

/** `POST /v1/transactions` and `GET /v1/transactions/{id}`. */
export const transactionRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  app.post(
    '/v1/transactions',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'Accept a transaction',
        description:
          '201 means that it is on disk and will be sent; 200 that the same request was accepted before. Prefer: wait=N (seconds, RFC 7240) holds the answer until there is news.',
        headers: z.object({ 'idempotency-key': z.string().max(200).optional(), prefer: z.string().optional() }),
        body: newTransaction,
        response: { 200: transactionView, 201: transactionView, '4xx': problem, 503: problem },
      },
    },
    async (request, reply) => {
      const { principal, body } = request;
      const idempotencyKey = request.headers['idempotency-key'];
      const transactionId =
        body.id ?? (idempotencyKey ? idFromIdempotencyKey(context.keyRing, principal, idempotencyKey) : randomUUID());
      const waitMs = preferredWait(request.headers.prefer, context.limits.waitMsMax);
      const accepted = await acceptSpid(
        context,
        principal,
        transactionId,
        body,
        waitMs > 0 ? 'personWaiting' : undefined,
      );
      const row = await awaitTransaction(context, accepted.transaction, waitMs, hasNews, callerGone(reply));
      if (waitMs > 0) reply.header('preference-applied', `wait=${waitMs / 1000}`);
      return reply.code(accepted.isNew ? 201 : 200).send(viewTransaction(context, row));
    },
  );

  app.get(
    '/v1/transactions/:id',
    {
      config: { access: ['administrator', 'system', 'station'] },
      schema: {
        summary: 'One transaction',
        params: z.object({ id }),
        response: { 200: transactionView, '4xx': problem },
      },
    },
    async (request) =>
      viewTransaction(context, await requireTransaction(context, request.principal, request.params.id)),
  );
};
