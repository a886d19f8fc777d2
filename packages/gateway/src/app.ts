import { LINK_MAX_MESSAGE_BYTES } from '@atesto/shared/contracts/bridge-link';
import fastifyRateLimit from '@fastify/rate-limit';
import fastifySwagger from '@fastify/swagger';
import fastifyWebsocket from '@fastify/websocket';
import type { FastifyInstance, FastifyReply } from 'fastify';
import fastify from 'fastify';
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { GatewayContext } from './gateway-context.ts';
import { linkRoute } from './link/link-route.ts';
import { authenticationPlugin } from './plugins/authentication.ts';
import { observationPlugin } from './plugins/observation.ts';
import { problemsPlugin, sendProblem } from './plugins/problems.ts';
import { ProblemError } from './problem.ts';
import { captureRoutes } from './routes/captures.ts';
import { credentialRoutes } from './routes/credentials.ts';
import { erasureRoutes } from './routes/erasures.ts';
import { idcloudRoutes } from './routes/idcloud.ts';
import { idcloudUnicoRoutes } from './routes/idcloud-unico.ts';
import { lookupRoutes } from './routes/lookups.ts';
import { operationRoutes } from './routes/operations.ts';
import { redirectionRoutes } from './routes/redirections.ts';
import { relayRoutes } from './routes/relay.ts';
import { remoteCaptureRoutes } from './routes/remote-captures.ts';
import { reportRoutes } from './routes/reports.ts';
import { resendRunRoutes } from './routes/resend-runs.ts';
import { resendRoutes } from './routes/resends.ts';
import { spidServerFaceRoutes } from './routes/spid-server-face.ts';
import { transactionEventRoutes } from './routes/transaction-events.ts';
import { transactionLookupRoutes } from './routes/transaction-lookups.ts';
import { transactionRoutes } from './routes/transactions.ts';
import { webhookRoutes } from './routes/webhooks.ts';

/**
 * Every time of the server, in milliseconds. Node's defaults leave a slow sender 300 s, and its check runs every 30 s: `headers` < `request`, or Node
 * swaps them (measured, see docs/decisions).
 */
export const serverTimeouts = {
  /** From the first byte to the end of the headers; with the check's interval a slow one is answered 408 within five seconds. */
  headers: 4_000,
  /** From the first byte to the end of the body: a capture over a slow branch line. */
  request: 60_000,
  /** Silence on a connection during a request or its answer; longer than any wait we hold. */
  connection: 90_000,
  keepAlive: 72_000,
  /** How often the two first are checked. */
  checkInterval: 500,
  /** From the signal to stop: whoever is still sending then is cut off, and sends again. */
  drain: 20_000,
} as const;

/** Builds the gateway's HTTP application. Nothing listens yet. */
export async function buildGateway(context: GatewayContext): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    // A HEAD would do what its GET does, and on the relay a GET starts a capture.
    exposeHeadRoutes: false,
    bodyLimit: context.limits.jsonBytesMax,
    requestTimeout: serverTimeouts.request,
    connectionTimeout: serverTimeouts.connection,
    keepAliveTimeout: serverTimeouts.keepAlive,
    // Lines and streams that stay open are ended by their own hooks; idle ones by this.
    forceCloseConnections: 'idle',
    http: {
      headersTimeout: serverTimeouts.headers,
      connectionsCheckingInterval: serverTimeouts.checkInterval,
    },
    routerOptions: { maxParamLength: 200 },
    // No hook and no handler of a route runs for these, and Fastify's own answer repeats the URL, which may hold a CPF.
    frameworkErrors: (_error, _request, reply: FastifyReply) => void sendProblem(reply, 'invalid-request'),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  await app.register(observationPlugin, context);
  await app.register(problemsPlugin, context);
  // Before authentication: its hook marks upgrades, and only a marked one is hung up on when it is refused.
  await app.register(fastifyWebsocket, { options: { maxPayload: LINK_MAX_MESSAGE_BYTES } });
  await app.register(authenticationPlugin, context);
  await app.register(fastifyRateLimit, {
    global: false,
    errorResponseBuilder: () => new ProblemError('too-many-requests'),
  });
  await app.register(fastifySwagger, {
    openapi: {
      info: {
        title: 'Atesto gateway',
        version: '1',
        description: 'Native API. The compatible faces follow their vendors’ manuals.',
      },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
  });
  // An answer given while closing ends its connection: an idle one would hold the server open until it times out.
  app.addHook('onSend', async (_request, reply) => {
    if (context.closing.signal.aborted) reply.header('connection', 'close');
  });
  app.addHook('preClose', async () => {
    context.closing.abort();
    context.stations.close();
    // Node checks no times of a server that closes: one slow caller would hold it open.
    setTimeout(() => app.server.closeAllConnections(), serverTimeouts.drain).unref();
  });
  for (const routes of [
    operationRoutes,
    captureRoutes,
    transactionRoutes,
    transactionEventRoutes,
    transactionLookupRoutes,
    reportRoutes,
    resendRoutes,
    erasureRoutes,
    resendRunRoutes,
    redirectionRoutes,
    remoteCaptureRoutes,
    lookupRoutes,
    credentialRoutes,
    relayRoutes,
    idcloudRoutes,
    idcloudUnicoRoutes,
    webhookRoutes,
    spidServerFaceRoutes,
    linkRoute,
  ]) {
    await app.register(routes, { context });
  }
  return app;
}
