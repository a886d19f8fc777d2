import type { CaptureListItem, RemoteRequest, SpidServicesAnswer } from '@atesto/shared/contracts/spid-services';
import { fingers } from '@atesto/shared/domain/biometric';
import { isSettled } from '@atesto/shared/domain/transaction';
import { call } from './call.ts';
import type { Station } from './house.ts';
import { StackError } from './stack-error.ts';
import { waitFor } from './wait-for.ts';

/** Told of every call and of every finger, for a time line. */
export type OnStep = (what: string) => void;

/**
 * An integrator's program at a branch, written against the vendor's manual: it knows SPID Services on 127.0.0.1 and nothing of Atesto. It also moves
 * the virtual person's hand, as a clerk would ask for.
 */
export class Integrator {
  readonly #station: Pick<Station, 'url' | 'handUrl'>;
  readonly #onStep: OnStep;

  constructor(station: Pick<Station, 'url' | 'handUrl'>, onStep: OnStep = () => {}) {
    this.#station = station;
    this.#onStep = onStep;
  }

  /** One call. @param path below the vendor's base, `login/…`; what is told is `shown`, because paths carry CPFs. */
  async call(path: string, shown = path): Promise<SpidServicesAnswer> {
    const answer = await this.#get(path);
    const extra = answer.status === 'ERROR' && answer.message ? ` (${answer.message})` : '';
    this.#onStep(`${shown} → ${answer.status}${extra}`);
    return answer;
  }

  login = (cpf: string) => this.call(`login/${cpf}`, 'Login');
  logout = () => this.call('logout', 'Logout');
  /** `missing` as `6:AMPUTATED,2:BANDAGED`. */
  verify = (cpf: string, missing?: string) => this.call(`verify/${cpf}${missingOf(missing)}`, 'Verify');
  enroll = (cpf: string, missing?: string) => this.call(`enroll/${cpf}${missingOf(missing)}`, 'Enroll');
  cancel = () => this.call('capture/cancel', 'Capture Cancel');
  operatorCapture = () => this.call('capture/operator', 'Operator Capture');
  send = () => this.call('capture/send', 'Capture Send');
  result = (tguid: string) => this.call(`capture/result/${tguid}`, 'Capture Result by ID');
  resultByKey = (cpf: string) => this.call(`capture/result/key/${cpf}`, 'Capture Result by Key');
  resend = (tguid: string) => this.call(`capture/resend/${tguid}`, 'Capture Resend');
  resendAll = () => this.call('capture/resend', 'Capture Resend All');

  remoteVerify = (request: RemoteRequest) => this.#remote('verify', 'Remote Verify', request);
  remoteEnroll = (request: RemoteRequest) => this.#remote('enroll', 'Remote Enroll', request);
  remoteResult = (tguid: string) => this.call(`remote/verify/${tguid}`, 'Remote Verify Result by ID');

  /** The station's items, newest first. */
  async list(): Promise<CaptureListItem[]> {
    const items = await this.#ask<CaptureListItem[]>('GET', 'capture/list');
    this.#onStep(`Capture List → ${items.length}`);
    return items;
  }

  /** Polls Capture Status and lays each finger that is asked for on the reader, until the capture is over. Returns the last status. */
  async giveFingers(person: string, impression: number): Promise<SpidServicesAnswer> {
    let given: string | undefined;
    return waitFor(
      async () => {
        const status = await this.#get('capture/status');
        if (status.status !== 'CLIENT_CAPTURING' && status.status !== 'OPERATOR_CAPTURING') {
          const extra = status.operatorVerification ? ` (operator ${status.operatorVerification})` : '';
          this.#onStep(`Capture Status → ${status.status}${extra}`);
          return status;
        }
        const asked = status.finger && `${status.finger}/${status.captured}`;
        if (!asked || asked === given) return undefined;
        given = asked;
        await this.#give(person, status.finger as string, impression);
        return undefined;
      },
      { what: 'the end of the capture', timeoutMs: 60_000, everyMs: 40 },
    );
  }

  /** Asks for a transaction's result until it is one of `wanted`. */
  async resultUntil(tguid: string, wanted: readonly string[], timeoutMs = 60_000): Promise<SpidServicesAnswer> {
    let last: string | undefined;
    return waitFor(
      async () => {
        const answer = await this.#get(`capture/result/${tguid}`);
        if (answer.status !== last) this.#onStep(`Capture Result by ID → ${answer.status}`);
        last = answer.status;
        return wanted.includes(answer.status) ? answer : undefined;
      },
      { what: `a result out of ${wanted.join(', ')} (it is ${last ?? 'none'})`, timeoutMs, everyMs: 200 },
    );
  }

  /** The report's bytes. @throws StackError when there is none */
  async report(tguid: string): Promise<Buffer> {
    const { body: bytes } = await call('GET', `${this.#station.url}/gbs-spid-services/api/capture/report/${tguid}`);
    if (!bytes.subarray(0, 5).equals(Buffer.from('%PDF-'))) throw new StackError('failed', 'the report is no PDF');
    this.#onStep('Capture Report → PDF');
    return bytes;
  }

  // Not `fetch`: Node's sends Sec-Fetch-Mode, and so looks like a page in a browser that was never paired.
  #get(path: string): Promise<SpidServicesAnswer> {
    return this.#ask('GET', path);
  }

  async #ask<T>(method: 'GET' | 'POST', path: string, json?: unknown): Promise<T> {
    const { body } = await call(method, `${this.#station.url}/gbs-spid-services/api/${path}`, { json });
    return JSON.parse(body.toString()) as T;
  }

  async #remote(kind: 'verify' | 'enroll', shown: string, json: unknown): Promise<SpidServicesAnswer> {
    const answer = await this.#ask<SpidServicesAnswer>('POST', `remote/${kind}`, json);
    const extra = answer.status === 'ERROR' && answer.message ? ` (${answer.message})` : '';
    this.#onStep(`${shown} → ${answer.status}${extra}`);
    return answer;
  }

  async #give(person: string, finger: string, impression: number): Promise<void> {
    const index = fingers.find(({ name }) => name === finger)?.index;
    if (index === undefined) throw new StackError('failed', `the station asks for a finger named ${finger}`);
    const { status } = await call('PUT', `${this.#station.handUrl}/finger`, { json: { person, index, impression } });
    if (status !== 200) throw new StackError('failed', 'the reader took no finger');
    this.#onStep(`${finger} on the reader`);
  }
}

/** Waits until a transaction is settled, as an operator at the gateway's API would see it. */
export async function untilSettled<T extends { state: Parameters<typeof isSettled>[0] }>(
  look: () => Promise<T>,
): Promise<T> {
  return waitFor(
    async () => {
      const transaction = await look();
      return isSettled(transaction.state) ? transaction : undefined;
    },
    { what: 'a settled transaction', timeoutMs: 60_000, everyMs: 100 },
  );
}

function missingOf(missing: string | undefined): string {
  return missing === undefined ? '' : `?missing=${encodeURIComponent(missing)}`;
}
