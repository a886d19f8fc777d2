import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type SpidServicesRoute, spidServicesRoutes } from '@atesto/shared/contracts/spid-services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProcesses, type Processes } from '../stack/processes.ts';
import { callRows } from './spid.ts';
import { openServicesHouse, type ServicesHouse } from './spid-services-house.ts';

let dir: string;
let processes: Processes;
let house: ServicesHouse;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'atesto-contract-'));
  processes = openProcesses({ logDir: path.join(dir, 'logs') });
  house = await openServicesHouse(dir, processes);
});
afterAll(async () => {
  await processes?.stopAll();
  await rm(dir, { recursive: true, force: true });
});

it('the table has 18 calls, of which the route of one is published', () => {
  const rows: SpidServicesRoute[] = Object.values(spidServicesRoutes);
  expect(rows).toHaveLength(18);
  expect(rows.filter(({ provisional }) => !provisional)).toHaveLength(1);
});

describe.each(callRows(() => house))('$name at the bridge and through the relay', ({ checks }) => {
  it.each(checks)('%s', (_, check) => check());
});
