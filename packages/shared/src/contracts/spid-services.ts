import * as z from 'zod';
import { fingers } from '../domain/biometric.ts';
import { operatorVerifications } from '../domain/transaction.ts';

/**
 * SPID Services, the local API that Griaule's SPID Client offers to integrators on `127.0.0.1:19980`. Only `GET /login/{id}` is documented with its
 * path; the other calls are known by name and role. Their routes are provisional and stand in this one table.
 */

/** Path below which every call lives. */
export const SPID_SERVICES_BASE = '/gbs-spid-services/api';
/** Documented default of the property `port.number`. */
export const SPID_SERVICES_PORT = 19_980;

/** Bytes of the largest body of a call. */
export const SPID_SERVICES_MAX_BODY_BYTES = 1_024;

export interface SpidServicesRoute {
  /** A profile may name any of them; the table has GET and POST. */
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Template below the base; `{name}` is a path variable. */
  path: string;
  /** JSON body of a call that takes one. */
  request?: z.ZodType;
  /** Query parameters that the call takes; any other is not looked at. */
  query?: readonly string[];
  /** True where no public page confirms the route. */
  provisional: boolean;
}

/**
 * How Enroll and Verify are told of fingers that a person lacks. The vendor's own exception call is not known, so this is ours (provisional):
 * `?missing=2:AMPUTATED,7:BANDAGED&missingReason.2=text`, index and type by finger, and a reason where there is one to give. The station skips
 * them, asks for substitutes and sends both on as `missingBiometrics`.
 */
export const missingQuery = ['missing', ...fingers.map(({ index }) => `missingReason.${index}`)] as const;

/** Types of a missing finger: `AMPUTATED` is documented, `BANDAGED` inferred from the PSBio API. The published list is cut off. */
export const missingTypes = ['AMPUTATED', 'BANDAGED'] as const;

/** Body of Remote Verify and Remote Enroll: the field names are SPID Server's. */
export const remoteRequest = z.object({
  /** The person's CPF. */
  clientID: z.string(),
  /** The CPF of the operator who is logged in. */
  operatorID: z.string(),
  /** Where the person is written to. */
  clientEmail: z.email().max(254),
});
export type RemoteRequest = z.infer<typeof remoteRequest>;

/**
 * All 18 calls: Login, whose route is published, and 17 whose routes are provisional. Literals before variables: `/login/status` has to win over
 * `/login/{id}`.
 */
export const spidServicesRoutes = {
  loginStatus: { method: 'GET', path: '/login/status', provisional: true },
  login: { method: 'GET', path: '/login/{id}', provisional: false },
  logout: { method: 'GET', path: '/logout', provisional: true },
  verify: { method: 'GET', path: '/verify/{cpf}', query: missingQuery, provisional: true },
  enroll: { method: 'GET', path: '/enroll/{cpf}', query: missingQuery, provisional: true },
  captureStatus: { method: 'GET', path: '/capture/status', provisional: true },
  operatorCapture: { method: 'GET', path: '/capture/operator', provisional: true },
  captureCancel: { method: 'GET', path: '/capture/cancel', provisional: true },
  captureSend: { method: 'GET', path: '/capture/send', provisional: true },
  captureResultById: { method: 'GET', path: '/capture/result/{tguid}', provisional: true },
  captureResultByKey: { method: 'GET', path: '/capture/result/key/{cpf}', provisional: true },
  captureReport: { method: 'GET', path: '/capture/report/{tguid}', provisional: true },
  captureResend: { method: 'GET', path: '/capture/resend/{tguid}', provisional: true },
  captureResendAll: { method: 'GET', path: '/capture/resend', provisional: true },
  captureList: { method: 'GET', path: '/capture/list', provisional: true },
  remoteVerify: { method: 'POST', path: '/remote/verify', request: remoteRequest, provisional: true },
  remoteEnroll: { method: 'POST', path: '/remote/enroll', request: remoteRequest, provisional: true },
  remoteVerifyResultById: { method: 'GET', path: '/remote/verify/{tguid}', provisional: true },
} as const satisfies Record<string, SpidServicesRoute>;

export type SpidServicesCall = keyof typeof spidServicesRoutes;
/** The table as a profile leaves it: same calls, perhaps other routes. */
export type SpidServicesTable = Readonly<Record<SpidServicesCall, SpidServicesRoute>>;

/** Path variables and the query parameters that the call takes, in one record. Undefined where a parameter is given twice. */
export function callParams(
  { query = [] }: SpidServicesRoute,
  path: Readonly<Record<string, string>>,
  given: Readonly<Record<string, unknown>>,
): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const name of query) {
    const value = given[name];
    if (value === undefined) continue;
    if (typeof value !== 'string') return undefined;
    params[name] = value;
  }
  return { ...params, ...path };
}

export const loginStatuses = [
  'OPERATOR_FAILED',
  'OPERATOR_NOT_FOUND',
  'OPERATOR_IN_PROGRESS',
  'OPERATOR_PENDING',
  'OPERATOR_OK',
  'OPERATOR_OFFLINE_OK',
  'ERROR',
] as const;
export type LoginStatus = (typeof loginStatuses)[number];

/** What Capture Status answers. The last four are ours (provisional): the flows imply these states and never name them. */
export const captureStatuses = [
  'CLIENT_CAPTURING',
  'CLIENT_CAPTURE_DONE',
  'OPERATOR_CAPTURING',
  'OPERATOR_CAPTURE_DONE',
  'CLIENT_CAPTURE_CANCELLED',
  'OPERATOR_CAPTURE_FAILED',
  'IDLE',
  'ERROR',
] as const;
export type CaptureStatusWord = (typeof captureStatuses)[number];

/** Body of every call but the report and the list: the vendor's `status`, plus what the call is about. Domain outcomes are 200 with a status word. */
export const spidServicesAnswer = z.object({
  status: z.string(),
  tguid: z.string().optional(),
  /** Resend All: how many items were taken up again. */
  count: z.int().optional(),
  /** What to do, for people. Carries no personal data. */
  message: z.string().optional(),
  /** Capture Status: the finger being asked for, and how far the plan is. */
  finger: z.string().optional(),
  captured: z.int().optional(),
  wanted: z.int().optional(),
  operatorVerification: z.enum(operatorVerifications).optional(),
  /** Remote Verify and Remote Enroll: the link for the person's own device. */
  url: z.string().optional(),
});
export type SpidServicesAnswer = z.infer<typeof spidServicesAnswer>;

/** Most items that Capture List gives. */
export const CAPTURE_LIST_MAX = 100;

/** One row of Capture List. Newest first; no personal data. */
export const captureListItem = z.object({
  tguid: z.string(),
  kind: z.enum(['enroll', 'verify']),
  /** What Capture Result by ID would answer. */
  status: z.string(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
export type CaptureListItem = z.infer<typeof captureListItem>;
