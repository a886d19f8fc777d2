import type { LoginStatus, OperatorVerification, SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';

/**
 * The session of SPID Services as a pure function: tables 6.1 (login), 6.2 (enroll) and 6.3 (verify) of the reference, with their guards.
 *
 *   idle ─verify─▶ looking-up ─known─▶ client-capturing ──captured──▶ client-captured ─operatorCapture─▶ operator-capturing
 *    ▲  └─enroll──────────────────────────▲   │                             ▲  ▲                            │   │
 *    ├─────unknown, no answer─────────────────┼─cancelled, lost             │  └───────────failed───────────┘   │ identified, or kept for later
 *    └──sent, kept, refused── sending ◀─captureSend── ready-to-send ◀───────┼────────────────────────────────────┘
 *
 * `looking-up` and `sending` are the table's IDLE and READY_TO_SEND while the answer to Verify or Capture Send is under way, so that a second
 * call cannot slip in between. Results, report and resend do not touch the session: they only need somebody logged in.
 */

export type Purpose = 'enroll' | 'verify';

/** How the last attempt ended, shown by Capture Status until the next one begins. */
export interface Ended {
  status: 'CLIENT_CAPTURE_CANCELLED' | 'ERROR';
  message: string;
}

export type CapturePhase =
  | { phase: 'idle'; ended?: Ended }
  | { phase: 'looking-up' }
  | { phase: 'client-capturing'; purpose: Purpose }
  /** `failure` says why the operator's last attempt did not count. */
  | { phase: 'client-captured'; purpose: Purpose; failure?: string }
  | { phase: 'operator-capturing'; purpose: Purpose }
  | { phase: 'ready-to-send'; purpose: Purpose; verification: OperatorVerification }
  | { phase: 'sending'; purpose: Purpose; verification: OperatorVerification };

export interface SessionState {
  login: 'out' | 'online' | 'offline';
  /** Who is logged in, compared only for equality. */
  operator?: string;
  /** What the last Login answered. */
  loginStatus?: LoginStatus;
  capture: CapturePhase;
}

export const initialState: SessionState = { login: 'out', capture: { phase: 'idle' } };

/** Calls that the machine answers. `obstacle` is why no capture can begin now (no reader), in words for people. */
export type SessionCall =
  | { call: 'loginStatus' }
  | { call: 'verify' }
  | { call: 'enroll'; obstacle?: string | undefined }
  | { call: 'captureStatus' }
  | { call: 'operatorCapture'; obstacle?: string | undefined }
  | { call: 'captureSend' }
  /** Capture Result by ID, Capture Report and Capture Resend All: the session only lets them pass or not. */
  | { call: 'captureResultById' }
  | { call: 'captureReport' }
  | { call: 'captureResendAll' };

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
  /** After a restart: a complete package was found that nobody had sent. */
  | { type: 'restored'; operator: string; purpose: Purpose; verification: OperatorVerification };

/** Work that the shell has to begin because of a call. */
export type Start = 'lookup' | 'client-capture' | 'operator-capture' | 'send' | 'pass';

export interface Step {
  state: SessionState;
  /** Left out where the answer comes with a later event. */
  answer?: SpidServicesAnswer;
  start?: Start;
  /** An open capture was thrown away (Switch Operator). */
  discarded?: true;
}

const error = (message: string): SpidServicesAnswer => ({ status: 'ERROR', message });

/** Answers a call. Total: every call has an answer or a start in every state. */
export function call(state: SessionState, made: SessionCall): Step {
  if (made.call === 'loginStatus') return { state, answer: loginStatusAnswer(state) };
  if (state.login === 'out') return { state, answer: error('operator not logged') };
  const { capture } = state;
  switch (made.call) {
    case 'verify':
      if (capture.phase !== 'idle') return { state, answer: error(busy) };
      if (state.login === 'offline') return { state, answer: error(offlineVerify) };
      return { state: { ...state, capture: { phase: 'looking-up' } }, start: 'lookup' };
    case 'enroll':
      if (capture.phase !== 'idle') return { state, answer: error(busy) };
      if (made.obstacle !== undefined) return { state, answer: error(made.obstacle) };
      return beginClientCapture(state, 'enroll');
    case 'captureStatus':
      return { state, answer: captureStatusAnswer(capture) };
    case 'operatorCapture':
      if (capture.phase !== 'client-captured') return { state, answer: error(operatorTooEarly[capture.phase]) };
      if (made.obstacle !== undefined) return { state, answer: error(made.obstacle) };
      return {
        state: { ...state, capture: { phase: 'operator-capturing', purpose: capture.purpose } },
        answer: { status: 'OPERATOR_CAPTURING' },
        start: 'operator-capture',
      };
    case 'captureSend':
      // A repeated call while the first is under way waits for the same answer instead of sending again.
      if (capture.phase === 'sending') return { state, start: 'send' };
      if (capture.phase !== 'ready-to-send') return { state, answer: error(sendTooEarly) };
      return { state: { ...state, capture: { ...capture, phase: 'sending' } }, start: 'send' };
    case 'captureResultById':
    case 'captureReport':
    case 'captureResendAll':
      return { state, start: 'pass' };
    default:
      return made satisfies never;
  }
}

/** Applies what happened. Undefined where the table has no such row: a late event of a capture that is gone. */
export function happen(state: SessionState, event: SessionEvent): Step | undefined {
  const { capture } = state;
  switch (event.type) {
    case 'login-answered':
      return loginAnswered(state, event.operator, event.status);
    case 'restored': {
      if (state.login !== 'out' || capture.phase !== 'idle') return undefined;
      const { operator, purpose, verification } = event;
      // Nobody asked the server since the start, so the restored login is an offline one until it is asked.
      return {
        state: {
          login: 'offline',
          operator,
          loginStatus: 'OPERATOR_OFFLINE_OK',
          capture: { phase: 'ready-to-send', purpose, verification },
        },
      };
    }
    case 'person-known':
      if (capture.phase !== 'looking-up') return undefined;
      if (event.obstacle !== undefined) return { state: idle(state), answer: error(event.obstacle) };
      return beginClientCapture(state, 'verify');
    case 'person-unknown':
      if (capture.phase !== 'looking-up') return undefined;
      return { state: idle(state), answer: { status: 'PERSON_NOT_FOUND' } };
    case 'lookup-failed':
      if (capture.phase !== 'looking-up') return undefined;
      return { state: idle(state), answer: error(event.message) };
    case 'client-captured':
      if (capture.phase !== 'client-capturing') return undefined;
      return { state: { ...state, capture: { phase: 'client-captured', purpose: capture.purpose } } };
    case 'client-ended':
      if (capture.phase !== 'client-capturing') return undefined;
      return { state: idle(state, event.ended) };
    case 'operator-captured': {
      if (capture.phase !== 'operator-capturing') return undefined;
      const { purpose } = capture;
      return {
        state: { ...state, capture: { phase: 'ready-to-send', purpose, verification: event.verification } },
      };
    }
    case 'operator-failed':
      if (capture.phase !== 'operator-capturing') return undefined;
      return {
        state: {
          ...state,
          capture: { phase: 'client-captured', purpose: capture.purpose, failure: event.message },
        },
      };
    case 'sent': {
      if (capture.phase !== 'sending') return undefined;
      const { status, tguid, message } = event;
      return { state: idle(state), answer: { status, tguid, ...(message !== undefined && { message }) } };
    }
    case 'send-failed':
      if (capture.phase !== 'sending') return undefined;
      return {
        state: { ...state, capture: { ...capture, phase: 'ready-to-send' } },
        answer: error(event.message),
      };
    default:
      return event satisfies never;
  }
}

function loginAnswered(state: SessionState, operator: string, status: LoginStatus): Step {
  const same = state.operator === operator;
  const answer: SpidServicesAnswer = { status };
  if (status === 'OPERATOR_OK' || status === 'OPERATOR_OFFLINE_OK') {
    const login = status === 'OPERATOR_OK' ? 'online' : 'offline';
    if (same) return { state: { ...state, login, loginStatus: status }, answer };
    return switched(state, { login, operator, loginStatus: status, capture: { phase: 'idle' } }, answer);
  }
  // A passing error does not log out the operator who is at work; a server that says no does, and so does somebody else's attempt.
  if (same && status === 'ERROR') return { state, answer };
  return switched(state, { login: 'out', loginStatus: status, capture: { phase: 'idle' } }, answer);
}

/** Switch Operator: whatever capture was open is gone; what was already handed over for sending is not the session's any more. */
function switched(before: SessionState, state: SessionState, answer: SpidServicesAnswer): Step {
  const open = before.capture.phase !== 'idle' && before.capture.phase !== 'sending';
  return { state, answer, ...(open && { discarded: true as const }) };
}

function beginClientCapture(state: SessionState, purpose: Purpose): Step {
  return {
    state: { ...state, capture: { phase: 'client-capturing', purpose } },
    answer: { status: 'CLIENT_CAPTURING' },
    start: 'client-capture',
  };
}

function idle(state: SessionState, ended?: Ended): SessionState {
  return { ...state, capture: { phase: 'idle', ...(ended && { ended }) } };
}

function loginStatusAnswer(state: SessionState): SpidServicesAnswer {
  return state.loginStatus ? { status: state.loginStatus } : error('operator not logged');
}

function captureStatusAnswer(capture: CapturePhase): SpidServicesAnswer {
  switch (capture.phase) {
    case 'idle':
      return capture.ended ? { ...capture.ended } : { status: 'IDLE' };
    case 'looking-up':
      return { status: 'IDLE' };
    case 'client-capturing':
      return { status: 'CLIENT_CAPTURING' };
    case 'client-captured':
      if (capture.failure !== undefined) return { status: 'OPERATOR_CAPTURE_FAILED', message: capture.failure };
      return { status: 'CLIENT_CAPTURE_DONE' };
    case 'operator-capturing':
      return { status: 'OPERATOR_CAPTURING' };
    case 'ready-to-send':
    case 'sending':
      return { status: 'OPERATOR_CAPTURE_DONE', operatorVerification: capture.verification };
    default:
      return capture satisfies never;
  }
}

const busy = 'a capture is open at this station: finish it first';
const offlineVerify = 'logged in offline: Verify needs the server; call Login Status when it is back';
const sendTooEarly = 'nothing is ready to send: the operator capture has to be done first';
const operatorTooEarly: Record<Exclude<CapturePhase['phase'], 'client-captured'>, string> = {
  idle: 'no client capture: start with Enroll or Verify',
  'looking-up': 'no client capture yet',
  'client-capturing': 'the client capture is not done yet',
  'operator-capturing': 'the operator capture is already under way',
  'ready-to-send': 'the operator capture is done: call Capture Send',
  sending: 'the capture is being sent',
};
