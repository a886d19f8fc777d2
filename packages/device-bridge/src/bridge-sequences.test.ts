import {
  captureStatuses,
  loginStatuses,
  type SpidServicesAnswer,
  type SpidServicesCall,
  spidServicesAnswer,
  spidServicesRoutes,
} from '@atesto/shared/contracts/spid-services';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { problem } from './link/fake-gateway.fixture.ts';
import { ANA, BIA, PERSON, Station } from './station.fixture.ts';

/** A call (with the operator of a Login, or with parameters and a body that are wrong), or what happens around the station. */
type Move =
  | [SpidServicesCall, string?]
  | 'settle'
  | 'gateway fails'
  | 'gateway works'
  | 'finger'
  | 'no finger'
  | 'restart';

/** What `login`, `verify` and the like are given instead of a CPF, a TGUID or a body. */
const WRONG = 'wrong';

const logins = [...loginStatuses];
const sends = ['CAPTURE_ENQUEUED', 'VERIFIED', 'SEARCH_PENDING', 'ERROR'];
const results = ['ENROLL_PENDING', 'SEARCH_PENDING', 'SEARCH_MATCH', 'CAPTURE_PENDING', 'ERROR'];
/** Every word that a call may answer here. Capture List and Capture Report answer more than words. */
const words: Readonly<Record<SpidServicesCall, readonly string[]>> = {
  login: logins,
  loginStatus: logins,
  logout: ['OK', 'ERROR'],
  verify: ['CLIENT_CAPTURING', 'PERSON_NOT_FOUND', 'ERROR'],
  enroll: ['CLIENT_CAPTURING', 'ERROR'],
  captureStatus: captureStatuses,
  operatorCapture: ['OPERATOR_CAPTURING', 'ERROR'],
  captureCancel: ['OK', 'ERROR'],
  captureSend: sends,
  captureResultById: results,
  captureResultByKey: results,
  captureReport: ['ERROR'],
  captureResend: sends,
  captureResendAll: ['OK', 'ERROR'],
  captureList: ['ERROR'],
  remoteVerify: ['OK', 'ERROR'],
  remoteEnroll: ['OK', 'ERROR'],
  remoteVerifyResultById: results,
};

/** Of whom the server knows nothing. */
const NOBODY = '12345678909';
const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const remote = { clientID: PERSON, operatorID: ANA, clientEmail: 'pessoa@example.com' };
/** What leads somewhere; a sequence is made of these and of single moves between them. */
const often: Move[][] = [
  [['enroll'], 'settle'],
  [['enroll'], 'settle', ['operatorCapture'], 'settle'],
  [['verify'], 'settle', ['operatorCapture'], 'settle', ['captureSend']],
  [['operatorCapture'], 'settle', ['remoteVerify']],
  [['captureSend']],
  ['settle'],
];
const seldom = [
  ['login', ANA],
  ['login', BIA],
  ['login', NOBODY],
  ['logout'],
  ['captureCancel'],
  ['captureStatus'],
  ['captureList'],
  ['captureResendAll'],
  ['captureResultByKey'],
  ['captureResultById'],
  ['captureReport'],
  ['captureResend'],
  ['remoteVerify'],
  ['remoteEnroll'],
  ['remoteVerifyResultById'],
  ...(Object.keys(spidServicesRoutes) as SpidServicesCall[])
    .filter((call) => /\{/.test(spidServicesRoutes[call].path) || spidServicesRoutes[call].method === 'POST')
    .map((call): Move => [call, WRONG]),
  'restart',
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
  /** TGUIDs that were seen at READY_TO_SEND, and those among them that a switch of the operator threw away. */
  readonly #complete = new Set<string>();
  readonly #thrownAway = new Set<string>();
  #operator: string | undefined;
  /** An operator's capture was begun since the last client's. */
  #operatorAsked = false;
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
      case 'restart':
        return this.#restart();
      default:
        return move satisfies never;
    }
  }

  async #call(call: SpidServicesCall, id?: string): Promise<void> {
    const before = await this.#look();
    const wrong = id === WRONG;
    const tguid = [...this.#complete].at(-1) ?? UNKNOWN;
    const params = wrong ? { id, cpf: '11111111111', tguid: id } : { id: id ?? '', cpf: PERSON, tguid };
    const answer = await this.#ask(call, params, wrong ? { ...remote, clientID: 7 } : remote);
    if (answer.status === 'CLIENT_CAPTURING') this.#operatorAsked = false;
    if (answer.status === 'OPERATOR_CAPTURING') this.#operatorAsked = true;
    const after = await this.#look();
    if (wrong) {
      expect(answer.status, call).toBe('ERROR');
      // A capture under way may have gone on meanwhile.
      if (!/CAPTURING$/.test(before.status)) expect(after, call).toEqual(before);
      return;
    }
    if (answer.status === 'OPERATOR_CAPTURING' && call === 'operatorCapture') this.#operatorCaptures += 1;
    if (answer.url !== undefined) this.#remotes += 1;
    if (call !== 'login' && call !== 'logout') return;
    // The same operator again is no switch; whoever is refused is one.
    if (call === 'login' && id === this.#operator && /OK$/.test(answer.status)) return;
    if (before.tguid !== undefined) this.#thrownAway.add(before.tguid);
    this.#operator = call === 'login' && /OK$/.test(answer.status) ? id : undefined;
  }

  /** Who had a complete package at the station is logged in again. */
  async #restart(): Promise<void> {
    const before = await this.#look();
    await this.#station.stopBridge();
    await this.#station.startBridge();
    const after = await this.#look();
    if (before.tguid === undefined) this.#operator = undefined;
    else expect(after, 'a complete package after a restart').toEqual(before);
  }

  async #look(): Promise<SpidServicesAnswer> {
    const status = await this.#ask('captureStatus');
    expect(captureStatuses).toContain(status.status);
    if (status.tguid !== undefined) this.#complete.add(status.tguid);
    if (status.status === 'OPERATOR_CAPTURE_DONE') expect(this.#operatorAsked, 'ready without the operator').toBe(true);
    return status;
  }

  async #ask(call: SpidServicesCall, params: Record<string, string> = {}, body?: unknown): Promise<SpidServicesAnswer> {
    const answer = await this.#station.bridge?.dispatch(call, params, body);
    expect(answer?.status, call).toBe(200);
    if (answer?.contentType === 'application/pdf') return { status: 'PDF' };
    const json: unknown = JSON.parse(String(answer?.body));
    if (call === 'captureList' && Array.isArray(json)) return { status: 'list' };
    const said = spidServicesAnswer.strict().parse(json);
    expect(words[call], call).toContain(said.status);
    return said;
  }

  /** The gateway is well again: whatever was complete has arrived, or still waits to be sent. */
  async end(): Promise<void> {
    this.#fails = false;
    const { gateway } = this.#station;
    if ((await this.#look()).status === 'ERROR') await this.#ask('login', { id: ANA });
    await vi.waitFor(async () => expect(await this.#ask('captureResendAll')).toMatchObject({ status: 'OK' }));
    const waiting = (await this.#station.list()).map(({ tguid }) => tguid);
    const arrived = [...gateway.transactions.values()].filter(({ body }) => body.subject.cpf === PERSON);
    const ids = arrived.map(({ body }) => body.id ?? '');
    for (const tguid of this.#complete)
      if (!this.#thrownAway.has(tguid)) expect([...ids, ...waiting], 'a captured package is lost').toContain(tguid);
    for (const id of ids) {
      expect([...this.#complete], 'sent without an operator capture').toContain(id);
      expect([...this.#thrownAway], 'sent though it was thrown away').not.toContain(id);
    }
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
