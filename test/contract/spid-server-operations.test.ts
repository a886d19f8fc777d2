import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { describe, expect, it } from 'vitest';
import { runSpidContract } from './spid.ts';
import { spidCases } from './spid-cases.ts';
import { spidChecks, subjectOf } from './spid-checks.ts';

const names = Object.keys(spidServerOperations) as SpidServerOperationName[];
const rows: [string, SpidServerOperation][] = Object.entries(spidServerOperations);

describe('the table', () => {
  it('has the 49 operations of 4.2.12, of which 20 are deprecated, each with a case', () => {
    expect(names).toHaveLength(49);
    expect(rows.filter(([, row]) => row.deprecated)).toHaveLength(20);
    expect(Object.keys(spidCases).sort()).toEqual([...names].sort());
  });

  it('has no two rows with one route, and a literal before the variable that would take it', () => {
    const routes = rows.map(([, { method, path }]) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`);
    expect(new Set(routes).size).toBe(routes.length);
    routes.forEach((route, at) => {
      const pattern = new RegExp(`^${route.replaceAll('{}', '[^/]+')}$`);
      const taken = routes.slice(at + 1).filter((later) => pattern.test(later));
      expect(taken, `${route} stands before`).toEqual([]);
    });
  });

  it('says by which read a lost write is found', () => {
    for (const [name, row] of rows) {
      expect(row.writes || row.retry === 'repeat', name).toBe(true);
      if (row.retry === 'repeat') expect(row.askBy, name).toBeUndefined();
      else expect(spidServerOperations[row.askBy as SpidServerOperationName].writes, name).toBe(false);
    }
  });
});

describe.each(names)('%s', (name) => {
  it.each(Object.entries(spidChecks))('%s', (_, check) => check(subjectOf(name)));
});

describe('the program', () => {
  it('prints a line for each operation and the totals last', async () => {
    const lines: string[] = [];
    const totals = await runSpidContract((line) => lines.push(line), ['getOperator', 'getStatus']);
    expect(totals).toEqual({ operations: 2, passed: 2, failed: 0 });
    expect(lines).toEqual([
      'ok    getOperator  GET /gbs-spid-server/operator/{key}  client simulator',
      'ok    getStatus  GET /gbs-spid-server/status  client simulator  (provisional)',
      'contract spid: 2 operations, 2 passed, 0 failed',
    ]);
  });
});
