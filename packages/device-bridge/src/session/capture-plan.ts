import type { missingBiometric } from '@atesto/shared/contracts/spid-server';
import type { SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { type FingerIndex, fingers } from '@atesto/shared/domain/biometric';
import { type Cpf, parseCpf } from '@atesto/shared/domain/cpf';
import type * as z from 'zod';
import { badCpf } from './words.ts';

/** A finger that a person lacks, as it is sent on. */
export type MissingFinger = z.infer<typeof missingBiometric>;

/** Fingers to ask for, and those that cannot be. */
export interface CapturePlan {
  fingers: readonly FingerIndex[];
  missing: readonly MissingFinger[];
}

/** Variables and query parameters of a call's route. */
export type CallParams = Readonly<Record<string, string>>;

const REASON_MAX = 200;

/** Each hand in the order in which its fingers stand in for a missing one: after index and middle come thumb, ring and little. */
const hands: readonly (readonly FingerIndex[])[] = [
  [3, 2, 4, 1, 0],
  [6, 7, 5, 8, 9],
];

/** Who is to be captured and how, or the answer that says what is wrong with it. */
export function readCapture(
  params: CallParams,
  wanted: readonly FingerIndex[],
  types: readonly string[],
): { cpf: Cpf; plan: CapturePlan } | { answer: SpidServicesAnswer } {
  const cpf = parseCpf(params.cpf ?? '');
  if (cpf === undefined) return { answer: badCpf };
  const missing = readMissing(params, types);
  if (typeof missing === 'string') return { answer: { status: 'ERROR', message: missing } };
  const plan = planFor(wanted, missing);
  if (plan.fingers.length > 0) return { cpf, plan };
  return { answer: { status: 'ERROR', message: 'no finger is left to capture' } };
}

/**
 * Reads `missing=2:AMPUTATED,7:BANDAGED` and `missingReason.2=text` (provisional, see the route table). A finger without a reason has its type
 * for one. Gives a text for people where it cannot be read; that never echoes what was given.
 */
export function readMissing(params: CallParams, types: readonly string[]): MissingFinger[] | string {
  const missing: MissingFinger[] = [];
  for (const entry of params.missing ? params.missing.split(',') : []) {
    const [, digit, type = ''] = /^([0-9]):([A-Z_]{1,40})$/.exec(entry.trim()) ?? [];
    if (digit === undefined) return 'missing fingers are written index:TYPE with a comma between, as in 2:AMPUTATED';
    if (!types.includes(type)) return `the type of a missing finger is one of ${types.join(', ')}`;
    const index = Number(digit);
    if (missing.some((other) => other.index === index)) return 'a missing finger is named twice';
    const reason = params[`missingReason.${index}`]?.trim() || type;
    if (reason.length > REASON_MAX || /\p{Cc}/u.test(reason))
      return `the reason of a missing finger is a line of at most ${REASON_MAX} characters`;
    missing.push({ index, type, reason });
  }
  for (const { index } of fingers)
    if (params[`missingReason.${index}`] !== undefined && !missing.some((finger) => finger.index === index))
      return 'a reason is given for a finger that is not named as missing';
  return missing;
}

/**
 * The plan without the fingers that are missing, each replaced in its place by the next finger of the same hand that is neither planned nor
 * missing: thumb, ring, little where index and middle are planned. A hand that has none left gives fewer. May be empty.
 */
export function planFor(wanted: readonly FingerIndex[], missing: readonly MissingFinger[]): CapturePlan {
  const gone = new Set<number>(missing.map(({ index }) => index));
  const taken = new Set<number>(wanted);
  const plan: FingerIndex[] = [];
  for (const index of wanted) {
    const substitutes = hands.find((hand) => hand.includes(index)) ?? [];
    const finger = gone.has(index) ? substitutes.find((other) => !gone.has(other) && !taken.has(other)) : index;
    if (finger === undefined) continue;
    taken.add(finger);
    plan.push(finger);
  }
  return { fingers: plan, missing };
}
