import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createLog, type LogLevel } from './log.ts';
import { isRouteTemplate, isTelling, type LogRecord } from './log-fields.ts';

const CPF = '52998224725';
const DOTTED = '529.982.247-25';
const IMAGE = randomBytes(400).toString('base64');
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NAME = 'Maria Aparecida de Souza';
const SLASHED = 'F1OOTKh/kMvkS83qg1WSuqcg0Mrcc58F/1Gqi2qjpg/5lkkedX3WvaKOTCju';
const LIKE_A_PATH = '/3Cx5NGTnE0FqzpTzkf4gjYHK/PcbFkOb0P/7PoxJLKcuAe110SUubPlqhIF';
const markers = [CPF, DOTTED, IMAGE, IMAGE.slice(0, 60), SLASHED, LIKE_A_PATH, SECRET, NAME];

function recorded(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const onDropped = vi.fn();
  const log = createLog({ service: 'gateway', level, stream: { write: (line) => void lines.push(line) }, onDropped });
  return { log, lines, onDropped, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

function expectClean(lines: string[]) {
  for (const marker of markers) expect(lines.join('\n')).not.toContain(marker);
}

describe('createLog', () => {
  it('writes an event with its allowed fields', () => {
    const { log, parsed } = recorded();
    const transaction = randomUUID();
    log.info('transaction-accepted', { transaction, kind: 'spid.enroll', ms: 12, embedded: true, subject: undefined });
    expect(parsed()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        service: 'gateway',
        event: 'transaction-accepted',
        transaction,
        kind: 'spid.enroll',
        ms: 12,
        embedded: true,
      },
    ]);
  });

  it('keeps to its level and binds fields to a child', () => {
    const { log, parsed } = recorded('info');
    log.debug('request');
    log.child({ station: 'branch-7' }).warn('station-disconnected', { reason: 'timeout' });
    expect(parsed()).toMatchObject([{ event: 'station-disconnected', station: 'branch-7', reason: 'timeout' }]);
  });

  it('takes the real words of the field', () => {
    const { log, parsed } = recorded();
    log.info('transition', {
      route: '/gbs-spid-server/verify/:cpf',
      upstreamStatus: 'PSBIO_SEARCH_PENDING',
      upstreamCode: '1.2.5',
      upstreamId: '8D7E2A6C-1B0F-4C3D-9E8F-0123456789AB',
      host: '127.0.0.1:19980',
      file: '/var/lib/atesto/keys.json',
      version: 'v24.21.0',
      device: '05ba:000a',
      job: `${randomUUID()}-3`,
    });
    expect(parsed()[0]).not.toHaveProperty('dropped');
    expect(Object.keys(parsed()[0] ?? {})).toHaveLength(4 + 9);
  });
});

describe('planted markers', () => {
  it.each(markers.map((marker) => [marker]))('%s gets through no field of any name', (marker) => {
    const { log, lines, onDropped } = recorded();
    const names = ['transaction', 'subject', 'kind', 'reason', 'route', 'file', 'host', 'method', 'count', 'embedded'];
    for (const name of names) log.info('planted', { [name]: marker } as LogRecord);
    for (const name of names) log.child({ [name]: marker } as LogRecord).info('planted');
    expect(onDropped).toHaveBeenCalledTimes(names.length);
    expectClean(lines);
  });

  it('fields that are not listed, nested ones and odd values are dropped and counted', () => {
    const { log, lines, parsed, onDropped } = recorded();
    const fields = {
      cpf: CPF,
      [CPF]: true,
      msg: `person ${CPF}`,
      err: new Error(CPF),
      req: { url: `/verify/${CPF}`, headers: { authorization: SECRET } },
      state: { deep: { deeper: [CPF, IMAGE] } },
      reason: [CPF],
      count: Number(CPF),
      attempt: { toJSON: () => CPF },
      url: `https://spid.example/verify/${CPF}`,
      __proto__: { kind: CPF },
    } as unknown as LogRecord;
    log.error('planted', fields);
    expectClean(lines);
    expect(parsed()[0]).toMatchObject({ dropped: 10, droppedNames: ['state', 'reason', 'count', 'attempt'] });
    expect(onDropped).toHaveBeenCalledWith(10);
  });

  it('an event name is a constant, not a message', () => {
    const { log, lines, parsed } = recorded('info');
    for (const event of [`verify ${CPF}`, CPF, `verify-${CPF}`, NAME, IMAGE, 'a'.repeat(100)]) log.info(event);
    expectClean(lines);
    expect(
      parsed().every(({ event, dropped, droppedNames }) => event === 'unnamed' && dropped === 1 && !droppedNames),
    ).toBe(true);
  });

  it('a URL is no route', () => {
    const { log, lines } = recorded();
    const urls = [
      `/verify/${CPF}`,
      `/verify/${DOTTED}`,
      `/v1/transactions/${randomUUID()}`,
      `/x?cpf=${CPF}`,
      `http://h/${CPF}`,
    ];
    for (const route of urls) log.info('request', { route });
    expectClean(lines);
    expect(urls.some(isRouteTemplate)).toBe(false);
    expect(isRouteTemplate('/v1/transactions/:id/events')).toBe(true);
  });

  it('an error keeps name, kind, code and places, and loses what it says', () => {
    const { log, lines, parsed } = recorded();
    class VendorError extends Error {
      override readonly name = 'VendorError';
      readonly kind = 'refused';
      readonly code = 'ECONNRESET';
      readonly cpf = CPF;
      readonly response = { body: IMAGE };
    }
    log.error('request-failed', { error: new VendorError(`no ${CPF}: ${SECRET}`, { cause: new TypeError(IMAGE) }) });
    expectClean(lines);
    expect(parsed()[0]).toMatchObject({
      error: {
        name: 'VendorError',
        kind: 'refused',
        code: 'ECONNRESET',
        frames: expect.arrayContaining([expect.stringMatching(/log\.test\.ts:\d+:\d+/)]),
        cause: { name: 'TypeError' },
      },
    });
  });

  it('errors made to deceive tell nothing either', () => {
    const { log, lines } = recorded();
    const named = Object.assign(new Error('x'), { name: `Error of ${CPF}`, code: CPF, kind: IMAGE });
    const framed = new Error(`lost\n    at ${NAME} (/verify/${CPF}:1:1)\n    at file:///${SECRET}/a.ts:1:1`);
    const changed = new Error(`at ${CPF}`);
    changed.message = 'other';
    const written = Object.assign(new Error('x'), {
      stack: `Error: x\n    at f (/tmp/${CPF}.ts:1:2)\n at /${IMAGE}:1:1`,
    });
    const hostile = new Proxy(new Error(CPF), {
      get() {
        throw new Error(CPF);
      },
    });
    for (const error of [named, framed, changed, written, hostile, CPF, { message: CPF }, [IMAGE], null]) {
      log.error('request-failed', { error });
    }
    expect(lines).toHaveLength(9);
    expectClean(lines);
  });

  it('never throws, whatever it is given', () => {
    const { log } = recorded();
    fc.assert(
      fc.property(fc.anything(), fc.string(), fc.dictionary(fc.string(), fc.anything()), (error, event, fields) => {
        log.info(event, { ...fields, error } as LogRecord);
      }),
    );
    const trap = Object.defineProperty({}, 'kind', {
      enumerable: true,
      get() {
        throw new Error(CPF);
      },
    });
    log.info('planted', trap);
    const broken = createLog({
      service: 'gateway',
      level: 'info',
      stream: {
        write() {
          throw new Error('EPIPE');
        },
      },
    });
    broken.info('request');
  });

  it('no CPF, however it is written or wrapped, is taken for harmless', () => {
    const digits = fc.stringMatching(/^\d{11}$/);
    const around = fc.stringMatching(/^[A-Za-z._:-]{0,10}$/);
    fc.assert(
      fc.property(digits, around, around, (cpf, before, after) => {
        const dotted = `${cpf.slice(0, 3)}.${cpf.slice(3, 6)}.${cpf.slice(6, 9)}-${cpf.slice(9)}`;
        expect(isTelling(before + cpf + after)).toBe(true);
        expect(isTelling(before + dotted + after)).toBe(true);
      }),
    );
    expect(isTelling('8d7e2a6c-1b0f-4c3d-9e8f-12345678901a')).toBe(false);
  });
});
