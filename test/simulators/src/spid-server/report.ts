import { FACE_INDEX, fingerName } from '@atesto/shared/domain/biometric';
import { maskCpf } from '@atesto/shared/domain/cpf';
import PDFDocument from 'pdfkit';
import type { Transaction } from './state.ts';

/** How the report travels: the specification's schema allows all of these readings. */
export type ReportForm = 'pdf' | 'base64' | 'base64-array' | 'base64-parts';

/** One page of facts about a transaction. No picture, and of a CPF only its middle. */
export async function drawReport(transaction: Transaction): Promise<Buffer> {
  const created = new Date(transaction.acceptedAt);
  const document = new PDFDocument({ size: 'A4', margin: 56, info: { Title: 'SPID report', CreationDate: created } });
  const chunks: Buffer[] = [];
  document.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((resolve) => document.on('end', () => resolve()));
  document.fontSize(18).text('SPID Server (simulator): report of a transaction').moveDown();
  document.fontSize(11);
  for (const [name, value] of facts(transaction)) document.text(`${name}: ${value}`);
  document.end();
  await ended;
  return Buffer.concat(chunks);
}

function facts(transaction: Transaction): [string, string][] {
  const named = (index: number) => (index === FACE_INDEX ? 'face' : fingerName(index));
  const missing = transaction.missing.map((one) => `${named(one.index)} (${one.type})`);
  return [
    ['Transaction', transaction.tguid],
    ['Type', transaction.type],
    ['Status', transaction.status],
    ['Captured', new Date(transaction.timestamp).toISOString()],
    ['Accepted', new Date(transaction.acceptedAt).toISOString()],
    ['Person', maskCpf(transaction.subject)],
    ['Operator', maskCpf(transaction.operator)],
    ['Biometrics', transaction.biometrics.map((one) => named(one.index)).join(', ')],
    ['Missing', missing.join(', ') || 'none'],
  ];
}

/** The bytes of an answer in the given form, with its media type. */
export function packReport(pdf: Buffer, form: ReportForm): { type: string; body: Buffer | string } {
  const type = 'application/json';
  switch (form) {
    case 'pdf':
      return { type: 'application/pdf', body: pdf };
    case 'base64':
      return { type, body: JSON.stringify(pdf.toString('base64')) };
    case 'base64-array':
      return { type, body: JSON.stringify([pdf.toString('base64')]) };
    case 'base64-parts': {
      // 1000 is no multiple of three, so every part but the last is padded: the parts have to be decoded one by one.
      const parts: string[] = [];
      for (let at = 0; at < pdf.length; at += 1_000) parts.push(pdf.subarray(at, at + 1_000).toString('base64'));
      return { type, body: JSON.stringify(parts) };
    }
    default:
      return form satisfies never;
  }
}
