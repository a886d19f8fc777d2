import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Cpf } from '@atesto/shared/domain/cpf';
import { parseCpf } from '@atesto/shared/domain/cpf';
import { acceptTransaction } from '@atesto/shared/ledger/accept';
import { getMissing } from '@atesto/shared/ledger/captures';
import { createTokenStore } from '@atesto/shared/ledger/idcloud-tokens';
import { ensureSubject, getSubject } from '@atesto/shared/ledger/subjects';
import { applyEvent, getTransaction } from '@atesto/shared/ledger/transactions';
import { openAnswer, sealAnswer } from '@atesto/shared/vault/answer-column';
import { openCpf, sealCpf } from '@atesto/shared/vault/cpf-column';
import { createFileStore } from '@atesto/shared/vault/file-store';
import { createKeyRing, generateKey } from '@atesto/shared/vault/key-ring';
import { openMissing, sealMissing } from '@atesto/shared/vault/missing-column';
import { tokenColumn } from '@atesto/shared/vault/token-column';
import { createVault } from '@atesto/shared/vault/vault';
import { expect, it } from 'vitest';
import { startLedger } from '../../../../test/stack/ledger.ts';
import { rotateKeys } from './rotate-keys.ts';

it('brings rows under the new key, so that the old one can go', async () => {
  const { db, stop } = await startLedger();
  const home = await mkdtemp(path.join(tmpdir(), 'atesto-rotate-'));
  const store = await createFileStore(home);
  const [oldKey, newKey, indexKey] = [generateKey(), generateKey(), generateKey()];
  const before = createKeyRing([{ id: 'old', key: oldKey }], indexKey);
  const both = createKeyRing(
    [
      { id: 'new', key: newKey },
      { id: 'old', key: oldKey },
    ],
    indexKey,
  );
  const after = createKeyRing([{ id: 'new', key: newKey }], indexKey);
  try {
    const cpf = parseCpf('52998224725') as Cpf;
    const subject = await ensureSubject(db, sealCpf(before, cpf));
    const [id, payload, body] = [randomUUID(), randomUUID(), randomBytes(100_000)];
    const missing = [{ index: 2, type: 'AMPUTATED', reason: 'accident, 2019' }];
    const { wrappedKey, bytes } = await createVault({ keyRing: before, store }).put(payload, [Buffer.from(body)]);
    const answer = { status: 200, contentType: 'application/json', body: '{"tguid":"t"}' };
    const accepted = await acceptTransaction(db, {
      id,
      owner: randomUUID(),
      kind: 'spid.enroll',
      subject,
      requestMac: randomBytes(32),
      payload,
      payloadBytes: bytes,
      wrappedKey,
      missingSealed: sealMissing(before, id, missing),
      dueInMs: 60_000,
    });
    const { lease = '' } = await createTokenStore(db, tokenColumn(before)).look('bank', {
      leaseMs: 1_000,
      refused: undefined,
    });
    await createTokenStore(db, tokenColumn(before)).keep('bank', lease, {
      token: 'secret',
      renewInMs: 60_000,
      expiresInMs: 60_000,
    });

    if (accepted.kind !== 'accepted') throw new Error(accepted.kind);
    const sending = await applyEvent(db, accepted.transaction, { type: 'claimed' });
    if (!sending) throw new Error('it was not claimed');
    const taken = { type: 'taken', upstreamId: 'u', upstreamStatus: 'ENROLL_PENDING' } as const;
    await applyEvent(db, sending, taken, { answerSealed: sealAnswer(before, id, answer) });

    expect(await rotateKeys(db, both)).toEqual({
      captures: 0,
      transactions: 1,
      answers: 1,
      missing: 1,
      tokens: 1,
      subjects: 1,
    });
    expect(await rotateKeys(db, both)).toEqual({
      captures: 0,
      transactions: 0,
      answers: 0,
      missing: 0,
      tokens: 0,
      subjects: 0,
    });

    const row = await getTransaction(db, id);
    const sealed = { record: payload, wrappedKey: row?.wrappedKey ?? Buffer.alloc(0), bytes: body.length };
    const opened = createVault({ keyRing: after, store }).open(sealed);
    expect(Buffer.concat(await Array.fromAsync(opened, (chunk) => Buffer.from(chunk)))).toEqual(body);
    expect(openAnswer(after, id, row?.answerSealed ?? Buffer.alloc(0))).toEqual(answer);
    const { token } = await createTokenStore(db, tokenColumn(after)).look('bank', { leaseMs: 1, refused: undefined });
    expect(token).toMatchObject({ token: 'secret', version: 1 });
    const person = await getSubject(db, subject);
    expect(person && openCpf(after, person)).toBe(cpf);
    expect(openMissing(after, id, (await getMissing(db, id)) ?? Buffer.alloc(0))).toEqual(missing);
  } finally {
    await stop();
    await rm(home, { recursive: true });
  }
});
