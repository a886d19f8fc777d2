import type { CaptureStatusWord, SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { DEFAULT_CAPTURE_PLAN, type FingerIndex } from '@atesto/shared/domain/biometric';
import { type Cpf, parseCpf } from '@atesto/shared/domain/cpf';
import type { Devices } from '../devices.ts';
import type { GatewayClient } from '../link/gateway-client.ts';
import type { Delivery, DeliveryOutcome } from '../outbox/delivery.ts';
import type { OperatorStore } from '../outbox/operators.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { CapturePackage } from '../outbox/package.ts';
import { Mutex } from '../transport/mutex.ts';
import { type CapturedFinger, captureFingers, type ToPicture } from './capture-run.ts';
import { call, happen, initialState, type Purpose, type SessionCall, type SessionEvent, type Step } from './machine.ts';
import { completePackage, type OpenCapture } from './open-capture.ts';
import { checkOperator } from './operator-check.ts';
import { lookupPerson } from './person-lookup.ts';
import { captureReport, captureResult, resendAll } from './results.ts';
import { signIn } from './sign-in.ts';
import { advice, asCaptureError, hints, sentAs } from './words.ts';

export interface SessionOptions {
  devices: Pick<Devices, 'acquire' | 'obstacle'>;
  gateway: Pick<
    GatewayClient,
    'lookupOperator' | 'lookupPerson' | 'putCapture' | 'postTransaction' | 'getTransaction' | 'getReport' | 'resend'
  >;
  outbox: Outbox;
  delivery: Delivery;
  operators: OperatorStore;
  toPicture: ToPicture;
  plans?: Partial<CapturePlans>;
  /** Milliseconds for each finger to come. */
  fingerTimeoutMs?: number;
  /** Seconds to wait for a verdict on a verification. */
  verdictWait?: number;
  offlineLoginMs?: number;
  /** Epoch milliseconds. */
  now?: () => number;
  /** Called when Capture Status begins to answer another word. */
  onStatus?: (status: CaptureStatusWord) => void;
}

/** Fingers by purpose, in the order they are asked for. */
export interface CapturePlans {
  enroll: readonly FingerIndex[];
  verify: readonly FingerIndex[];
  operator: readonly FingerIndex[];
}

const DAY_MS = 24 * 60 * 60_000;
const badCpf: SpidServicesAnswer = { status: 'ERROR', message: 'the CPF is not valid: check its digits' };
const ended: SpidServicesAnswer = { status: 'ERROR', message: 'the session changed meanwhile: start again' };

/** One station's session: carries out what the machine decides. Every method answers; none throws for what the world does. */
export class Session {
  readonly #options: SessionOptions &
    Required<Pick<SessionOptions, 'fingerTimeoutMs' | 'verdictWait' | 'offlineLoginMs' | 'now'>>;
  readonly #plans: CapturePlans;
  readonly #logins = new Mutex();
  #state = initialState;
  #open: OpenCapture | undefined;
  /** Identity of the Verify whose answer is awaited. */
  #asking: object | undefined;
  #sending: { tguid: string; answer: Promise<SpidServicesAnswer> } | undefined;
  #refreshing: Promise<void> | undefined;
  readonly #runs = new Set<Promise<unknown>>();

  constructor(options: SessionOptions) {
    this.#options = {
      fingerTimeoutMs: 30_000,
      verdictWait: 20,
      offlineLoginMs: 30 * DAY_MS,
      now: Date.now,
      ...options,
    };
    const { enroll = DEFAULT_CAPTURE_PLAN, verify = DEFAULT_CAPTURE_PLAN, operator = [6] } = options.plans ?? {};
    this.#plans = { enroll, verify, operator };
  }

  /** After a start: takes up a complete package that nobody had sent, with its operator. */
  resume(): void {
    for (const { tguid } of this.#options.outbox.ready()) {
      let record: CapturePackage;
      try {
        record = this.#options.outbox.read(tguid);
      } catch {
        continue; // stays in the outbox, for when its key is on the ring again
      }
      const { kind: purpose, operator, subject, capturedAt } = record;
      const { cpf, verification } = operator;
      if (!this.#happen({ type: 'restored', operator: cpf, purpose, verification })) return;
      this.#open = { cancel: new AbortController(), subject, purpose, fingers: [], capturedAt, tguid };
      return;
    }
  }

  async login(id: string): Promise<SpidServicesAnswer> {
    const cpf = parseCpf(id);
    return cpf === undefined ? badCpf : this.#logins.run(() => this.#signIn(cpf));
  }

  async loginStatus(): Promise<SpidServicesAnswer> {
    // Logged in offline: the server may be back by now.
    if (this.#state.login === 'offline') {
      this.#refreshing ??= this.#logins
        .run(() => this.#refresh())
        .finally(() => {
          this.#refreshing = undefined;
        });
      await this.#refreshing;
    }
    return this.#call({ call: 'loginStatus' }).answer ?? ended;
  }

  async verify(text: string): Promise<SpidServicesAnswer> {
    const cpf = parseCpf(text);
    if (cpf === undefined) return badCpf;
    const step = this.#call({ call: 'verify' });
    if (step.answer) return step.answer;
    const asking = {};
    this.#asking = asking;
    const { gateway, devices } = this.#options;
    const event = await lookupPerson(gateway, cpf, () => devices.obstacle());
    if (this.#asking !== asking) return ended;
    const answered = this.#happen(event);
    if (answered?.start) this.#begin(cpf, 'verify');
    return answered?.answer ?? ended;
  }

  async enroll(text: string): Promise<SpidServicesAnswer> {
    const cpf = parseCpf(text);
    if (cpf === undefined) return badCpf;
    const step = this.#call({ call: 'enroll', obstacle: this.#options.devices.obstacle() });
    if (step.start) this.#begin(cpf, 'enroll');
    return step.answer ?? ended;
  }

  captureStatus(): SpidServicesAnswer {
    const answer = this.#call({ call: 'captureStatus' }).answer ?? ended;
    const { progress, tguid } = this.#open ?? {};
    const capturing = answer.status === 'CLIENT_CAPTURING' || answer.status === 'OPERATOR_CAPTURING';
    if (capturing && progress) {
      const { finger, captured, wanted, hint } = progress;
      return { ...answer, finger, captured, wanted, ...(hint !== undefined && { message: hints[hint] }) };
    }
    return answer.status === 'OPERATOR_CAPTURE_DONE' && tguid !== undefined ? { ...answer, tguid } : answer;
  }

  operatorCapture(): SpidServicesAnswer {
    const step = this.#call({ call: 'operatorCapture', obstacle: this.#options.devices.obstacle() });
    const { operator } = this.#state;
    if (step.start && this.#open && operator !== undefined) this.#track(this.#captureOperator(this.#open, operator));
    return step.answer ?? ended;
  }

  async captureSend(): Promise<SpidServicesAnswer> {
    const step = this.#call({ call: 'captureSend' });
    if (step.answer) return step.answer;
    const { tguid, purpose } = this.#open ?? {};
    if (tguid === undefined || purpose === undefined) return ended;
    if (this.#sending?.tguid !== tguid) {
      const answer = this.#send(tguid, purpose);
      this.#sending = { tguid, answer };
      this.#track(answer);
    }
    return this.#sending.answer;
  }

  async captureResultById(tguid: string): Promise<SpidServicesAnswer> {
    return this.#call({ call: 'captureResultById' }).answer ?? captureResult(this.#options, tguid);
  }

  /** The PDF, or an answer that says why there is none. */
  async captureReport(tguid: string): Promise<Uint8Array | SpidServicesAnswer> {
    return this.#call({ call: 'captureReport' }).answer ?? captureReport(this.#options, tguid);
  }

  async captureResendAll(): Promise<SpidServicesAnswer> {
    return this.#call({ call: 'captureResendAll' }).answer ?? resendAll(this.#options);
  }

  /** Ends what is open at the reader. What is in the outbox stays. */
  async close(): Promise<void> {
    this.#open?.cancel.abort();
    await Promise.allSettled(this.#runs);
  }

  async #signIn(cpf: Cpf): Promise<SpidServicesAnswer> {
    const answer = await signIn(this.#options, cpf);
    this.#happen({ type: 'login-answered', operator: cpf, status: answer.status });
    return answer;
  }

  async #refresh(): Promise<void> {
    const { login, operator } = this.#state;
    const cpf = operator === undefined ? undefined : parseCpf(operator);
    if (login !== 'offline' || cpf === undefined) return;
    const { status } = await signIn(this.#options, cpf);
    if (status !== 'ERROR') this.#happen({ type: 'login-answered', operator: cpf, status });
  }

  #begin(subject: Cpf, purpose: Purpose): void {
    const open = { cancel: new AbortController(), subject, purpose, fingers: [], capturedAt: this.#options.now() };
    this.#open = open;
    this.#track(this.#captureClient(open));
  }

  async #captureClient(open: OpenCapture): Promise<void> {
    try {
      const fingers = await this.#capture(open, this.#plans[open.purpose]);
      if (this.#open !== open) return;
      open.fingers = fingers;
      open.capturedAt = this.#options.now();
      this.#happen({ type: 'client-captured' });
    } catch (error) {
      if (this.#open !== open) return;
      const { kind, message } = asCaptureError(error);
      const status = kind === 'timeout' || kind === 'cancelled' ? 'CLIENT_CAPTURE_CANCELLED' : 'ERROR';
      this.#open = undefined;
      this.#happen({ type: 'client-ended', ended: { status, message: advice(kind, message) } });
    }
  }

  async #captureOperator(open: OpenCapture, operator: string): Promise<void> {
    try {
      const online = this.#state.login === 'online';
      const fingers = await this.#capture(open, this.#plans.operator);
      const { gateway, now, verdictWait: wait } = this.#options;
      const cpf = operator as Cpf;
      const check = online
        ? await checkOperator({ gateway, cpf, fingers, capturedAt: now(), wait })
        : ({ kind: 'identified', verification: 'deferred' } as const);
      if (this.#open !== open) return;
      if (check.kind === 'failed') {
        this.#happen({ type: 'operator-failed', message: check.message });
        return;
      }
      const { verification } = check;
      // On disk before anybody hears that it is ready.
      const { record, images } = completePackage(open, { cpf, verification, fingers });
      this.#options.outbox.store(record, images);
      open.tguid = record.tguid;
      open.fingers = [];
      this.#happen({ type: 'operator-captured', verification });
    } catch (error) {
      if (this.#open !== open) return;
      const { kind, message } = asCaptureError(error);
      this.#happen({ type: 'operator-failed', message: advice(kind, message) });
    }
  }

  #capture(open: OpenCapture, plan: readonly FingerIndex[]): Promise<CapturedFinger[]> {
    const { devices, fingerTimeoutMs, toPicture } = this.#options;
    return captureFingers({
      plan,
      fingerTimeoutMs,
      toPicture,
      signal: open.cancel.signal,
      acquire: (signal) => devices.acquire(signal),
      onProgress: (progress) => {
        open.progress = progress;
      },
    });
  }

  async #send(tguid: string, purpose: Purpose): Promise<SpidServicesAnswer> {
    const { outbox, delivery, verdictWait } = this.#options;
    try {
      outbox.release(tguid);
    } catch {
      return this.#settle({ type: 'send-failed', message: 'this computer’s disk refuses: free space and send again' });
    }
    const outcome = await delivery
      .deliver(tguid, purpose === 'verify' ? verdictWait : undefined)
      .catch((): DeliveryOutcome => ({ kind: 'kept', reason: 'outbox-io', away: false }));
    const sent = { type: 'sent', tguid, ...sentAs(purpose, outcome) } as const;
    const { status, message } = sent;
    const answer = { status, tguid, ...(message !== undefined && { message }) };
    // Another operator may be at work by now: this answer is not about that capture.
    if (this.#open?.tguid !== tguid) return answer;
    this.#open = undefined;
    return this.#happen(sent)?.answer ?? answer;
  }

  /** Applies an event whose answer somebody waits for. */
  #settle(event: SessionEvent): SpidServicesAnswer {
    return this.#happen(event)?.answer ?? ended;
  }

  #call(made: SessionCall): Step {
    return this.#apply(call(this.#state, made));
  }

  #happen(event: SessionEvent): Step | undefined {
    const step = happen(this.#state, event);
    return step && this.#apply(step);
  }

  #apply(step: Step): Step {
    const before = this.#word();
    this.#state = step.state;
    if (step.discarded) this.#discard();
    const after = this.#word();
    if (after !== before) this.#options.onStatus?.(after);
    return step;
  }

  #discard(): void {
    const open = this.#open;
    this.#open = undefined;
    this.#asking = undefined;
    open?.cancel.abort();
    if (open?.tguid === undefined) return;
    try {
      this.#options.outbox.discard(open.tguid);
    } catch {
      // A package that could not be removed is found again at the next start.
    }
  }

  #word(): CaptureStatusWord {
    if (this.#state.login === 'out') return 'IDLE';
    return call(this.#state, { call: 'captureStatus' }).answer?.status as CaptureStatusWord;
  }

  #track(run: Promise<unknown>): void {
    const tracked = run.finally(() => this.#runs.delete(tracked));
    this.#runs.add(tracked);
  }
}
