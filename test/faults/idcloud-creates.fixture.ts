import { randomUUID } from 'node:crypto';
import type { CourseName } from '@atesto/simulators/idcloud/outcomes';
import { virtualCpf } from '@atesto/simulators/people/cpf';
import { random } from '@atesto/simulators/people/random';
import { encodePng } from '@atesto/simulators/spid-server/biometrics';
import { call } from '../stack/call.ts';
import type { House } from '../stack/house.ts';
import type { Answer } from './enrolments.fixture.ts';

/** A create of by Client as a system makes it, under a key of its own, so that it can be repeated. */
export interface Create {
  idempotencyKey: string;
  cpf: string;
  body: string;
}

/** Nobody's face: a grey picture that is large enough. */
const portrait = Buffer.from(
  encodePng({ width: 480, height: 640, pixels: new Uint8Array(480 * 640).fill(128), dpiX: 72, dpiY: 72 }),
).toString('base64');

/** Somebody new at each call. */
export function createsOf(seed: string): () => Create {
  const stream = random(`idcloud ${seed}`);
  const taken = new Set<string>();
  return () => {
    let cpf = virtualCpf(stream);
    while (taken.has(cpf)) cpf = virtualCpf(stream);
    taken.add(cpf);
    const body = JSON.stringify({ subject: { code: cpf }, imageBase64: portrait });
    return { idempotencyKey: randomUUID(), cpf, body };
  };
}

/** Makes a create at the gateway's face. What is acknowledged has the transaction's id. */
export async function postCreate(house: House, key: string, { idempotencyKey, body }: Create): Promise<Answer> {
  const headers = {
    authorization: `Bearer ${key}`,
    apikey: house.idcloud.keys.default,
    'idempotency-key': idempotencyKey,
    'content-type': 'application/json',
  };
  try {
    const answer = await fetch(`${house.gateway.url}/idcloud/processes/v1`, { method: 'POST', headers, body });
    const text = await answer.text();
    const id = answer.ok ? (JSON.parse(text) as { id: string }).id : undefined;
    return { status: answer.status, acknowledged: answer.ok, text, ...(id !== undefined && { id }) };
  } catch {
    return { status: undefined, acknowledged: false };
  }
}

/** A process of by Client at the simulated platform. */
export interface HeldProcess {
  id: string;
  subject: string;
  status: number;
}

/** The simulated IDCloud, as its keeper sees it from another process. Behaviours and what it received: `openPlatform`. */
export function openIdcloud({ idcloud: { url } }: House) {
  async function keep(method: 'GET' | 'PUT' | 'POST' | 'DELETE', route: string, json?: unknown): Promise<unknown> {
    const { status, body } = await call(method, `${url}/_admin/${route}`, { json });
    if (status >= 300) throw new Error(`the simulator answered ${method} ${route} with ${status}`);
    return body.length > 0 ? JSON.parse(body.toString()) : undefined;
  }
  return {
    processes: async () => (await keep('GET', 'processes')) as HeldProcess[],
    course: async (cpf: string, course: CourseName) => void (await keep('PUT', `courses/${cpf}`, { course })),
    finish: async (id: string) => void (await keep('POST', `processes/${id}/finish`)),
    revokeTokens: async () => void (await keep('DELETE', 'tokens')),
    /** Where its notices go; null sends none. */
    register: async (webhook: object | null) => void (await keep('PUT', 'accounts/atesto', { webhook })),
  };
}
