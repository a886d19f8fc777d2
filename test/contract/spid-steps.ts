import assert from 'node:assert/strict';
import { ana, bia, type House, must, operator, portrait, submission } from './spid-house.ts';

/** A transaction id of a kind. */
export async function enrolled(house: House, cpf = ana): Promise<string> {
  return must(await house.client.call('enroll', { body: submission(cpf, 90) })).id;
}
export async function searched(house: House): Promise<string> {
  return must(await house.client.call('verify', { body: submission(bia, 20) })).id;
}

export const remoteBody = (clientID = bia) => ({
  data: { clientID, operatorID: operator, clientEmail: 'somebody@example.com' },
});
/** Uses a link as the applicant would. */
export async function applicantSends(house: House, tguid: string, seed = 'bia'): Promise<void> {
  const token = house.simulator.state.remote.get(tguid)?.token;
  const response = await fetch(`${house.simulator.url}/applicant/${token}/face`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ image: portrait(seed, 1) }),
  });
  assert.equal(response.status, 204);
}
