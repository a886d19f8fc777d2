import type { GatewayMetrics } from '@atesto/shared/telemetry/gateway-metrics';
import type { Log } from '@atesto/shared/telemetry/log';
import fastifyPlugin from 'fastify-plugin';

/** One metric and one line per answered request, and a line for one whose caller hung up before all of it had come or was answered; by route template: a URL may carry a CPF and is never recorded. */
export const observationPlugin = fastifyPlugin<{ log: Log; metrics: GatewayMetrics }>(async (app, { log, metrics }) => {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    const seconds = reply.elapsedTime / 1000;
    metrics.request({ method, route, status: reply.statusCode, seconds });
    log.debug('request', { method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) });
  });
  app.addHook('onRequestAbort', async ({ method, routeOptions }) => {
    log.debug('request-aborted', { method, route: routeOptions.url ?? 'none' });
  });
});
