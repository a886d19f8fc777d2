import { createUnicoProcessRequest, notificationChannels, unicoPurposes } from '@atesto/shared/contracts/idcloud-unico';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import * as z from 'zod';
import { parseBoundedObject } from './bounded-json.ts';
import { invalidArgument } from './unico-refusal.ts';

type Request = z.infer<typeof createUnicoProcessRequest>;
type Person = NonNullable<Request['person']>;

export interface CheckedUnico {
  /** Undefined for a flow that names nobody, and for people without a CPF. */
  cpf: Cpf | undefined;
  json: Request;
}

const [whatsApp, sms, mail] = notificationChannels;
const email = z.email();
/** Its app's own scheme, or https. */
const callback = /^(?:https:\/\/[^\s/]+|[a-z][a-z0-9+.-]*\.[a-z0-9+.-]+:\/\/)\S*$/i;

/**
 * Reads the body of a by Unico create; messages are the vendor's where it has one. Flows are an open list: only IDCloud knows them all.
 * @throws UnicoRefusal
 */
export function checkUnicoCreate(body: Buffer): CheckedUnico {
  const given = parseBoundedObject(body);
  if (!given) throw invalidArgument('invalid request body');
  const { flow, purpose, callbackUri } = given;
  if (typeof flow !== 'string' || !/^\w{1,64}$/.test(flow)) throw invalidArgument('invalid flow');
  if (!unicoPurposes.some((known) => known === purpose)) throw invalidArgument('invalid purpose');
  if (typeof callbackUri !== 'string' || !(callbackUri === '/' || callback.test(callbackUri))) {
    throw invalidArgument(
      'invalid callbackUri: unable to parse callbackUri: parse "": empty url, invalid callbackUri: url:',
    );
  }
  const parsed = createUnicoProcessRequest.safeParse(given);
  if (!parsed.success) throw invalidArgument('invalid request body');
  const { person } = parsed.data;
  if (person) checkPerson(person);
  return { cpf: person && cpfOf(person), json: given as Request };
}

function checkPerson(person: Person): void {
  if ((person.friendlyName?.length ?? 0) > 50) {
    throw invalidArgument('invalid person: friendly name exceeds 50 characters.');
  }
  for (const { notificationChannel: channel } of person.notifications ?? []) {
    if (channel === mail && !email.safeParse(person.email).success) {
      throw invalidArgument(
        `invalid person: email required for notification channel ${channel}, invalid email address for notification channel ${channel}`,
      );
    }
    if ((channel === whatsApp || channel === sms) && person.phone?.length !== 13) {
      throw invalidArgument(
        `invalid person: phone number required for notification channel ${channel}, phone number does not contain 13 chars for notification channel ${channel}`,
      );
    }
  }
}

function cpfOf({ duiType, duiValue = '' }: Person): Cpf | undefined {
  if (duiType !== 'DUI_TYPE_BR_CPF') return undefined;
  const cpf = parseCpf(duiValue);
  // Without punctuation, as by Client.
  if (!cpf || cpf !== duiValue) {
    throw invalidArgument(
      'idnsv2/GetPublicID request error: rpc error: code = InvalidArgument desc = invalid dui value',
    );
  }
  return cpf;
}
