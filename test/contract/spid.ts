import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { type SpidServicesCall, spidServicesRoutes } from '@atesto/shared/contracts/spid-services';
import { runContract } from './run-contract.ts';
import { spidChecks, subjectOf } from './spid-checks.ts';
import { faceChecks } from './spid-face-checks.ts';
import type { FaceHouse } from './spid-face-house.ts';
import { servicesChecks, servicesSubject } from './spid-services-checks.ts';
import type { ServicesHouse } from './spid-services-house.ts';

/** One row of a table, and everything that is tried with it. */
export interface ContractRow {
  name: string;
  row: Pick<SpidServerOperation, 'method' | 'path' | 'provisional'>;
  /** Who is tried against whom. */
  between: readonly string[];
  checks: readonly (readonly [title: string, check: () => Promise<void>])[];
}

export interface SpidContractTotals {
  operations: number;
  passed: number;
  failed: number;
}

/** Operations of SPID Server: every one, or those named. Through the face one at a time: servers come and go behind it. */
export function operationRows(
  house: () => FaceHouse,
  names = Object.keys(spidServerOperations) as SpidServerOperationName[],
): ContractRow[] {
  return names.map((name) => {
    const subject = subjectOf(name);
    const direct = Object.entries(spidChecks).map(([title, check]) => [title, () => check(subject)] as const);
    const atFace = Object.entries(faceChecks).map(([title, check]) => [title, () => check(house(), subject)] as const);
    return { name, row: subject.row, between: ['client', 'simulator', 'face'], checks: [...direct, ...atFace] };
  });
}

/** Calls of SPID Services: every one, or those named. One at a time: the house has one station. */
export function callRows(
  house: () => ServicesHouse,
  names = Object.keys(spidServicesRoutes) as SpidServicesCall[],
): ContractRow[] {
  return names.map((name) => {
    const subject = servicesSubject(name);
    const checks = Object.entries(servicesChecks).map(
      ([title, check]) => [title, () => check(house(), subject)] as const,
    );
    return { name, row: subject.row, between: ['bridge', 'relay'], checks };
  });
}

/**
 * Tries every row over real sockets. Writes one line for each (`ok    getOperator  GET /gbs-spid-server/operator/{key}  client simulator face`), what went
 * wrong below those that fail, and the totals last.
 */
export async function runSpidContract(
  write: (line: string) => void,
  rows: readonly ContractRow[],
): Promise<SpidContractTotals> {
  const lines = rows.map(({ name, row, between, checks }) => ({
    line: `${name}  ${row.method} ${row.path}  ${between.join(' ')}${row.provisional ? '  (provisional)' : ''}`,
    checks,
  }));
  const { tried, ...totals } = await runContract(write, { contract: 'spid', of: 'operations' }, [{ lines }]);
  return { operations: tried, ...totals };
}
