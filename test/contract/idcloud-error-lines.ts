import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type IdcloudErrorCode, idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import { nonexistentCpf } from '@atesto/simulators/idcloud/outcomes';
import type { IdcloudHouse } from '../e2e/idcloud-house.fixture.ts';
import { bodyOf, picture, portrait } from './idcloud.fixture.ts';
import {
  type Answered,
  type Asked,
  atFace,
  atIdcloud,
  CREATE,
  clientOf,
  face,
  has,
  subjectOf,
} from './idcloud-contract-house.ts';
import type { ContractLine } from './run-contract.ts';

const subject = subjectOf('yes');
const create = (body: unknown, key = 'identity', headers: Record<string, string> = {}): Asked => ({
  ...{ route: CREATE, key, body, headers },
});
/** A capture of the SDK, in its form; no key is needed to make one that nobody opens. */
const sdkCapture = (claims: object) =>
  [{ alg: 'RS256' }, { jti: randomUUID(), ...claims }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat('c2ln')
    .join('.');
const tooLarge = Buffer.concat([Buffer.from(portrait, 'base64'), Buffer.alloc(820_000)]).toString('base64');
/** To be sent twice, each time another one. */
const twice = (): Asked => create(face('yes', sdkCapture({})));

/**
 * Requests that get each code: from IDCloud and at the door the same one. `at` names the only one of the two that says it; a request of `sent` has
 * been sent once before.
 */
interface Provoked {
  asked: () => Asked | Promise<Asked>;
  at?: 'idcloud' | 'face';
  sent?: true;
}

const provoked: Partial<Record<IdcloudErrorCode, readonly Provoked[]>> = {
  20001: [{ asked: () => create(face(), 'identity', { authorization: '' }) }],
  20002: [{ asked: () => ({ route: CREATE, body: face() }) }],
  20003: [{ asked: () => create('{"subject":') }, { asked: () => create('[]') }],
  20004: [{ asked: () => create({ imageBase64: portrait }) }],
  20005: [{ asked: () => create({ subject: { name: 'x' }, imageBase64: portrait }) }],
  20006: [{ asked: () => create({ subject: { code: subject.code }, imageBase64: portrait }, 'identity-b') }],
  20009: [{ asked: () => create({ subject }) }],
  20505: [{ asked: () => create(face('yes', Buffer.from('no picture').toString('base64'))) }],
  20506: [{ asked: () => create(face('yes', tooLarge)) }],
  20507: [
    { asked: () => create({ ...face(), subject: { ...subject, code: '12345678900' } }) },
    // Only IDCloud knows that one: it comes back from there.
    { asked: () => create({ ...face(), subject: { ...subject, code: nonexistentCpf } }) },
  ],
  20807: [{ asked: () => create(face('yes', picture(320, 240))) }],
  20900: [{ asked: () => create(face('yes', `${portrait.slice(0, -4)}*`)) }],
  10201: [{ asked: () => create(face(), 'nobody') }],
  10501: [{ asked: () => create(face(), 'identity', { authorization: 'Bearer a.b.c' }) }],
  10506: [{ asked: () => create(face(), 'sdk') }],
  10507: [{ asked: () => create(face('yes', sdkCapture({ exp: 1 })), 'sdk') }],
  10508: [
    { asked: twice, at: 'idcloud', sent: true },
    { asked: twice, at: 'face', sent: true },
  ],
  20023: [{ asked: () => ({ route: `${CREATE}/`, key: 'identity' }) }],
  30017: [{ asked: () => create(face(), 'identity', { authorization: 'Bearer x' }), at: 'idcloud' }],
  50001: [{ asked: () => ({ route: `${CREATE}/${randomUUID()}`, key: 'identity' }) }],
};

/** What the client makes of a code that IDCloud answers a create with; it is a refusal where nothing stands here. */
const outcomes: Partial<Record<IdcloudErrorCode, object>> = {
  20001: { kind: 'unavailable', reason: 'unauthorized' },
  20002: { kind: 'unavailable', reason: 'unauthorized' },
  10201: { kind: 'unavailable', reason: 'forbidden' },
  10501: { kind: 'answered' },
  10502: { kind: 'answered' },
  30017: { kind: 'answered' },
  99999: { kind: 'unknown', reason: 'server-error' },
};
/** Then it is sent again, with another token or later; only what may have been done is left to a person. */
const repeated: readonly IdcloudErrorCode[] = [20001, 20002, 10201, 10501, 10502, 30017];

const envelopeOf = (code: IdcloudErrorCode) => {
  const { status, description } = idcloudErrors[code];
  return [status, { error: { code: Number(code), description } }];
};
const says = ({ status, json }: Answered, code: IdcloudErrorCode) => assert.deepEqual([status, json], envelopeOf(code));

/** Every row of by Client's error tables. */
export function errorLines(house: () => IdcloudHouse): ContractLine[] {
  const codes = Object.keys(idcloudErrors).map(Number) as IdcloudErrorCode[];
  return codes.map((code) => ({
    line: `error  ${code}  ${idcloudErrors[code].status} ${idcloudErrors[code].description}  client simulator face`,
    checks: [
      ['said by IDCloud and at the door', () => provoke(house(), code)],
      ['what client and face make of it', () => told(house(), code)],
    ],
  }));
}

async function provoke(house: IdcloudHouse, code: IdcloudErrorCode): Promise<void> {
  for (const { asked: make, at, sent } of provoked[code] ?? []) {
    const asked = await make();
    for (const [place, ask] of [
      ['idcloud', atIdcloud],
      ['face', atFace],
    ] as const) {
      if (at !== undefined && at !== place) continue;
      if (sent) has(await ask(house, asked), { status: 200, json: { status: 3 } });
      says(await ask(house, asked), code);
    }
  }
}

/** IDCloud says it once, to the typed client and then to a worker. */
async function told(house: IdcloudHouse, code: IdcloudErrorCode): Promise<void> {
  const { behaviours } = house.simulator;
  const { status } = idcloudErrors[code];
  const fault = { type: 'status', status, code: String(code) } as const;
  behaviours.add({ operation: 'createProcess', fault, times: 1 });
  const result = await clientOf(house, 'identity').submit('idcloud.process', bodyOf(face()));
  const refused = { kind: 'refused', reason: status === 404 ? 'not-found' : 'bad-request', upstreamCode: String(code) };
  has(result, outcomes[code] ?? refused);
  behaviours.add({ operation: 'createProcess', fault, times: 1 });
  const answer = await atFace(house, create(face()));
  assert.equal(behaviours.size, 0);
  if (repeated.includes(code)) has(answer, { status: 200, json: { status: 3, unicoId: { result: 'yes' } } });
  // It may exist, and IDCloud cannot be asked for it.
  else if (code === 99999) assert.deepEqual(answer.json, { id: answer.json.id, status: 5 });
  else says(answer, code);
}
