import { idcloudOperations } from '@atesto/shared/contracts/idcloud-client';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import type { Behaviours } from '../behaviour.ts';
import type { ReceivedRecord } from '../received.ts';
import { createShell } from '../shell.ts';
import { sendError, sendFault } from './errors.ts';
import { Identity } from './identity.ts';
import { type CourseName, courseNames } from './outcomes.ts';
import { Processes, processBody } from './processes.ts';
import { RateLimit } from './rate-limit.ts';

export interface IdcloudSimulatorOptions {
  /** The service account and its public key (PEM). */
  account: string;
  tenantId: string;
  publicKey: string;
  /** Keys that are known. */
  apiKeys: readonly string[];
  /** `aud` of assertions; where it listens by default. */
  audience?: string;
  tokenTtlSeconds?: number;
  /** Requests per second over all of `/processes`; Unico's default is 10. 0 is no limit. */
  requestsPerSecond?: number;
  /** Course of subjects that have none of their own: one by name, or drawn by the seed. Test CPFs keep theirs. */
  otherwise?: CourseName | 'seeded';
  /** Courses by CPF. */
  courses?: Readonly<Record<string, CourseName>>;
  requireSdk?: boolean;
  /** Invalid assertions in a row that lock the account (1.2.18), and for how long. */
  lockAfter?: number;
  lockMs?: number;
  /** Decides everything random. */
  seed?: string;
  now?: () => number;
  record?: { keep?: number; bodies?: boolean };
}

export interface IdcloudSimulator {
  app: FastifyInstance;
  /** Where API and identity host listen. @throws before `listen`. */
  readonly url: string;
  readonly tokenUrl: string;
  /** Listens on 127.0.0.1, on any free port unless one is given. Returns the URL. */
  listen(port?: number): Promise<string>;
  /** Goes away (connections are refused) and comes back on the same port; what it holds stays. */
  pause(forMs?: number): Promise<void>;
  resume(): Promise<void>;
  close(): Promise<void>;
  received: ReceivedRecord;
  behaviours: Behaviours;
  processes: Processes;
  identity: Identity;
}

const TOKEN_PATH = '/oauth2/token';
const courseRequest = z.strictObject({ course: z.enum(courseNames) });

/**
 * Unico's IDCloud by Client, edition D, liveness with identity verification, and the identity host on the same port.
 * Operations for behaviours and record: `createProcess`, `getProcess`, `token`. `PUT /_admin/courses/{cpf} {course}` sets a course,
 * `DELETE /_admin/tokens` revokes every token, `GET /_admin/processes` lists.
 */
export function createIdcloudSimulator(options: IdcloudSimulatorOptions): IdcloudSimulator {
  const now = options.now ?? Date.now;
  const seed = options.seed ?? 'idcloud';
  const configured = new Map(Object.entries(options.courses ?? {}));
  // Base64 of 800 KB and room for one that is too large to be refused with its own code.
  const bodyLimit = 8 << 20;
  const shell = createShell({ seed, writeError: sendFault, now, bodyLimit, record: options.record });
  const { app, listener } = shell;
  const processes = new Processes({
    otherwise: options.otherwise ?? 'yes',
    courses: configured,
    requireSdk: options.requireSdk ?? false,
    seed,
    now,
  });
  const identity = new Identity({
    account: options.account,
    tenantId: options.tenantId,
    publicKey: options.publicKey,
    audience: () => options.audience ?? listener.url,
    tokenTtlSeconds: options.tokenTtlSeconds ?? 3_600,
    lockAfter: options.lockAfter ?? 20,
    lockMs: options.lockMs ?? 900_000,
    now,
  });
  const perSecond = options.requestsPerSecond ?? 10;
  const limit = new RateLimit(perSecond === 0 ? Number.POSITIVE_INFINITY : perSecond, now);
  const apiKeys = new Set(options.apiKeys);

  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_: unknown, raw: string) => {
      return new URLSearchParams(raw);
    },
  );
  app.setErrorHandler((error: { statusCode?: number }, _request, reply) =>
    (error.statusCode ?? 500) < 500 ? sendError(reply, 20003) : sendError(reply, 99999),
  );
  app.setNotFoundHandler((_request, reply) => reply.code(404).send());
  app.post(TOKEN_PATH, { config: { operation: 'token' } }, (request, reply) => identity.handle(request, reply));

  /** The gateway in front of the API: budget, then headers in the order of section 2.7. Nothing has been processed when it refuses. */
  const gate = async (request: FastifyRequest, reply: FastifyReply) => {
    const wait = limit.spend();
    if (wait > 0) return reply.code(429).header('retry-after', String(wait)).send();
    const { authorization, apikey } = request.headers;
    const refusal =
      (authorization ? undefined : 20001) ??
      (apikey ? undefined : 20002) ??
      identity.refusal(authorization) ??
      (apiKeys.has(String(apikey)) ? undefined : 10201);
    if (refusal !== undefined) return sendError(reply, refusal);
  };
  const handlers: Record<
    keyof typeof idcloudOperations,
    (request: FastifyRequest, reply: FastifyReply) => FastifyReply
  > = {
    createProcess: (request, reply) => {
      const created = processes.create(request.body);
      return typeof created === 'number' ? sendError(reply, created) : sendJson(reply, processBody(created));
    },
    getProcess: (request, reply) => {
      const found = processes.read((request.params as { id: string }).id);
      return found ? sendJson(reply, processBody(found)) : sendError(reply, 50001);
    },
  };
  for (const name of Object.keys(idcloudOperations) as (keyof typeof idcloudOperations)[]) {
    const { method, path } = idcloudOperations[name];
    const url = path.replaceAll(/\{(\w+)\}/g, ':$1');
    const handler = async (request: FastifyRequest, reply: FastifyReply) => handlers[name](request, reply);
    app.route({ method, url, config: { operation: name }, preHandler: gate, handler });
  }

  app.put<{ Params: { cpf: string } }>('/_admin/courses/:cpf', async (request, reply) => {
    const parsed = courseRequest.safeParse(request.body);
    if (!parsed.success) return reply.code(400).send({ error: z.prettifyError(parsed.error) });
    configured.set(request.params.cpf, parsed.data.course);
    return reply.code(204).send();
  });
  app.delete('/_admin/tokens', async (_request, reply) => {
    identity.revokeAll();
    return reply.code(204).send();
  });
  app.get('/_admin/processes', async () => processes.all());

  return {
    app,
    get url() {
      return listener.url;
    },
    get tokenUrl() {
      return `${listener.url}${TOKEN_PATH}`;
    },
    listen: (port) => listener.listen(port),
    pause: (forMs) => listener.pause(forMs),
    resume: () => listener.resume(),
    close: () => listener.close(),
    received: shell.received,
    behaviours: shell.behaviours,
    processes,
    identity,
  };
}

function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return reply.code(200).type('application/json; charset=utf-8').send(JSON.stringify(body));
}
