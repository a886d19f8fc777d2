import type {
  CaptureStatusWord,
  LoginStatus,
  SpidServicesAnswer,
  SpidServicesCall,
} from '@atesto/shared/contracts/spid-services';
import type { OperatorVerification } from '@atesto/shared/domain/transaction';

/**
 * The session of SPID Services as a pure function: tables 6.1 (login), 6.2 (enroll), 6.3 (verify) and 6.4 (remote) of the reference, with their
 * guards.
 *
 *   idle ─verify─▶ looking-up ─known─▶ client-capturing ──captured──▶ client-captured ─operatorCapture─▶ operator-capturing
 *    ▲  └─enroll──────────────────────────▲   │                             ▲  ▲                            │   │
 *    ├─────unknown, no answer─────────────────┼─cancelled, lost             │  └───────────failed───────────┘   │ identified, or kept for later
 *    └──sent, kept, refused── sending ◀─captureSend── ready-to-send ◀───────┼────────────────────────────────────┘
 *
 *   idle ─operatorCapture, online─▶ operator-capturing (remote) ──identified──▶ operator-ready ─remoteVerify, remoteEnroll─▶ requesting ─▶ idle
 *
 * `looking-up`, `sending` and `requesting` are the table's IDLE, READY_TO_SEND and OPERATOR_READY while the answer to Verify, Capture Send or a
 * remote request is under way, so that a second call cannot slip in between. Results, report, resend and list do not touch the session: they
 * only need somebody logged in. Capture Cancel ends what is open at the reader, and what has not been completed; a complete package can only
 * be sent, or thrown away by logging out.
 */

export type Purpose = 'enroll' | 'verify';

/** What an operator is captured for. */
export type OperatorPurpose = Purpose | 'remote';

/** How the last attempt ended, shown by Capture Status until the next one begins. */
export interface Ended {
  status: Extract<CaptureStatusWord, 'CLIENT_CAPTURE_CANCELLED' | 'OPERATOR_CAPTURE_FAILED' | 'ERROR'>;
  message: string;
}

export type CapturePhase =
  | { phase: 'idle'; ended?: Ended }
  | { phase: 'looking-up' }
  | { phase: 'client-capturing'; purpose: Purpose }
  /** `failure` says why the operator's last attempt did not count. */
  | { phase: 'client-captured'; purpose: Purpose; failure?: string }
  | { phase: 'operator-capturing'; purpose: OperatorPurpose }
  | { phase: 'ready-to-send'; purpose: Purpose; verification: OperatorVerification }
  | { phase: 'sending'; purpose: Purpose; verification: OperatorVerification }
  /** The operator is identified for one remote request. */
  | { phase: 'operator-ready' }
  | { phase: 'requesting' };

export interface SessionState {
  login: 'out' | 'online' | 'offline';
  /** Who is logged in, compared only for equality. */
  operator?: string;
  /** What the last Login answered. */
  loginStatus?: LoginStatus;
  capture: CapturePhase;
}

export const initialState: SessionState = { login: 'out', capture: { phase: 'idle' } };

/** Calls that the session only lets pass or not. */
export type PassingCall = Extract<
  SpidServicesCall,
  | 'captureResultById'
  | 'captureResultByKey'
  | 'captureReport'
  | 'captureResend'
  | 'captureResendAll'
  | 'captureList'
  | 'remoteVerifyResultById'
>;

/** Calls that the machine answers. `obstacle` is why no capture can begin now (no reader), in words for people. */
export type SessionCall =
  | { call: 'loginStatus' }
  | { call: 'logout' }
  | { call: 'verify' }
  | { call: 'enroll'; obstacle?: string | undefined }
  | { call: 'captureStatus' }
  | { call: 'operatorCapture'; obstacle?: string | undefined }
  | { call: 'captureCancel' }
  | { call: 'captureSend' }
  | { call: 'remoteVerify' | 'remoteEnroll' }
  | { call: PassingCall };

/** What comes back from readers, gateway and disk. */
export type SessionEvent =
  | { type: 'login-answered'; operator: string; status: LoginStatus }
  | { type: 'person-known'; obstacle?: string | undefined }
  | { type: 'person-unknown' }
  | { type: 'lookup-failed'; message: string }
  | { type: 'client-captured' }
  | { type: 'client-ended'; ended: Ended }
  | { type: 'operator-captured'; verification: OperatorVerification }
  | { type: 'operator-failed'; message: string }
  | {
      type: 'sent';
      status: 'CAPTURE_ENQUEUED' | 'VERIFIED' | 'SEARCH_PENDING' | 'ERROR';
      tguid: string;
      message?: string | undefined;
    }
  /** Nothing left the station and the package is still ready: the disk refused. */
  | { type: 'send-failed'; message: string }
  | { type: 'remote-answered'; url: string; tguid: string }
  /** `kept`: certainly nothing was asked of the server, so the operator is still ready. */
  | { type: 'remote-failed'; message: string; kept: boolean }
  /** After a restart: a complete package was found that nobody had sent. */
  | { type: 'restored'; operator: string; purpose: Purpose; verification: OperatorVerification };

/** Work that the shell has to begin because of a call. */
export type Start = 'lookup' | 'client-capture' | 'operator-capture' | 'send' | 'remote' | 'pass';

export interface Step {
  state: SessionState;
  /** Left out where the answer comes with a later event. */
  answer?: SpidServicesAnswer;
  start?: Start;
  /** An open capture was thrown away (Switch Operator, Logout, Capture Cancel). */
  discarded?: true;
  /** Only the operator's capture ended; the client's stays. */
  stopped?: true;
}
