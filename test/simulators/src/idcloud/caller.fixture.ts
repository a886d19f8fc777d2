import { generateKeyPairSync } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { encodePng } from '../spid-server/biometrics.ts';
import type { SimulatedKey } from './accounts.ts';
import { type Said, saidIn } from './said.fixture.ts';
import { createIdcloudSimulator, type IdcloudSimulator, type IdcloudSimulatorOptions } from './simulator.ts';

export const pair = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
export const tenantId = '0f5a5a4e-7a4e-4f5a-9d0e-3f6f1f7a1c11';

/** Base64 of a grey PNG. */
export function picture(width = 480, height = 640): string {
  return Buffer.from(encodePng({ width, height, pixels: new Uint8Array(width * height), dpiX: 72, dpiY: 72 })).toString(
    'base64',
  );
}
export const portrait = picture();

export function key(
  apiKey: string,
  capabilities: SimulatedKey['capabilities'],
  edition: 'B' | 'D' = 'D',
): SimulatedKey {
  return { apiKey, capabilities, edition, sdkOnly: false };
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  body: Said;
}

export interface Caller {
  simulator: IdcloudSimulator;
  clock: { now: number };
  /** A call with a token of the first account, or with the headers given. */
  call(method: string, path: string, options?: { apiKey?: string; body?: unknown; token?: string }): Promise<Answer>;
}

/** A simulator that listens for one test, on a clock of its own, and somebody who calls it. */
export async function openCaller(options: Partial<IdcloudSimulatorOptions> = {}): Promise<Caller> {
  const clock = { now: Date.parse('2026-11-22T12:00:00Z') };
  const simulator = createIdcloudSimulator({
    ...{ account: 'atesto', tenantId, publicKey: pair.publicKey, apiKeys: ['key'], requestsPerSecond: 0 },
    now: () => clock.now,
    ...options,
  });
  await simulator.listen();
  onTestFinished(() => simulator.close());
  const issued = await simulator.identity.issue();
  return {
    simulator,
    clock,
    async call(method, path, { apiKey, body, token = issued } = {}) {
      const url = path.startsWith('http') ? path : `${simulator.url}${path}`;
      const answer = await fetch(url, {
        method,
        headers: {
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...(apiKey === undefined ? {} : { apikey: apiKey }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, text, body: saidIn(text) };
    },
  };
}
