import { id, problem, transactionView } from '@atesto/shared/contracts/gateway';
import { destroyBodies, eraseRequested, requestErasure } from '@atesto/shared/ledger/erasure';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { viewTransaction } from './transaction-view.ts';
import { requireTransaction } from './transactions.ts';

/** `DELETE /v1/transactions/{id}`: nothing is sent any more, and its data is destroyed at once or when its end is known. */
export const erasureRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  const { db, log } = context;
  app.delete(
    '/v1/transactions/:id',
    {
      config: { access: ['administrator', 'system', 'station'] },
      schema: {
        summary: 'Erase a transaction',
        description:
          '200: erased; what stays is a tombstone. 202: it is at the upstream, or may be; it is erased when its end is known and not sent again meanwhile; its body is destroyed as soon as it is not being sent. Asked for again, it is the same.',
        params: z.object({ id }),
        response: { 200: transactionView, 202: transactionView, '4xx': problem, 503: problem },
      },
    },
    async ({ principal, params }, reply) => {
      const before = await requireTransaction(context, principal, params.id);
      await requestErasure(db, before.id, principal.id);
      const [erased] = await eraseRequested(db, 1, before.id);
      if (!erased) await destroyBodies(db, 1, before.id);
      const row = erased ?? (await getTransaction(db, before.id)) ?? before;
      const { id: transaction, kind, state, attempt } = row;
      if (before.state !== 'erased' && before.eraseRequestedAt === undefined) {
        log.info('erasure-requested', { transaction, kind, state: before.state, attempt, credential: principal.id });
      }
      if (erased) log.info('transaction-erased', { transaction, kind, state, attempt });
      return reply.code(state === 'erased' ? 200 : 202).send(viewTransaction(context, row));
    },
  );
};
