import { replay, type TransactionEvent, type TransactionState } from '@atesto/shared/domain/transaction';

/** What a client knows of one request of its own. `unknown`: no answer, or a 5xx; it may have been accepted. */
export type ClientStep = 'invoke' | 'ok' | 'fail' | 'unknown';

/** Something that was asked for: under which key the platform holds it, and the SHA-256 (hex) of the body it has to get. */
export interface Asked {
  key: string;
  sha256: string;
}

export interface LedgerRow {
  id: string;
  state: TransactionState;
  attempt: number;
  version: number;
  verdict: string | null;
  reason: string | null;
}

export interface LedgerEvent {
  id: string;
  seq: number;
  type: TransactionEvent['type'] | 'accepted';
  from: TransactionState | null;
  to: TransactionState;
}

/** What is left of an erased transaction. */
export interface Tombstone {
  id: string;
  from: TransactionState;
  /** Who asked, or `retention`. */
  by: string | null;
  /** Epoch milliseconds. */
  at: number;
  /** Columns of keys, answers and people that still hold something. */
  holds: number;
}

/** Everything that was seen of one scenario, from both ends and from behind. */
export interface History {
  /** By transaction id. */
  asked: ReadonlyMap<string, Asked>;
  client: readonly { id: string; step: ClientStep }[];
  /** A key for each effect at the platform. */
  held: readonly string[];
  /** SHA-256 of each submission that the platform read whole. */
  wire: readonly string[];
  /** When each body that the platform read whole was last begun, by its SHA-256: epoch milliseconds. */
  lastSent: ReadonlyMap<string, number>;
  /** Whose erasure a client asked for and was promised. */
  eraseAsked: ReadonlySet<string>;
  tombstones: readonly Tombstone[];
  rows: readonly LedgerRow[];
  events: readonly LedgerEvent[];
  /** What must not show, and every place where it must not. */
  markers: readonly string[];
  texts: readonly { where: string; text: string }[];
  /** Whether a fault that a person has to see was shown while it lasted, and no longer after it. */
  signals: readonly { name: string; during: boolean; after: boolean }[];
  /** How often the fault really met something. */
  met: number;
}

/** Below these a scenario proves nothing. */
export interface Volume {
  acknowledged: number;
  met: number;
  /** Transactions that may end `dead` for a person; none unless said. */
  dead?: number;
}

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9';
export interface Violation {
  invariant: Invariant;
  /** What is wrong, without data of a person. */
  what: string;
}

type Check = (history: History, volume: Volume) => string[];

const acknowledged = ({ client }: History) => new Set(client.flatMap(({ id, step }) => (step === 'ok' ? [id] : [])));
const keyed = ({ rows }: History) => new Map(rows.map((row) => [row.id, row]));

/** Nothing that was acknowledged is lost: the ledger has it, what it says is concluded is at the platform, and what is erased was to be. */
const nothingLost: Check = (history, { dead = 0 }) => {
  const rows = keyed(history);
  const held = new Set(history.held);
  const lost: string[] = [];
  for (const id of acknowledged(history)) {
    const row = rows.get(id);
    if (!row) lost.push(`${id} was acknowledged and is not in the ledger`);
    else if (row.state === 'concluded' && !held.has(history.asked.get(id)?.key ?? '')) {
      lost.push(`${id} is concluded and not at the platform`);
    }
  }
  for (const { id, from, by } of history.tombstones) {
    const meant = by === 'retention' ? from === 'concluded' || from === 'dead' : history.eraseAsked.has(id);
    if (!meant) lost.push(`${id} was erased from ${from}, and nobody asked for that`);
  }
  const died = history.rows.filter(({ state }) => state === 'dead').length;
  if (died > dead) lost.push(`${died} are dead where ${dead} may be`);
  return lost;
};

const onceEach: Check = ({ held }) => {
  const seen = new Set<string>();
  return held.flatMap((key, at) => (seen.has(key) || !seen.add(key) ? [`effect ${at} is there twice`] : []));
};

const nothingInvented: Check = ({ asked, held, wire, rows, tombstones, lastSent }) => {
  const keys = new Set([...asked.values()].map(({ key }) => key));
  const bodies = new Set([...asked.values()].map(({ sha256 }) => sha256));
  return [
    ...held.flatMap((key, at) => (keys.has(key) ? [] : [`effect ${at} was never asked for`])),
    ...wire.flatMap((sha256) => (bodies.has(sha256) ? [] : [`body ${sha256.slice(0, 8)} was never asked for`])),
    ...rows.flatMap(({ id }) => (asked.has(id) ? [] : [`${id} was never asked for`])),
    ...tombstones.flatMap(({ id, at }) =>
      (lastSent.get(asked.get(id)?.sha256 ?? '') ?? 0) > at ? [`${id} was sent after it was erased`] : [],
    ),
  ];
};

const everythingEnds: Check = ({ rows, eraseAsked }) =>
  rows.flatMap(({ id, state, verdict, reason }) => {
    if (eraseAsked.has(id)) return state === 'erased' ? [] : [`${id} was to be erased and is ${state}`];
    if (state === 'concluded' && verdict !== null) return [];
    if (state === 'dead' && reason !== null) return [];
    return state === 'erased' ? [] : [`${id} is ${state}, and nothing says why`];
  });

const eventsOf = ({ events }: History) => Map.groupBy(events, ({ id }) => id);

const machineHolds: Check = (history) => {
  const events = eventsOf(history);
  return history.rows.flatMap(({ id, state, attempt }) => {
    const [first, ...rest] = events.get(id) ?? [];
    // Only the type decides where the machine goes.
    const end = replay(rest.map(({ type }) => ({ type }) as TransactionEvent));
    const joined = rest.every(({ from }, at) => from === (at === 0 ? first?.to : rest[at - 1]?.to));
    const fits = first?.type === 'accepted' && joined && end?.state === state && end.attempt === attempt;
    return fits ? [] : [`the events of ${id} do not lead to ${state}, attempt ${attempt}`];
  });
};

const oneEntryEach: Check = (history) => {
  const events = eventsOf(history);
  return history.rows.flatMap(({ id, version }) => {
    const seqs = (events.get(id) ?? []).map(({ seq }) => seq);
    const whole = seqs.length === version + 1 && seqs.every((seq, at) => seq === at);
    return whole ? [] : [`${id} has ${seqs.length} events for version ${version}`];
  });
};

const nothingShown: Check = ({ markers, texts, tombstones }) => [
  ...texts.flatMap(({ where, text }) => {
    const shown = markers.filter((marker) => text.includes(marker)).length;
    return shown === 0 ? [] : [`${where} shows ${shown} of ${markers.length} markers`];
  }),
  ...tombstones.flatMap(({ id, holds }) => (holds === 0 ? [] : [`${id} is erased and holds ${holds} values`])),
];

const shownAndCleared: Check = ({ signals }) =>
  signals.flatMap(({ name, during, after }) => [
    ...(during ? [] : [`${name} was not shown during the fault`]),
    ...(after ? [`${name} is still shown after it`] : []),
  ]);

const enough: Check = (history, volume) => {
  const count = acknowledged(history).size;
  return [
    ...(count >= volume.acknowledged ? [] : [`${count} acknowledged where ${volume.acknowledged} are needed`]),
    ...(history.met >= volume.met ? [] : [`the fault met ${history.met} where ${volume.met} are needed`]),
  ];
};

const checks: Record<Invariant, Check> = {
  I1: nothingLost,
  I2: onceEach,
  I3: nothingInvented,
  I4: everythingEnds,
  I5: machineHolds,
  I6: oneEntryEach,
  I7: nothingShown,
  I8: shownAndCleared,
  I9: enough,
};

/** Every way in which a history breaks an invariant; none for a good one. */
export function checkHistory(history: History, volume: Volume): Violation[] {
  return (Object.keys(checks) as Invariant[]).flatMap((invariant) =>
    checks[invariant](history, volume).map((what) => ({ invariant, what })),
  );
}
