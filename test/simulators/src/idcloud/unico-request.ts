import { createUnicoProcessRequest, unicoPurposes } from '@atesto/shared/contracts/idcloud-unico';
import type * as z from 'zod';
import { readCpf } from './client-request.ts';
import { partsOf } from './unico-flows.ts';

export type UnicoRequest = z.infer<typeof createUnicoProcessRequest>;

const SEVEN_DAYS = 7 * 24 * 3_600;

/** What a body asks for, or the message of the refusal (400, code 3): section 3.1. What the section has no message for is named in the same way. */
export function readUnicoCreate(body: unknown): UnicoRequest | string {
  const fields = typeof body === 'object' && body !== null ? body : {};
  // Absent and empty are the same to the vendor.
  const parsed = createUnicoProcessRequest.safeParse({ callbackUri: '', flow: '', purpose: '', ...fields });
  if (!parsed.success) return `invalid ${parsed.error.issues[0]?.path.join('.') || 'request'}`;
  return refusal(parsed.data) ?? parsed.data;
}

/** How long its link is good, in seconds. */
export function lifeOf({ expiresIn }: UnicoRequest): number {
  return expiresIn === undefined ? SEVEN_DAYS : Number.parseInt(expiresIn, 10);
}

function refusal(request: UnicoRequest): string | undefined {
  const { flow, purpose, callbackUri, person = {}, expiresIn } = request;
  const parts = partsOf(flow);
  if (!parts) return 'invalid flow';
  if (!unicoPurposes.some((one) => one === purpose)) return 'invalid purpose';
  const callback = callbackRefusal(callbackUri);
  if (callback !== undefined) return callback;
  if ((person.friendlyName?.length ?? 0) > 50) return 'invalid person: friendly name exceeds 50 characters.';
  for (const { notificationChannel } of person.notifications ?? []) {
    const unreachable = channelRefusal(notificationChannel, person);
    if (unreachable !== undefined) return `invalid person: ${unreachable}`;
  }
  const { duiType = 'DUI_TYPE_BR_CPF', duiValue } = person;
  const named = duiValue === undefined ? flow === 'idagedocumentless' : isDui(duiType, duiValue);
  if (!named) return 'idnsv2/GetPublicID request error: rpc error: code = InvalidArgument desc = invalid dui value';
  if (parts.has('validation') && !request.bioTokenId) return 'invalid bioTokenId';
  if (parts.has('smart') && !request.useCase) return 'invalid useCase';
  if (parts.has('signature') && !request.payload?.some((one) => one.envelopePayload.documents.length > 0))
    return 'invalid payload';
  return expiresIn === undefined || /^[1-9]\d{0,7}s$/.test(expiresIn) ? undefined : 'invalid expiresIn';
}

/** An https URL, an app's own scheme, or `/` for none. */
function callbackRefusal(uri: string): string | undefined {
  if (uri === '/' || (URL.canParse(uri) && !uri.startsWith('http:'))) return undefined;
  const why = uri === '' ? 'empty url' : 'invalid URI for request';
  return `invalid callbackUri: unable to parse callbackUri: parse "${uri}": ${why}, invalid callbackUri: url:${uri}`;
}

function channelRefusal(channel: string, { email, phone }: NonNullable<UnicoRequest['person']>): string | undefined {
  switch (channel) {
    case 'NOTIFICATION_CHANNEL_EMAIL': {
      const wanted = `email required for notification channel ${channel}, `;
      if (email !== undefined && /^[^@\s]+@[^@\s]+$/.test(email)) return undefined;
      return `${email ? '' : wanted}invalid email address for notification channel ${channel}`;
    }
    case 'NOTIFICATION_CHANNEL_SMS':
    case 'NOTIFICATION_CHANNEL_WHATSAPP': {
      const wanted = `phone number required for notification channel ${channel}, `;
      if (phone?.length === 13) return undefined;
      return `${phone ? '' : wanted}phone number does not contain 13 chars for notification channel ${channel}`;
    }
    default:
      return `invalid notification channel ${channel}`;
  }
}

/** Other identifiers than a CPF are not looked into. */
function isDui(type: string, value: string): boolean {
  return type === 'DUI_TYPE_BR_CPF' ? readCpf(value) !== undefined : value !== '';
}
