import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { createKeyRing } from '@atesto/shared/vault/key-ring';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperatorStore } from './operators.ts';
import { Outbox } from './outbox.ts';
import { OutboxError } from './outbox-error.ts';
import type { CapturePackage } from './package.ts';
import { openStore } from './store.ts';

const keyBytes = Buffer.alloc(32, 7);
const keys = createKeyRing([{ id: 'k1', key: keyBytes }], Buffer.alloc(32, 9));
let folder: string;
let file: string;
const opened: { db: ReturnType<typeof openStore> }[] = [];

function open(options: { maxBytes?: number; keys?: typeof keys; now?: () => number } = {}): Outbox {
  const db = openStore({ file, ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }) });
  opened.push({ db });
  return new Outbox({ db, keys: options.keys ?? keys, ...(options.now && { now: options.now }) });
}

function close(): void {
  for (const { db } of opened.splice(0)) if (db.isOpen) db.close();
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atesto-outbox-'));
  file = join(folder, 'outbox.sqlite');
});
afterEach(() => {
  close();
  rmSync(folder, { recursive: true, force: true });
});

function record(): CapturePackage {
  return {
    tguid: randomUUID(),
    kind: 'enroll',
    subject: '52998224725',
    operator: { cpf: '11144477735', verification: 'verified' },
    capturedAt: 1_790_000_000_000,
    biometrics: [{ index: 6, capture: randomUUID() }],
  };
}

function put(outbox: Outbox, one = record(), png: Uint8Array = randomBytes(2_000)): CapturePackage {
  outbox.store(
    one,
    one.biometrics.map(({ capture }) => ({ capture, png })),
  );
  return one;
}

describe('outbox', () => {
  it('gives back what was stored, after reopening too', () => {
    const png = randomBytes(100_000);
    const one = put(open(), record(), png);
    close();
    const outbox = open();
    expect(outbox.ready()).toMatchObject([{ tguid: one.tguid, kind: 'enroll', state: 'ready', attempts: 0 }]);
    expect(outbox.read(one.tguid)).toEqual(one);
    expect(Buffer.from(outbox.image(one.tguid, one.biometrics[0]?.capture ?? '')).equals(png)).toBe(true);
  });

  it('moves along its states only, and destroys the payload on delivery', () => {
    const outbox = open();
    const { tguid, biometrics } = put(outbox);
    expect(outbox.delivered(tguid), 'not from ready').toBe(false);
    expect(outbox.refused(tguid, 'x'), 'not from ready').toBe(false);
    expect(outbox.release(tguid)).toBe(true);
    expect(outbox.release(tguid), 'once').toBe(false);
    expect(outbox.discard(tguid), 'what was handed over is not thrown away').toBe(false);
    expect(outbox.postponed(tguid, 'gateway-connect', 5)).toBe(true);
    expect(outbox.get(tguid)).toMatchObject({ state: 'pending', attempts: 1, dueAt: 5, reason: 'gateway-connect' });
    expect(outbox.delivered(tguid)).toBe(true);
    expect(outbox.get(tguid)).toMatchObject({ state: 'delivered', attempts: 2 });
    expect(() => outbox.read(tguid)).toThrow(expect.objectContaining({ kind: 'missing' }));
    expect(() => outbox.image(tguid, biometrics[0]?.capture ?? '')).toThrow(
      expect.objectContaining({ kind: 'missing' }),
    );
    expect(outbox.release(tguid)).toBe(false);
  });

  it('keeps the payload of what the gateway refused, unless it is to be destroyed', () => {
    const outbox = open();
    const kept = put(outbox);
    const gone = put(outbox);
    for (const { tguid } of [kept, gone]) outbox.release(tguid);
    outbox.refused(kept.tguid, 'validation-failed');
    outbox.refused(gone.tguid, 'expired', { destroy: true });
    expect(outbox.get(kept.tguid)).toMatchObject({ state: 'refused', reason: 'validation-failed' });
    expect(outbox.read(kept.tguid)).toEqual(kept);
    expect(outbox.get(gone.tguid)).toMatchObject({ state: 'refused', reason: 'expired' });
    expect(() => outbox.read(gone.tguid)).toThrow(OutboxError);
  });

  it('discards what is only ready, row and all; prunes old delivered rows', () => {
    let now = 1_000;
    const outbox = open({ now: () => now });
    const ready = put(outbox);
    const sent = put(outbox);
    outbox.release(sent.tguid);
    outbox.delivered(sent.tguid);
    expect(outbox.discard(ready.tguid)).toBe(true);
    expect(outbox.get(ready.tguid)).toBeUndefined();
    now = 5_000;
    expect(outbox.prune(500)).toBe(0);
    expect(outbox.prune(now)).toBe(1);
  });

  it('says when it is full, and has stored nothing then', () => {
    const outbox = open({ maxBytes: 600_000 });
    const first = put(outbox, record(), randomBytes(200_000));
    const second = record();
    expect(() => put(outbox, second, randomBytes(900_000))).toThrow(expect.objectContaining({ kind: 'full' }));
    expect(outbox.get(second.tguid)).toBeUndefined();
    expect(outbox.read(first.tguid)).toEqual(first);
    // Room comes back with what is delivered.
    outbox.release(first.tguid);
    outbox.delivered(first.tguid);
    put(outbox, record(), randomBytes(300_000));
  });

  it('says what it cannot read: another key, a changed bit, a swapped picture', () => {
    const outbox = open();
    const one = put(outbox);
    const two = put(outbox);
    const db = opened[0]?.db;
    const other = new Outbox({ db: db as never, keys: createKeyRing([{ id: 'k1', key: randomBytes(32) }], keyBytes) });
    const unreadable = expect.objectContaining({ kind: 'unreadable' });
    expect(() => other.read(one.tguid)).toThrow(unreadable);
    const swap = db?.prepare('update image set content = (select content from image where tguid = ?) where tguid = ?');
    swap?.run(one.tguid, two.tguid);
    expect(() => outbox.image(two.tguid, two.biometrics[0]?.capture ?? '')).toThrow(unreadable);
    const bytes = Buffer.from(
      db?.prepare('select package from item where tguid = ?').get(one.tguid)?.package as Uint8Array,
    );
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    db?.prepare('update item set package = ? where tguid = ?').run(bytes, one.tguid);
    expect(() => outbox.read(one.tguid)).toThrow(unreadable);
  });

  it('belongs to one process, and names a file that is none', () => {
    open();
    expect(() => openStore({ file })).toThrow(expect.objectContaining({ kind: 'busy' }));
    const other = join(folder, 'other.sqlite');
    writeFileSync(other, 'this is not a database at all, whatever its name says'.repeat(50));
    expect(() => openStore({ file: other })).toThrow(expect.objectContaining({ kind: 'unreadable' }));
  });

  it('writes no CPF and no picture in clear, neither into the file nor into its log', () => {
    const outbox = open();
    const png = Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      Buffer.from('PIXELS-OF-A-FINGER'.repeat(500)),
    ]);
    const one = put(outbox, record(), png);
    new OperatorStore({ db: opened[0]?.db as never, keys }).remember('11144477735' as Cpf, {
      status: 'VERIFIED',
      at: 1,
    });
    const markers = [one.subject, one.operator.cpf, 'PIXELS-OF', '\x89PNG', 'VERIFIED', 'verified'];
    const check = () => {
      for (const name of readdirSync(folder)) {
        const bytes = readFileSync(join(folder, name));
        for (const marker of markers)
          for (const encoding of ['latin1', 'utf16le'] as const)
            expect(bytes.includes(Buffer.from(marker, encoding)), `${marker} in ${name}`).toBe(false);
        for (const text of [one.subject, 'PIXELS-OF-A-FINGER'])
          expect(bytes.includes(Buffer.from(Buffer.from(text).toString('base64').slice(0, -4)))).toBe(false);
      }
    };
    expect(readdirSync(folder)).toContain('outbox.sqlite-wal');
    check();
    outbox.release(one.tguid);
    outbox.delivered(one.tguid);
    check();
    close();
    check();
  });

  it('keeps every record that was acknowledged before kill -9', async () => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'writer.fixture.ts'), file, keyBytes.toString('hex')],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const acked: { tguid: string; capture: string; sha256: string }[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acked.push(JSON.parse(line));
      if (acked.length === 25) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    const outbox = open();
    const { createHash } = await import('node:crypto');
    for (const { tguid, capture, sha256 } of acked) {
      expect(outbox.read(tguid)).toMatchObject({ tguid, biometrics: [{ capture }] });
      expect(createHash('sha256').update(outbox.image(tguid, capture)).digest('hex')).toBe(sha256);
    }
    expect(acked.length).toBeGreaterThanOrEqual(25);
    expect(opened[0]?.db.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
  });
});

describe('operators', () => {
  it('remembers, renews and forgets; nothing is found under another index key', () => {
    const db = openStore({ file });
    opened.push({ db });
    const store = new OperatorStore({ db, keys });
    const cpf = '11144477735' as Cpf;
    expect(store.recall(cpf)).toBeUndefined();
    store.remember(cpf, { status: 'PENDING', at: 1 });
    store.remember(cpf, { status: 'VERIFIED', at: 2 });
    expect(store.recall(cpf)).toEqual({ status: 'VERIFIED', at: 2 });
    expect(db.prepare('select count(*) as n from operator').get()).toEqual({ n: 1 });
    const other = new OperatorStore({ db, keys: createKeyRing([{ id: 'k1', key: keyBytes }], randomBytes(32)) });
    expect(other.recall(cpf)).toBeUndefined();
    store.forget(cpf);
    expect(store.recall(cpf)).toBeUndefined();
  });
});
