import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { type Random, random } from './people/random.ts';

/** A call on its way through a simulator. */
export interface Call {
  /** Name in the product's operation table. */
  operation: string;
  request: FastifyRequest;
  reply: FastifyReply;
  /** Aborted when the simulator closes: delays end with it. */
  closing: AbortSignal;
}

/** What a simulator sends. */
export type Payload = string | Buffer | Readable | null;

/**
 * A way to misbehave. The newest that fits acts first; when it says that it handled the call, older ones and the product itself do not see
 * it. One that only does something on the way (a delay) returns false and the call goes on.
 */
export interface Behaviour {
  /** An operation's name, or `*`. */
  operation: string;
  /** Before a byte of the body is read: nothing has happened yet. True when the call has been handled (answered, or its socket destroyed). */
  before?(call: Call): boolean | Promise<boolean>;
  /** After the product has acted and before its success is sent. Returns what is sent instead, or undefined to let it pass. */
  after?(call: Call, payload: Payload): Payload | undefined | Promise<Payload | undefined>;
}

/** Faults as data, so that they can be switched from another process. */
export const fault = z.discriminatedUnion('type', [
  /** Waits; `after` means that the call has been taken and the answer is late. */
  z.strictObject({
    type: z.literal('latency'),
    ms: z.int().min(0),
    when: z.enum(['before', 'after']).default('before'),
  }),
  /** Answers with the product's error body and does nothing. `code` is the product's own error type or code. */
  z.strictObject({
    type: z.literal('status'),
    status: z.int().min(400).max(599),
    code: z.string().optional(),
    retryAfterSeconds: z.int().min(0).optional(),
  }),
  /** Resets the connection before a byte of the body is read. */
  z.strictObject({ type: z.literal('drop-before-read') }),
  /** Takes the call and closes the connection instead of answering: the effect exists. */
  z.strictObject({ type: z.literal('drop-after-accept') }),
  /** Takes the call and answers 201 with nothing. */
  z.strictObject({ type: z.literal('accept-without-body') }),
  /** Takes the call and answers with half of its JSON. */
  z.strictObject({ type: z.literal('malformed-json') }),
  /** Takes the call, answers with a Content-Length that is more than it sends, and ends the connection. */
  z.strictObject({ type: z.literal('wrong-length') }),
  /** Takes the call, sends half of the answer, waits, sends the rest. */
  z.strictObject({ type: z.literal('slow-body'), ms: z.int().min(0) }),
  /** Takes the call and answers with this as its `status`. What the product holds keeps its own word. */
  z.strictObject({ type: z.literal('status-word'), word: z.string().min(1) }),
  /** Takes the call and gives its transaction another id, in the answer and in what the product holds: the old one is unknown from then on. */
  z.strictObject({ type: z.literal('changed-id') }),
]);
export type Fault = z.output<typeof fault>;

export const behaviourRequest = z.strictObject({
  operation: z.string().default('*'),
  fault,
  /** Calls that it acts on before it is gone; for ever when absent. */
  times: z.int().min(1).optional(),
  /** Chance that it acts on a call that fits, drawn from the simulator's seed. */
  probability: z.number().min(0).max(1).optional(),
});
export type BehaviourRequest = z.input<typeof behaviourRequest>;

/** Writes the product's own error body. */
export type ErrorWriter = (reply: FastifyReply, status: number, code?: string) => FastifyReply;

/** Gives a transaction another id in what the product holds. */
export type Rename = (from: string, to: string) => void;

/** The misbehaviours of one simulator, newest first. */
export class Behaviours {
  readonly #list: Behaviour[] = [];
  readonly #random: Random;
  readonly #writeError: ErrorWriter;
  readonly #rename: Rename;
  #down: 'unavailable' | 'reset' | undefined;

  constructor(seed: string, writeError: ErrorWriter, rename: Rename = () => {}) {
    this.#rename = rename;
    this.#random = random(`behaviours ${seed}`);
    this.#writeError = writeError;
  }

  /** Adds one that is written in code. Returns how to take it away again. */
  use(behaviour: Behaviour): () => void {
    this.#list.unshift(behaviour);
    return () => {
      const at = this.#list.indexOf(behaviour);
      if (at >= 0) this.#list.splice(at, 1);
    };
  }

  /** Adds one that is data. Returns how to take it away again. */
  add(request: BehaviourRequest): () => void {
    const { operation, fault: chosen, times, probability } = behaviourRequest.parse(request);
    let left = times ?? Number.POSITIVE_INFINITY;
    const acts = (): boolean => {
      if (left <= 0 || (probability !== undefined && !this.#random.chance(probability))) return false;
      left -= 1;
      if (left <= 0) remove();
      return true;
    };
    const remove = this.use({ operation, ...faultBehaviour(chosen, acts, this.#writeError, this.#rename) });
    return remove;
  }

  clear(): void {
    this.#list.length = 0;
    this.#down = undefined;
  }

  get size(): number {
    return this.#list.length;
  }

  /** Everything is refused: with 503, or by resetting each connection. Undefined is up. */
  set down(how: 'unavailable' | 'reset' | undefined) {
    this.#down = how;
  }

  get down(): 'unavailable' | 'reset' | undefined {
    return this.#down;
  }

  /** True when the call has been handled. */
  async before(call: Call): Promise<boolean> {
    if (this.#down === 'reset') return reset(call);
    if (this.#down === 'unavailable') {
      this.#writeError(call.reply, 503);
      return true;
    }
    for (const behaviour of this.#fitting(call)) if (await behaviour.before?.(call)) return true;
    return false;
  }

  async after(call: Call, payload: Payload): Promise<Payload> {
    for (const behaviour of this.#fitting(call)) {
      const instead = await behaviour.after?.(call, payload);
      if (instead !== undefined) return instead;
    }
    return payload;
  }

  #fitting(call: Call): Behaviour[] {
    return this.#list.filter((one) => one.operation === '*' || one.operation === call.operation);
  }
}

function reset(call: Call): true {
  call.reply.hijack();
  call.request.raw.socket.resetAndDestroy();
  return true;
}

/** `acts` decides, call by call, and counts. */
function faultBehaviour(
  chosen: Fault,
  acts: () => boolean,
  writeError: ErrorWriter,
  rename: Rename,
): Omit<Behaviour, 'operation'> {
  const after = (what: (call: Call, payload: Payload) => Payload | undefined | Promise<Payload | undefined>) => ({
    after: (call: Call, payload: Payload) => (acts() ? what(call, payload) : undefined),
  });
  switch (chosen.type) {
    case 'latency': {
      const wait = (call: Call) => delay(chosen.ms, undefined, { signal: call.closing }).catch(() => {});
      if (chosen.when === 'after') return after((call) => wait(call).then(() => undefined));
      return { before: async (call) => (acts() ? wait(call).then(() => false) : false) };
    }
    case 'status':
      return {
        before(call) {
          if (!acts()) return false;
          if (chosen.retryAfterSeconds !== undefined)
            call.reply.header('retry-after', String(chosen.retryAfterSeconds));
          writeError(call.reply, chosen.status, chosen.code);
          return true;
        },
      };
    case 'drop-before-read':
      return { before: (call) => acts() && reset(call) };
    case 'drop-after-accept':
      return after((call, payload) => {
        call.request.raw.socket.destroy();
        return payload;
      });
    case 'accept-without-body':
      return after((call) => {
        call.reply.code(201).removeHeader('content-type');
        return '';
      });
    case 'malformed-json':
      return after((_call, payload) => firstHalf(payload));
    case 'wrong-length':
      return after((call, payload) => {
        const bytes = bytesOf(payload);
        if (!bytes) return payload;
        call.reply.header('content-length', bytes.length + 7);
        return Readable.from(thenEnd(bytes, call), { objectMode: false });
      });
    case 'slow-body':
      return after((call, payload) => slowly(payload, chosen.ms, call.closing));
    case 'status-word':
      return after((_call, payload) => rewritten(payload, () => ({ status: chosen.word })));
    case 'changed-id':
      return after((_call, payload) =>
        rewritten(payload, (answer) => {
          const field = ['id', 'tguid', 'transaction-guid'].find((name) => typeof answer[name] === 'string');
          if (field === undefined) return {};
          const id = randomUUID();
          rename(answer[field] as string, id);
          return { [field]: id };
        }),
      );
    default:
      return chosen satisfies never;
  }
}

/** A JSON object with some of its fields replaced; anything else as it is. */
function rewritten(payload: Payload, change: (answer: Record<string, unknown>) => object): Payload {
  try {
    const answer: unknown = JSON.parse(bytesOf(payload)?.toString('utf8') ?? '');
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return payload;
    return JSON.stringify({ ...answer, ...change(answer as Record<string, unknown>) });
  } catch {
    return payload;
  }
}

function bytesOf(payload: Payload): Buffer | undefined {
  if (typeof payload === 'string') return Buffer.from(payload);
  return Buffer.isBuffer(payload) ? payload : undefined;
}

function firstHalf(payload: Payload): Payload {
  const bytes = bytesOf(payload);
  return bytes ? bytes.subarray(0, Math.ceil(bytes.length / 2)) : payload;
}

async function* thenEnd(bytes: Buffer, call: Call): AsyncGenerator<Buffer> {
  yield bytes;
  call.request.raw.socket.end();
}

function slowly(payload: Payload, ms: number, closing: AbortSignal): Payload {
  const bytes = bytesOf(payload);
  if (!bytes) return payload;
  const half = Math.ceil(bytes.length / 2);
  return Readable.from(
    (async function* () {
      yield bytes.subarray(0, half);
      await delay(ms, undefined, { signal: closing }).catch(() => {});
      yield bytes.subarray(half);
    })(),
    { objectMode: false },
  );
}
