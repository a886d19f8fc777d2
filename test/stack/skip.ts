import type { TestContext } from 'vitest';

/** Skips a test, and says why on the terminal: a summary shows only the number of those that were skipped. */
export function skipBecause({ skip, task }: Pick<TestContext, 'skip' | 'task'>, reason: string): never {
  process.stderr.write(`skipped: ${task.name}: ${reason}\n`);
  return skip(reason);
}
