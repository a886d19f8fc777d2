import { describeBridge, measureBridge } from './bridge-memory.ts';
import { measureBudget } from './budget.ts';
import { describeBudget } from './budget-report.ts';
import { measureCalls } from './calls.ts';
import { describeCalls } from './calls-report.ts';
import { measureAdded, measureEndToEnd } from './end-to-end.ts';
import { measureGrowth } from './growth.ts';
import { measureIntake } from './intake.ts';
import type { Options, Part } from './options.ts';
import { measureOutstanding } from './outstanding.ts';
import { measurePolls } from './poll.ts';
import { describeProfile } from './profile.ts';
import { describeResend, measureResend } from './resend.ts';
import type { Measured } from './rows.ts';
import type { Place } from './servers.ts';
import { measureSubmit } from './submit.ts';
import { describeSubmit, rowsOfSubmit } from './submit-report.ts';
import { measureTwoWorkers } from './two-workers.ts';
import { measureWorkerMemory } from './worker-memory.ts';

/** What a program found: text, and its rows of the table. */
interface Found {
  text: string;
  rows?: Measured[];
}

/** The programs of the bench, in the order in which they run. */
export const programs: Record<Part, (options: Options & Place) => Promise<Found>> = {
  submit: async (options) => {
    const results = await measureSubmit(options);
    const { profile } = results;
    const text = [describeSubmit(results), ...(profile ? [describeProfile('a worker', profile)] : [])].join('\n\n');
    return { text, rows: rowsOfSubmit(results) };
  },
  'end-to-end': measureEndToEnd,
  added: measureAdded,
  intake: measureIntake,
  poll: measurePolls,
  outstanding: measureOutstanding,
  growth: measureGrowth,
  workers: measureTwoWorkers,
  memory: measureWorkerMemory,
  calls: async (options) => ({ text: describeCalls(await measureCalls(options)) }),
  budget: async (options) => ({ text: describeBudget(await measureBudget(options)) }),
  resend: async (options) => ({ text: describeResend(await measureResend(options)) }),
  bridge: async (options) => ({ text: describeBridge(await measureBridge(Math.min(options.rounds, 3), options)) }),
};
