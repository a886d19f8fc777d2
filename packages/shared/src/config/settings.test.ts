import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { applyProfile, defaultSpidTables, parseSpidProfile } from '../contracts/spid-profile.ts';
import { bridgeSchema, readBridgeSettings } from './bridge.ts';
import { gatewaySchema, readGatewaySettings } from './gateway.ts';
import * as kinds from './kinds.ts';
import { privateKey, problemsOf, scratchFolder } from './settings.fixture.ts';
import { readSettings, type SettingsSchema, settingsTable } from './settings.ts';
import { readWorkersSettings, workersSchema } from './workers.ts';

const { folder: scratch, write, remove } = scratchFolder();
afterAll(remove);

const KEY = Buffer.alloc(32, 7).toString('base64');
const SECRET = 'S3cret-of-the-installation';
const schema = {
  PORT: { schema: kinds.port, about: 'Port.', fallback: '8080' },
  TOKEN: { schema: kinds.text, about: 'Token.', absent: 'nobody gets in', secret: true },
  ROOT: { schema: kinds.httpUrl, about: 'Root.' },
} as const satisfies SettingsSchema;

describe('readSettings', () => {
  it('gives typed values, defaults, and a summary without secrets', () => {
    const { values, summary } = readSettings(schema, { ROOT: 'https://h/base/', TOKEN: SECRET });
    expect(values satisfies { PORT: number; TOKEN: string | undefined; ROOT: string }).toEqual({
      PORT: 8080,
      TOKEN: SECRET,
      ROOT: 'https://h/base',
    });
    expect(summary).toEqual([
      { setting: 'PORT', source: 'default', configured: true, value: '8080' },
      { setting: 'TOKEN', source: 'environment', configured: true },
      { setting: 'ROOT', source: 'environment', configured: true, value: 'https://h/base/' },
    ]);
  });

  it('takes a secret from a file, and an empty variable for none', () => {
    const file = write('token', `${SECRET}\n`);
    const { values, summary } = readSettings(schema, { ROOT: 'http://h', TOKEN: '', PORT: '', TOKEN_FILE: file });
    expect(values).toMatchObject({ TOKEN: SECRET, PORT: 8080 });
    expect(summary[1]).toEqual({ setting: 'TOKEN', source: 'file', configured: true });
    expect(readSettings(schema, { ROOT: 'http://h' }).summary[1]).toEqual({
      setting: 'TOKEN',
      source: 'absent',
      configured: false,
    });
  });

  it('lists every problem by variable and expectation, and never a value', () => {
    const message = problemsOf(() => readSettings(schema, { PORT: '70000', TOKEN_FILE: '/nowhere/token' }));
    expect(message.split('\n')).toEqual([
      'PORT: expected a port from 0 (any free one) to 65535',
      'TOKEN_FILE: the file cannot be read (ENOENT)',
      expect.stringMatching(/^ROOT: is not set; expected a URL/),
    ]);
    expect(message).not.toContain('70000');
  });

  it('makes a table for the docs', () => {
    expect(settingsTable(schema)).toBe(
      [
        '| variable | what it is for | expected | when not set |',
        '| --- | --- | --- | --- |',
        '| `PORT` | Port. | a port from 0 (any free one) to 65535 | `8080` |',
        '| `TOKEN` (or `TOKEN_FILE`) | Token. | a text | nobody gets in |',
        '| `ROOT` | Root. | a URL (`https://…` or `http://…`) without credentials, query or fragment | **required** |',
        '',
      ].join('\n'),
    );
  });
});

describe('kinds', () => {
  const file = write('key.pem', 'PEM');
  it.each<[keyof typeof all, string[], string[]]>([
    ['port', ['0', '19980', '65535'], ['-1', '65536', '80a', '1e3', ' ']],
    ['integer', ['1', '10'], ['0', '11', '1.5', '', 'x', '1e1']],
    ['flag', ['true', 'no'], ['TRUE?', 'ja']],
    ['oneOf', ['a'], ['c', 'A']],
    [
      'httpUrl',
      ['http://127.0.0.1:8', 'https://h/x'],
      ['ftp://h', 'h:80', 'https://u:p@h', 'https://h/?q', 'https://h/#f'],
    ],
    ['url', ['redis://:p@h:1', 'rediss://h'], ['http://h', 'redis', 'redis://h#x']],
    ['origins', ['https://a', 'https://a,http://localhost:3000'], ['a', 'https://a/', 'https://a/x', 'null', '*']],
    ['vaultUrl', ['file:.atesto/vault', 'file:///var/lib/x', 'file:/x'], ['file:', 'file://host/x', 's3:x', '/x']],
    ['contentOf', [file], ['/nowhere', scratch]],
    ['key', [KEY], ['short', `${KEY}x`]],
    ['keyEncryptionKeys', [`a:${KEY}`, `a:${KEY},b:${KEY}`], [KEY, 'a:b', `a:${KEY},`, `a b:${KEY}`]],
    ['fingerList', ['6,7,3,2', '0'], ['', '10', '6,6', '6;7', '-1', '1.5']],
    ['camera', ['none', 'file:faces', 'file:///var/lib/faces/one.png'], ['file:', 'none ', '/dev/video0', 'v4l2:0']],
    ['calibrations', ['{}', '{"05ba:000a":{"kind":"none"}}'], ['[]', 'x', '{"x":{"kind":"none"}}', '{"05ba:000a":{}}']],
  ])('%s takes %j and refuses %j', (kind, good, bad) => {
    for (const value of good) expect(all[kind].safeParse(value).success, value).toBe(true);
    for (const value of bad) expect(all[kind].safeParse(value).success, value).toBe(false);
    expect(all[kind].description).toBeTruthy();
  });
  const all = {
    ...kinds,
    integer: kinds.integer(1, 10),
    oneOf: kinds.oneOf(['a', 'b']),
    url: kinds.url('redis:', 'rediss:'),
    contentOf: kinds.contentOf('a key'),
  };
});

describe('services', () => {
  const storage = {
    DATABASE_URL: 'postgresql://u:p@127.0.0.1:5432/atesto',
    SPID_SERVER_URL: 'https://spid.example:8082',
  };
  const idcloud = {
    IDCLOUD_URL: 'https://api.example',
    IDCLOUD_TOKEN_URL: 'https://identity.example/oauth2/token',
    IDCLOUD_ACCOUNT: 'atesto',
    IDCLOUD_TENANT: 'b1',
    IDCLOUD_PRIVATE_KEY_FILE: write('idcloud.pem', privateKey),
    IDCLOUD_API_KEY: SECRET,
  };

  it('gateway: the least that it needs', () => {
    expect(readGatewaySettings(storage)).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      queue: { kind: 'postgres', url: storage.DATABASE_URL },
      vault: { kind: 'file', path: path.resolve('.atesto/vault') },
      spid: { url: 'https://spid.example:8082', timeouts: { connectMs: 5_000, submitMs: 120_000, readMs: 15_000 } },
      idcloud: { accounts: [] },
      keys: { kek: undefined, indexKey: undefined },
      limits: { captureBytesMax: 12_000_000, jsonBytesMax: 65_536 },
    });
    expect(problemsOf(() => readGatewaySettings({}))).toMatch(
      /^DATABASE_URL: is not set.*\nSPID_SERVER_URL: is not set/,
    );
  });

  it('gateway: Redis and both platforms', () => {
    const settings = readGatewaySettings({
      ...storage,
      ...idcloud,
      REDIS_URL: 'redis://127.0.0.1:6379',
      SPID_SERVER_USERNAME: 'atesto',
      SPID_SERVER_PASSWORD: SECRET,
      ATESTO_KEK: `k1:${KEY}`,
      ATESTO_INDEX_KEY: KEY,
    });
    expect(settings).toMatchObject({
      queue: { kind: 'redis', url: 'redis://127.0.0.1:6379' },
      spid: { username: 'atesto', password: SECRET },
      idcloud: {
        accounts: [
          {
            clientUrl: 'https://api.example',
            keys: [{ apiKey: SECRET }],
            token: {
              tokenUrl: idcloud.IDCLOUD_TOKEN_URL,
              account: 'atesto',
              tenantId: 'b1',
              privateKey,
            },
          },
        ],
      },
    });
    expect(JSON.stringify(settings.summary)).not.toMatch(new RegExp(`${SECRET}|${KEY.slice(0, 20)}|u:p@|PRIVATE KEY`));
  });

  it('says what of an account is missing', () => {
    const { IDCLOUD_API_KEY: _, ...rest } = idcloud;
    expect(problemsOf(() => readWorkersSettings({ ...storage, ...rest }))).toMatch(
      /^IDCLOUD_API_KEY: is not set; the set/,
    );
    expect(
      problemsOf(() =>
        readWorkersSettings({ ...storage, ...idcloud, IDCLOUD_PRIVATE_KEY_FILE: write('bad.pem', SECRET) }),
      ),
    ).toBe('IDCLOUD_PRIVATE_KEY_FILE: expected an RSA private key in PEM');
    expect(problemsOf(() => readWorkersSettings({ ...storage, SPID_SERVER_USERNAME: 'x' }))).toMatch(
      /^SPID_SERVER_PASS/,
    );
  });

  it('workers: a lease is longer than any send', () => {
    expect(readWorkersSettings(storage)).toMatchObject({
      concurrency: 50,
      spidRate: 50,
      tickMs: 1_000,
      work: { submitTimeoutMs: 120_000, leaseMs: 180_000, settleMs: 5_000 },
    });
    expect(problemsOf(() => readWorkersSettings({ ...storage, LEASE_MS: '60000' }))).toMatch(/^LEASE_MS: /);
  });

  it('workers: a daily resend at a time of the day, if any', () => {
    expect(readWorkersSettings(storage).resendDailyAt).toBeUndefined();
    expect(readWorkersSettings({ ...storage, RESEND_DAILY_AT: '21:30' }).resendDailyAt).toBe('21:30');
    for (const wrong of ['24:00', '9:30', '21:60', 'noon']) {
      expect(problemsOf(() => readWorkersSettings({ ...storage, RESEND_DAILY_AT: wrong }))).toMatch(
        /^RESEND_DAILY_AT: /,
      );
    }
  });

  it('bridge: the least, and everything', () => {
    expect(readBridgeSettings({ GATEWAY_URL: 'https://gateway.example' })).toMatchObject({
      port: 19_980,
      gateway: { url: 'https://gateway.example' },
      stationKeyFile: path.resolve('.atesto/station.key'),
      outboxFile: path.resolve('.atesto/outbox.sqlite'),
      allowedOrigins: [],
      requireTokenForLocal: false,
      plans: {},
      fingerTimeoutMs: 30_000,
      cameraFile: undefined,
    });
    mkdirSync(path.join(scratch, 'state'), { recursive: true });
    const settings = readBridgeSettings({
      GATEWAY_URL: 'http://127.0.0.1:8080',
      ATESTO_STATE_DIR: path.join(scratch, 'state'),
      ALLOWED_ORIGINS: 'https://console.example',
      PAIRING_TOKEN: SECRET,
      REQUIRE_TOKEN_FOR_LOCAL: 'true',
      CAPTURE_PLAN_OPERATOR: '6,3',
      CAPTURE_TIMEOUT_MS: '5000',
      CAMERA: 'file:///var/lib/faces',
      CALIBRATION: '{"05ba:000a":{"kind":"none"}}',
    });
    expect(settings).toMatchObject({
      allowedOrigins: ['https://console.example'],
      pairingToken: SECRET,
      requireTokenForLocal: true,
      plans: { operator: [6, 3] },
      fingerTimeoutMs: 5_000,
      cameraFile: '/var/lib/faces',
      calibrations: { '05ba:000a': { kind: 'none' } },
    });
    expect(settings.outboxFile.startsWith(path.join(scratch, 'state'))).toBe(true);
    expect(JSON.stringify(settings.summary)).not.toContain(SECRET);
  });

  const bridge = { GATEWAY_URL: 'https://gateway.example' };
  const readers = {
    gateway: (SPID_PROFILE: string) => readGatewaySettings({ ...storage, SPID_PROFILE }),
    workers: (SPID_PROFILE: string) => readWorkersSettings({ ...storage, SPID_PROFILE }),
    bridge: (SPID_PROFILE: string) => readBridgeSettings({ ...bridge, SPID_PROFILE }),
  };

  it('all: routes and words are those of the SPID profile', () => {
    expect(readGatewaySettings(storage).spidTables).toEqual(defaultSpidTables);
    expect(readBridgeSettings(bridge).routes).toEqual(defaultSpidTables.services);
    const text = JSON.stringify({
      server: { getStatus: { path: '/gbs-spid-server/health' } },
      services: { captureSend: { method: 'POST' } },
      statuses: { ENROLL_DONE: 'enrolled' },
    });
    const file = write('profile.json', text);
    const wanted = applyProfile(defaultSpidTables, parseSpidProfile(text));
    const [gateway, workers] = [readers.gateway(file), readers.workers(file)];
    expect(gateway.spidTables).toEqual(wanted);
    for (const { spid } of [gateway, workers]) {
      expect(spid).toMatchObject({ operations: wanted.server, statuses: wanted.statuses });
    }
    expect(readers.bridge(file).routes).toEqual(wanted.services);
  });

  it.each(Object.entries(readers))('%s: says where a SPID profile cannot be used', (_name, read) => {
    const problemsWith = (file: string) => problemsOf(() => read(file)).split('\n');
    const unreadable = 'SPID_PROFILE: expected the path of a readable file: a SPID profile, JSON';
    expect(problemsWith('/nowhere/profile.json')).toEqual([unreadable]);
    expect(problemsWith(write('no-json.json', '{'))).toEqual(['SPID_PROFILE: not JSON']);
    const faulty = { server: { getWeather: { method: 'GET' }, enroll: { method: 'PUT' } } };
    expect(problemsWith(write('faulty.json', JSON.stringify(faulty)))).toEqual([
      'SPID_PROFILE: server.getWeather: there is no such row',
      'SPID_PROFILE: server.enroll: its route is published',
    ]);
  });

  it.each([
    ['gateway', gatewaySchema],
    ['workers', workersSchema],
    ['bridge', bridgeSchema],
  ] as [string, SettingsSchema][])('%s: every fallback is valid and every setting described', (_name, described) => {
    for (const [name, { schema: one, fallback, about }] of Object.entries(described)) {
      if (fallback !== undefined) expect(one.safeParse(fallback).success, name).toBe(true);
      expect(about, name).toMatch(/\.$/);
      expect(one.description, name).toBeTruthy();
    }
    expect(settingsTable(described).split('\n')).toHaveLength(Object.keys(described).length + 3);
  });
});
