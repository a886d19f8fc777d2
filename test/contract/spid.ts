import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { spidChecks, subjectOf } from './spid-checks.ts';

export interface SpidContractTotals {
  operations: number;
  passed: number;
  failed: number;
}

/**
 * Tries every operation (or those named) between client and simulator over a real socket. Writes one line per operation
 * (`ok    getOperator  GET /gbs-spid-server/operator/{key}  client simulator`), what went wrong below those that fail, and the totals last.
 */
export async function runSpidContract(
  write: (line: string) => void,
  names: readonly SpidServerOperationName[] = Object.keys(spidServerOperations) as SpidServerOperationName[],
): Promise<SpidContractTotals> {
  let failed = 0;
  for (const name of names) {
    const subject = subjectOf(name);
    const faults: string[] = [];
    for (const [title, check] of Object.entries(spidChecks)) {
      try {
        await check(subject);
      } catch (error) {
        faults.push(`      ${title}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (faults.length > 0) failed += 1;
    const { method, path, provisional } = subject.row;
    const word = faults.length > 0 ? 'FAIL' : 'ok  ';
    write(`${word}  ${name}  ${method} ${path}  client simulator${provisional ? '  (provisional)' : ''}`);
    for (const fault of faults) write(fault);
  }
  const totals = { operations: names.length, passed: names.length - failed, failed };
  write(`contract spid: ${totals.operations} operations, ${totals.passed} passed, ${totals.failed} failed`);
  return totals;
}
