import type { WorkerMetrics } from '@atesto/shared/telemetry/worker-metrics';
import fastify from 'fastify';

export interface OperationsServer {
  close(): Promise<void>;
}

/**
 * `/metrics`, `/healthz` and `/readyz` of a service that serves nothing else. It listens on loopback unless told otherwise: who scrapes from elsewhere
 * sets METRICS_HOST and closes the network around it.
 */
export async function openOperationsServer(
  { host, port }: { host: string; port: number },
  { metrics, isReady }: { metrics: Pick<WorkerMetrics, 'expose'>; isReady: () => Promise<boolean> },
): Promise<OperationsServer> {
  const app = fastify({
    logger: false,
    bodyLimit: 1_024,
    requestTimeout: 10_000,
    connectionTimeout: 20_000,
    keepAliveTimeout: 5_000,
    http: { headersTimeout: 5_000, connectionsCheckingInterval: 1_000 },
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await isReady();
    return reply.code(ready ? 200 : 503).send({ ready });
  });
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await metrics.expose();
    return reply.type(contentType).send(body);
  });
  await app.listen({ host, port });
  return { close: () => app.close() };
}
