import { fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';

interface Question {
  id: number;
  name: string;
  value: unknown;
}
type Answer = { id: number; value: unknown } | { id: number; problem: string };

/** A process of the bench that is asked over its IPC channel. */
export interface Child {
  readonly pid: number;
  /** @throws Error with what the child threw, or when it is gone */
  ask<T>(name: string, value?: unknown): Promise<T>;
  /** Closes the channel, which ends it; kills it after five seconds. */
  stop(): Promise<void>;
}

/** Starts a program of this folder on the Node that runs this. It ends when this process does, however that ends. */
export function openChild(main: string, args: readonly string[], logFile: string): Child {
  const log = openSync(logFile, 'a');
  const child = fork(path.join(import.meta.dirname, main), args, {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  let gone: Error | undefined;
  const exited = new Promise<void>((resolve) => {
    const end = (why: string) => {
      gone = new Error(`${main} ${args[0] ?? ''} ${why}; see ${logFile}`);
      for (const { reject } of waiting.values()) reject(gone);
      resolve();
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(`ended with ${signal ?? code}`));
  });
  child.on('message', (answer: Answer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('problem' in answer) asked?.reject(new Error(answer.problem));
    else asked?.resolve(answer.value);
  });
  return {
    pid: child.pid as number,
    ask<T>(name: string, value?: unknown) {
      if (gone) return Promise.reject(gone);
      const asked = Promise.withResolvers<unknown>();
      waiting.set(++last, asked);
      child.send({ id: last, name, value } satisfies Question);
      return asked.promise as Promise<T>;
    },
    async stop() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** The child's side: answers until the parent is gone. */
export function answerParent(answers: Record<string, (value: never) => unknown>, close?: () => Promise<void>): void {
  process.on('message', async ({ id, name, value }: Question) => {
    const reply = (answer: Answer) => process.connected && process.send?.(answer);
    try {
      const answer = answers[name];
      if (!answer) throw new Error(`nothing answers to ${name}`);
      reply({ id, value: await answer(value as never) });
    } catch (error) {
      reply({ id, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once('disconnect', () => {
    // Whatever a close waits for, it does not keep us.
    setTimeout(() => process.exit(1), 4_000);
    void (close?.() ?? Promise.resolve()).catch(() => undefined).finally(() => process.exit());
  });
  // Ctrl-C in a terminal reaches the whole group: the parent ends us, in order.
  process.on('SIGINT', () => undefined);
}
