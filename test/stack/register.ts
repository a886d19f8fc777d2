import { DEFAULT_CAPTURE_PLAN } from '@atesto/shared/domain/biometric';
import type { VirtualPerson } from '@atesto/simulators/people/person';
import { encodePng, toWireBiometric } from '@atesto/simulators/spid-server/biometrics';
import { call } from './call.ts';
import type { House } from './house.ts';
import { StackError } from './stack-error.ts';

/** Puts a virtual person with four fingers into the simulated SPID Server, as if long ago. */
export async function register(
  { spid }: Pick<House, 'spid'>,
  as: 'people' | 'operators',
  somebody: VirtualPerson,
): Promise<void> {
  const biometrics = DEFAULT_CAPTURE_PLAN.map((index) =>
    toWireBiometric(index, encodePng(somebody.impression(index, 0)), 500),
  );
  const { status } = await call('PUT', `${spid.url}/_admin/${as}/${somebody.cpf}`, { json: { biometrics } });
  if (status !== 204) throw new StackError('failed', `the simulator did not register: ${status}`);
}
