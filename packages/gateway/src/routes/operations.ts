import { isReachable } from '@atesto/shared/ledger/database';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';

/** What operations ask: alive, ready, metrics, and the API's description. */
export const operationRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  app.get(
    '/healthz',
    {
      config: { access: 'public' },
      schema: { summary: 'The process lives', response: { 200: z.object({ status: z.literal('ok') }) } },
    },
    async () => ({ status: 'ok' as const }),
  );
  const readiness = z.object({ ready: z.boolean(), ledger: z.boolean(), queue: z.boolean() });
  app.get(
    '/readyz',
    {
      config: { access: 'public' },
      schema: {
        summary: 'The gateway can accept',
        description: 'Without the queue it still accepts (the sweep makes up for it), so only the ledger decides.',
        response: { 200: readiness, 503: readiness },
      },
    },
    async (_request, reply) => {
      const [ledger, queue] = await Promise.all([isReachable(context.db), context.isQueueReachable()]);
      return reply.code(ledger ? 200 : 503).send({ ready: ledger, ledger, queue });
    },
  );
  app.get(
    '/metrics',
    { config: { access: ['administrator', 'system'] }, schema: { summary: 'Prometheus metrics' } },
    async (_request, reply) => {
      const { contentType, body } = await context.metrics.expose();
      return reply.type(contentType).send(body);
    },
  );
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () => app.swagger());
};
