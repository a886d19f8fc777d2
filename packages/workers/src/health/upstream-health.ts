import type { AccountHealth, Circuit } from '@atesto/shared/ledger/account-health';
import type { UpstreamReason } from '@atesto/shared/upstreams/upstream';
import { CircuitState, CountBreaker } from 'cockatiel';
import type { Random } from '../retry-policy.ts';
import { AdaptiveLimit } from './adaptive-limit.ts';
import type { CallVerdict } from './call-verdict.ts';
import { isOverload, verdictOf } from './call-verdict.ts';

/** It opens when more than `threshold` of the last `size` sends, or of the last reads, found nobody there, and at least so many were made. */
const WINDOW = { threshold: 0.8, size: 20, minimumNumberOfCalls: 10 };
/** The majority of three probes: so many that went well close it, so many that did not open it again. One that works half the time is worth calling. */
const PROBES = 2;
/** After it closed, jobs begin at `perSecond`, doubled each second, until `overMs`: those who waited do not come all at once. */
const RAMP = { perSecond: 5, overMs: 10_000 };
/** Reads that fail do not stop sends that went well so lately: they spend no attempt, and have times of their own. */
const SENT_WELL_MS = 10_000;
/** A job that comes while somebody else probes is put off for about this. */
const PROBED_MS = 1_000;

const openWindows = () => ({ sends: new CountBreaker(WINDOW), reads: new CountBreaker(WINDOW) });

export interface UpstreamHealthOptions {
  upstream: string;
  store: Pick<AccountHealth, 'open' | 'close'>;
  /** Jobs at once, where all is well. */
  most: number;
  /** Takes how many jobs at once it may be now; 0 is none. */
  adapt(jobs: number): void;
  /** Told when it opened or closed. */
  onChange(state: Circuit['state']): void;
  onError(error: unknown): void;
  random: Random;
  clock: Clock;
}

/** Milliseconds of a clock that never goes back. */
export interface Clock {
  now(): number;
  wait(ms: number): Promise<unknown>;
}

/** How well an upstream account works, as this process sees it, and what this process therefore asks of it. */
export interface UpstreamHealth {
  state: Circuit['state'];
  /** Jobs at once that it is thought to bear, whether its circuit is open or not. */
  limit: number;
  /** What the ledger said about it to a question of `askedAt`, by the clock. */
  see(circuit: Circuit, askedAt: number): void;
  /**
   * Asks whether a job may begin now. After an outage it waits for its turn.
   * @returns `leave`, to be called when the job is over; or for how many milliseconds it should be put off
   */
  enter(): Promise<{ leave(): void } | { putOffMs: number }>;
  /** Carries out a call and learns from how it went. @param kind of the transaction: calls of one operation and kind take about as long */
  watch<T extends { kind: string }>(operation: string, kind: string, run: () => Promise<T>): Promise<T>;
}

/**
 * Circuit breaker and adaptive concurrency of one upstream account. The circuit itself is a row that all processes share: one that sees the upstream fail
 * opens it for all, and one of them probes. While it is open no job begins, so no attempt is spent.
 */
export function createUpstreamHealth(options: UpstreamHealthOptions): UpstreamHealth {
  const { upstream, store, most, adapt, onChange, onError, random, clock } = options;
  const { now } = clock;
  const limiter = new AdaptiveLimit(most, now);
  let circuit: Circuit = { state: 'closed' };
  let windows = openWindows();
  let sentWellAt = Number.NEGATIVE_INFINITY;
  /** Counts changes: what a call says that began before the last one is not about now. */
  let era = 0;
  let writing = false;
  let jobs = most;
  let calls = 0;
  let probing = 0;
  let changedAt = Number.NEGATIVE_INFINITY;
  let probes = { well: 0, inVain: 0 };
  let ramp: { since: number; next: number } | undefined;

  const isProbing = () => circuit.state === 'half-open' && circuit.mine;

  function tune(): void {
    const wanted = circuit.state === 'closed' ? limiter.limit : isProbing() ? 1 : 0;
    if (wanted !== jobs) adapt(wanted);
    jobs = wanted;
  }

  function become(next: Circuit): void {
    const before = circuit;
    circuit = next;
    if (before.state !== next.state) {
      era++;
      changedAt = now();
      probes = { well: 0, inVain: 0 };
      if (next.state === 'closed') {
        windows = openWindows();
        limiter.restart();
        ramp = { since: now(), next: now() };
      }
      // Half-open is on the way back, or not.
      if (next.state !== 'half-open' && !(before.state === 'half-open' && next.state === 'open')) onChange(next.state);
    }
    tune();
  }

  async function open(): Promise<void> {
    // At once here; for how long, and for the others, the ledger says.
    become({ state: 'open', forMs: PROBED_MS });
    writing = true;
    await store.open(upstream).then(become, onError);
    writing = false;
  }

  async function close(): Promise<void> {
    // Another process may probe by now: then it is not for this one to close.
    become(await store.close(upstream));
  }

  function learn(operation: string, verdict: CallVerdict): void {
    if (verdict === 'nothing') return;
    const isSend = operation === 'submit';
    const window = isSend ? windows.sends : windows.reads;
    if (verdict === 'away') {
      const again = isProbing() && ++probes.inVain === PROBES;
      if (again || (circuit.state === 'closed' && isAway(window, isSend))) void open();
      return;
    }
    if (isSend) sentWellAt = now();
    if (circuit.state === 'closed') window.success(CircuitState.Closed);
    else if (isProbing() && ++probes.well === PROBES) void close().catch(onError);
  }

  function isAway(window: CountBreaker, isSend: boolean): boolean {
    return window.failure(CircuitState.Closed) && (isSend || now() - sentWellAt > SENT_WELL_MS);
  }

  /** Waits for the job's turn where others wait too. */
  async function rampUp(): Promise<void> {
    const at = now();
    if (!ramp || at - ramp.since > RAMP.overMs) {
      ramp = undefined;
      return;
    }
    const turn = Math.max(at, ramp.next);
    ramp.next = turn + 1_000 / (RAMP.perSecond * 2 ** ((turn - ramp.since) / 1_000));
    if (turn > at) await clock.wait(turn - at);
  }

  return {
    get state() {
      return circuit.state;
    },
    get limit() {
      return limiter.limit;
    },
    see(next, askedAt) {
      // What was asked before the last change may not know of it, nor what is asked while it is written down.
      if (!writing && askedAt > changedAt) become(next);
    },

    async enter() {
      if (circuit.state === 'closed') await rampUp();
      if (circuit.state === 'closed') return { leave: () => undefined };
      if (isProbing() && probing === 0) {
        probing++;
        return { leave: () => void probing-- };
      }
      const restMs = circuit.state === 'open' ? circuit.forMs : 0;
      return { putOffMs: Math.round(restMs + PROBED_MS * (1 + random())) };
    },

    async watch<T extends { kind: string; reason?: UpstreamReason }>(
      operation: string,
      kind: string,
      run: () => Promise<T>,
    ) {
      const [began, then] = [now(), era];
      calls++;
      try {
        const result = await run();
        const verdict = verdictOf(result);
        if (verdict === 'there') limiter.went(`${operation} ${kind}`, now() - began, calls);
        else if (isOverload(result)) limiter.overloaded();
        if (then === era) learn(operation, verdict);
        tune();
        return result;
      } finally {
        calls--;
      }
    },
  };
}
