import { type Clock, sleep } from '../transport/clock.ts';
import { UsbError } from '../transport/transport.ts';
import type { Uru4000Interrupts } from './uru4000-interrupts.ts';
import { INTERRUPT, REGISTER, STATUS } from './uru4000-protocol.ts';
import type { Uru4000Registers } from './uru4000-registers.ts';

export interface ActivationContext {
  registers: Uru4000Registers;
  interrupts: Uru4000Interrupts;
  clock: Clock;
  /** The model answers a challenge before it powers up. */
  challenged: boolean;
  /** Milliseconds for the interrupt that tells of power. */
  powerOnMs: number;
}

const ROUNDS = 100;
const PAUSE_MS = 10;
const TRIES = 3;

/**
 * Brings the scanner from whatever state it is in to powered up.
 * @returns the 16 bytes of the info register (versions)
 * @throws UsbError `timeout` if it does not come up
 */
export async function activate(context: ActivationContext): Promise<Uint8Array> {
  const { registers, interrupts } = context;
  for (let attempt = 1; ; attempt++) {
    await powerCycle(context);
    try {
      await interrupts.wait([INTERRUPT.powerOn], context.powerOnMs);
      break;
    } catch (error) {
      if (attempt === TRIES || !(error instanceof UsbError) || error.kind !== 'timeout') throw error;
    }
  }
  return registers.read(REGISTER.info, 16);
}

async function powerCycle({ registers, interrupts, clock, challenged }: ActivationContext): Promise<void> {
  let status = await registers.status();
  if ((status & STATUS.confused) === STATUS.confused) status = await reboot(registers, clock, status);
  if (!(status & STATUS.lowPower)) await registers.setStatus(status | STATUS.lowPower);
  // The power-up interrupt may come before the write that causes it has completed.
  interrupts.forget(INTERRUPT.powerOn, INTERRUPT.death, INTERRUPT.fingerOn, INTERRUPT.fingerOff);
  for (let round = 0; round < ROUNDS; round++) {
    await registers.setStatus(status & STATUS.writable);
    if (!((await registers.status()) & STATUS.lowPower)) return;
    await sleep(clock, PAUSE_MS);
    if (challenged) await registers.answerChallenge();
  }
  throw new UsbError('timeout', 'the scanner stays in low power');
}

async function reboot(registers: Uru4000Registers, clock: Clock, confused: number): Promise<number> {
  await registers.setStatus(confused & STATUS.writable);
  for (let round = 0; round < ROUNDS; round++) {
    const status = await registers.status();
    if (status & STATUS.rebooted) return status;
    await sleep(clock, PAUSE_MS);
  }
  throw new UsbError('timeout', 'the scanner does not reboot');
}
