import { captureStatuses, loginStatuses } from '@atesto/shared/contracts/spid-services';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { call, happen } from './machine.ts';
import {
  type CapturePhase,
  initialState,
  type SessionCall,
  type SessionEvent,
  type SessionState,
  type Step,
} from './session-state.ts';

const tguid = '7f1d0b0e-4a07-4f3f-9a39-3f0d2f6f3a11';
const idle = { phase: 'idle' } as const;
const lookingUp = { phase: 'looking-up' } as const;
const capturing = { phase: 'client-capturing', purpose: 'enroll' } as const;
const verifyCapturing = { phase: 'client-capturing', purpose: 'verify' } as const;
const captured = { phase: 'client-captured', purpose: 'enroll' } as const;
const failed = { ...captured, failure: 'm' } as const;
const operatorCapturing = { phase: 'operator-capturing', purpose: 'enroll' } as const;
const ready = { phase: 'ready-to-send', purpose: 'enroll', verification: 'verified' } as const;
const sending = { ...ready, phase: 'sending' } as const;
const remoteCapturing = { phase: 'operator-capturing', purpose: 'remote' } as const;
const operatorReady = { phase: 'operator-ready' } as const;
const requesting = { phase: 'requesting' } as const;
const operatorEnded = { phase: 'idle', ended: { status: 'OPERATOR_CAPTURE_FAILED', message: 'm' } } as const;
const any = expect.any(String);
const cancelled = { phase: 'idle', ended: { status: 'CLIENT_CAPTURE_CANCELLED', message: 'm' } } as const;

const out: SessionState = initialState;
const online = (capture: CapturePhase = idle): SessionState => ({
  login: 'online',
  operator: 'ana',
  loginStatus: 'OPERATOR_OK',
  capture,
});
const offline = (capture: CapturePhase = idle): SessionState => ({
  login: 'offline',
  operator: 'ana',
  loginStatus: 'OPERATOR_OFFLINE_OK',
  capture,
});
const login = (status: (typeof loginStatuses)[number], operator = 'ana'): SessionEvent => ({
  type: 'login-answered',
  operator,
  status,
});
const made = (name: SessionCall['call'], obstacle?: string): SessionCall => ({
  call: name,
  ...(obstacle !== undefined && { obstacle }),
});
const passing = [
  'captureResultById',
  'captureResultByKey',
  'captureReport',
  'captureResend',
  'captureResendAll',
  'captureList',
  'remoteVerifyResultById',
] as const;
const remoteFailed = (kept: boolean): SessionEvent => ({ type: 'remote-failed', message: 'm', kept });
const remoteAnswered: SessionEvent = { type: 'remote-answered', url: 'https://link.example/1', tguid };
const sent = (status: 'CAPTURE_ENQUEUED' | 'VERIFIED' | 'SEARCH_PENDING' | 'ERROR'): SessionEvent => ({
  type: 'sent',
  status,
  tguid,
});

/** Row of the reference, from, call or event, answer, to, what begins. */
type Row = [string, SessionState, SessionCall | SessionEvent, string | undefined, SessionState, Step['start']?];

const rows: Row[] = [
  ['6.1 row 1: Login', out, login('OPERATOR_OK'), 'OPERATOR_OK', online()],
  ['6.1 row 2: server down, known here', out, login('OPERATOR_OFFLINE_OK'), 'OPERATOR_OFFLINE_OK', offline()],
  ['6.1 row 3: server down, not known here', out, login('ERROR'), 'ERROR', out],
  ['6.1 row 4: not found', out, login('OPERATOR_NOT_FOUND'), 'OPERATOR_NOT_FOUND', out],
  ['6.1 row 4: pending', out, login('OPERATOR_PENDING'), 'OPERATOR_PENDING', out],
  ['6.1 row 4: in progress', out, login('OPERATOR_IN_PROGRESS'), 'OPERATOR_IN_PROGRESS', out],
  ['6.1 row 4: failed', out, login('OPERATOR_FAILED'), 'OPERATOR_FAILED', out],
  ['6.1 row 5: online', online(captured), made('loginStatus'), 'OPERATOR_OK', online(captured)],
  ['6.1 row 5: offline', offline(), made('loginStatus'), 'OPERATOR_OFFLINE_OK', offline()],
  ['6.1 row 5: nobody yet', out, made('loginStatus'), 'ERROR', out],
  [
    '6.1 row 6: Switch Operator',
    online(ready),
    login('OPERATOR_OK', 'bia'),
    'OPERATOR_OK',
    { ...online(), operator: 'bia' },
  ],
  ['6.1 row 6: a switch that fails logs out', online(captured), login('ERROR', 'bia'), 'ERROR', out],
  ['6.1 row 6: Logout', online(captured), made('logout'), 'OK', out],
  ['6.1 row 6: Logout, offline', offline(ready), made('logout'), 'OK', out],
  ['6.1 row 6: Logout, nobody logged in', out, made('logout'), 'ERROR', out],
  ['6.1 row 7: server back', offline(captured), login('OPERATOR_OK'), 'OPERATOR_OK', online(captured)],
  ['6.1: same operator, passing error', online(captured), login('ERROR'), 'ERROR', online(captured)],
  ['6.1: same operator, server says no', online(captured), login('OPERATOR_FAILED'), 'OPERATOR_FAILED', out],
  ['6.1 row 8: Verify', out, made('verify'), 'ERROR', out],
  ['6.1 row 8: Enroll', out, made('enroll'), 'ERROR', out],
  ['6.1 row 8: Capture Status', out, made('captureStatus'), 'ERROR', out],
  ['6.1 row 8: Operator Capture', out, made('operatorCapture'), 'ERROR', out],
  ['6.1 row 8: Capture Send', out, made('captureSend'), 'ERROR', out],
  ['6.1 row 8: Capture Cancel', out, made('captureCancel'), 'ERROR', out],
  ['6.1 row 8: Remote Verify', out, made('remoteVerify'), 'ERROR', out],
  ['6.1 row 8: Remote Enroll', out, made('remoteEnroll'), 'ERROR', out],
  ...passing.map((name): Row => [`6.1 row 8: ${name}`, out, made(name), 'ERROR', out]),
  ['6.2 row 1: asks', online(), made('verify'), undefined, online(lookingUp), 'lookup'],
  ['6.2 row 1: unknown', online(lookingUp), { type: 'person-unknown' }, 'PERSON_NOT_FOUND', online()],
  ['6.2 row 2: Enroll', online(), made('enroll'), 'CLIENT_CAPTURING', online(capturing), 'client-capture'],
  [
    '6.2 row 2: after one that ended',
    online(cancelled),
    made('enroll'),
    'CLIENT_CAPTURING',
    online(capturing),
    'client-capture',
  ],
  ['6.2 row 2: offline', offline(), made('enroll'), 'CLIENT_CAPTURING', offline(capturing), 'client-capture'],
  ['6.2 row 2: no reader', online(), made('enroll', 'no reader'), 'ERROR', online()],
  ['6.2 row 3', online(capturing), made('captureStatus'), 'CLIENT_CAPTURING', online(capturing)],
  ['6.2 row 4', online(capturing), { type: 'client-captured' }, undefined, online(captured)],
  ['6.2 row 4: next status', online(captured), made('captureStatus'), 'CLIENT_CAPTURE_DONE', online(captured)],
  ['6.2 row 5', online(capturing), { type: 'client-ended', ended: cancelled.ended }, undefined, online(cancelled)],
  ['6.2 row 5: next status', online(cancelled), made('captureStatus'), 'CLIENT_CAPTURE_CANCELLED', online(cancelled)],
  [
    '6.2 row 5: Capture Cancel',
    online(capturing),
    made('captureCancel'),
    'OK',
    online({ phase: 'idle', ended: { ...cancelled.ended, message: any } }),
  ],
  [
    '6.2 row 5: Capture Cancel of what was captured',
    online(captured),
    made('captureCancel'),
    'OK',
    online({ phase: 'idle', ended: { ...cancelled.ended, message: any } }),
  ],
  [
    '6.2 row 6',
    online(captured),
    made('operatorCapture'),
    'OPERATOR_CAPTURING',
    online(operatorCapturing),
    'operator-capture',
  ],
  ['6.2 row 6: no reader', online(captured), made('operatorCapture', 'no reader'), 'ERROR', online(captured)],
  ['6.2 row 7', online(operatorCapturing), made('captureStatus'), 'OPERATOR_CAPTURING', online(operatorCapturing)],
  [
    '6.2 row 8',
    online(operatorCapturing),
    { type: 'operator-captured', verification: 'verified' },
    undefined,
    online(ready),
  ],
  ['6.2 row 8: next status', online(ready), made('captureStatus'), 'OPERATOR_CAPTURE_DONE', online(ready)],
  ['6.2 row 9', online(operatorCapturing), { type: 'operator-failed', message: 'm' }, undefined, online(failed)],
  [
    '6.2 row 9: Capture Cancel',
    online(operatorCapturing),
    made('captureCancel'),
    'OK',
    online({ ...captured, failure: any }),
  ],
  ['6.2 row 9: next status', online(failed), made('captureStatus'), 'OPERATOR_CAPTURE_FAILED', online(failed)],
  [
    '6.2 row 9: repeat 6',
    online(failed),
    made('operatorCapture'),
    'OPERATOR_CAPTURING',
    online(operatorCapturing),
    'operator-capture',
  ],
  ['6.2 row 10: Send', online(ready), made('captureSend'), undefined, online(sending), 'send'],
  [
    '6.2 row 10: Send again waits for the same',
    online(sending),
    made('captureSend'),
    undefined,
    online(sending),
    'send',
  ],
  ['6.2 row 10: accepted', online(sending), sent('CAPTURE_ENQUEUED'), 'CAPTURE_ENQUEUED', online()],
  ['6.2 row 11', online(sending), sent('ERROR'), 'ERROR', online()],
  ['6.2 row 12', online(), made('captureResultById'), undefined, online(), 'pass'],
  ['6.2 row 16', online(capturing), made('captureReport'), undefined, online(capturing), 'pass'],
  [
    '6.3 row 1',
    online(lookingUp),
    { type: 'person-known' },
    'CLIENT_CAPTURING',
    online(verifyCapturing),
    'client-capture',
  ],
  ['6.3 row 1: no reader', online(lookingUp), { type: 'person-known', obstacle: 'm' }, 'ERROR', online()],
  ['6.3 row 4', online({ ...sending, purpose: 'verify' }), sent('VERIFIED'), 'VERIFIED', online()],
  [
    '6.3 row 4: still running',
    online({ ...sending, purpose: 'verify' }),
    sent('SEARCH_PENDING'),
    'SEARCH_PENDING',
    online(),
  ],
  ['6.3 row 5', online({ ...sending, purpose: 'verify' }), sent('ERROR'), 'ERROR', online()],
  ['6.3 row 7', online(lookingUp), { type: 'lookup-failed', message: 'm' }, 'ERROR', online()],
  [
    '6.3, as 6.2 row 5: Capture Cancel',
    online(verifyCapturing),
    made('captureCancel'),
    'OK',
    online({ phase: 'idle', ended: { ...cancelled.ended, message: any } }),
  ],
  ['6.4 row 1', online(), made('operatorCapture'), 'OPERATOR_CAPTURING', online(remoteCapturing), 'operator-capture'],
  ['6.4 row 1: no reader', online(), made('operatorCapture', 'no reader'), 'ERROR', online()],
  ['6.4 row 1: offline', offline(), made('operatorCapture'), 'ERROR', offline()],
  ['6.4 row 1: status', online(remoteCapturing), made('captureStatus'), 'OPERATOR_CAPTURING', online(remoteCapturing)],
  [
    '6.4 row 2',
    online(remoteCapturing),
    { type: 'operator-captured', verification: 'verified' },
    undefined,
    online(operatorReady),
  ],
  [
    '6.4 row 2: next status',
    online(operatorReady),
    made('captureStatus'),
    'OPERATOR_CAPTURE_DONE',
    online(operatorReady),
  ],
  [
    '6.4 row 2: an operator who was not compared is not ready',
    online(remoteCapturing),
    { type: 'operator-captured', verification: 'deferred' },
    undefined,
    online({ ...operatorEnded, ended: { ...operatorEnded.ended, message: any } }),
  ],
  [
    '6.4 row 2, as 6.2 row 9: no match',
    online(remoteCapturing),
    { type: 'operator-failed', message: 'm' },
    undefined,
    online(operatorEnded),
  ],
  [
    '6.4, as 6.2 row 9: next status',
    online(operatorEnded),
    made('captureStatus'),
    'OPERATOR_CAPTURE_FAILED',
    online(operatorEnded),
  ],
  [
    '6.4, as 6.2 row 9: Capture Cancel',
    online(remoteCapturing),
    made('captureCancel'),
    'OK',
    online({ ...operatorEnded, ended: { ...operatorEnded.ended, message: any } }),
  ],
  ['6.4: Capture Cancel of a ready operator', online(operatorReady), made('captureCancel'), 'OK', online()],
  ['6.4 row 3', online(operatorReady), made('remoteVerify'), undefined, online(requesting), 'remote'],
  ["6.4 row 3'", online(operatorReady), made('remoteEnroll'), undefined, online(requesting), 'remote'],
  ['6.4 row 3: answered, the operator is not ready any more', online(requesting), remoteAnswered, 'OK', online()],
  ['6.4 row 3: an answer that was lost', online(requesting), remoteFailed(false), 'ERROR', online()],
  ['6.4 row 3: nothing was asked', online(requesting), remoteFailed(true), 'ERROR', online(operatorReady)],
  ['6.4 row 7', online(), made('remoteVerifyResultById'), undefined, online(), 'pass'],
  ['6.4 last row: Remote Verify', offline(operatorReady), made('remoteVerify'), 'ERROR', offline(operatorReady)],
  ['6.4 last row: Remote Enroll', offline(), made('remoteEnroll'), 'ERROR', offline()],
  ['6.5 Capture Resend', online(capturing), made('captureResend'), undefined, online(capturing), 'pass'],
  ['A7: Verify offline', offline(), made('verify'), 'ERROR', offline()],
  ['6.5 Resend All', online(), made('captureResendAll'), undefined, online(), 'pass'],
  [
    'the disk refuses, the package stays ready',
    online(sending),
    { type: 'send-failed', message: 'm' },
    'ERROR',
    online(ready),
  ],
  [
    'restart at READY_TO_SEND',
    out,
    { type: 'restored', operator: 'ana', purpose: 'enroll', verification: 'verified' },
    undefined,
    offline(ready),
  ],
];

function run(state: SessionState, by: SessionCall | SessionEvent): Step | undefined {
  return 'call' in by ? call(state, by) : happen(state, by);
}

describe('session machine', () => {
  it.each(rows)('%s', (_row, from, by, answer, to, start) => {
    const step = run(from, by);
    expect(step?.answer?.status).toBe(answer);
    expect(step?.start).toBe(start);
    expect(step?.state.login).toBe(to.login);
    expect(step?.state.capture).toEqual(to.capture);
    if (to.login !== 'out') expect(step?.state).toEqual(to);
  });

  it.each([
    lookingUp,
    capturing,
    captured,
    operatorCapturing,
    ready,
    sending,
    remoteCapturing,
    operatorReady,
    requesting,
  ])('guard: second Verify or Enroll while $phase is ERROR and changes nothing', (phase) => {
    for (const name of ['verify', 'enroll'] as const)
      expect(call(online(phase), made(name))).toEqual({
        state: online(phase),
        answer: { status: 'ERROR', message: expect.any(String) },
      });
  });

  it.each([idle, lookingUp, capturing, captured, operatorCapturing, remoteCapturing, operatorReady, requesting])(
    'guard: Send before 6.2 row 8 ($phase) is ERROR and changes nothing',
    (phase) => {
      expect(call(online(phase), made('captureSend'))).toEqual({
        state: online(phase),
        answer: { status: 'ERROR', message: expect.any(String) },
      });
    },
  );

  it.each([
    idle,
    lookingUp,
    capturing,
    captured,
    failed,
    operatorCapturing,
    ready,
    sending,
    remoteCapturing,
    requesting,
  ])('guard: a remote request without an operator captured for it ($phase) is ERROR and changes nothing', (phase) => {
    for (const name of ['remoteVerify', 'remoteEnroll'] as const)
      expect(call(online(phase), made(name))).toEqual({
        state: online(phase),
        answer: { status: 'ERROR', message: expect.any(String) },
      });
  });

  it.each([idle, lookingUp, ready, sending, requesting])(
    'Capture Cancel with nothing to cancel, or of a complete package ($phase), is ERROR and changes nothing',
    (phase) => {
      expect(call(online(phase), made('captureCancel'))).toEqual({
        state: online(phase),
        answer: { status: 'ERROR', message: expect.any(String) },
      });
    },
  );

  it('6.2 row 9: a cancelled operator capture leaves the client’s as it is', () => {
    expect(call(online(operatorCapturing), made('captureCancel'))).toMatchObject({ stopped: true });
    expect(call(online(operatorCapturing), made('captureCancel')).discarded).toBeUndefined();
    for (const phase of [capturing, captured, remoteCapturing, operatorReady])
      expect(call(online(phase), made('captureCancel')).discarded).toBe(true);
  });

  it.each([lookingUp, capturing, operatorCapturing, ready, sending, remoteCapturing, operatorReady, requesting])(
    'guard: Operator Capture before 6.2 row 4, or again ($phase) is ERROR and changes nothing',
    (phase) => {
      expect(call(online(phase), made('operatorCapture'))).toEqual({
        state: online(phase),
        answer: { status: 'ERROR', message: expect.any(String) },
      });
    },
  );

  it('6.1 row 6: discards an open capture, not what was handed over for sending', () => {
    for (const phase of [lookingUp, capturing, captured, operatorCapturing, ready, remoteCapturing, operatorReady]) {
      expect(happen(online(phase), login('OPERATOR_OK', 'bia'))?.discarded).toBe(true);
      expect(call(online(phase), made('logout')).discarded).toBe(true);
    }
    for (const phase of [idle, sending, requesting]) {
      expect(happen(online(phase), login('OPERATOR_OK', 'bia'))?.discarded).toBeUndefined();
      expect(call(online(phase), made('logout')).discarded).toBeUndefined();
    }
  });

  it('has no row for a late event of a capture that is gone', () => {
    for (const event of allEvents)
      if (event.type !== 'login-answered') expect(happen(online(), event), event.type).toBeUndefined();
  });

  it('no sequence of calls and events leaves the table', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 60 }), (sequence) => {
        let state: SessionState = initialState;
        let operatorCaptured: string | undefined;
        // As the shell keeps it: complete on disk until it was handed over, or somebody logged out or switched.
        let complete = false;
        for (const by of sequence) {
          const before = state;
          const taken = run(state, by);
          if (!taken) {
            expect('call' in by, 'a call always has a row').toBe(false);
            continue;
          }
          state = taken.state;
          const { capture } = state;
          if ('type' in by && (by.type === 'operator-captured' || by.type === 'restored'))
            operatorCaptured = by.verification;
          if (taken.start === 'remote') {
            expect(before.capture.phase, 'never remote without an operator captured for it').toBe('operator-ready');
            expect(operatorCaptured).toBe('verified');
            expect(state.login).toBe('online');
          }
          if (taken.start === 'operator-capture' && before.capture.phase === 'idle')
            expect(capture, 'an operator without a client is for a remote request only').toEqual(remoteCapturing);
          if (capture.phase === 'ready-to-send') complete = true;
          else if (complete) {
            const handedOver = capture.phase === 'sending' || ('type' in by && by.type === 'sent');
            const thrownAway = taken.discarded && (('call' in by && by.call === 'logout') || 'type' in by);
            expect(handedOver || thrownAway || before.capture.phase === 'sending', 'no package is lost').toBe(true);
            complete = false;
          }
          if (taken.start === 'send') expect(operatorCaptured, 'never to Send without the operator').toBeDefined();
          if (capture.phase === 'ready-to-send' || capture.phase === 'sending')
            expect(capture.verification, 'never verified when it was deferred').toBe(operatorCaptured);
          else if (capture.phase !== 'operator-ready' && capture.phase !== 'requesting') operatorCaptured = undefined;
          if (state.login === 'out') expect(capture.phase).toBe('idle');
          else expect(state.operator).toBeDefined();
          if ('call' in by) {
            expect(taken.answer !== undefined || taken.start !== undefined).toBe(true);
            if (taken.answer?.status === 'ERROR') expect(taken.discarded ?? taken.stopped).toBeUndefined();
            if (taken.answer?.status === 'ERROR') expect(state, 'ERROR changes nothing').toEqual(before);
          }
          expect(captureStatuses).toContain(call(state, made('captureStatus')).answer?.status);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

const allCalls: SessionCall[] = [
  made('loginStatus'),
  made('verify'),
  made('enroll'),
  made('enroll', 'no reader'),
  made('captureStatus'),
  made('operatorCapture'),
  made('captureSend'),
  made('captureCancel'),
  made('remoteVerify'),
  made('remoteEnroll'),
  ...passing.map((name) => made(name)),
];
const allEvents: SessionEvent[] = [
  ...loginStatuses.flatMap((status) => [login(status), login(status, 'bia')]),
  { type: 'person-known' },
  { type: 'person-unknown' },
  { type: 'lookup-failed', message: 'm' },
  { type: 'client-captured' },
  { type: 'client-ended', ended: { status: 'ERROR', message: 'm' } },
  { type: 'operator-captured', verification: 'verified' },
  { type: 'operator-captured', verification: 'deferred' },
  { type: 'operator-failed', message: 'm' },
  sent('CAPTURE_ENQUEUED'),
  sent('ERROR'),
  { type: 'send-failed', message: 'm' },
  remoteAnswered,
  remoteFailed(true),
  remoteFailed(false),
  { type: 'restored', operator: 'ana', purpose: 'enroll', verification: 'verified' },
];
// Successful logins and progress come often, so that sequences get past the door.
const steps = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...allCalls) },
  { weight: 6, arbitrary: fc.constantFrom(...allEvents.filter(({ type }) => type !== 'login-answered')) },
  { weight: 1, arbitrary: fc.constantFrom(...allEvents, made('logout')) },
  { weight: 2, arbitrary: fc.constant(login('OPERATOR_OK')) },
);
