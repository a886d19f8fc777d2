import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  callParams,
  SPID_SERVICES_BASE,
  SPID_SERVICES_MAX_BODY_BYTES,
  type SpidServicesCall,
  type SpidServicesRoute,
  type SpidServicesTable,
  spidServicesRoutes,
} from '@atesto/shared/contracts/spid-services';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { type Dispatch, JSON_TYPE } from './dispatch.ts';
import { callerOf, createGuard, type Guard, type GuardOptions } from './guard.ts';

export interface FaceOptions extends Omit<GuardOptions, 'port'> {
  dispatch: Dispatch;
  /** Another table where a customer's installed manual names other routes. */
  routes?: SpidServicesTable;
  timeouts?: Partial<FaceTimeouts>;
}

/** All in milliseconds. Node enforces the first two only as often as it checks, and only if headers are not the longer one. */
export interface FaceTimeouts {
  headersMs: number;
  requestMs: number;
  checkMs: number;
  keepAliveMs: number;
  /** Of a quiet socket: longer than the longest answer, a Capture Send that waits for its verdict. */
  socketMs: number;
}

const DEFAULT_TIMEOUTS: FaceTimeouts = {
  headersMs: 5_000,
  requestMs: 10_000,
  checkMs: 1_000,
  keepAliveMs: 5_000,
  socketMs: 120_000,
};

export interface Face {
  /** `http://127.0.0.1:19980` */
  url: string;
  port: number;
  close(): Promise<void>;
}

/** SPID Services over HTTP on the loopback, driven by the route table. Port 0 takes a free one. */
export async function openFace(port: number, options: FaceOptions): Promise<Face> {
  const { headersMs, requestMs, checkMs, keepAliveMs, socketMs } = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  // Answers as long as the port is not known: nobody.
  let guard: Guard = createGuard({ ...options, port });
  const app = fastify({
    http: { headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval: checkMs },
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    connectionTimeout: socketMs,
    bodyLimit: SPID_SERVICES_MAX_BODY_BYTES,
    // A HEAD must not start a capture.
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 64 },
    // A URL of this face has a CPF in it: nothing logs it.
    logger: false,
    // No hook runs for these: the guard stands before them too.
    frameworkErrors: (_error, request, reply: FastifyReply) => {
      if (!answered(guard, request.raw, reply)) void reply.code(400).type(JSON_TYPE).send(problem('no such call'));
    },
    forceCloseConnections: true,
  });
  // Only JSON is a body here.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff').header('vary', 'Origin');
    return answered(guard, request.raw, reply) ? reply : undefined;
  });
  routes(app, options);
  app.server.on('upgrade', (request, socket) => refuseUpgrade(guard, request, socket));
  await app.listen({ host: '127.0.0.1', port });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the local face has no port');
  guard = createGuard({ ...options, port: address.port });
  return { url: `http://127.0.0.1:${address.port}`, port: address.port, close: () => app.close() };
}

function routes(app: FastifyInstance, options: FaceOptions): void {
  const table = Object.entries(options.routes ?? spidServicesRoutes) as [SpidServicesCall, SpidServicesRoute][];
  for (const [call, route] of table) {
    const { method, path } = route;
    app.route<{ Params: Record<string, string>; Querystring: Record<string, unknown> }>({
      method,
      url: `${SPID_SERVICES_BASE}${path.replace(/\{(\w+)\}/g, ':$1')}`,
      handler: async (request, reply) => {
        const params = callParams(route, request.params, request.query);
        if (!params) return reply.code(400).type(JSON_TYPE).send(problem('a parameter is given twice'));
        const answer = await options.dispatch(call, params, request.body);
        return reply.code(answer.status).type(answer.contentType).send(answer.body);
      },
    });
  }
  // Says that something answers, and nothing else.
  app.get('/healthz', async (_request, reply) => reply.code(204).send());
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).type(JSON_TYPE).send(problem('no such call')));
  app.setErrorHandler(async (error, _request, reply) => {
    const given = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
    const status = given >= 400 && given < 500 ? given : 500;
    return reply.code(status).type(JSON_TYPE).send(problem('the request cannot be answered'));
  });
}

/** Whether the guard has answered the request itself. */
function answered(guard: Guard, request: IncomingMessage, reply: FastifyReply): boolean {
  const verdict = guard(callerOf(request));
  if (verdict.origin !== undefined) void reply.header('access-control-allow-origin', verdict.origin);
  switch (verdict.kind) {
    case 'pass':
      return false;
    case 'preflight':
      void reply
        .code(204)
        .header('access-control-allow-methods', 'GET, POST, PUT, DELETE')
        .header('access-control-allow-headers', 'authorization, x-atesto-pairing, content-type')
        .header('access-control-max-age', '600')
        .send();
      return true;
    case 'refuse':
      void reply.code(verdict.status).type(JSON_TYPE).send(problem(verdict.reason));
      return true;
    default:
      return verdict satisfies never;
  }
}

/** No route here is a WebSocket; who may not even ask is told so first. */
function refuseUpgrade(guard: Guard, request: IncomingMessage, socket: Duplex): void {
  const verdict = guard(callerOf(request));
  const status = verdict.kind === 'refuse' ? verdict.status : 404;
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reasons[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

const reasons: Record<401 | 403 | 404 | 421, string> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  421: 'Misdirected Request',
};

function problem(message: string): string {
  return JSON.stringify({ status: 'ERROR', message });
}
