import { randomUUID } from 'node:crypto';
import { id, newIdcloudTransaction, newTransaction, problem, transactionView } from '@atesto/shared/contracts/gateway';
import type { Principal } from '@atesto/shared/ledger/credentials';
import { hasten } from '@atesto/shared/ledger/schedule';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { type AcceptedFace, acceptFace } from '../intake/accept-face.ts';
import { acceptSpid } from '../intake/accept-spid.ts';
import { awaitTransaction, hasNews } from '../intake/await-transaction.ts';
import { idFromIdempotencyKey, KEY_CHARACTERS_MAX } from '../intake/transaction-id.ts';
import { Turns } from '../intake/turns.ts';
import { ProblemError } from '../problem.ts';
import { callerGone } from './caller-gone.ts';
import { sayAdvice } from './capture-advice.ts';
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
  /** A request that is repeated while its face is taken waits for it, by its transaction's id. */
  const turns = new Turns();
  app.post(
    '/v1/transactions',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: 'Accept a transaction',
        description:
          '201 means that it is on disk and will be sent; 200 that the same request was accepted before. Prefer: wait=N (seconds, RFC 7240) holds the answer until there is news.',
        headers: z.object({
          'idempotency-key': z.string().max(KEY_CHARACTERS_MAX).optional(),
          prefer: z.string().optional(),
        }),
        body: z.discriminatedUnion('kind', [newTransaction, newIdcloudTransaction]),
        response: { 200: transactionView, 201: transactionView, '4xx': problem, '5xx': problem },
      },
    },
    async (request, reply) => {
      const received = performance.now();
      const { principal, body } = request;
      const idempotencyKey = request.headers['idempotency-key'];
      const transactionId =
        body.id ?? (idempotencyKey ? idFromIdempotencyKey(context.keyRing, principal, idempotencyKey) : randomUUID());
      const waitMs = preferredWait(request.headers.prefer, context.limits.waitMsMax);
      const lane = waitMs > 0 ? 'personWaiting' : undefined;
      const signal = callerGone(reply);
      const accepted: AcceptedFace =
        body.kind === 'idcloud.process'
          ? await turns.run(transactionId, () => acceptFace(context, principal, transactionId, body, { lane, signal }))
          : await acceptSpid(context, principal, transactionId, body, lane);
      const { advice } = accepted;
      if (advice) {
        context.metrics.captureAdvice(advice);
        sayAdvice(reply, advice);
      }
      // The wait counts from the request (RFC 7240), and a face takes its time.
      const leftMs = Math.ceil(waitMs - (performance.now() - received));
      const row = await awaitTransaction(context, accepted.transaction, leftMs, hasNews, signal);
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
    async (request) => {
      const row = await requireTransaction(context, request.principal, request.params.id);
      if (row.state === 'awaiting') await hasten(context.db, row.id);
      return viewTransaction(context, row);
    },
  );
};
