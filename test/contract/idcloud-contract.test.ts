import { idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import { tokenErrors } from '@atesto/shared/contracts/idcloud-token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IdcloudHouse } from '../e2e/idcloud-house.fixture.ts';
import { idcloudLines } from './idcloud.ts';
import { openContractHouse } from './idcloud-contract-house.ts';

let house: IdcloudHouse;
beforeAll(async () => {
  house = await openContractHouse();
});
afterAll(() => house?.close());

const lines = idcloudLines(() => house).flatMap((group) => group.lines);
const linesOf = (begin: RegExp) => lines.filter(({ line }) => begin.test(line));

it('has a line for every row of the error tables, and the ten scenarios', () => {
  expect(linesOf(/^error {2}\d/)).toHaveLength(Object.keys(idcloudErrors).length);
  expect(linesOf(/^error token/)).toHaveLength(Object.keys(tokenErrors).length);
  const scenarios = linesOf(/^scenario {2}\d/).map(({ line }) => line.slice(10, 12));
  expect([...new Set(scenarios)].sort()).toEqual(['01', '02', '03', '04', '05', '06', '07', '08', '09', '10']);
});

/** What no other test takes through gateway and workers; `npm run contract -- idcloud` tries them all. */
const selected = [
  /^scenario {2}(03 .|08 D|09 D|10 B) /,
  /^error {2}(10502|50001|99999)/,
  /^error by Unico {2}(7|9|401|Sucess)/,
  /^error token {2}1\.2\.(4|18|22)/,
];
describe.each(selected.flatMap(linesOf))('$line', ({ checks }) => {
  it.each(checks)('%s', async (_, check) => {
    await check();
  });
});
