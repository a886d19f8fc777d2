import type { ServerResponse } from 'node:http';
import type { TransactionFeed } from '@atesto/shared/ledger/notifications';
import type { FastifyReply } from 'fastify';
import { callerGone } from './caller-gone.ts';

/** A comment line goes out this often, so that proxies and the caller know that the line lives. */
const HEARTBEAT_MS = 15_000;

/** The event streams (SSE) of a route that are open. */
export class EventStreams {
  readonly #feed: TransactionFeed;
  readonly #open = new Set<() => void>();

  constructor(feed: TransactionFeed) {
    this.#feed = feed;
  }

  /**
   * Answers with a stream that stays open. `push` writes what there is to say: at once, and whenever the ledger announces `id`. One push after another, so
   * that events keep their order; one that fails ends the stream.
   */
  open(reply: FastifyReply, id: string, push: (stream: ServerResponse) => Promise<void>): void {
    reply.hijack();
    const stream = reply.raw;
    const gone = callerGone(reply);
    // Its end was announced before there was anybody to clear up after it.
    if (gone.aborted) return;
    // A stream is open for long: the server's time for a whole request is not its.
    stream.setTimeout(0);
    stream.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      // The stream ends with its connection, so that a server that closes does not wait for it to go idle.
      connection: 'close',
    });
    const end = () => void stream.end();
    let pushing: Promise<void> = Promise.resolve();
    const next = () => {
      // What is behind the one that ended the stream has nothing more to say.
      pushing = pushing.then(() => (stream.writableEnded ? undefined : push(stream))).catch(end);
    };
    const unsubscribe = this.#feed.subscribe(id, next);
    const heartbeat = setInterval(() => stream.write(':\n\n'), HEARTBEAT_MS);
    this.#open.add(end);
    gone.addEventListener('abort', () => {
      unsubscribe();
      clearInterval(heartbeat);
      this.#open.delete(end);
    });
    next();
  }

  /** Ends them all: a server that closes does not wait for them. */
  close(): void {
    for (const end of this.#open) end();
  }
}
