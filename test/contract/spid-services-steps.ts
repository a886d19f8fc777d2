import assert from 'node:assert/strict';
import type { VirtualPerson } from '@atesto/simulators/people/person';
import { waitFor } from '../stack/wait-for.ts';
import type { Asked, ServicesHouse } from './spid-services-house.ts';

/** How far a station is brought before a call. Each step begins where nobody is logged in. */

type Purpose = 'enroll' | 'verify';

/** The platform is well, and nobody is logged in. */
export async function loggedOut({ platform, desk }: ServicesHouse): Promise<Asked> {
  await platform.up();
  await platform.behave();
  await desk.logout();
  return {};
}

export async function loggedIn(house: ServicesHouse): Promise<Asked> {
  await loggedOut(house);
  assert.equal((await house.desk.login(house.operator.cpf)).status, 'OPERATOR_OK');
  return {};
}

/** The server is away, which has known the operator a moment ago. */
export async function away(house: ServicesHouse): Promise<Asked> {
  await loggedIn(house);
  await house.platform.down();
  return {};
}

export async function loggedInOffline(house: ServicesHouse): Promise<Asked> {
  await away(house);
  assert.equal((await house.desk.login(house.operator.cpf)).status, 'OPERATOR_OFFLINE_OK');
  return {};
}

/** A client's capture waits for the finger. */
export async function capturing(house: ServicesHouse): Promise<Asked> {
  await loggedIn(house);
  assert.equal((await house.desk.enroll(house.newcomer.cpf)).status, 'CLIENT_CAPTURING');
  return untilAsked(house);
}

/** The client has given the finger. */
export async function captured(house: ServicesHouse, purpose: Purpose = 'enroll', of = subject(house, purpose)) {
  await loggedIn(house);
  const { status } = await house.desk[purpose](of.cpf);
  assert.equal(status, 'CLIENT_CAPTURING');
  const seed = purpose === 'verify' ? house.known.seed : of.seed;
  assert.equal((await house.desk.giveFingers(seed, 1)).status, 'CLIENT_CAPTURE_DONE');
  return {};
}

/** The operator's capture after a client's waits for the finger. */
export async function operatorCapturing(house: ServicesHouse): Promise<Asked> {
  await captured(house);
  assert.equal((await house.desk.operatorCapture()).status, 'OPERATOR_CAPTURING');
  return untilAsked(house);
}

/** Everything is captured. Gives the package's TGUID. */
export async function ready(house: ServicesHouse, purpose: Purpose = 'enroll', of?: VirtualPerson) {
  await captured(house, purpose, of);
  return { params: { tguid: (await giveOperator(house)).tguid ?? '' } };
}

/** The operator was captured for a remote capture, without a client. */
export async function operatorReady(house: ServicesHouse) {
  await loggedIn(house);
  await giveOperator(house);
  return { body: remoteBody(house) };
}

/** Sent some time ago, and answered by the platform. Somebody is logged in. */
export async function sent(house: ServicesHouse, purpose: Purpose) {
  if (house.sent[purpose] === undefined) {
    await ready(house, purpose);
    const { status, tguid } = await house.desk.send();
    assert.equal(status, purpose === 'enroll' ? 'CAPTURE_ENQUEUED' : 'VERIFIED');
    house.sent[purpose] = tguid ?? '';
  }
  await loggedIn(house);
  return { params: { tguid: house.sent[purpose] } };
}

export const remoteBody = (house: ServicesHouse) => ({
  clientID: house.known.cpf,
  operatorID: house.operator.cpf,
  clientEmail: 'pessoa@example.com',
});

/** The reader is up, and whoever stands before it is told what to do. */
async function untilAsked({ desk }: ServicesHouse): Promise<Asked> {
  await waitFor(async () => (await desk.call('capture/status')).message !== undefined, { what: 'a reader that asks' });
  return {};
}

function subject(house: ServicesHouse, purpose: Purpose): VirtualPerson {
  return purpose === 'verify' ? house.known : house.newcomer;
}

async function giveOperator({ desk, operator }: ServicesHouse) {
  assert.equal((await desk.operatorCapture()).status, 'OPERATOR_CAPTURING');
  const done = await desk.giveFingers(operator.seed, 1);
  assert.deepEqual([done.status, done.operatorVerification], ['OPERATOR_CAPTURE_DONE', 'verified']);
  return done;
}
