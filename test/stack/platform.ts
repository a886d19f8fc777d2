import type { BehaviourRequest } from '@atesto/simulators/behaviour';

/** A transaction that the simulated SPID Server holds. */
export interface Held {
  tguid: string;
  type: 'ENROLL' | 'SEARCH';
  status: string;
  subject: string;
  operator: string;
  /** Epoch milliseconds, from the body that was posted. */
  timestamp: number;
}

/** A call that reached the simulated SPID Server. */
export interface ReceivedCall {
  /** Epoch milliseconds. */
  at: number;
  operation: string;
  /** Of its path. */
  params: Readonly<Record<string, string>>;
  /** Absent for a call that was dropped before it was read. */
  bytes?: number;
  /** Of the body, in hex. */
  sha256?: string;
  status?: number;
}

/** The simulated SPID Server, as its keeper sees it from another process. */
export interface Platform {
  url: string;
  /** `biometrics` as they travel; without them the operator may submit and cannot be compared. */
  registerOperator(cpf: string, biometrics?: readonly object[]): Promise<void>;
  registerPerson(cpf: string, biometrics: readonly object[]): Promise<void>;
  /** Adds misbehaviours; the newest acts first. */
  misbehave(...faults: BehaviourRequest[]): Promise<void>;
  /** Everything behaves again. */
  behave(): Promise<void>;
  down(): Promise<void>;
  up(): Promise<void>;
  /** What it holds. */
  transactions(): Promise<Held[]>;
  /** The last 5,000 calls. */
  received(operation: string): Promise<ReceivedCall[]>;
  /** Gives an enrolment its final word by hand. */
  decide(tguid: string, status: string): Promise<void>;
}

export function openPlatform(url: string): Platform {
  async function call(method: string, route: string, body?: unknown): Promise<unknown> {
    const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${url}/_admin/${route}`, { method, ...(body === undefined ? {} : json) });
    if (!response.ok) throw new Error(`the simulator answered ${method} ${route} with ${response.status}`);
    return response.status === 204 ? undefined : response.json();
  }
  return {
    url,
    registerOperator: async (cpf, biometrics = []) => void (await call('PUT', `operators/${cpf}`, { biometrics })),
    registerPerson: async (cpf, biometrics) => void (await call('PUT', `people/${cpf}`, { biometrics })),
    misbehave: async (...faults) => void (await call('PUT', 'behaviours', faults)),
    behave: async () => void (await call('DELETE', 'behaviours')),
    down: async () => void (await call('PUT', 'down', { mode: 'unavailable' })),
    up: async () => void (await call('DELETE', 'down')),
    transactions: async () => (await call('GET', 'transactions')) as Held[],
    received: async (operation) =>
      ((await call('GET', 'received')) as ReceivedCall[]).filter((one) => one.operation === operation),
    decide: async (tguid, status) => void (await call('PUT', `transactions/${tguid}`, { status })),
  };
}
