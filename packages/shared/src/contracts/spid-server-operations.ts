import { deprecatedOperations } from './spid-server-deprecated.ts';
import { houseOperations } from './spid-server-house.ts';
import type { SpidServerOperation } from './spid-server-operation.ts';
import { peopleOperations } from './spid-server-people.ts';

/**
 * All operations of SPID Server 4.2.12, 29 current and 20 deprecated; client, face, simulator, contract tests and docs are driven by it. A
 * literal stands before the variable that it would be taken for (`operator/list`, `operator/{key}`).
 */
export const spidServerOperations = { ...peopleOperations, ...houseOperations, ...deprecatedOperations } as const;

export type SpidServerOperationName = keyof typeof spidServerOperations;
/** The table as a profile leaves it: same rows, perhaps other routes. */
export type SpidServerTable = Readonly<Record<SpidServerOperationName, SpidServerOperation>>;
