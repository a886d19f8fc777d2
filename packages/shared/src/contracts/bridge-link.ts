import * as z from 'zod';
import { captureDevice, faceMeasures } from './gateway.ts';
import type { SpidServicesCall } from './spid-services.ts';
import { captureStatuses, spidServicesRoutes } from './spid-services.ts';

/** The line that a station dials: a WebSocket at `GET /v1/link` with the station's key. One JSON message per frame. */

/** Bytes of the largest message; a report is the largest thing that travels. */
export const LINK_MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

const calls = Object.keys(spidServicesRoutes) as [SpidServicesCall, ...SpidServicesCall[]];

const linkCommand = z.object({
  type: z.literal('call'),
  id: z.uuid(),
  call: z.enum(calls),
  /** Path variables and the query parameters that the call takes. */
  params: z.record(z.string(), z.string()),
  /** JSON body of a call that takes one, as it came. */
  body: z.unknown().optional(),
});
export type LinkCommand = z.infer<typeof linkCommand>;

/** Gateway → station. A bridge hangs up on what it does not know: a face is asked only of one whose `hello` named a camera. */
export const gatewayMessage = z.discriminatedUnion('type', [
  linkCommand,
  /** Take a face now, upload it as `capture`, and say so. */
  z.object({ type: z.literal('capture-face'), id: z.uuid(), capture: z.uuid() }),
  /** Nobody waits for the face of this `id` any more. */
  z.object({ type: z.literal('cancel-face'), id: z.uuid() }),
]);
export type GatewayMessage = z.infer<typeof gatewayMessage>;

/** Why a station gave no face. */
export const faceFailures = [
  'no-camera',
  /** A reader or the camera is at work. */
  'busy',
  'device-lost',
  'device-fault',
  'timeout',
  'cancelled',
  /** It was taken, and the gateway did not take it. */
  'not-uploaded',
] as const;
export type FaceFailure = (typeof faceFailures)[number];

/** What came of a face: it is at the gateway under the id that was asked for, or nothing is. */
export const faceAnswer = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('taken'),
    device: captureDevice,
    /** Left out where the picture could not be measured. */
    measures: faceMeasures.optional(),
  }),
  // A later bridge may know more ways to fail.
  z.object({ outcome: z.literal('failed'), why: z.enum(faceFailures).catch('device-fault') }),
]);
export type FaceAnswer = z.infer<typeof faceAnswer>;

/** Station → gateway. */
export const linkMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    version: z.string(),
    devices: z.array(z.object({ model: z.string(), ready: z.boolean() })),
    /** The camera that takes faces. Older bridges and stations without one do not name any. */
    camera: z.string().optional(),
  }),
  z.object({ type: z.literal('progress'), status: z.enum(captureStatuses) }),
  z.object({
    type: z.literal('answer'),
    id: z.uuid(),
    status: z.int(),
    contentType: z.string(),
    /** UTF-8 text, or base64 where `contentType` is not JSON. */
    body: z.string(),
  }),
  z.object({ type: z.literal('face'), id: z.uuid(), answer: faceAnswer }),
]);
export type LinkMessage = z.infer<typeof linkMessage>;
