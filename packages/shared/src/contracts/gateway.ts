import * as z from 'zod';
import type { CaptureDevice, CaptureQuality } from '../domain/capture.ts';
import type { FaceMeasures } from '../domain/face-measures.ts';
import { operatorVerifications, transactionKinds, transactionStates, verdicts } from '../domain/transaction.ts';
import { biometric, missingBiometric } from './spid-server.ts';

/** `POST /v1/remote-captures/{id}/finish`. */
export { remoteApproval } from './spid-server.ts';

/** The gateway's native API. JSON bodies; errors are RFC 9457 problems; a CPF travels in bodies only, never in a URL. */

/** Upper case is the same id: PostgreSQL gives it back in lower case, and so do we. */
export const id = z.uuid().toLowerCase();

/** Picture types that a capture may have. */
export const captureTypes = ['image/png', 'image/jpeg', 'image/webp'] as const;

/** Answer of `PUT /v1/captures/{id}`. 201 when stored now, 200 when the same bytes were stored before. */
export const captureView = z.object({
  id,
  /** Lower-case hex. */
  sha256: z.string(),
  bytes: z.int(),
  width: z.int(),
  height: z.int(),
});

/** The year 2100: later times are mistakes, and far later ones no database can hold. */
const LATEST_MS = 4_102_444_800_000;

/** What a station says of the device that gave a picture. One line of text each: it stands in the ledger and in reports. */
export const captureDevice: z.ZodType<CaptureDevice> = z.object({
  model: z.string().regex(/^[\p{L}\p{N}\p{P}\p{S} ]{1,80}$/u),
  usb: z
    .string()
    .regex(/^[0-9a-f]{4}:[0-9a-f]{4}$/)
    .optional(),
  serial: z
    .string()
    .regex(/^[\w{}.:-]{1,64}$/)
    .optional(),
});
const share = z.number().min(0).max(1);
const captureQuality: z.ZodType<CaptureQuality> = z.object({ coverage: share, contrast: share, orientation: share });
export const faceMeasures: z.ZodType<FaceMeasures> = z.object({ brightness: share, contrast: share, sharpness: share });

/** One picture of a transaction, uploaded before. What its station knows of it goes into reports. */
export const newBiometric = z.object({
  index: z.int().min(0).max(10),
  capture: id,
  device: captureDevice.optional(),
  quality: captureQuality.optional(),
});

/** Body of `POST /v1/transactions` for the SPID kinds. Captures are uploaded before and belong to the caller. */
export const newTransaction = z.object({
  /** The caller's own id (a station's TGUID). Left out, it is derived from `Idempotency-Key`, or made. */
  id: id.optional(),
  kind: z.enum(['spid.enroll', 'spid.verify']),
  subject: z.object({ cpf: z.string() }),
  operator: z.object({
    cpf: z.string(),
    verification: z.enum(operatorVerifications),
    /** Capture kept as evidence of an operator who could not be verified at the time. */
    evidence: id.optional(),
  }),
  /** Epoch milliseconds of the capture. */
  capturedAt: z.int().positive().max(LATEST_MS),
  biometrics: z.array(newBiometric).min(1).max(11),
  missingBiometrics: z.array(missingBiometric).max(10).default([]),
});
export type NewTransaction = z.input<typeof newTransaction>;

const line = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^\P{Cc}*$/u);

/** Body of `POST /v1/transactions` for IDCloud by Client with a face. */
export const newIdcloudTransaction = z.object({
  id: id.optional(),
  kind: z.literal('idcloud.process'),
  /** By their configured names. The account may be left out where there is only one. */
  account: z.string().max(32).optional(),
  key: z.string().max(32),
  subject: z.object({
    cpf: z.string(),
    name: line(200).optional(),
    email: z.email().max(254).optional(),
    /** Country, area and number; IDCloud's own editions do not agree on its form. */
    phone: line(30).optional(),
  }),
  useCase: line(100).optional(),
  face: z.union([
    /** Uploaded before: by the caller, or by the station named. */
    z.strictObject({ capture: id, station: id.optional() }),
    /** Taken now, at this station. */
    z.strictObject({ station: id }),
  ]),
});
export type NewIdcloudTransaction = z.output<typeof newIdcloudTransaction>;

/**
 * What people have to look at: `exception`, the platform's people treat it; `unknown-word`, it waits with a word that nobody knows; `unknown`,
 * nobody knows yet whether it was sent; `dead`, nothing happens any more by itself.
 */
export const attentions = ['exception', 'unknown-word', 'unknown', 'dead'] as const;
export type Attention = (typeof attentions)[number];

/** A transaction as callers see it. No personal data: the subject is an opaque id. */
export const transactionView = z.object({
  id,
  kind: z.enum(transactionKinds),
  state: z.enum(transactionStates),
  /** Sends begun so far. */
  attempt: z.int(),
  /** The upstream's operation, where the kind does not tell. */
  operation: z.string().optional(),
  /** The transaction that this one is about: a redirected enrolment, a finished remote capture. */
  origin: id.optional(),
  /** Absent where it is about nobody. */
  subject: id.optional(),
  /** Why a person has to look at it. */
  attention: z.enum(attentions).optional(),
  station: id.optional(),
  operatorVerification: z.enum(operatorVerifications).optional(),
  /** The upstream's id, once it gave one. */
  upstreamId: z.string().optional(),
  /** The upstream's last word, verbatim. */
  upstreamStatus: z.string().optional(),
  verdict: z.enum(verdicts).optional(),
  /** IDCloud's answer, as far as it says nothing about the person: `unicoId`, `liveness`, `score` and the like. */
  result: z.record(z.string(), z.unknown()).optional(),
  /** Code of what stands in the way, for `retrying`, `unknown` and `dead`; beside a verdict of IDCloud's, what it leaves open: `score`, `alert` and the like. */
  reason: z.string().optional(),
  acceptedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** When it is taken up again by itself. */
  dueAt: z.iso.datetime().optional(),
  /** Since when nothing is sent any more, because somebody asked for its erasure. */
  eraseRequestedAt: z.iso.datetime().optional(),
});
export type TransactionView = z.infer<typeof transactionView>;

/** One entry of a transaction's history. */
export const transactionEventView = z.object({
  /** 0 is the acceptance. */
  seq: z.int(),
  type: z.string(),
  from: z.enum(transactionStates).optional(),
  to: z.enum(transactionStates),
  attempt: z.int(),
  at: z.iso.datetime(),
  /** Short codes and the upstream's words; never personal data. */
  detail: z.record(z.string(), z.string()).optional(),
});
export type TransactionEventView = z.infer<typeof transactionEventView>;

/** `POST /v1/reports/verify`: what is printed on a report of ours. Dashes and blanks in the code do not matter. */
export const reportQuestion = z.object({
  transaction: id,
  hash: z.string().regex(/^[0-9a-fA-F]{64}$/),
  code: z.string().max(80),
});
/** `genuine`: this installation issued it. `current`, where the caller may see the transaction: a report of it would say the same now. */
export const reportAnswer = z.object({ genuine: z.boolean(), current: z.boolean().optional() });

/** `POST /v1/transactions/resend`: makes due now what failed, by filter. */
export const resendRequest = z.object({ station: id.optional() });
/** The run, and how many had failed when it began. */
export const resendAnswer = z.object({ id, count: z.int() });

/** `GET /v1/resends/{id}`: how far a run is. */
export const resendView = z.object({
  id,
  state: z.enum(['running', 'done', 'cancelled']),
  station: id.optional(),
  /** What had failed when it began, and how much of it is in line or further. */
  found: z.int(),
  takenUp: z.int(),
  /** What is still before it, or was not taken up because it was cancelled. What moved by itself is found, and neither. */
  left: z.int(),
  /** Taken up per second so far, and how long what is left takes at that. Absent while nothing was taken up. */
  perSecond: z.number().optional(),
  secondsLeft: z.int().optional(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
});
export type ResendView = z.infer<typeof resendView>;

/** `GET /v1/transactions/attention`: what people have to look at, oldest first, at most 100. */
export const attentionAnswer = z.object({ transactions: z.array(transactionView) });

/** `POST /v1/transactions/lookup`: the caller's latest transaction about a person, null where there is none. */
export const latestAnswer = z.object({ transaction: transactionView.nullable() });

/** `POST /v1/transactions/find`: those of the caller among `ids`, in no order. */
export const findRequest = z.object({ ids: z.array(id).max(100) });
export const findAnswer = z.object({ transactions: z.array(transactionView) });

/** `POST /v1/remote-captures`: asks for a link with which a person is captured on their own device. */
export const remoteKinds = ['verify', 'enroll'] as const;
export type RemoteKind = (typeof remoteKinds)[number];
export const newRemoteCapture = z.object({
  kind: z.enum(remoteKinds),
  subject: z.object({ cpf: z.string() }),
  operator: z.object({ cpf: z.string() }),
  email: z.email().max(254),
});
export type NewRemoteCapture = z.input<typeof newRemoteCapture>;

/** A remote capture, which is also a transaction under the same id. */
export const remoteCaptureView = z.object({
  id,
  /** The upstream's word, verbatim, or a pending one until it gave one. */
  status: z.string(),
  /** The link, once it was made and while it is open. Whoever holds it can capture. */
  url: z.string().optional(),
});

export type RemoteCaptureView = z.infer<typeof remoteCaptureView>;

/** `GET /v1/remote-captures/{id}/biometrics`: what the person sent in, in SPID Server's form. */
export const biometricsAnswer = z.object({ biometrics: z.array(biometric) });

/** `POST /v1/people/lookup` and `POST /v1/operators/lookup`: questions that SPID Server answers. */
export const cpfQuestion = z.object({ cpf: z.string() });
export const personAnswer = z.object({ registered: z.boolean() });
/** `status` is SPID Server's operator status, or null where there is no such operator. */
export const operatorAnswer = z.object({ status: z.string().nullable() });

/** `POST /v1/stations/enrolments` (administrator) → a code that one station redeems once. */
export const enrolmentRequest = z.object({ name: z.string().min(1).max(80) });
export const enrolmentAnswer = z.object({ code: z.string(), expiresAt: z.iso.datetime() });
/** `POST /v1/stations` (no credential but the code) → the station's own key, shown once. */
export const stationRequest = z.object({ code: z.string().min(1).max(64) });
export const stationAnswer = z.object({ id, name: z.string(), key: z.string() });
export const stationView = z.object({
  id,
  name: z.string(),
  enrolledAt: z.iso.datetime(),
  revokedAt: z.iso.datetime().optional(),
  connected: z.boolean(),
});
/** `POST /v1/keys` (administrator) → an upstream system's key, shown once. */
export const keyRequest = z.object({ name: z.string().min(1).max(80) });
export const keyAnswer = z.object({ id, name: z.string(), key: z.string() });

/** RFC 9457. `type` is `https://atesto.dev/problems/<code>` with a code from the table in `docs/errors.md`. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  /** Fields that were wrong, by JSON path. Values are never echoed. */
  fields: z.array(z.object({ path: z.string(), problem: z.string() })).optional(),
});
