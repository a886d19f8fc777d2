import { parseJson } from './exchange.ts';

const PDF = Buffer.from('%PDF');
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * The PDF in an answer of `generateReport`. Its schema, an array of byte strings, leaves open how a Java byte array is rendered, so raw PDF,
 * a base64 string (quoted or bare), an array with one and an array of parts are all read (ambiguity A9). Undefined for anything else.
 */
export function readReport(body: Buffer): Buffer | undefined {
  if (isPdf(body)) return body;
  const text = body.toString('latin1').trim();
  const parsed: unknown = BASE64.test(text) ? text : parseJson(body);
  const parts = Array.isArray(parsed) ? parsed : [parsed];
  if (parts.length === 0 || !parts.every((part) => typeof part === 'string')) return undefined;
  return fromParts(parts);
}

/** Parts may have been encoded each on its own, or be slices of one encoding; whichever gives a PDF is right. */
function fromParts(parts: readonly string[]): Buffer | undefined {
  const strings = parts.map((part) => part.replace(/\s/g, ''));
  if (!strings.every((part) => BASE64.test(part))) return undefined;
  const whole = strings.join('');
  const separate = Buffer.concat(strings.map((part) => Buffer.from(part, 'base64')));
  // Padding inside the joined text proves that the parts were encoded one by one.
  if (BASE64.test(whole)) {
    const joined = Buffer.from(whole, 'base64');
    if (isPdf(joined)) return joined;
  }
  return isPdf(separate) ? separate : undefined;
}

function isPdf(bytes: Buffer): boolean {
  return bytes.subarray(0, PDF.length).equals(PDF);
}
