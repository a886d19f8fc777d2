import { type CaptureStatusWord, missingTypes, type SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { DEFAULT_CAPTURE_PLAN } from '@atesto/shared/domain/biometric';
import { type Cpf, parseCpf } from '@atesto/shared/domain/cpf';
import type { CapturePackage } from '../outbox/package.ts';
import { Mutex } from '../transport/mutex.ts';
import { type CallParams, type CapturePlan, readCapture } from './capture-plan.ts';
import { call, happen } from './machine.ts';
import type { OpenCapture } from './open-capture.ts';
import { lookupPerson } from './person-lookup.ts';
import { captureClient, captureOperator, type ReaderWork } from './reader-work.ts';
import { readRemote, requestRemote } from './remote.ts';
import { deliverNow } from './resend.ts';
import type { CapturePlans, SessionOptions } from './session-options.ts';
import {
  initialState,
  type PassingCall,
  type Purpose,
  type SessionCall,
  type SessionEvent,
  type Step,
} from './session-state.ts';
import { signIn } from './sign-in.ts';
import { badCpf, hints, sentAs } from './words.ts';

const DAY_MS = 24 * 60 * 60_000;
const ended: SpidServicesAnswer = { status: 'ERROR', message: 'the session changed meanwhile: start again' };

/** One station's session: carries out what the machine decides. Every method answers; none throws for what the world does. */
export class Session {
  readonly #options: SessionOptions &
    Required<Pick<SessionOptions, 'fingerTimeoutMs' | 'offlineLoginMs' | 'now' | 'missingTypes'>>;
  readonly #plans: CapturePlans;
  readonly #work: ReaderWork;
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
      offlineLoginMs: 30 * DAY_MS,
      now: Date.now,
      missingTypes,
      ...options,
    };
    this.#work = { ...this.#options, happen: (event) => this.#happen(event) };
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
      const plan = { fingers: [], missing: [] };
      this.#open = { cancel: new AbortController(), subject, purpose, plan, fingers: [], capturedAt, tguid };
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

  /** Switch Operator. In line behind a Login that is under way, so that the later call has the last word. */
  logout(): Promise<SpidServicesAnswer> {
    return this.#logins.run(async () => this.#call({ call: 'logout' }).answer ?? ended);
  }

  async verify(params: CallParams): Promise<SpidServicesAnswer> {
    const asked = this.#readCapture('verify', params);
    if ('answer' in asked) return asked.answer;
    const step = this.#call({ call: 'verify' });
    if (step.answer) return step.answer;
    const asking = {};
    this.#asking = asking;
    const { gateway, devices } = this.#options;
    const event = await lookupPerson(gateway, asked.cpf, () => devices.obstacle());
    if (this.#asking !== asking) return ended;
    const answered = this.#happen(event);
    if (answered?.start) this.#begin(asked.cpf, 'verify', asked.plan);
    return answered?.answer ?? ended;
  }

  async enroll(params: CallParams): Promise<SpidServicesAnswer> {
    const asked = this.#readCapture('enroll', params);
    if ('answer' in asked) return asked.answer;
    const step = this.#call({ call: 'enroll', obstacle: this.#options.devices.obstacle() });
    if (step.start) this.#begin(asked.cpf, 'enroll', asked.plan);
    return step.answer ?? ended;
  }

  captureStatus(): SpidServicesAnswer {
    const answer = this.#call({ call: 'captureStatus' }).answer ?? ended;
    const open = this.#open;
    const capturing = answer.status === 'CLIENT_CAPTURING' || answer.status === 'OPERATOR_CAPTURING';
    if (capturing && open?.progress) {
      const { finger, captured, wanted, hint } = open.progress;
      return { ...answer, finger, captured, wanted, ...(hint !== undefined && { message: hints[hint] }) };
    }
    const tguid = open?.purpose === 'remote' ? undefined : open?.tguid;
    return answer.status === 'OPERATOR_CAPTURE_DONE' && tguid !== undefined ? { ...answer, tguid } : answer;
  }

  operatorCapture(): SpidServicesAnswer {
    const step = this.#call({ call: 'operatorCapture', obstacle: this.#options.devices.obstacle() });
    const { operator, login } = this.#state;
    if (step.start && operator !== undefined) {
      const cancel = new AbortController();
      const open = this.#open ? Object.assign(this.#open, { cancel }) : ({ purpose: 'remote', cancel } as const);
      this.#open = open;
      const plan = this.#plans.operator;
      this.#track(captureOperator(this.#work, open, { cpf: operator as Cpf, online: login === 'online', plan }));
    }
    return step.answer ?? ended;
  }

  captureCancel(): SpidServicesAnswer {
    return this.#call({ call: 'captureCancel' }).answer ?? ended;
  }

  async captureSend(): Promise<SpidServicesAnswer> {
    const step = this.#call({ call: 'captureSend' });
    if (step.answer) return step.answer;
    const open = this.#open;
    if (open === undefined || open.purpose === 'remote' || open.tguid === undefined) return ended;
    const { tguid, purpose } = open;
    if (this.#sending?.tguid !== tguid) {
      const answer = this.#send(tguid, purpose);
      this.#sending = { tguid, answer };
      this.#track(answer);
    }
    return this.#sending.answer;
  }

  /** A call that needs somebody logged in and nothing else of the session. */
  async pass<T>(name: PassingCall, work: () => Promise<T>): Promise<T | SpidServicesAnswer> {
    return this.#call({ call: name }).answer ?? work();
  }

  /** Remote Verify and Remote Enroll. */
  async remote(kind: Purpose, body: unknown): Promise<SpidServicesAnswer> {
    const { operator } = this.#state;
    const asked = operator === undefined ? undefined : readRemote(kind, body, operator);
    if (asked && 'answer' in asked) return asked.answer;
    const step = this.#call({ call: kind === 'verify' ? 'remoteVerify' : 'remoteEnroll' });
    if (step.answer || !asked) return step.answer ?? ended;
    const open = this.#open;
    const request = requestRemote(this.#options.gateway, asked.request);
    this.#track(request);
    const event = await request;
    if (this.#open === open) return this.#happen(event)?.answer ?? ended;
    // Another operator may be at work by now; the link is this caller's all the same.
    return event.type === 'remote-answered' ? { status: 'OK', url: event.url, tguid: event.tguid } : ended;
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

  #readCapture(purpose: Purpose, params: CallParams): ReturnType<typeof readCapture> {
    return readCapture(params, this.#plans[purpose], this.#options.missingTypes);
  }

  #begin(subject: Cpf, purpose: Purpose, plan: CapturePlan): void {
    const capturedAt = this.#options.now();
    const open = { cancel: new AbortController(), subject, purpose, plan, fingers: [], capturedAt };
    this.#open = open;
    this.#track(captureClient(this.#work, open));
  }

  async #send(tguid: string, purpose: Purpose): Promise<SpidServicesAnswer> {
    const { outbox, delivery, verdictWait } = this.#options;
    try {
      outbox.release(tguid);
    } catch {
      const message = 'this computer’s disk refuses: free space and send again';
      return this.#happen({ type: 'send-failed', message })?.answer ?? ended;
    }
    const outcome = await deliverNow(delivery, tguid, purpose === 'verify' ? verdictWait : undefined);
    const sent = { type: 'sent', tguid, ...sentAs(purpose, outcome) } as const;
    const { status, message } = sent;
    const answer = { status, tguid, ...(message !== undefined && { message }) };
    // Another operator may be at work by now: this answer is not about that capture.
    const open = this.#open;
    if (open === undefined || open.purpose === 'remote' || open.tguid !== tguid) return answer;
    return this.#happen(sent)?.answer ?? answer;
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
    if (step.stopped) this.#open?.cancel.abort();
    if (step.discarded) this.#discard();
    if (step.state.capture.phase === 'idle') this.#open = undefined;
    const after = this.#word();
    if (after !== before) this.#options.onStatus?.(after);
    return step;
  }

  #discard(): void {
    const open = this.#open;
    this.#open = undefined;
    this.#asking = undefined;
    open?.cancel.abort();
    if (open === undefined || open.purpose === 'remote' || open.tguid === undefined) return;
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
