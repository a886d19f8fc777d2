import { DEFAULT_CAPTURE_PLAN, FACE_INDEX } from '@atesto/shared/domain/biometric';
import type { VirtualPerson } from '@atesto/simulators/people/person';
import { encodePng, toWireBiometric } from '@atesto/simulators/spid-server/biometrics';
import { encode } from 'fast-png';
import { call } from './call.ts';
import type { House } from './house.ts';
import { StackError } from './stack-error.ts';

/** A face has no resolution of its own; this is the usual one of a print. */
const FACE_DPI = 300;

/** Puts a virtual person with four fingers and a face into the simulated SPID Server, as if long ago. */
export async function register(
  { spid }: Pick<House, 'spid'>,
  as: 'people' | 'operators',
  somebody: VirtualPerson,
): Promise<void> {
  const biometrics = DEFAULT_CAPTURE_PLAN.map((index) =>
    toWireBiometric(index, encodePng(somebody.impression(index, 0)), 500),
  );
  const { width, height, pixels } = somebody.face();
  const portrait = encode({ width, height, data: pixels, channels: 3, depth: 8 });
  biometrics.push(toWireBiometric(FACE_INDEX, portrait, FACE_DPI));
  const { status } = await call('PUT', `${spid.url}/_admin/${as}/${somebody.cpf}`, { json: { biometrics } });
  if (status !== 204) throw new StackError('failed', `the simulator did not register: ${status}`);
}
