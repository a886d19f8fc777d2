import { createHash, randomUUID } from 'node:crypto';
import { virtualCpf } from '@atesto/simulators/people/cpf';
import { random } from '@atesto/simulators/people/random';
import { encode } from 'fast-png';
import { OPERATOR } from './fault-house.fixture.ts';

/** One enrolment as a client knows it: everything under ids of its own, so that it can be repeated. */
export interface Enrolment {
  id: string;
  cpf: string;
  /** Epoch milliseconds. */
  capturedAt: number;
  capture: string;
  picture: Buffer;
}

/** Somebody new at each call, with a CPF of the artificial range and a picture of nobody's finger. */
export function enrolmentsOf(seed: string): () => Enrolment {
  const stream = random(`cpf ${seed}`);
  const taken = new Set<string>();
  return () => {
    let cpf = virtualCpf(stream);
    while (taken.has(cpf)) cpf = virtualCpf(stream);
    taken.add(cpf);
    const id = randomUUID();
    const data = createHash('sha512').update(id).digest();
    const picture = Buffer.from(encode({ width: 8, height: 8, data, channels: 1 }));
    return { id, cpf, capturedAt: Date.now(), capture: randomUUID(), picture };
  };
}

/** What became of an enrolment at the door: a status, or no answer. */
export interface Answer {
  status: number | undefined;
  /** True for 2xx of the transaction itself: the gateway has promised to keep it. */
  acknowledged: boolean;
  /** What the gateway calls it, where that is not the client's own id. */
  id?: string;
  type?: string | null;
  text?: string;
}

/** Where a client sends its enrolments. */
export interface Door {
  gateway: { url: string };
  key: string;
}

/** What an upload says of its picture. */
export const headersOf = (picture: Uint8Array) => ({
  'content-type': 'image/png',
  'content-digest': `sha-256=:${createHash('sha256').update(picture).digest('base64')}:`,
});

/** Uploads the picture and posts the transaction. `waitSeconds` asks to be held until there is news. */
export async function deliver(door: Door, enrolment: Enrolment, waitSeconds?: number): Promise<Answer> {
  const uploaded = await send(
    door,
    'PUT',
    `/v1/captures/${enrolment.capture}`,
    new Uint8Array(enrolment.picture),
    headersOf(enrolment.picture),
  );
  if (!uploaded.acknowledged) return uploaded;
  const body = {
    id: enrolment.id,
    kind: 'spid.enroll',
    subject: { cpf: enrolment.cpf },
    operator: { cpf: OPERATOR, verification: 'verified' },
    capturedAt: enrolment.capturedAt,
    biometrics: [{ index: 6, capture: enrolment.capture }],
    missingBiometrics: [],
  };
  return send(door, 'POST', '/v1/transactions', JSON.stringify(body), {
    'content-type': 'application/json',
    ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
  });
}

async function send(
  { gateway, key }: Door,
  method: string,
  route: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<Answer> {
  try {
    const response = await fetch(`${gateway.url}${route}`, {
      method,
      headers: { ...headers, authorization: `Bearer ${key}` },
      body,
    });
    // Acknowledged is what the status line says, even where the rest of the answer is then lost.
    const { status, ok } = response;
    const type = response.headers.get('content-type');
    return { status, acknowledged: ok, type, text: await response.text().catch(() => '') };
  } catch {
    return { status: undefined, acknowledged: false };
  }
}

/** The body that SPID Server has to receive for an enrolment. */
export function bodyOf({ cpf, capturedAt, picture }: Enrolment): object {
  return {
    data: {
      biometrics: [{ index: 6, content: picture.toString('base64'), width: 8, height: 8, resolution: 500 }],
      missingBiometrics: [],
      userId: cpf,
      operatorId: OPERATOR,
      timestamp: capturedAt,
    },
  };
}
