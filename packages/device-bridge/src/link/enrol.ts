import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeSecretFile } from '@atesto/shared/config/secret-file';
import { stationAnswer } from '@atesto/shared/contracts/gateway';
import { Agent } from 'undici';
import type { StationIdentity } from './station-key.ts';

export interface EnrolOptions {
  /** Origin of the gateway. */
  url: string;
  ca?: string;
  /** Where the station's key goes: a file that only this user reads. */
  keyFile: string;
  timeoutMs?: number;
}

export type EnrolResult =
  | { kind: 'ok'; station: StationIdentity }
  /** Used before, expired or never given. */
  | { kind: 'refused'; status: number }
  | { kind: 'unavailable' };

/** Redeems a one-time code for the station's own key (`POST /v1/stations`). @throws where the key file cannot be written */
export async function enrol(code: string, options: EnrolOptions): Promise<EnrolResult> {
  const { url, ca, keyFile, timeoutMs = 10_000 } = options;
  // A code works once: it is not spent where its key could not be kept.
  await access(dirname(keyFile), constants.W_OK);
  const agent = new Agent({
    connect: { timeout: timeoutMs, ...(ca !== undefined && { ca }) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  let station: StationIdentity;
  try {
    const answer = await agent.request({
      origin: new URL(url).origin,
      method: 'POST',
      path: '/v1/stations',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ code: code.trim() }),
    });
    if (answer.statusCode >= 500 || answer.statusCode === 429) {
      await answer.body.dump();
      return { kind: 'unavailable' };
    }
    if (answer.statusCode < 200 || answer.statusCode >= 300) {
      await answer.body.dump();
      return { kind: 'refused', status: answer.statusCode };
    }
    station = stationAnswer.parse(await answer.body.json());
  } catch {
    return { kind: 'unavailable' };
  } finally {
    await agent.destroy();
  }
  await writeSecretFile(keyFile, JSON.stringify(station), { existing: 'replace' });
  return { kind: 'ok', station };
}
