import * as z from 'zod';
import type { SpidServicesCall } from './spid-services.ts';
import { captureStatuses, spidServicesRoutes } from './spid-services.ts';

/** The line that a station dials: a WebSocket at `GET /v1/link` with the station's key. One JSON message per frame. */

/** Bytes of the largest message; a report is the largest thing that travels. */
export const LINK_MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

const calls = Object.keys(spidServicesRoutes) as [SpidServicesCall, ...SpidServicesCall[]];

/** Gateway → station. */
export const linkCommand = z.object({
  type: z.literal('call'),
  id: z.uuid(),
  call: z.enum(calls),
  /** Path variables and the query parameters that the call takes. */
  params: z.record(z.string(), z.string()),
  /** JSON body of a call that takes one, as it came. */
  body: z.unknown().optional(),
});
export type LinkCommand = z.infer<typeof linkCommand>;

/** Station → gateway. */
export const linkMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    version: z.string(),
    devices: z.array(z.object({ model: z.string(), ready: z.boolean() })),
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
]);
export type LinkMessage = z.infer<typeof linkMessage>;
