import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enrol } from './enrol.ts';
import { FakeGateway, problem, STATION_ID, STATION_KEY } from './fake-gateway.fixture.ts';
import { readStationKey } from './station-key.ts';

let gateway: FakeGateway;
let folder: string;
let keyFile: string;

beforeEach(async () => {
  gateway = await new FakeGateway().start();
  gateway.codes.add('ABCD-1234');
  folder = mkdtempSync(join(tmpdir(), 'atesto-enrol-'));
  keyFile = join(folder, 'station.key');
});
afterEach(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('enrolment', () => {
  it('redeems a code once and keeps the key for its owner only', async () => {
    const url = gateway.url;
    expect(await readStationKey(keyFile)).toBeUndefined();
    const station = { id: STATION_ID, name: 'Balcão 1', key: STATION_KEY };
    expect(await enrol(' ABCD-1234\n', { url, keyFile })).toEqual({ kind: 'ok', station });
    expect(await readStationKey(keyFile)).toEqual(station);
    expect(readdirSync(folder)).toEqual(['station.key']);
    if (process.platform !== 'win32') expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    const [request] = gateway.seen;
    expect(request).toMatchObject({ method: 'POST', path: '/v1/stations' });
    expect(request?.headers.authorization).toBeUndefined();
    const before = readFileSync(keyFile);
    expect(await enrol('ABCD-1234', { url, keyFile })).toEqual({ kind: 'refused', status: 403 });
    expect(readFileSync(keyFile).equals(before)).toBe(true);
  });

  it('writes nothing where the gateway is away, busy or talks nonsense', async () => {
    const url = gateway.url;
    gateway.behaviours.push((_seen, response) => Boolean(problem(response, 503, 'busy')));
    expect(await enrol('ABCD-1234', { url, keyFile })).toEqual({ kind: 'unavailable' });
    gateway.behaviours.push((_seen, response) => Boolean(response.writeHead(201).end('{}')));
    expect(await enrol('ABCD-1234', { url, keyFile })).toEqual({ kind: 'unavailable' });
    await gateway.stop();
    expect(await enrol('ABCD-1234', { url, keyFile })).toEqual({ kind: 'unavailable' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not spend a code where the key could not be kept', async () => {
    await expect(enrol('ABCD-1234', { url: gateway.url, keyFile: join(folder, 'none', 'k') })).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(gateway.codes.has('ABCD-1234')).toBe(true);
  });

  it('does not show what stands in a broken key file', async () => {
    writeFileSync(keyFile, '{"id":"SECRET');
    await expect(readStationKey(keyFile)).rejects.not.toThrow('SECRET');
  });
});
