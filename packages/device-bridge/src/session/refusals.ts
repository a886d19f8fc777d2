import type { CapturePhase, Ended } from './session-state.ts';

/** Why the session says no, in words for people. None carries personal data. */

export const busy = 'a capture is open at this station: finish it first, or call Capture Cancel';
export const offlineVerify = 'logged in offline: Verify needs the server; call Login Status when it is back';
export const offlineRemote = 'logged in offline: a remote capture needs the server; call Login Status when it is back';
export const sendTooEarly = 'nothing is ready to send: the operator capture has to be done first';
export const remoteTooEarly = 'no operator is ready: call Operator Capture first, without a client capture before it';
export const notCompared = 'the server could not compare the operator’s finger in time: capture it again';
export const operatorCancelled = 'the operator capture was cancelled: start it again';
export const cancelled: Ended = {
  status: 'CLIENT_CAPTURE_CANCELLED',
  message: 'the capture was cancelled: start again',
};
export const notCancelled: Record<'idle' | 'looking-up' | 'ready-to-send' | 'sending' | 'requesting', string> = {
  idle: 'no capture is open',
  'looking-up': 'no capture is open yet',
  'ready-to-send': 'the capture is complete: call Capture Send, or Logout to throw it away',
  sending: 'the capture is being sent',
  requesting: 'the remote capture is being requested',
};
export const operatorTooEarly: Record<Exclude<CapturePhase['phase'], 'client-captured'>, string> = {
  idle: 'no client capture: start with Enroll or Verify; for a remote capture the server has to be there',
  'looking-up': 'no client capture yet',
  'client-capturing': 'the client capture is not done yet',
  'operator-capturing': 'the operator capture is already under way',
  'ready-to-send': 'the operator capture is done: call Capture Send',
  sending: 'the capture is being sent',
  'operator-ready': 'the operator capture is done: call Remote Verify or Remote Enroll',
  requesting: 'the remote capture is being requested',
};
