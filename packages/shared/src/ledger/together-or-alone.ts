import { inGroups } from '../domain/in-groups.ts';

/** More would hold the others longer than they save. */
const ROWS_OF_STATEMENT = 50;

/**
 * Writes in groups: what comes while a statement is under way goes into the next one together, and each caller gets what it would have got alone. Where the
 * database undid all of a group for the fault of one, each is tried alone. Where it is not certain that it was undone, everybody is told.
 */
export function togetherOrAlone<T, R>(
  together: (items: readonly T[]) => Promise<readonly R[]>,
  alone: (item: T) => Promise<R>,
): (item: T) => Promise<R> {
  const write = inGroups(async (items: readonly T[]) => {
    try {
      return (await together(items)).map((result) => ({ result }));
    } catch (error) {
      if (!wasUndone(error)) throw error;
      return items.map(() => undefined);
    }
  }, ROWS_OF_STATEMENT);
  return async (item) => {
    const written = await write(item);
    return written ? written.result : alone(item);
  };
}

/** An error that a statement ends with, and not the connection. */
function wasUndone(error: unknown): boolean {
  return error instanceof Error && 'severity' in error && error.severity === 'ERROR';
}
