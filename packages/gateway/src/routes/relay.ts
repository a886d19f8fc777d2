import type { SpidServicesAnswer, SpidServicesCall, SpidServicesRoute } from '@atesto/shared/contracts/spid-services';
import { callParams, SPID_SERVICES_BASE, SPID_SERVICES_MAX_BODY_BYTES } from '@atesto/shared/contracts/spid-services';
import type { FastifyContextConfig, FastifyPluginAsync, FastifyReply } from 'fastify';
import * as z from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { LinkError } from '../link/station-links.ts';

/** Longer than the slowest call of a station: Capture Send of a verify, which waits for the upstream. */
const RELAY_TIMEOUT_MS = 60_000;

const why = {
  'not-connected': { status: 503, message: 'The station is not connected to the gateway.' },
  disconnected: {
    status: 502,
    message: 'The station hung up during the call: ask for the capture status before repeating it.',
  },
  timeout: {
    status: 504,
    message: 'The station did not answer in time: ask for the capture status before repeating it.',
  },
} as const;

const unreadable: Readonly<Record<number, string>> = {
  413: 'The body is too large.',
  415: 'The body has to be JSON: Content-Type: application/json',
};

const vendorError = (reply: FastifyReply, status: number, message: string) =>
  reply.code(status).send({ status: 'ERROR', message } satisfies SpidServicesAnswer);

const config: FastifyContextConfig = {
  access: ['system'],
  refuse: (reply, reason) =>
    reason === 'unauthenticated'
      ? vendorError(reply, 401, 'A key is needed: Authorization: Bearer <key>')
      : vendorError(reply, 403, 'This key does not open this route'),
};

/** `/stations/{station}/gbs-spid-services/api/…`: SPID Services of a station, from anywhere, in the vendor's own form. */
export const relayRoutes: FastifyPluginAsync<{ context: GatewayContext }> = async (app, { context }) => {
  // Only JSON is a body here.
  app.removeContentTypeParser('text/plain');
  const table = Object.entries(context.spidTables.services) as [SpidServicesCall, SpidServicesRoute][];
  for (const [call, route] of table) {
    app.route<{ Params: { station: string } & Record<string, string>; Querystring: Record<string, unknown> }>({
      method: route.method,
      url: `/stations/:station${SPID_SERVICES_BASE}${route.path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      bodyLimit: SPID_SERVICES_MAX_BODY_BYTES,
      config,
      schema: { hide: true },
      errorHandler: (error, request, reply) => {
        const status = error.statusCode ?? 500;
        if (status >= 400 && status < 500)
          return vendorError(reply, status, unreadable[status] ?? 'The request cannot be read.');
        context.log.error('request-failed', { error, route: request.routeOptions.url ?? 'none' });
        return vendorError(reply, 500, 'Something went wrong here; it has been logged.');
      },
      handler: async (request, reply) => {
        const { station, ...path } = request.params;
        if (!z.uuid().safeParse(station).success) return vendorError(reply, 404, 'There is no such station.');
        const params = callParams(route, path, request.query);
        if (!params) return vendorError(reply, 400, 'A parameter is given twice.');
        const asked = { call, params, ...(route.request && { body: request.body }) };
        try {
          const answer = await context.stations.call(station, asked, RELAY_TIMEOUT_MS);
          const isJson = answer.contentType.startsWith('application/json');
          return reply
            .code(answer.status)
            .type(answer.contentType)
            .send(Buffer.from(answer.body, isJson ? 'utf8' : 'base64'));
        } catch (error) {
          if (!(error instanceof LinkError)) throw error;
          const { status, message } = why[error.kind];
          return vendorError(reply, status, message);
        }
      },
    });
  }
  // Another call or method is refused in the vendor's form too.
  app.all(`/stations/:station${SPID_SERVICES_BASE}/*`, { config, schema: { hide: true } }, (_request, reply) =>
    vendorError(reply, 404, 'There is no such call.'),
  );
};
