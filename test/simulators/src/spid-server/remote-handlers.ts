import {
  faceDetectRequest,
  remoteApproval,
  remoteCaptureRequest,
  remoteNotification,
} from '@atesto/shared/contracts/spid-server';
import { FACE_INDEX } from '@atesto/shared/domain/biometric';
import { readImageHeader } from '@atesto/shared/domain/image-header';
import type { FastifyReply } from 'fastify';
import { readBiometric, type StoredBiometric, wireOf } from './biometrics.ts';
import { sendError } from './errors.ts';
import { countFaces, decodeColour } from './faces.ts';
import {
  checked,
  type Handler,
  type HandlerContext,
  type HandlersOf,
  mayAct,
  sendJson,
  sendNothing,
  variableOf,
} from './http.ts';
import { searchWord } from './people-handlers.ts';
import type { RemoteCapture } from './remote.ts';
import { elevenDigits } from './validate.ts';

type Names =
  | 'createRemoteVerify'
  | 'createRemoteEnroll'
  | 'createRemoteCapture'
  | 'getBiometrics'
  | 'finishRemoteCapture'
  | 'notificationRemoteCapture'
  | 'faceDetect';

/** A face has no resolution of its own; this is the usual one of a print. */
const FACE_DPI = 300;

/** The face in a base64 picture; exactly one, or why not. */
function readFace(image: string): StoredBiometric | { status: 400 | 422; error: string } {
  const header = readImageHeader(Buffer.from(image, 'base64'));
  const { width, height } = header ?? { width: 0, height: 0 };
  const stored = readBiometric({ index: FACE_INDEX, content: image, width, height, resolution: FACE_DPI });
  if (typeof stored === 'string') return { status: 400, error: stored };
  const picture = decodeColour(stored.bytes);
  if (!picture) return { status: 422, error: 'picture cannot be decoded (this simulator reads PNG)' };
  const faces = countFaces(picture);
  return faces === 1 ? stored : { status: 422, error: `picture shows ${faces} faces, not one` };
}

/** Opens a remote capture and answers with its link. */
export function openRemote(
  context: HandlerContext,
  purpose: RemoteCapture['purpose'],
  value: unknown,
  reply: FastifyReply,
): FastifyReply {
  const body = checked(remoteCaptureRequest, value, reply);
  if (!body) return reply;
  const { state, options } = context;
  const subject = elevenDigits(body.data.clientID);
  const operator = elevenDigits(body.data.operatorID);
  const errors = [
    ...(subject ? [] : ['data.clientID: not a CPF']),
    ...(operator ? [] : ['data.operatorID: not a CPF']),
    ...(/^[^\s@]+@[^\s@]+$/.test(body.data.clientEmail) ? [] : ['data.clientEmail: not an address']),
  ];
  if (!subject || !operator || errors.length > 0) return sendError(reply, 400, errors);
  if (!mayAct(context, operator, reply)) return reply;
  const matter = { subject, operator, timestamp: state.now(), biometrics: [], missing: [] };
  const isEnrolment = purpose === 'enroll';
  const pending = isEnrolment ? 'ENROLL_PENDING' : 'SEARCH_PENDING';
  const { tguid } = state.accept(isEnrolment ? 'ENROLL' : 'SEARCH', matter, pending, { dueAt: undefined });
  const { token } = state.remote.open(tguid, purpose, state.now() + options.remoteTtlMs);
  return sendJson(reply, 200, { tguid, dynamicLink: `${options.publicUrl()}/applicant/${token}` });
}

/** The applicant's face comes in. Returns what was wrong. */
export function submitFace(
  { state, options }: HandlerContext,
  capture: RemoteCapture,
  image: string,
): { status: number; error: string } | undefined {
  state.settle();
  if (capture.stage === 'expired') return { status: 410, error: 'link has expired' };
  if (capture.stage !== 'awaiting') return { status: 409, error: 'a face has been sent' };
  const face = readFace(image);
  if ('error' in face) return face;
  capture.face = face;
  capture.stage = options.remoteNotifies ? 'received' : 'captured';
  return undefined;
}

/** Remote capture: request, link, notification, review, approval; and the detection of a face. */
export function remoteHandlers(context: HandlerContext): HandlersOf<Names> {
  const { state } = context;
  const opens =
    (purpose: RemoteCapture['purpose']): Handler =>
    async (request, reply) =>
      openRemote(context, purpose, request.body, reply);

  return {
    createRemoteVerify: opens('verify'),
    createRemoteEnroll: opens('enroll'),
    createRemoteCapture: opens('verify'),

    notificationRemoteCapture: async (request, reply) => {
      const body = checked(remoteNotification, request.body, reply);
      if (!body) return reply;
      state.settle();
      const capture = state.remote.get(body.guid);
      if (!capture) return sendError(reply, 404, ['no such remote capture']);
      if (!capture.face) return sendError(reply, 409, ['nothing has been captured']);
      if (capture.stage === 'captured') capture.stage = 'received';
      return sendNothing(reply, 200);
    },

    getBiometrics: async (request, reply) => {
      const capture = state.remote.get(variableOf(request, 'tguid'));
      if (!capture) return sendError(reply, 404, ['no such remote capture']);
      if (!capture.face || capture.stage === 'captured') return sendError(reply, 404, ['no biometrics yet']);
      return sendJson(reply, 200, wireOf(capture.face));
    },

    finishRemoteCapture: async (request, reply) => {
      const body = checked(remoteApproval, request.body, reply);
      if (!body) return reply;
      const tguid = variableOf(request, 'tguid');
      const transaction = state.transaction(tguid);
      const capture = state.remote.get(tguid);
      if (!capture || !transaction) return sendError(reply, 404, ['no such remote capture']);
      const { face, purpose } = capture;
      if (capture.stage !== 'received' || !face) return sendError(reply, 409, [`remote capture is ${capture.stage}`]);
      capture.stage = body.approval ? 'approved' : 'refused';
      if (!body.approval) transaction.status = purpose === 'enroll' ? 'ENROLL_REJECTED' : 'SEARCH_FAILED';
      else if (purpose === 'enroll') state.proceed(transaction, [face]);
      else state.proceed(transaction, [face], await searchWord(context, transaction.subject, [face]));
      return sendNothing(reply, 200);
    },

    faceDetect: async (request, reply) => {
      const body = checked(faceDetectRequest, request.body, reply);
      if (!body) return reply;
      const subject = elevenDigits(body.userId);
      const operator = elevenDigits(body.operatorId);
      if (!subject || !operator) return sendError(reply, 400, ['userId, operatorId: not a CPF']);
      if (!mayAct(context, operator, reply)) return reply;
      const face = readFace(body.image);
      if ('error' in face) {
        return sendError(
          reply,
          face.status,
          [face.error],
          face.status === 400 ? 'VALIDATION_ERROR' : 'PROCESSING_ERROR',
        );
      }
      const matter = { subject, operator, timestamp: state.now(), biometrics: [face], missing: [] };
      return sendJson(reply, 200, { id: state.accept('FACE_DETECT', matter, 'OK').tguid });
    },
  };
}
