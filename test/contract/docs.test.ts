import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { problems } from '@atesto/gateway/problem';
import { bridgeSchema } from '@atesto/shared/config/bridge';
import { gatewaySchema } from '@atesto/shared/config/gateway';
import { parseIdcloudAccounts } from '@atesto/shared/config/idcloud-accounts';
import { settingsTable } from '@atesto/shared/config/settings';
import { workersSchema } from '@atesto/shared/config/workers';
import { idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import { tokenErrors } from '@atesto/shared/contracts/idcloud-token';
import { applyProfile, defaultSpidTables, parseSpidProfile } from '@atesto/shared/contracts/spid-profile';
import { upstreamReasons } from '@atesto/shared/upstreams/upstream';
import { afterAll, describe, expect, it } from 'vitest';
import { scenarios } from '../faults/scenarios.ts';
import { captureAdvice, problemAdvice, upstreamAdvice, vaultAdvice } from './advice.ts';
import { failureHead, failureRows, scheduleHead, scheduleRows } from './failure-page.ts';
import {
  adviceHead,
  adviceRows,
  cpfHead,
  cpfRows,
  operationHead as idcloudOperationHead,
  operationRows as idcloudOperationRows,
  scenarioHead,
  scenarioRows,
  unicoHead,
  unicoRows,
} from './idcloud-page.ts';
import {
  operationHead,
  operationRows,
  serviceAnswerHead,
  serviceAnswers,
  serviceRouteHead,
  serviceRoutes,
  spidCounts,
} from './spid-page.ts';

/** The generated parts of the docs stand between two comments. `UPDATE_DOCS=1` writes them anew. */

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return `${lines.map((cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`).join('\n')}\n`;
}

const code = (text: string) => `\`${text}\``;

const parts: Record<string, Record<string, string>> = {
  'settings.md': {
    gateway: settingsTable(gatewaySchema),
    workers: settingsTable(workersSchema),
    bridge: settingsTable(bridgeSchema),
  },
  'errors.md': {
    problems: table(
      ['code', 'status', 'title', 'what to do'],
      Object.entries(problems).map(([name, { status, title }]) => [
        code(name),
        status,
        // Outside of code, a bracket would begin HTML.
        title.replaceAll('<', '&lt;'),
        problemAdvice[name as keyof typeof problems],
      ]),
    ),
    captures: table(
      ['kind', 'what it means', 'what to do'],
      Object.entries(captureAdvice).map(([name, { means, advice }]) => [code(name), means, advice]),
    ),
    upstream: table(
      ['reason', 'what it means, what happens, what to do'],
      upstreamReasons.map((reason) => [code(reason), upstreamAdvice[reason]]),
    ),
    vault: table(
      ['kind', 'what it means', 'what to do'],
      Object.entries(vaultAdvice).map(([name, { means, advice }]) => [code(name), means, advice]),
    ),
    tokens: table(
      ['code', 'what is wrong', 'what happens'],
      Object.entries(tokenErrors).map(([name, { cause, remedy }]) => [code(name), cause, code(remedy)]),
    ),
    idcloud: table(
      ['code', 'status', 'description'],
      Object.entries(idcloudErrors).map(([name, { status, description }]) => [code(name), status, description]),
    ),
  },
  'reliability.md': {
    scenarios: table(
      ['scenario', 'queue', 'what it proved'],
      scenarios.map(({ name, backends: [first, second], proves }) => [
        code(name),
        second ? 'both' : first === 'redis' ? 'Redis' : 'PostgreSQL',
        proves,
      ]),
    ),
    failures: table(failureHead, failureRows),
    schedules: table(scheduleHead, scheduleRows),
  },
  'spid.md': {
    counts: spidCounts,
    services: table(serviceRouteHead, serviceRoutes),
    answers: table(serviceAnswerHead, serviceAnswers),
    operations: table(operationHead, operationRows),
  },
  'idcloud.md': {
    operations: table(idcloudOperationHead, idcloudOperationRows),
    scenarios: table(scenarioHead, scenarioRows),
    advice: table(adviceHead, adviceRows),
    journeys: table(unicoHead, unicoRows),
    cpfs: table(cpfHead, cpfRows),
  },
};

describe.each(Object.entries(parts))('docs/%s', (file, generated) => {
  const location = path.resolve(import.meta.dirname, '../../docs', file);

  it.each(Object.entries(generated))('has the %s of the code (UPDATE_DOCS=1 rewrites it)', (name, expected) => {
    const text = readFileSync(location, 'utf8');
    const [before, found, after] = split(text, name);
    if (process.env.UPDATE_DOCS) writeFileSync(location, `${before}\n${expected}${after}`);
    else expect(unpadded(found)).toBe(unpadded(expected));
  });

  afterAll(() => {
    if (process.env.UPDATE_DOCS) execFileSync('node_modules/.bin/biome', ['format', '--write', location]);
  });
});

it('shows a SPID profile that can be read and applied', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/spid.md'), 'utf8');
  const [, example = ''] = /^## A SPID profile$[\s\S]*?^```json\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const profile = parseSpidProfile(example);
  expect(Object.values(profile).every((part) => Object.keys(part ?? '').length > 0)).toBe(true);
  expect(applyProfile(defaultSpidTables, profile)).not.toEqual(defaultSpidTables);
});

it('shows an accounts file that can be read', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/idcloud.md'), 'utf8');
  const [, example = ''] = /^## Accounts$[\s\S]*?^```json\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  // No two secrets are the same, and every one of them is a key.
  let files = 0;
  const filled = example.replaceAll(/\{ ?"file": ?"[^"]+" ?\}/g, () =>
    JSON.stringify(privateKey + '\n'.repeat(++files)),
  );
  const [first, ...others] = parseIdcloudAccounts(filled);
  expect(first).toMatchObject({
    keys: [{ edition: 'D' }, { edition: 'D' }, { edition: 'B' }],
    webhook: { type: 'oauth2' },
  });
  expect(others).toHaveLength(1);
  expect(files).toBeGreaterThan(3);
});

/** Without what a formatter adds to a table: blanks and dashes that fill its columns. */
function unpadded(text: string): string {
  return text
    .trim()
    .replaceAll(/ *\| */g, '|')
    .replaceAll(/-{3,}/g, '---');
}

/** What stands before, in and after a generated part. */
function split(text: string, name: string): [string, string, string] {
  const [open, close] = [`<!-- generated: ${name} -->\n`, `\n<!-- end: ${name} -->`];
  const from = text.indexOf(open) + open.length;
  const to = text.indexOf(close, from);
  if (from < open.length || to < 0) throw new Error(`the docs have no place for ${name}`);
  return [text.slice(0, from), text.slice(from, to), text.slice(to)];
}
