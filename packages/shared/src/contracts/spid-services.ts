import * as z from 'zod';

/**
 * SPID Services, the local API that Griaule's SPID Client offers to integrators on `127.0.0.1:19980`. Only `GET /login/{id}` is documented with its
 * path; the other calls are known by name and role. Their routes are provisional and stand in this one table.
 */

/** Path below which every call lives. */
export const SPID_SERVICES_BASE = '/gbs-spid-services/api';
/** Documented default of the property `port.number`. */
export const SPID_SERVICES_PORT = 19_980;

export interface SpidServicesRoute {
  method: 'GET' | 'POST';
  /** Template below the base; `{name}` is a path variable. */
  path: string;
  /** True where no public page confirms the route. */
  provisional: boolean;
}

/** Calls in use, literals before variables: `/login/status` has to win over `/login/{id}`. */
export const spidServicesRoutes = {
  loginStatus: { method: 'GET', path: '/login/status', provisional: true },
  login: { method: 'GET', path: '/login/{id}', provisional: false },
  verify: { method: 'GET', path: '/verify/{cpf}', provisional: true },
  enroll: { method: 'GET', path: '/enroll/{cpf}', provisional: true },
  captureStatus: { method: 'GET', path: '/capture/status', provisional: true },
  operatorCapture: { method: 'GET', path: '/capture/operator', provisional: true },
  captureSend: { method: 'GET', path: '/capture/send', provisional: true },
  captureResultById: { method: 'GET', path: '/capture/result/{tguid}', provisional: true },
  captureReport: { method: 'GET', path: '/capture/report/{tguid}', provisional: true },
  captureResendAll: { method: 'GET', path: '/capture/resend', provisional: true },
} as const satisfies Record<string, SpidServicesRoute>;

export type SpidServicesCall = keyof typeof spidServicesRoutes;

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

/** Whether the operator who attends was identified at the upstream, or only captured for later. Never shown as verified when it was not. */
export const operatorVerifications = ['verified', 'deferred'] as const;
export type OperatorVerification = (typeof operatorVerifications)[number];

/** Body of every call but the report: the vendor's `status`, plus what the call is about. Domain outcomes are 200 with a status word. */
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
});
export type SpidServicesAnswer = z.infer<typeof spidServicesAnswer>;
