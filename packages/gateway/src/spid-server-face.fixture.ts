import { readdir } from 'node:fs/promises';
import { errorResponse } from '@atesto/shared/contracts/spid-server';
import type { TestGateway } from './gateway.fixture.ts';
import { OPERATOR, pictureOf, SOMEBODY } from './gateway.fixture.ts';

let clock = 1_732_147_200_000;

/** A submission of SPID Server's form, about another capture each time, in a form that no serialiser of ours would give. */
export function submissionOf(marker: string, change: object = {}, biometric: object = {}) {
  clock += 1;
  const content = pictureOf(marker).toString('base64');
  const json = {
    data: {
      biometrics: [{ index: 6, content, width: 1, height: 1, resolution: 500, ...biometric }],
      missingBiometrics: [{ index: 3, type: 'AMPUTATED', reason: 'text' }],
      userId: SOMEBODY,
      operatorId: OPERATOR,
      timestamp: clock,
      ...change,
    },
  };
  return { json, text: JSON.stringify(json, undefined, 3) };
}

/** Status and type of an answer that has to be an `ErrorResponse`. */
export async function refusalOf(response: Response): Promise<[number, string]> {
  return [response.status, errorResponse.parse(await response.json()).type];
}

/** What an accepted submission leaves: rows, jobs, files of the vault. */
export async function countsOf(gateway: TestGateway) {
  const { rows } = await gateway.context.db.query(
    `select (select count(*)::int from transactions) as transactions, (select count(*)::int from bullmq.job) as jobs`,
  );
  const files = await readdir(gateway.vaultDir, { recursive: true, withFileTypes: true });
  return { ...rows[0], files: files.filter((entry) => entry.isFile()).length };
}
