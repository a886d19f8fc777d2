import { id, problem, resendAnswer, resendRequest, transactionView } from '@atesto/shared/contracts/gateway';
import { resendOne } from '@atesto/shared/ledger/schedule';
import { getTransaction } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { awaitTransaction, hasNews } from '../intake/await-transaction.ts';
import { callerGone } from './caller-gone.ts';
import { preferredWait } from './preferred-wait.ts';
import { resendAll } from './resend-runs.ts';
import { viewTransaction } from './transaction-view.ts';
import { requireTransaction } from './transactions.ts';

/** Taking up again what failed: all of a caller's, or one. */
export const resendRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  app.post(
    '/v1/transactions/resend',
    {
      config: { access: ['administrator', 'system', 'station'] },
      schema: {
        summary: 'Take up again what failed',
        description:
          'Begins a run over retrying and dead transactions, or answers the one under way; a small one is over with the answer. What waits for an answer is left alone; an unknown outcome is asked for, never sent again blindly.',
        body: resendRequest,
        response: { 200: resendAnswer, '4xx': problem },
      },
    },
    async (request) => {
      const { principal } = request;
      const filter = {
        owner: principal.kind === 'administrator' ? undefined : principal.id,
        station: request.body.station,
      };
      return resendAll(context, filter);
    },
  );

  app.post(
    '/v1/transactions/:id/resend',
    {
      config: { access: ['administrator', 'system', 'station'] },
      schema: {
        summary: 'Take one transaction up again, if it failed',
        description:
          'Answers how it stands then; one that did not fail is left alone. Prefer: wait=N (seconds, RFC 7240) holds the answer until there is news.',
        headers: z.object({ prefer: z.string().optional() }),
        params: z.object({ id }),
        response: { 200: transactionView, '4xx': problem },
      },
    },
    async (request, reply) => {
      const row = await requireTransaction(context, request.principal, request.params.id);
      const moment = await resendOne(context.db, row, context.limits.requeueMs);
      if (!moment) return viewTransaction(context, (await getTransaction(context.db, row.id)) ?? row);
      const waitMs = preferredWait(request.headers.prefer, context.limits.waitMsMax);
      await context.enqueue(moment, waitMs > 0 ? 'personWaiting' : 'resend');
      const now = (await getTransaction(context.db, row.id)) ?? row;
      // It stands in `retrying` until a worker takes it: news is what comes after that.
      const moved = (later: typeof row) => later.version > moment.version && hasNews(later);
      return viewTransaction(context, await awaitTransaction(context, now, waitMs, moved, callerGone(reply)));
    },
  );
};
