import { id, problem, transactionEventView } from '@atesto/shared/contracts/gateway';
import { listEvents } from '@atesto/shared/ledger/transactions';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { callerGone } from './caller-gone.ts';
import { viewEvent } from './transaction-view.ts';
import { requireTransaction } from './transactions.ts';

/** A comment line goes out this often, so that proxies and the caller know that the line lives. */
const HEARTBEAT_MS = 15_000;

/** `GET /v1/transactions/{id}/events`: the history; as an event stream, the history and then what happens. */
export const transactionEventRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  const open = new Set<() => void>();
  app.addHook('preClose', async () => {
    for (const end of open) end();
  });
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
      reply.hijack();
      const stream = reply.raw;
      // A stream is open for long: the server's time for a whole request is not its.
      stream.setTimeout(0);
      stream.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        // The stream ends with its connection, so that a server that closes does not wait for it to go idle.
        connection: 'close',
      });
      let sent = Number.isInteger(last) ? last : -1;
      let reading: Promise<void> = Promise.resolve();
      const end = () => stream.end();
      const push = () => {
        // One read after another, so that events keep their order.
        reading = reading
          .then(async () => {
            for (const event of await listEvents(context.db, transactionId, sent)) {
              stream.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(viewEvent(event))}\n\n`);
              sent = event.seq;
            }
          })
          .catch(() => void end());
      };
      const unsubscribe = context.feed.subscribe(transactionId, push);
      const heartbeat = setInterval(() => stream.write(':\n\n'), HEARTBEAT_MS);
      open.add(end);
      callerGone(reply).addEventListener('abort', () => {
        unsubscribe();
        clearInterval(heartbeat);
        open.delete(end);
      });
      push();
      return reply;
    },
  );
};
