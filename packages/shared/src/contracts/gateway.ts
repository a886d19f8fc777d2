import * as z from 'zod';
import { operatorVerifications, transactionKinds, transactionStates, verdicts } from '../domain/transaction.ts';
import { missingBiometric } from './spid-server.ts';

/** The gateway's native API. JSON bodies; errors are RFC 9457 problems; a CPF travels in bodies only, never in a URL. */

export const id = z.uuid();

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
  biometrics: z
    .array(z.object({ index: z.int().min(0).max(10), capture: id }))
    .min(1)
    .max(11),
  missingBiometrics: z.array(missingBiometric).max(10).default([]),
});
export type NewTransaction = z.input<typeof newTransaction>;

/** A transaction as callers see it. No personal data: the subject is an opaque id. */
export const transactionView = z.object({
  id,
  kind: z.enum(transactionKinds),
  state: z.enum(transactionStates),
  /** Sends begun so far. */
  attempt: z.int(),
  subject: id,
  station: id.optional(),
  operatorVerification: z.enum(operatorVerifications).optional(),
  /** The upstream's id, once it gave one. */
  upstreamId: z.string().optional(),
  /** The upstream's last word, verbatim. */
  upstreamStatus: z.string().optional(),
  verdict: z.enum(verdicts).optional(),
  /** Code of what stands in the way, for `retrying`, `unknown` and `dead`. */
  reason: z.string().optional(),
  acceptedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** When it is taken up again by itself. */
  dueAt: z.iso.datetime().optional(),
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

/** `POST /v1/transactions/resend`: makes due now what failed, by filter. */
export const resendRequest = z.object({ station: id.optional() });
export const resendAnswer = z.object({ count: z.int() });

/** `POST /v1/transactions/lookup`: the caller's latest transaction about a person, null where there is none. */
export const latestAnswer = z.object({ transaction: transactionView.nullable() });

/** `POST /v1/transactions/find`: those of the caller among `ids`, in no order. */
export const findRequest = z.object({ ids: z.array(id).max(100) });
export const findAnswer = z.object({ transactions: z.array(transactionView) });

/**
 * `POST /v1/remote-captures`: asks the upstream for a link with which a person is captured on their own device. `id` is the upstream's TGUID. It
 * is not in the ledger yet: an answer that was lost is lost, and a repeated request makes a second link.
 */
export const remoteKinds = ['verify', 'enroll'] as const;
export type RemoteKind = (typeof remoteKinds)[number];
export const newRemoteCapture = z.object({
  kind: z.enum(remoteKinds),
  subject: z.object({ cpf: z.string() }),
  operator: z.object({ cpf: z.string() }),
  email: z.email().max(254),
});
export type NewRemoteCapture = z.input<typeof newRemoteCapture>;
export const remoteCaptureAnswer = z.object({ id: z.string(), url: z.string() });

/** `GET /v1/remote-captures/{id}?kind=`: the upstream's word, verbatim. */
export const remoteCaptureView = z.object({ id: z.string(), status: z.string() });

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
