import { Worker } from 'node:worker_threads';
import type { FaceAdvice } from '@atesto/shared/domain/face-measures';

/** A picture that takes longer is none that a person waits for. The first one of a process loads its decoder. */
const BUDGET_MS = 2_000;
/** Pictures that wait for the thread; more are not looked at. */
const WAITING_MAX = 8;

/** Looks at pictures, off the event loop. */
export interface PictureAdviser {
  /** Advice on a PNG, JPEG or WebP; undefined where it cannot be decoded, or not soon enough. Never throws. */
  advise(picture: Buffer): Promise<FaceAdvice | undefined>;
  close(): Promise<void>;
}

interface Job {
  picture: Buffer;
  done(advice: FaceAdvice | undefined): void;
}

/**
 * One thread, started by the first picture, with the decoders in WebAssembly: what is wrong with them stays in their own memory. A picture that
 * takes too long takes the thread with it; the next one gets a new one.
 */
export function createPictureAdviser(): PictureAdviser {
  const waiting: Job[] = [];
  let thread: Worker | undefined;
  let current: Job | undefined;
  let timer: NodeJS.Timeout | undefined;

  function finish(advice: FaceAdvice | undefined): void {
    clearTimeout(timer);
    current?.done(advice);
    current = waiting.shift();
    if (current) post(current.picture);
  }

  function post(picture: Buffer): void {
    thread ??= start();
    timer = setTimeout(lose, BUDGET_MS);
    timer.unref();
    thread.postMessage(picture);
  }

  function start(): Worker {
    // Decoders complain on standard error.
    const worker = new Worker(new URL('./decode-thread.ts', import.meta.url), { stdout: true, stderr: true });
    worker.stdout.resume();
    worker.stderr.resume();
    worker.unref();
    worker.on('message', (advice) => thread === worker && finish(advice));
    worker.on('error', () => thread === worker && lose());
    return worker;
  }

  function lose(): void {
    void thread?.terminate();
    thread = undefined;
    finish(undefined);
  }

  return {
    advise(picture) {
      return new Promise((done) => {
        const job = { picture, done };
        if (!current) {
          current = job;
          post(picture);
        } else if (waiting.length < WAITING_MAX) waiting.push(job);
        else done(undefined);
      });
    },
    async close() {
      clearTimeout(timer);
      await thread?.terminate();
      for (const job of [current, ...waiting.splice(0)]) job?.done(undefined);
      current = undefined;
    },
  };
}
