import type { SpidServerOperation } from '@atesto/shared/contracts/spid-server-operation';
import { type SpidServerOperationName, spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operationRows, runSpidContract } from './spid.ts';
import { spidCases } from './spid-cases.ts';
import { spidChecks, subjectOf } from './spid-checks.ts';
import { type FaceHouse, openFaceHouse } from './spid-face-house.ts';

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
  let face: FaceHouse;
  beforeAll(async () => {
    face = await openFaceHouse();
  });
  afterAll(() => face?.close());

  it('prints a line for each operation and the totals last', async () => {
    const lines: string[] = [];
    const rows = operationRows(() => face, ['deleteOperator', 'getStatus']);
    const totals = await runSpidContract((line) => lines.push(line), rows);
    expect(lines).toEqual([
      'ok    deleteOperator  DELETE /gbs-spid-server/operator/{key}  client simulator face',
      'ok    getStatus  GET /gbs-spid-server/status  client simulator face  (provisional)',
      'contract spid: 2 operations, 2 passed, 0 failed',
    ]);
    expect(totals).toEqual({ operations: 2, passed: 2, failed: 0 });
  });

  it('names what went wrong with a row, goes on, and counts it', async () => {
    const lines: string[] = [];
    const row = { method: 'GET', path: '/x', provisional: false } as const;
    const fails = async () => Promise.reject(new Error('not as it has to be'));
    const between = ['one', 'other'];
    const totals = await runSpidContract(
      (line) => lines.push(line),
      [
        { name: 'first', row, between, checks: [['does', fails]] },
        { name: 'second', row, between, checks: [] },
      ],
    );
    expect(totals).toEqual({ operations: 2, passed: 1, failed: 1 });
    expect(lines).toEqual([
      'FAIL  first  GET /x  one other',
      '      does: not as it has to be',
      'ok    second  GET /x  one other',
      'contract spid: 2 operations, 1 passed, 1 failed',
    ]);
  });
});
