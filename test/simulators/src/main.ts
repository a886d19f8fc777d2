import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { idcloudCapabilities, idcloudEditions } from '@atesto/shared/contracts/idcloud-accounts';
import {
  applyProfile,
  defaultSpidTables,
  parseSpidProfile,
  SpidProfileError,
} from '@atesto/shared/contracts/spid-profile';
import type { SpidServerTable } from '@atesto/shared/contracts/spid-server-operations';
import { checkDigits } from '@atesto/shared/domain/cpf';
import type { SimulatedKey } from './idcloud/accounts.ts';
import { courseMeanings, courseNames, nonexistentCpf, testCpfs } from './idcloud/outcomes.ts';
import { createIdcloudSimulator } from './idcloud/simulator.ts';
import { type WebhookRegistration, webhookRegistration } from './idcloud/webhooks.ts';
import { createSpidServerSimulator } from './spid-server/simulator.ts';

const usage = `Simulators of the platforms that judge, on 127.0.0.1. They print their URL in one line when they listen.

  npm run simulator -- spid-server [options]
  npm run simulator -- idcloud [options]

Options of both
  --port N              port; any free one by default
  --seed TEXT           decides everything random
  --help                this text

spid-server
  --enroll-delay MS     until an enrolment is decided (2000)
  --duplicates WORD     an enrolment of somebody enrolled ends as: reject (default) or exception
  --operator CPF        registers an operator; may be repeated. Default: ${defaultOperator()}
  --any-operator        takes submissions of operators whom nobody registered
  --remote-ttl MS       until the link of a remote capture is void (1800000)
  --profile FILE        SPID profile (JSON): routes where the public manual shows none

idcloud
  --account NAME        service account (atesto)
  --tenant UUID         tenant (00000000-0000-4000-8000-000000000000)
  --api-key KEY         key that is known; may be repeated (simulator-key). KEY:CAPABILITIES:EDITION[:sdk] says more than liveness
                        and identity in edition D: k:liveness+identity+score:B. There are ${idcloudCapabilities.join(', ')}
  --public-key FILE     PEM of the account's public key. Without it a pair is made and the private key
                        written to the file that --private-key-out names
  --private-key-out FILE
  --rate N              requests per second, 0 for no limit (10)
  --step MS             of each step of an asynchronous process; by default one is taken at every read
  --webhook JSON        where notices go: {"url":…,"authentication":{"type":"basic","user":…,"password":…},"duplicates":0.2,
                        "spreadMs":500,"maxAttempts":5,"intervalMs":1000,"beforeAnswer":true}; also "api-key" (header, value)
                        and "oauth2" (clientId, clientSecret, with "tokenUrl")
  --token-status CODE=N HTTP status of a 1.x.y code (400); may be repeated
  --otherwise COURSE    course of a subject that has none of its own (yes), or "seeded"

  Test CPFs of the idcloud simulator (nobody's; Unico publishes none):
${courseNames.map((course) => `    ${testCpfs[course]}  ${course.padEnd(22)}${courseMeanings[course]}`).join('\n')}
    ${nonexistentCpf}  ${'(error 20507)'.padEnd(22)}does not exist

While one runs
  PUT    /_admin/behaviours   {"operation":"verify","fault":{"type":"drop-after-accept"},"times":1}
         faults: latency {ms,when}, status {status,code,retryAfterSeconds}, drop-before-read, drop-after-accept,
         accept-without-body, malformed-json, wrong-length, slow-body {ms}, status-word {word}, changed-id; operation * is all; also probability
  DELETE /_admin/behaviours   everything behaves again
  PUT    /_admin/down         {"mode":"unavailable"} or "reset", or {"mode":"refused","forMs":5000}; DELETE ends it
  GET    /_admin/received     what arrived, without bodies
  spid-server: PUT /_admin/people/{cpf}, PUT /_admin/operators/{cpf}, GET /_admin/transactions,
               PUT /_admin/transactions/{tguid} {"status":"ENROLL_OK"}, PUT /_admin/services {"idnStatus":"INACTIVE"},
               GET /_admin/remote, PUT /_admin/remote/{tguid}/face {"image":"<base64 of a PNG>"}
               /applicant/{token}, the link of a remote capture, is a page for a browser on this machine
  idcloud:     PUT /_admin/courses/{cpf} {"course":"divergence"}, GET /_admin/processes, POST /_admin/processes/{id}/finish,
               GET /_admin/unico, POST /_admin/unico/{id}/finish {"course":"yes"} (or a browser at userRedirectUrl),
               PUT /_admin/accounts/{name} {"state":"inactive","webhook":{…}}, GET /_admin/budget, GET /_admin/webhooks,
               DELETE /_admin/tokens
`;

interface Running {
  listen(port?: number): Promise<string>;
  close(): Promise<void>;
}

const flags = {
  help: { type: 'boolean' },
  port: { type: 'string' },
  seed: { type: 'string' },
  'enroll-delay': { type: 'string' },
  duplicates: { type: 'string' },
  operator: { type: 'string', multiple: true },
  'any-operator': { type: 'boolean' },
  'remote-ttl': { type: 'string' },
  profile: { type: 'string' },
  account: { type: 'string' },
  tenant: { type: 'string' },
  'api-key': { type: 'string', multiple: true },
  'public-key': { type: 'string' },
  'private-key-out': { type: 'string' },
  rate: { type: 'string' },
  step: { type: 'string' },
  webhook: { type: 'string' },
  'token-status': { type: 'string', multiple: true },
  otherwise: { type: 'string' },
} as const;

/** Says what is wrong and where help is. */
class UsageError extends Error {}

type Values = ReturnType<typeof parse>['values'];

function parse() {
  try {
    return parseArgs({ options: flags, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'bad arguments');
  }
}

function whole(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} wants a whole number, not ${text}`);
  return Number(text);
}

function oneOf<Word extends string>(
  text: string | undefined,
  name: string,
  words: readonly Word[],
  otherwise: Word,
): Word {
  if (text === undefined) return otherwise;
  const word = words.find((known) => known === text);
  if (!word) throw new UsageError(`--${name} is one of ${words.join(', ')}, not ${text}`);
  return word;
}

/** The operator of a simulator that nobody told of another. */
function defaultOperator(): string {
  return `000010100${checkDigits('000010100')}`;
}

const record = { keep: 5_000, bodies: false };

/** The operation table, as a profile file leaves it. */
function operations(file: string | undefined): SpidServerTable {
  if (file === undefined) return defaultSpidTables.server;
  try {
    return applyProfile(defaultSpidTables, parseSpidProfile(readFileSync(file, 'utf8'))).server;
  } catch (error) {
    if (error instanceof SpidProfileError) throw new UsageError(error.message);
    throw error;
  }
}

function spidServer(values: Values): Running {
  return createSpidServerSimulator({
    enrollDelayMs: whole(values['enroll-delay'], 'enroll-delay', 2_000),
    duplicates: oneOf(values.duplicates, 'duplicates', ['reject', 'exception'], 'reject'),
    operators: (values.operator ?? [defaultOperator()]).map((cpf) => ({ cpf })),
    checkOperators: !values['any-operator'],
    remoteTtlMs: whole(values['remote-ttl'], 'remote-ttl', 1_800_000),
    operations: operations(values.profile),
    seed: values.seed ?? 'spid-server',
    record,
  });
}

function idcloud(values: Values): Running {
  const stepMs = whole(values.step, 'step', 0);
  return createIdcloudSimulator({
    account: values.account ?? 'atesto',
    tenantId: values.tenant ?? '00000000-0000-4000-8000-000000000000',
    publicKey: publicKey(values),
    apiKeys: (values['api-key'] ?? ['simulator-key']).map(keyOf),
    requestsPerSecond: whole(values.rate, 'rate', 10),
    ...(stepMs > 0 ? { stepMs } : {}),
    webhook: webhookOf(values.webhook),
    tokenStatuses: Object.fromEntries((values['token-status'] ?? []).map(tokenStatus)),
    otherwise: oneOf(values.otherwise, 'otherwise', ['seeded', ...courseNames], 'yes'),
    seed: values.seed ?? 'idcloud',
    record,
  });
}

function keyOf(text: string): string | SimulatedKey {
  const [apiKey = '', capabilities, edition, sdk] = text.split(':');
  if (capabilities === undefined) return text;
  return {
    apiKey,
    capabilities: capabilities.split('+').map((one) => oneOf(one, 'api-key', idcloudCapabilities, 'liveness')),
    edition: oneOf(edition, 'api-key', idcloudEditions, 'D'),
    sdkOnly: oneOf(sdk, 'api-key', ['sdk', 'any'], 'any') === 'sdk',
  };
}

function webhookOf(text: string | undefined): WebhookRegistration | undefined {
  if (text === undefined) return undefined;
  try {
    return webhookRegistration.parse(JSON.parse(text));
  } catch {
    throw new UsageError('--webhook is not a registration in JSON');
  }
}

function tokenStatus(text: string): [string, number] {
  const [, code, status] = /^(\d\.\d\.\d+)=(\d{3})$/.exec(text) ?? [];
  if (!code || !status) throw new UsageError(`--token-status is like 1.2.21=401, not ${text}`);
  return [code, Number(status)];
}

function publicKey(values: Values): string {
  if (values['public-key'] !== undefined) return readFileSync(values['public-key'], 'utf8');
  const out = values['private-key-out'];
  if (out === undefined) throw new UsageError('idcloud wants --public-key or --private-key-out');
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(out, pair.privateKey, { mode: 0o600 });
  return pair.publicKey;
}

async function main(): Promise<void> {
  const { values, positionals } = parse();
  const [name, ...more] = positionals;
  if (values.help || name === undefined) {
    console.log(usage);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  if (more.length > 0) throw new UsageError(`one simulator at a time, not also ${more.join(' ')}`);
  const makers: Record<string, (values: Values) => Running> = { 'spid-server': spidServer, idcloud };
  const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
  if (!make) throw new UsageError(`there is no simulator ${name}; there are spid-server and idcloud`);
  const simulator = make(values);
  const port = whole(values.port, 'port', 0);
  const close = () => void simulator.close().then(() => process.exit(0));
  process.once('SIGINT', close);
  process.once('SIGTERM', close);
  console.log(`${name} simulator listens on ${await simulator.listen(port)}`);
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof UsageError ? `${message}. See --help.` : `The simulator cannot start: ${message}`);
  process.exit(error instanceof UsageError ? 2 : 1);
});
