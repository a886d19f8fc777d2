import {
  captureStatuses,
  type SpidServicesAnswer,
  type SpidServicesCall,
} from '@atesto/shared/contracts/spid-services';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { problem } from './link/fake-gateway.fixture.ts';
import { ANA, BIA, PERSON, Station } from './station.fixture.ts';

/** A call, or what happens around the station. */
type Move = [SpidServicesCall, string?] | 'settle' | 'gateway fails' | 'gateway works' | 'finger' | 'no finger';

const remote = { clientID: PERSON, operatorID: ANA, clientEmail: 'pessoa@example.com' };
/** What leads somewhere; a sequence is made of these and of single moves between them. */
const often: Move[][] = [
  [['enroll'], 'settle', ['operatorCapture'], 'settle'],
  [['verify'], 'settle', ['operatorCapture'], 'settle', ['captureSend']],
  [['operatorCapture'], 'settle', ['remoteVerify']],
  [['captureSend']],
  ['settle'],
];
const seldom = [
  ['login', ANA],
  ['login', BIA],
  ['logout'],
  ['captureCancel'],
  ['captureStatus'],
  ['captureList'],
  ['captureResendAll'],
  ['captureResultByKey'],
  ['remoteVerify'],
  ['remoteEnroll'],
  'gateway fails',
  'gateway works',
  'finger',
  'no finger',
] satisfies Move[];
const moves = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...often) },
      { weight: 3, arbitrary: fc.constantFrom<Move>(...seldom).map((move) => [move]) },
    ),
    { minLength: 3, maxLength: 20 },
  )
  .map((some) => some.flat(1) as Move[]);

class Play {
  readonly #station: Station;
  /** TGUIDs that were seen at READY_TO_SEND, and those among them that a switch threw away. */
  readonly #complete = new Set<string>();
  readonly #thrownAway = new Set<string>();
  #operatorCaptures = 0;
  #remotes = 0;
  #fails = false;

  constructor(station: Station) {
    this.#station = station;
    station.gateway.behaviours.push(
      (seen, response) =>
        this.#fails &&
        /captures|transactions/.test(seen.path) &&
        Boolean(problem(response, 503, 'storage-unavailable')),
    );
  }

  async make(move: Move): Promise<void> {
    if (typeof move !== 'string') return this.#call(...move);
    switch (move) {
      case 'settle':
        return vi.waitFor(async () => expect((await this.#ask('captureStatus')).status).not.toMatch(/CAPTURING$/));
      case 'gateway fails':
      case 'gateway works':
        this.#fails = move === 'gateway fails';
        return;
      case 'finger':
      case 'no finger':
        this.#station.readers.manner = move === 'finger' ? 'finger' : 'timeout';
        return;
      default:
        return move satisfies never;
    }
  }

  async #call(call: SpidServicesCall, id = ''): Promise<void> {
    const before = await this.#look();
    const answer = await this.#ask(call, { id, cpf: PERSON }, remote);
    if (call === 'operatorCapture' && answer.status === 'OPERATOR_CAPTURING') this.#operatorCaptures += 1;
    if (answer.url !== undefined) this.#remotes += 1;
    if ((call === 'logout' || call === 'login') && before.tguid !== undefined) this.#thrownAway.add(before.tguid);
    await this.#look();
  }

  async #look(): Promise<SpidServicesAnswer> {
    const status = await this.#ask('captureStatus');
    expect(captureStatuses).toContain(status.status);
    if (status.tguid !== undefined) this.#complete.add(status.tguid);
    return status;
  }

  async #ask(call: SpidServicesCall, params: Record<string, string> = {}, body?: unknown): Promise<SpidServicesAnswer> {
    const answer = await this.#station.bridge?.dispatch(call, params, body);
    expect(answer?.status, call).toBe(200);
    return JSON.parse(String(answer?.body));
  }

  /** The gateway is well again: whatever was complete has arrived, or still waits to be sent. */
  async end(): Promise<void> {
    this.#fails = false;
    const { gateway } = this.#station;
    await this.#look();
    if ((await this.#ask('loginStatus')).status === 'ERROR') await this.#ask('login', { id: ANA });
    await vi.waitFor(async () => expect(await this.#ask('captureResendAll')).toMatchObject({ status: 'OK' }));
    const waiting = (await this.#station.list()).map(({ tguid }) => tguid);
    const arrived = [...gateway.transactions.values()].filter(({ body }) => body.subject.cpf === PERSON);
    const ids = arrived.map(({ body }) => body.id ?? '');
    for (const tguid of this.#complete)
      if (!this.#thrownAway.has(tguid)) expect([...ids, ...waiting], 'a captured package is lost').toContain(tguid);
    for (const id of ids) expect([...this.#complete], 'sent without an operator capture').toContain(id);
    expect(ids.length + gateway.remotes.size).toBeLessThanOrEqual(this.#operatorCaptures);
    expect(gateway.remotes.size).toBe(this.#remotes);
    for (const { body } of arrived)
      if (body.operator.verification === 'deferred') expect(body.operator.evidence).toBeDefined();
    expect(this.#station.readers.open_).toBeLessThanOrEqual(1);
  }
}

it('no sequence of calls leaves the table, loses a captured package or sends without the operator', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (sequence) => {
      const station = await new Station().start();
      try {
        const play = new Play(station);
        for (const move of [['login', ANA] satisfies Move, ...sequence]) await play.make(move);
        await play.end();
      } finally {
        await station.close();
      }
    }),
    { numRuns: 40 },
  );
}, 120_000);
