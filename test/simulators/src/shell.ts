import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import * as z from 'zod';
import { Behaviours, behaviourRequest, type Call, type ErrorWriter, type Payload, type Rename } from './behaviour.ts';
import { Listener } from './listener.ts';
import { type Received, ReceivedRecord } from './received.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Name in the product's operation table; routes without one (administration) are neither recorded nor disturbed. */
    operation?: string;
  }
}

export interface ShellOptions {
  /** Decides everything random. */
  seed: string;
  writeError: ErrorWriter;
  now: () => number;
  bodyLimit: number;
  record?: { keep?: number; bodies?: boolean } | undefined;
  /** For the fault that changes ids; without it only the answer's changes. */
  rename?: Rename;
}

/** What every simulator has around its routes: behaviours, a record, administration and a socket. */
export interface Shell {
  app: FastifyInstance;
  behaviours: Behaviours;
  received: ReceivedRecord;
  listener: Listener;
}

const downRequest = z.strictObject({
  /** `refused` closes the port, administration included, and so needs `forMs`. */
  mode: z.enum(['unavailable', 'reset', 'refused']),
  forMs: z.int().min(1).max(600_000).optional(),
});

/** Builds the shell. JSON bodies are parsed here so that the record knows their bytes; a body that is not JSON arrives as undefined. */
export function createShell(options: ShellOptions): Shell {
  const app = Fastify({
    bodyLimit: options.bodyLimit,
    forceCloseConnections: true,
    // Longer path variables are for the product to refuse, in its own form.
    routerOptions: { maxParamLength: 1_024 },
  });
  const behaviours = new Behaviours(options.seed, options.writeError, options.rename);
  const received = new ReceivedRecord(options.record);
  const listener = new Listener(app);
  const closing = new AbortController();
  const entries = new WeakMap<FastifyRequest, Received>();
  const callOf = (request: FastifyRequest, reply: Call['reply'], operation: string): Call => ({
    operation,
    request,
    reply,
    closing: closing.signal,
  });

  app.addHook('onRequest', async (request, reply) => {
    const { operation } = request.routeOptions.config;
    if (operation === undefined) return;
    const { method, headers } = request;
    const params = { ...(request.params as Record<string, string>) };
    entries.set(request, received.add({ at: options.now(), operation, method, params, headers: { ...headers } }));
    if (await behaviours.before(callOf(request, reply, operation))) return reply;
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const { operation } = request.routeOptions.config;
    const entry = entries.get(request);
    if (operation === undefined || !entry) return payload;
    entry.status = reply.statusCode;
    return reply.statusCode < 400 ? behaviours.after(callOf(request, reply, operation), payload as Payload) : payload;
  });
  app.addHook('onClose', async () => closing.abort());
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (request: FastifyRequest, raw: Buffer) => {
    const parsed = parseJson(raw);
    const entry = entries.get(request);
    if (entry) received.body(entry, raw, parsed);
    return parsed;
  });

  app.get('/_admin/received', async () => received.of().map(({ headers: _, body: __, ...entry }) => entry));
  app.delete('/_admin/received', async (_request, reply) => {
    received.clear();
    return reply.code(204).send();
  });
  app.put('/_admin/behaviours', async (request, reply) => {
    const parsed = z.union([behaviourRequest, z.array(behaviourRequest)]).safeParse(request.body);
    if (!parsed.success) return reply.code(400).send({ error: z.prettifyError(parsed.error) });
    for (const one of [parsed.data].flat()) behaviours.add(one);
    return { active: behaviours.size };
  });
  app.delete('/_admin/behaviours', async (_request, reply) => {
    behaviours.clear();
    return reply.code(204).send();
  });
  app.put('/_admin/down', async (request, reply) => {
    const parsed = downRequest.safeParse(request.body);
    if (!parsed.success) return reply.code(400).send({ error: z.prettifyError(parsed.error) });
    const { mode, forMs } = parsed.data;
    if (mode !== 'refused') {
      behaviours.down = mode;
      return reply.code(204).send();
    }
    if (forMs === undefined) return reply.code(400).send({ error: 'refused closes this route too: say forMs' });
    reply.raw.once('close', () => void listener.pause(forMs));
    return reply.code(204).header('connection', 'close').send();
  });
  app.delete('/_admin/down', async (_request, reply) => {
    behaviours.down = undefined;
    return reply.code(204).send();
  });
  return { app, behaviours, received, listener };
}

function parseJson(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    return undefined;
  }
}
