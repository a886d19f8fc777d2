import type { TransactionData } from '@atesto/shared/contracts/spid-server';
import { spidServerOperations } from '@atesto/shared/contracts/spid-server-operations';
import type { SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { person } from '@atesto/simulators/people/person';
import { Client } from 'undici';
import type { Branch } from '../stack/branch.ts';
import { call } from '../stack/call.ts';
import type { House } from '../stack/house.ts';
import { Integrator } from '../stack/integrator.ts';
import { waitFor } from '../stack/wait-for.ts';

/** Verifications of each round. */
const VERIFICATIONS = 10;

/** Milliseconds, each of them of one verification. */
export interface VerifyRound {
  /** From Capture Send to its answer. */
  sent: number[];
  /** The same body, posted to the simulator by a client that waits. */
  posted: number[];
  /** Bytes of that body. */
  bytes: number;
}

export interface VerifyOptions {
  rounds: number;
  house: House;
  branch: Branch;
  report: (line: string) => void;
}

/**
 * Captures again and again and measures Capture Send; after each, the same pictures are posted to the platform directly. `branch` captures four fingers,
 * of which the platform knows none: there is nothing to compare, and it answers at once.
 */
export async function measureVerify({ rounds, house, branch, report }: VerifyOptions): Promise<VerifyRound[]> {
  const desk = new Integrator(branch.station);
  const biometrics = await capturedAs(house, branch, desk);
  const platform = new Client(house.spid.url, { pipelining: 1 });
  const measured: VerifyRound[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      const [sent, posted]: [number[], number[]] = [[], []];
      let bytes = 0;
      for (let n = 0; n < VERIFICATIONS; n++) {
        await capture(desk, branch, 'verify', branch.known.cpf);
        const began = performance.now();
        const { status, message } = await desk.send();
        sent.push(performance.now() - began);
        expectWord('VERIFIED', status, message);
        const body = bodyOf(branch, biometrics);
        bytes = body.length;
        const from = performance.now();
        await post(platform, body);
        posted.push(performance.now() - from);
      }
      // The first one warms up.
      if (round > 0) measured.push({ sent, posted, bytes });
      report(round === 0 ? 'verifications are warm' : `round ${round} of ${rounds}: ${VERIFICATIONS} verifications`);
    }
  } finally {
    await platform.close();
  }
  return measured;
}

async function capture(desk: Integrator, { known, operator }: Branch, purpose: 'enroll' | 'verify', cpf: string) {
  const steps: [string, () => Promise<SpidServicesAnswer>][] = [
    ['CLIENT_CAPTURING', () => desk[purpose](cpf)],
    ['CLIENT_CAPTURE_DONE', () => desk.giveFingers(known.seed, 1)],
    ['OPERATOR_CAPTURING', () => desk.operatorCapture()],
    ['OPERATOR_CAPTURE_DONE', () => desk.giveFingers(operator.seed, 1)],
  ];
  for (const [wanted, step] of steps) {
    const { status, message } = await step();
    expectWord(wanted, status, message);
  }
}

function expectWord(wanted: string, status: string, message = ''): void {
  if (status !== wanted) throw new Error(`the station answered ${status} ${message} where ${wanted} was expected`);
}

/** The pictures as the platform is sent them: it keeps those of an enrolment, and here gives them back. */
async function capturedAs({ spid }: House, branch: Branch, desk: Integrator): Promise<readonly object[]> {
  const newcomer = person('client Noa').cpf;
  await capture(desk, branch, 'enroll', newcomer);
  const { status, message } = await desk.send();
  expectWord('CAPTURE_ENQUEUED', status, message);
  const ask = async (operation: 'getPersonTransactionData' | 'getTransactionData', key: string) => {
    const path = spidServerOperations[operation].path.replace(/\{\w+\}/, key);
    const answer = await call('GET', `${spid.url}${path}`);
    return answer.status === 200 ? (JSON.parse(answer.body.toString()) as TransactionData) : undefined;
  };
  const { id } = await waitFor(() => ask('getPersonTransactionData', newcomer), { what: 'the enrolment' });
  return (await ask('getTransactionData', id))?.biometrics ?? [];
}

function bodyOf({ known, operator }: Branch, biometrics: readonly object[]): Buffer {
  const data = {
    userId: known.cpf,
    operatorId: operator.cpf,
    timestamp: Date.now(),
    biometrics,
    missingBiometrics: [],
  };
  return Buffer.from(JSON.stringify({ data }));
}

async function post(platform: Client, body: Buffer): Promise<void> {
  const { method, path } = spidServerOperations.verify;
  const answer = await platform.request({ method, path, headers: { 'content-type': 'application/json' }, body });
  const text = await answer.body.text();
  if (answer.statusCode >= 300)
    throw new Error(`the simulator answered ${answer.statusCode} ${text} to a verification`);
}
