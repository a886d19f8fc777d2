import type { LoginStatus, SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import {
  busy,
  cancelled,
  notCancelled,
  notCompared,
  offlineRemote,
  offlineVerify,
  operatorCancelled,
  operatorTooEarly,
  remoteTooEarly,
  sendTooEarly,
} from './refusals.ts';
import {
  type CapturePhase,
  type Ended,
  initialState,
  type OperatorPurpose,
  type Purpose,
  type SessionCall,
  type SessionEvent,
  type SessionState,
  type Step,
} from './session-state.ts';

/** The tables of `session-state.ts`, pure. */

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
    case 'logout':
      return switched(state, { ...initialState }, { status: 'OK' });
    case 'operatorCapture':
      if (capture.phase === 'idle' && state.login === 'online') {
        if (made.obstacle !== undefined) return { state, answer: error(made.obstacle) };
        return {
          state: { ...state, capture: { phase: 'operator-capturing', purpose: 'remote' } },
          answer: { status: 'OPERATOR_CAPTURING' },
          start: 'operator-capture',
        };
      }
      if (capture.phase !== 'client-captured') return { state, answer: error(operatorTooEarly[capture.phase]) };
      if (made.obstacle !== undefined) return { state, answer: error(made.obstacle) };
      return {
        state: { ...state, capture: { phase: 'operator-capturing', purpose: capture.purpose } },
        answer: { status: 'OPERATOR_CAPTURING' },
        start: 'operator-capture',
      };
    case 'captureCancel':
      return cancel(state);
    case 'captureSend':
      // A repeated call while the first is under way waits for the same answer instead of sending again.
      if (capture.phase === 'sending') return { state, start: 'send' };
      if (capture.phase !== 'ready-to-send') return { state, answer: error(sendTooEarly) };
      return { state: { ...state, capture: { ...capture, phase: 'sending' } }, start: 'send' };
    case 'remoteVerify':
    case 'remoteEnroll':
      if (state.login === 'offline') return { state, answer: error(offlineRemote) };
      if (capture.phase !== 'operator-ready') return { state, answer: error(remoteTooEarly) };
      return { state: { ...state, capture: { phase: 'requesting' } }, start: 'remote' };
    case 'captureResultById':
    case 'captureResultByKey':
    case 'captureReport':
    case 'captureResend':
    case 'captureResendAll':
    case 'captureList':
    case 'remoteVerifyResultById':
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
      const { verification } = event;
      if (purpose !== 'remote')
        return { state: { ...state, capture: { phase: 'ready-to-send', purpose, verification } } };
      // A remote request carries no evidence to compare later.
      if (verification !== 'verified') return { state: operatorFailed(state, purpose, notCompared) };
      return { state: { ...state, capture: { phase: 'operator-ready' } } };
    }
    case 'operator-failed':
      if (capture.phase !== 'operator-capturing') return undefined;
      return { state: operatorFailed(state, capture.purpose, event.message) };
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
    case 'remote-answered': {
      if (capture.phase !== 'requesting') return undefined;
      const { url, tguid } = event;
      return { state: idle(state), answer: { status: 'OK', url, tguid } };
    }
    case 'remote-failed':
      if (capture.phase !== 'requesting') return undefined;
      return {
        state: event.kept ? { ...state, capture: { phase: 'operator-ready' } } : idle(state),
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
  const { phase } = before.capture;
  const open = phase !== 'idle' && phase !== 'sending' && phase !== 'requesting';
  return { state, answer, ...(open && { discarded: true as const }) };
}

/** Rows 5 and 9 of 6.2, and what lies between them. A complete package is not lost by it. */
function cancel(state: SessionState): Step {
  const { capture } = state;
  const answer: SpidServicesAnswer = { status: 'OK' };
  switch (capture.phase) {
    case 'client-capturing':
    case 'client-captured':
      return { state: idle(state, cancelled), answer, discarded: true };
    case 'operator-capturing':
      if (capture.purpose === 'remote')
        return { state: operatorFailed(state, capture.purpose, operatorCancelled), answer, discarded: true };
      return { state: operatorFailed(state, capture.purpose, operatorCancelled), answer, stopped: true };
    case 'operator-ready':
      return { state: idle(state), answer, discarded: true };
    case 'idle':
    case 'looking-up':
    case 'ready-to-send':
    case 'sending':
    case 'requesting':
      return { state, answer: error(notCancelled[capture.phase]) };
    default:
      return capture satisfies never;
  }
}

/** Row 9: back to the client's capture, or to nothing where there was none (6.4). */
function operatorFailed(state: SessionState, purpose: OperatorPurpose, message: string): SessionState {
  if (purpose === 'remote') return idle(state, { status: 'OPERATOR_CAPTURE_FAILED', message });
  return { ...state, capture: { phase: 'client-captured', purpose, failure: message } };
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
    case 'operator-ready':
    case 'requesting':
      return { status: 'OPERATOR_CAPTURE_DONE', operatorVerification: 'verified' };
    default:
      return capture satisfies never;
  }
}
