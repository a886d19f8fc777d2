import { createHash } from 'node:crypto';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { type TransactionState, transactionStates } from '@atesto/shared/domain/transaction';
import type { TransactionCapture } from '@atesto/shared/ledger/captures';
import type { StoredEvent, TransactionRow } from '@atesto/shared/ledger/transactions';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { describe, expect, it, vi } from 'vitest';
import { drawReport } from './draw-report.ts';
import { pdfAttachment, pdfBytes, pdfPages } from './read-pdf.fixture.ts';
import { factsOf, type ReportFacts, type ReportRecords } from './report-facts.ts';
import { isGenuine, sealReport } from './report-seal.ts';

const ring = createKeyRing([{ id: 'k', key: generateKey() }], generateKey());
const cpf = '52998224725' as Cpf;
const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 2, 38, second, 5));

const row: TransactionRow = {
  id: 'e0821ed7-6285-4cad-a823-f9af063ea1cf',
  owner: '0b6ff2d8-6fd4-4a5e-8c5a-1e3f5a1b2c3d',
  station: '0b6ff2d8-6fd4-4a5e-8c5a-1e3f5a1b2c3d',
  kind: 'spid.verify',
  operation: undefined,
  account: undefined,
  keyName: undefined,
  origin: undefined,
  subject: 'f28fac0c-e0fb-476d-926c-27a2b0d3c56f',
  operator: '5ad0f2e8-9ad7-4c67-bb6c-2d2a0a9c1d11',
  operatorVerification: 'verified',
  capturedAt: at(0),
  payload: '',
  payloadBytes: 0,
  wrappedKey: undefined,
  version: 2,
  state: 'concluded',
  attempt: 1,
  upstreamId: '47476502-8a79-4b5e-813b-fc67dc8b1aeb',
  upstreamStatus: 'SEARCH_MATCH',
  verdict: 'match',
  reason: undefined,
  result: undefined,
  answerSealed: undefined,
  acceptedAt: at(1),
  updatedAt: at(3),
  dueAt: undefined,
  eraseRequestedAt: undefined,
};
const event = (seq: number, type: string, to: TransactionState, detail?: Record<string, string>): StoredEvent => ({
  seq,
  type,
  from: undefined,
  to,
  attempt: seq === 0 ? 0 : 1,
  at: at(seq + 1),
  detail,
});
const finger: TransactionCapture = {
  role: 'payload',
  index: 6,
  format: 'png',
  width: 357,
  height: 392,
  dpi: 500,
  sha256: Buffer.alloc(32, 1),
  device: { model: 'DigitalPersona U.are.U 4500', usb: '05ba:000a', serial: '{A-1}' },
  quality: { coverage: 0.823, contrast: 0.4, orientation: 0.9 },
};
const records: ReportRecords = {
  row,
  events: [
    event(0, 'accepted', 'accepted'),
    event(1, 'claimed', 'submitting'),
    event(2, 'concluded', 'concluded', { verdict: 'match', upstreamStatus: 'SEARCH_MATCH' }),
  ],
  captures: [finger],
  missing: [],
  sender: { kind: 'station', id: row.owner, name: 'Agência 12 – São Paulo' },
  subjectCpf: cpf,
  operatorCpf: '12345678909' as Cpf,
};
const report = async (facts: ReportFacts) => drawReport(facts, sealReport(ring, facts));
const textOf = async (changes: Partial<ReportRecords> = {}, rowChanges: Partial<TransactionRow> = {}) =>
  pdfPages(await report(factsOf({ ...records, ...changes, row: { ...row, ...rowChanges } }))).join('\n');

describe('the facts', () => {
  it('mask people, leave out what is absent, and write times in UTC', () => {
    const facts = factsOf(records);
    expect(facts).toMatchObject({
      subject: { id: row.subject, cpf: '***.982.247-**' },
      operator: { id: row.operator, cpf: '***.456.789-**', verification: 'verified' },
      capturedAt: '2026-11-22T02:38:00.005Z',
      asOf: '2026-11-22T02:38:03.005Z',
      captures: [{ index: 6, sha256: '01'.repeat(32) }],
    });
    expect(JSON.stringify(facts)).not.toContain('null');
    expect(facts).not.toHaveProperty('reason');
  });

  it('have no event from after the row was read', () => {
    expect(factsOf({ ...records, row: { ...row, version: 1 } }).events.map(({ seq }) => seq)).toEqual([0, 1]);
  });

  it.each<[string, Partial<TransactionRow>, Partial<ReportRecords>, Record<string, unknown>]>([
    ['nobody', { subject: undefined }, {}, { subject: undefined }],
    ['a person whose CPF is gone', {}, { subjectCpf: undefined }, { subject: { id: row.subject as string } }],
    ['no operator', { operator: undefined }, {}, { operator: undefined }],
    ['an unknown sender', {}, { sender: undefined }, { sender: undefined }],
    ['an answer', { result: { status: 3 } }, {}, { answer: { status: 3 } }],
  ])('say what there is of %s', (_what, rowChanges, changes, expected) => {
    const facts = factsOf({ ...records, ...changes, row: { ...row, ...rowChanges } });
    for (const [key, value] of Object.entries(expected)) expect(facts[key as keyof ReportFacts]).toEqual(value);
  });
});

describe('the PDF', () => {
  it('says who, where, what, when and how it ended', async () => {
    const text = await textOf();
    for (const said of [
      'FINAL',
      'Identidade confirmada',
      row.id,
      'CPF ***.982.247-**',
      'CPF ***.456.789-**',
      'identificado pela plataforma no momento da captura',
      'USB 05ba:000a',
      'indicador direito',
      '82 % · 40 % · 90 %',
      '21/11/2026 23:38:01,005 UTC-03:00',
      'Concluída pela plataforma',
      'SEARCH_MATCH',
      'página 1 de 1',
    ])
      expect(text).toContain(said);
  });

  it.each<[TransactionState, Partial<TransactionRow>, string[]]>([
    ['accepted', {}, ['PROVISÓRIO', 'Ainda sem resultado', 'nenhuma até este momento', 'ainda não atribuído']],
    ['submitting', {}, ['PROVISÓRIO', 'em envio à plataforma']],
    ['awaiting', { upstreamStatus: 'ENROLL_EXCEPTION' }, ['PROVISÓRIO', 'Ainda sem resultado', 'ENROLL_EXCEPTION']],
    ['retrying', { reason: 'service-unavailable' }, ['PROVISÓRIO', 'service-unavailable']],
    ['unknown', { reason: 'connection-lost' }, ['PROVISÓRIO', 'entrega incerta']],
    ['concluded', { verdict: 'no-match', upstreamStatus: 'SEARCH_NOT_MATCH' }, ['FINAL', 'Identidade não confirmada']],
    ['dead', { reason: 'too-old' }, ['SEM RESULTADO', 'depende da análise de uma pessoa', 'too-old']],
    ['erased', {}, ['DADOS ELIMINADOS', 'Sem resultado']],
  ])('says how it stands: %s', async (state, changes, expected) => {
    const none = { verdict: undefined, upstreamStatus: undefined, upstreamId: undefined };
    const text = await textOf({}, { ...none, state, ...changes });
    for (const said of expected) expect(text).toContain(said);
    expect(text).not.toContain('Identidade confirmada');
  });

  it('has a text for every state of the machine', async () => {
    for (const state of transactionStates) expect(await textOf({}, { state })).not.toContain('undefined');
  });

  it('says what is not known', async () => {
    const text = await textOf({ captures: [], subjectCpf: undefined, sender: undefined }, { operator: undefined });
    for (const said of ['Não há registro de imagens', 'CPF eliminado', 'não há operador', 'não identificado'])
      expect(text).toContain(said);
    expect(await textOf({}, { subject: undefined })).toContain('não se refere a uma pessoa');
    const bare = { ...finger, device: undefined, quality: undefined, dpi: undefined };
    expect(await textOf({ captures: [bare] })).toContain('não medida');
  });

  it('names missing fingers with their reasons', async () => {
    const missing = [
      { index: 2, type: 'AMPUTATED', reason: 'acidente, 2019' },
      { index: 3, type: 'BANDAGED', reason: 'BANDAGED' },
    ];
    const text = await textOf({ missing });
    expect(text).toContain('médio esquerdo, amputado: acidente, 2019');
    expect(text).toMatch(/indicador esquerdo, enfaixado$/m);
  });

  it('goes over as many pages as its time line needs, each with titles and its number', async () => {
    const events = Array.from({ length: 120 }, (_, seq) => event(seq, seq % 2 ? 'claimed' : 'failed', 'retrying'));
    const pages = pdfPages(await report(factsOf({ ...records, events, row: { ...row, version: 200 } })));
    expect(pages.length).toBeGreaterThan(2);
    pages.forEach((page, i) => {
      expect(page).toContain(`página ${i + 1} de ${pages.length}`);
    });
    expect(pages[1]).toContain('Horário');
    const seen = pages.join('\n').split('\n');
    for (const { seq } of events) expect(seen).toContain(`${seq}`);
  });

  it('is not spoiled by a text that its fonts do not know', async () => {
    expect(await textOf({ sender: { kind: 'system', id: row.owner, name: 'Łódź 🙂 e\u0301' } })).toContain('?ód? ? é');
  });

  it('has the same bytes for the same facts, whenever it is made, and no whole CPF', async () => {
    const pdf = await report(factsOf(records));
    vi.useFakeTimers({ now: Date.now() + 86_400_000, toFake: ['Date'] });
    const later = await report(factsOf(records));
    vi.useRealTimers();
    expect(pdf.equals(later)).toBe(true);
    for (const secret of [cpf, '12345678909', '529.982.247-25', '123.456.789-09'])
      expect(pdfBytes(pdf)).not.toContain(secret);
  });
});

describe('the seal', () => {
  const facts = factsOf(records);
  const { hash, code } = sealReport(ring, facts);
  const genuine = { transaction: row.id, hash, code };

  it('can be computed from the attachment by anybody, and is printed', async () => {
    const pdf = await report(facts);
    const attached = pdfAttachment(pdf);
    expect(JSON.parse(attached.toString())).toEqual(facts);
    expect(createHash('sha256').update(attached).digest('hex')).toBe(hash);
    const text = pdfPages(pdf).join('\n');
    expect(text).toContain(hash);
    expect(text).toContain(code);
  });

  it('does not depend on the order of the facts', () => {
    const turned = Object.fromEntries(Object.entries(facts).reverse()) as unknown as ReportFacts;
    expect(sealReport(ring, turned)).toEqual(sealReport(ring, facts));
  });

  it('is known again, however the code is typed', () => {
    for (const typed of [code, code.toUpperCase(), code.replaceAll('-', ''), code.replaceAll('-', ' ')])
      expect(isGenuine(ring, { ...genuine, hash: hash.toUpperCase(), code: typed })).toBe(true);
  });

  it.each([
    ['another hash', { ...genuine, hash: hash.replace(/^./, (c) => (c === '0' ? '1' : '0')) }],
    ['another transaction', { ...genuine, transaction: row.owner }],
    ['another code', { ...genuine, code: code.replace(/^./, (c) => (c === '0' ? '1' : '0')) }],
    ['half a code', { ...genuine, code: code.slice(0, 20) }],
    ['no code', { ...genuine, code: '' }],
    ['a code and more', { ...genuine, code: `${code}-00` }],
  ])('is refused for %s', (_what, tampered) => expect(isGenuine(ring, tampered)).toBe(false));

  it('is refused by another installation', () => {
    expect(isGenuine(createKeyRing([{ id: 'k', key: generateKey() }], generateKey()), genuine)).toBe(false);
  });
});
