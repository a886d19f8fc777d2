import type { CaptureDevice, CaptureQuality } from '@atesto/shared/domain/capture';
import { type Cpf, maskCpf } from '@atesto/shared/domain/cpf';
import type {
  OperatorVerification,
  TransactionKind,
  TransactionState,
  Verdict,
} from '@atesto/shared/domain/transaction';
import type { TransactionCapture } from '@atesto/shared/ledger/captures';
import type { Principal } from '@atesto/shared/ledger/credentials';
import type { StoredEvent, TransactionRow } from '@atesto/shared/ledger/transactions';
import type { MissingFinger } from '@atesto/shared/vault/missing-column';

/** Names the form of the facts; another form gets another name, because old reports stay around. */
const FORMAT = 'atesto-report-1' as const;

/** A person without what would identify them: the ledger's opaque id, and the middle of the CPF. */
export interface ReportPerson {
  id: string;
  /** `***.982.247-**`; absent once the ledger can no longer open it. */
  cpf?: string;
}

export interface ReportCapture {
  role: 'payload' | 'evidence';
  /** 0–9 fingers, 10 face; absent where the caller did not say, as with an operator's finger kept as evidence. */
  index?: number;
  format: string;
  width: number;
  height: number;
  dpi?: number;
  /** Of the picture's bytes, lower-case hex. */
  sha256: string;
  device?: CaptureDevice;
  quality?: CaptureQuality;
}

export interface ReportEvent {
  seq: number;
  type: string;
  to: TransactionState;
  attempt: number;
  at: string;
  detail?: Record<string, string>;
}

/** Everything that a report says, as JSON: this is what is hashed. Times are ISO 8601 in UTC. No picture, no whole CPF. */
export interface ReportFacts {
  format: typeof FORMAT;
  id: string;
  kind: TransactionKind;
  /** SPID Server's operation, where the kind does not tell. */
  operation?: string;
  /** The transaction that this one is about. */
  origin?: string;
  state: TransactionState;
  /** Sends begun so far. */
  attempt: number;
  capturedAt?: string;
  acceptedAt: string;
  /** When the last event happened: the facts are as of then. */
  asOf: string;
  subject?: ReportPerson;
  operator?: ReportPerson & { verification?: OperatorVerification };
  /** Who sent it in. */
  sender?: { kind: Principal['kind']; id: string; name: string };
  captures: ReportCapture[];
  missing: MissingFinger[];
  upstreamId?: string;
  /** The platform's own word, verbatim. */
  upstreamStatus?: string;
  verdict?: Verdict;
  reason?: string;
  /** The small answer that the ledger keeps of IDCloud. */
  answer?: Record<string, unknown>;
  events: ReportEvent[];
}

/** What the ledger has about one transaction. */
export interface ReportRecords {
  row: TransactionRow;
  events: readonly StoredEvent[];
  captures: readonly TransactionCapture[];
  missing: readonly MissingFinger[];
  sender: Principal | undefined;
  subjectCpf: Cpf | undefined;
  operatorCpf: Cpf | undefined;
}

/** The facts of a transaction. Pure: the same records give the same facts. */
export function factsOf({ row, ...records }: ReportRecords): ReportFacts {
  const operator = person(row.operator, records.operatorCpf);
  return compact({
    format: FORMAT,
    id: row.id,
    kind: row.kind,
    operation: row.operation,
    origin: row.origin,
    state: row.state,
    attempt: row.attempt,
    capturedAt: row.capturedAt?.toISOString(),
    acceptedAt: row.acceptedAt.toISOString(),
    asOf: row.updatedAt.toISOString(),
    subject: person(row.subject, records.subjectCpf),
    operator: operator && compact({ ...operator, verification: row.operatorVerification }),
    sender: records.sender,
    captures: records.captures.map(({ sha256, ...capture }) => compact({ ...capture, sha256: sha256.toString('hex') })),
    missing: [...records.missing],
    upstreamId: row.upstreamId,
    upstreamStatus: row.upstreamStatus,
    verdict: row.verdict,
    reason: row.reason,
    answer: row.result,
    // An event that came after the row was read is not in it.
    events: records.events.filter(({ seq }) => seq <= row.version).map(event),
  });
}

function person(id: string | undefined, cpf: Cpf | undefined): ReportPerson | undefined {
  return id === undefined ? undefined : compact({ id, cpf: cpf && maskCpf(cpf) });
}

function event({ seq, type, to, attempt, at, detail }: StoredEvent): ReportEvent {
  return compact({ seq, type, to, attempt, at: at.toISOString(), detail });
}

type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Absent instead of undefined, as JSON has it. */
function compact<T extends object>(value: T): Compact<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Compact<T>;
}
