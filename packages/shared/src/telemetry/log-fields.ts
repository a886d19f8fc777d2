/**
 * The shape that a field's value has to have. Whatever has another one is dropped, not shortened or masked.
 * - `id`: an identifier of ours or a platform's (UUID, TGUID, job id), never one of a person
 * - `word`: a word of a closed set, a code, a version, a model: no blanks, at most 64 characters
 * - `route`: a route's template; a URL is not one
 * - `file`: a path on this machine, not a bare name
 * - `host`: a name or address with port, never a URL
 * - `number`: a count, a duration, a size
 * - `flag`: yes or no
 */
export type FieldShape = 'id' | 'word' | 'route' | 'file' | 'host' | 'number' | 'flag';

/** Everything that a log line may carry. A new field is one row here; a person's data never is. */
export const logFields = {
  // Whose line it is.
  transaction: 'id',
  capture: 'id',
  /** The opaque id of a person, never a CPF. */
  subject: 'id',
  station: 'id',
  tenant: 'id',
  credential: 'id',
  request: 'id',
  job: 'id',
  webhook: 'id',
  delivery: 'id',
  /** The id that a platform gave: TGUID or process id. */
  upstreamId: 'id',
  // What happened.
  kind: 'word',
  state: 'word',
  from: 'word',
  to: 'word',
  outcome: 'word',
  verdict: 'word',
  /** The platform's own word or error code, where it is of a known form. */
  upstreamStatus: 'word',
  upstreamCode: 'word',
  reason: 'word',
  code: 'word',
  signal: 'word',
  // Where.
  upstream: 'word',
  operation: 'word',
  queue: 'word',
  lane: 'word',
  method: 'word',
  route: 'route',
  host: 'host',
  port: 'number',
  file: 'file',
  device: 'word',
  driver: 'word',
  transport: 'word',
  // How the service stands.
  setting: 'word',
  source: 'word',
  backend: 'word',
  version: 'word',
  keyId: 'word',
  configured: 'flag',
  embedded: 'flag',
  created: 'flag',
  // How much, how long.
  status: 'number',
  attempt: 'number',
  count: 'number',
  total: 'number',
  bytes: 'number',
  ms: 'number',
  dueInMs: 'number',
  ageSeconds: 'number',
  quality: 'number',
  finger: 'number',
  dpi: 'number',
  pid: 'number',
  exitCode: 'number',
} as const satisfies Record<string, FieldShape>;

export type LogField = keyof typeof logFields;

type ValueOf<Shape extends FieldShape> = Shape extends 'number' ? number : Shape extends 'flag' ? boolean : string;

/** The fields of one line; `error` may be anything that was thrown. */
export type LogRecord = { [Field in LogField]?: ValueOf<(typeof logFields)[Field]> | undefined } & { error?: unknown };

/** True when a value may stand in a field. */
export function isFieldValue(shape: FieldShape, value: unknown): boolean {
  switch (shape) {
    case 'number':
      // Eleven digits are a CPF. Nothing that is counted or measured here has ten.
      return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) < 1e9;
    case 'flag':
      return typeof value === 'boolean';
    case 'route':
      return typeof value === 'string' && isRouteTemplate(value);
    case 'word':
      // Encoded bytes may have so many slashes by chance that they look like a path; a word is none.
      return typeof value === 'string' && TEXT.word.test(value) && !isTelling(value.replaceAll('/', ''));
    case 'file':
      return typeof value === 'string' && TEXT.file.test(value) && !isTelling(value) && !hasEncodedPart(value);
    default:
      return typeof value === 'string' && TEXT[shape].test(value) && !isTelling(value);
  }
}

const TEXT = {
  id: /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/,
  word: /^[A-Za-z0-9_][A-Za-z0-9._:/+*-]{0,63}$/,
  file: /^(?:[A-Za-z]:)?\.{0,2}[/\\][A-Za-z0-9 ._/\\@+~-]{1,200}$/,
  host: /^(?:[A-Za-z0-9.-]{1,100}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/,
} as const;

/**
 * A route as it was declared, such as `/verify/:cpf`. A segment that looks like a value (three digits in a row, an id)
 * makes it a URL.
 */
export function isRouteTemplate(text: string): boolean {
  if (text === 'none' || text === 'other' || text === '*') return true;
  if (isTelling(text) || hasEncodedPart(text)) return false;
  if (text.length > 160 || !/^\/[A-Za-z0-9/_.:{}*-]*$/.test(text)) return false;
  return text
    .split('/')
    .every((segment) => segment.length <= 40 && !/\d{3}/.test(segment) && !/[0-9a-f]{8}-/.test(segment));
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const CPF = /(?<!\d)\d{3}[.\s_-]?\d{3}[.\s_-]?\d{3}[-.\s/_]?\d{2}(?!\d)/;

/** Encoded bytes that begin with a slash and have more of them look like a path; its parts have letters of both cases and digits all mixed. */
function hasEncodedPart(path: string): boolean {
  return (path.match(/[A-Za-z0-9+]{10,}/g) ?? []).some(
    (part) => /\d/.test(part) && /[a-z]/.test(part) && /[A-Z]/.test(part),
  );
}

/** True for what looks like a CPF or like encoded bytes (a picture, a key, a token) in whatever field it stands. */
export function isTelling(text: string): boolean {
  // An UUID's last group may by chance be eleven digits and a letter.
  const rest = text.replaceAll(UUID, '');
  if (CPF.test(rest)) return true;
  // A name of twenty-five characters has separators in it; encoded bytes have letters of both cases or digits instead.
  return (rest.match(/[A-Za-z0-9+=]{25,}/g) ?? []).some(
    (run) => /\d/.test(run) || (/[a-z]/.test(run) && /[A-Z]/.test(run)),
  );
}
