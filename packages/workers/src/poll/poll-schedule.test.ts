import type { TransactionKind } from '@atesto/shared/domain/transaction';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pollDelay, pollScheduleOf } from '../retry-policy.ts';

const DAY_MS = 24 * 60 * 60_000;
const SPREAD = 1.2;
/** What ends after this is not awaited any more. */
const LONGEST_MS = 30 * DAY_MS;

/** Polls until the first that comes when the answer is there, and how late it comes. */
function pollUntil(
  kind: TransactionKind,
  processingMs: number,
  chances: () => number,
): { polls: number; late: number } {
  let age = 0;
  for (let polls = 1; ; polls++) {
    age += pollDelay(kind, age, chances);
    if (age >= processingMs) return { polls, late: age - processingMs };
  }
}

/** As often a second as a minute as a day. */
const processing = fc.double({ min: 0, max: Math.log(LONGEST_MS), noNaN: true }).map(Math.exp);
const dice = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
const thrower = (stream: Iterator<number>) => () => stream.next().value as number;
/** Of how many polls the law below is made: those of the first steps, and those once a day in the end. */
const AT_MOST = { first: 40, each: 1 / Math.log(1.16) };

it.each(['spid.enroll', 'spid.remote-verify', 'idcloud.process', 'idcloud.document', 'idcloud.unico'] as const)(
  'finds the answer of a %s at most a quarter of its time late, with polls that grow as the logarithm of it',
  (kind) => {
    const { firstMs, growth, soonMs } = pollScheduleOf(kind);
    fc.assert(
      fc.property(processing, dice, (processingMs, stream) => {
        const { polls, late } = pollUntil(kind, processingMs, thrower(stream));
        // A schedule that grows faster than a quarter of the age is late by its step, which `soonMs` bounds: a notice comes before it, as a rule.
        const step = growth > 0.25 ? Math.min(soonMs, growth * processingMs) * SPREAD : 0;
        expect(late).toBeLessThanOrEqual(Math.max(0.25 * processingMs, firstMs * SPREAD, step) + 1);
        expect(polls).toBeLessThanOrEqual(AT_MOST.first + AT_MOST.each * Math.log(Math.max(1, processingMs / firstMs)));
      }),
      { numRuns: 2_000 },
    );
  },
);

it('is as late as it says, at worst: with the longest spread', () => {
  const worst = (kind: TransactionKind, processingMs: number) =>
    pollUntil(kind, processingMs, () => 1 - Number.EPSILON);
  // Just after a poll: an hour of SPID Server, half a minute of IDCloud.
  const justAfter = (kind: TransactionKind, from: number) => {
    let age = 0;
    while (age < from) age += pollDelay(kind, age, () => 1 - Number.EPSILON);
    return worst(kind, age + 1).late / age;
  };
  expect(justAfter('spid.enroll', 3_600_000)).toBeCloseTo(0.24, 2);
  expect(justAfter('idcloud.process', 30_000)).toBeGreaterThan(0.25);
});
