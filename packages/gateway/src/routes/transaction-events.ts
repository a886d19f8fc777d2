import { id, problem, transactionEventView } from '@atesto/shared/contracts/gateway';
import { listEvents } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { EventStreams } from './event-streams.ts';
import { viewEvent } from './transaction-view.ts';
import { requireTransaction } from './transactions.ts';

/** `GET /v1/transactions/{id}/events`: the history; as an event stream, the history and then what happens. */
export const transactionEventRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  const streams = new EventStreams(context.feed);
  app.addHook('preClose', async () => streams.close());
  app.get(
    '/v1/transactions/:id/events',
    {
      config: { access: ['administrator', 'system', 'station'] },
      schema: {
        summary: 'History of a transaction',
        description: 'With Accept: text/event-stream the history and then live; Last-Event-ID continues after a break.',
        params: z.object({ id }),
        response: { 200: z.array(transactionEventView), '4xx': problem },
      },
    },
    async (request, reply) => {
      const { id: transactionId } = await requireTransaction(context, request.principal, request.params.id);
      if (!request.headers.accept?.includes('text/event-stream')) {
        return (await listEvents(context.db, transactionId)).map(viewEvent);
      }
      const last = Number(request.headers['last-event-id'] ?? -1);
      let sent = Number.isInteger(last) ? last : -1;
      streams.open(reply, transactionId, async (stream) => {
        for (const event of await listEvents(context.db, transactionId, sent)) {
          stream.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(viewEvent(event))}\n\n`);
          sent = event.seq;
        }
      });
      return reply;
    },
  );
};
