import type { Passage } from './callers.ts';
import { type Doors, openDoors, type PipelineName, pipelineNames, type Turn } from './doors.ts';
import { median, percentile, spread, table } from './numbers.ts';
import { describeProfile, openProfiler } from './profile.ts';
import type { Measured } from './rows.ts';
import type { Place } from './servers.ts';
import { rate } from './submit-report.ts';
import { inTurns, ratiosOf } from './turns.ts';

type Options = Place & { rounds: number };

/** Callers at a time, each with a connection of its own. */
const CALLERS = 64;
const BODIES = 400;

/** As many enrolments as will go through: each caller posts its next when the last was sent. */
export async function measureEndToEnd(
  options: Options & { profile: boolean },
): Promise<{ text: string; rows: Measured[] }> {
  const { rounds, report } = options;
  const doors = await openDoors(options);
  const turn = async (name: PipelineName) => {
    const { seconds, cpuUs } = await doors.turn(name, BODIES, (calls) =>
      doors.callers.ask('closedLoop', { ...calls, callers: CALLERS }),
    );
    return { perSecond: BODIES / seconds, cpuUs };
  };
  const found = await inTurns(pipelineNames, rounds, turn, (round, { obvious, atesto }) =>
    report(`end to end, ${round}: obvious ${obvious.perSecond.toFixed(0)}/s, atesto ${atesto.perSecond.toFixed(0)}/s`),
  );
  const { gateway } = doors.pipelines.atesto;
  const profile =
    options.profile && gateway ? await (await openProfiler(gateway)).during(() => turn('atesto')) : undefined;
  return {
    text: [
      `End to end: ${rounds} rounds of ${BODIES} bodies of 300 KB from ${CALLERS} callers; by the SPID Server face, one process of each service.`,
      'CPU µs per body, median of the rounds:',
      '',
      describeTime(found),
      ...(profile ? ['', describeProfile('the gateway', profile)] : []),
    ].join('\n'),
    rows: [
      {
        row: 'endToEnd',
        values: ratiosOf(found.atesto, found.obvious),
        raw: `atesto ${rate(found.atesto)}, obvious ${rate(found.obvious)}`,
      },
    ],
  };
}

const PER_SECOND = 100;
const SECONDS = 6;

/** What a transaction waits between its acceptance and the platform, at a load that leaves room. */
export async function measureAdded(options: Options): Promise<{ text: string; rows: Measured[] }> {
  const { rounds, report } = options;
  const doors = await openDoors(options);
  const found = await inTurns(
    pipelineNames,
    rounds,
    async (name) => {
      const turn = await doors.turn(name, PER_SECOND * SECONDS, (calls) =>
        doors.callers.ask<Passage[]>('openLoop', { ...calls, callers: CALLERS, perSecond: PER_SECOND }),
      );
      return { ...(await waitsOf(doors, name, turn)), cpuUs: turn.cpuUs };
    },
    (round, { obvious, atesto }) =>
      report(`added, ${round}: p50 obvious ${obvious.p50.toFixed(1)} ms, atesto ${atesto.p50.toFixed(1)} ms`),
  );
  const cell = (name: PipelineName, value: 'p50' | 'p99' | 'fromAsked') =>
    spread(
      found[name].map((turn) => turn[value]),
      1,
    );
  return {
    text: [
      `Added time: ${rounds} windows of ${SECONDS} s, ${PER_SECOND} bodies of 300 KB a second at even distances, each pipeline in its turn.`,
      '',
      table(
        ['pipeline', 'accepted → sent, ms: p50', 'p99', 'asked → sent, ms: p50'],
        pipelineNames.map((name) => [name, cell(name, 'p50'), cell(name, 'p99'), cell(name, 'fromAsked')]),
      ),
      '',
      'CPU µs per body, median of the windows:',
      '',
      describeTime(found),
    ].join('\n'),
    rows: (['p50', 'p99'] as const).map((value) => ({
      row: value === 'p50' ? 'addedP50' : 'addedP99',
      values: found.atesto.map((turn) => turn[value]),
      raw: `obvious ${cell('obvious', value)} ms`,
    })),
  };
}

async function waitsOf({ pipelines }: Doors, name: PipelineName, { found, range }: Turn<Passage[]>) {
  const recorded = await pipelines[name].acceptedAt(range);
  const waits = found.map(({ number, timestamp, sent }) => sent - (recorded?.get(number) ?? timestamp ?? Number.NaN));
  return {
    p50: percentile(waits, 0.5),
    p99: percentile(waits, 0.99),
    fromAsked: percentile(
      found.map(({ asked, sent }) => sent - asked),
      0.5,
    ),
  };
}

function describeTime(found: Record<PipelineName, { cpuUs: Record<string, number> }[]>): string {
  const processes = Object.keys(found.atesto[0]?.cpuUs ?? {});
  return table(
    ['pipeline', ...processes],
    pipelineNames.map((name) => [
      name,
      ...processes.map((process) => median(found[name].map(({ cpuUs }) => cpuUs[process] ?? Number.NaN)).toFixed(0)),
    ]),
  );
}
