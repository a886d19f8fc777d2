import { randomUUID } from 'node:crypto';
import type { NewIdcloudTransaction } from '@atesto/shared/contracts/gateway';
import type { IdcloudKey, IdcloudKeyOf } from '@atesto/shared/contracts/idcloud-accounts';
import { keyNamed } from '@atesto/shared/contracts/idcloud-accounts';
import { FACE_INDEX } from '@atesto/shared/domain/biometric';
import type { FaceAdvice } from '@atesto/shared/domain/face-measures';
import { adviseFace } from '@atesto/shared/domain/face-measures';
import type { SpentCapture } from '@atesto/shared/ledger/captures';
import { deleteFreshCapture } from '@atesto/shared/ledger/captures';
import type { Principal } from '@atesto/shared/ledger/credentials';
import { getPrincipal } from '@atesto/shared/ledger/credentials';
import type { Lane } from '@atesto/shared/queues/jobs';
import type { GatewayContext } from '../gateway-context.ts';
import { ProblemError } from '../problem.ts';
import type { Accepted } from './accept-sealed.ts';
import { acceptSealed } from './accept-sealed.ts';
import { idcloudBody } from './idcloud-body.ts';
import { requireCpf } from './identify.ts';
import { type FreshCapture, requireCaptures } from './require-captures.ts';
import { type TakenFace, takeFace } from './take-face.ts';

export interface AcceptedFace extends Accepted {
  /** On a face that was taken now; empty where it could not be measured. */
  advice?: Partial<FaceAdvice> | undefined;
}

/**
 * Accepts an IDCloud process whose face was uploaded before, or is taken now at a station: only for a request that is new, so that a repeated one never
 * takes a second picture. Until it is accepted nothing is promised; a face that was taken in vain is never used.
 * @throws ProblemError
 */
export async function acceptFace(
  context: GatewayContext,
  principal: Principal,
  id: string,
  request: NewIdcloudTransaction,
  { lane, signal }: { lane: Lane | undefined; signal: AbortSignal },
): Promise<AcceptedFace> {
  const { account, key } = requireKey(context, request);
  const { kind, face, useCase } = request;
  const { cpf: _, ...person } = request.subject;
  const cpf = requireCpf(request.subject.cpf, '/subject/cpf');
  requireFitKey(key, request);
  const station = await requireStation(context, principal, face.station);

  const taken: SpentCapture = { id: 'capture' in face ? face.capture : randomUUID(), index: FACE_INDEX };
  let answer: TakenFace | undefined;
  let record: string | undefined;
  let advice: AcceptedFace['advice'];
  const accepted = await acceptSealed(context, principal, {
    id,
    kind,
    operation: 'createProcess',
    account: account.name,
    keyName: key.name,
    station,
    subject: cpf,
    captures: [taken],
    asked: [JSON.stringify([kind, account.name, key.name, cpf, person, useCase, face])],
    async body() {
      if (!('capture' in face)) {
        answer = await takeFace(context, face.station, taken.id, signal);
        // Written down in the commit that comes after the body.
        taken.device = answer.device;
      }
      const capture = await requireFace(context, principal, request, taken.id);
      record = capture.record;
      advice = answer && (answer.measures ? adviseFace(capture, answer.measures) : {});
      return idcloudBody(context.vault, { subject: { code: cpf, ...person }, useCase }, capture);
    },
    lane,
    conflict: () => new ProblemError('id-conflict'),
  }).catch(async (error: unknown) => {
    // Of a face that was taken in vain nothing is kept. Best effort: what counts is why.
    if (answer) await discardCapture(context, taken.id).catch(() => undefined);
    throw error;
  });
  // The picture is in the payload now and its key is gone; the file is only space.
  if (accepted.isNew && record !== undefined) await Promise.allSettled([context.vault.destroy(record)]);
  return { ...accepted, advice };
}

/** The picture: the caller's, or the named station's; one that was taken now can only be the latter's. */
async function requireFace(
  context: GatewayContext,
  principal: Principal,
  { face }: NewIdcloudTransaction,
  id: string,
): Promise<FreshCapture> {
  const owners = [...('capture' in face ? [principal.id] : []), ...(face.station === undefined ? [] : [face.station])];
  const [capture] = await requireCaptures(context, owners, [id]).catch((error: unknown) => {
    if ('capture' in face || !(error instanceof ProblemError)) throw error;
    // The station said that it is here.
    throw new ProblemError('face-failed', [{ path: '/face/station', problem: 'not-uploaded' }]);
  });
  return capture as FreshCapture;
}

async function discardCapture({ db, vault }: GatewayContext, id: string): Promise<void> {
  const record = await deleteFreshCapture(db, id);
  if (record) await vault.destroy(record);
}

function requireKey({ idcloudAccounts }: GatewayContext, { account, key }: NewIdcloudTransaction): IdcloudKeyOf {
  const only = idcloudAccounts.length === 1 ? idcloudAccounts[0]?.name : undefined;
  const found = keyNamed(idcloudAccounts, { account: account ?? only, keyName: key });
  if (found) return found;
  const path = account === undefined && only === undefined ? '/account' : '/key';
  throw new ProblemError('unknown-key', [{ path, problem: 'not a configured name' }]);
}

/** What IDCloud would say of the key, before anybody is photographed. */
function requireFitKey({ capabilities, edition, sdkOnly }: IdcloudKey, { subject }: NewIdcloudTransaction): void {
  const unfit = (path: string, problem: string) => new ProblemError('unfit-request', [{ path, problem }]);
  if (sdkOnly) throw unfit('/key', 'takes captures of the SDK only');
  if (capabilities.includes('validation')) throw unfit('/key', 'compares 1:1, which needs a reference');
  if (capabilities.every((one) => one === 'documents')) throw unfit('/key', 'takes documents only');
  if (edition === 'B' && capabilities.includes('identity') && subject.name === undefined) {
    throw unfit('/subject/name', 'this key needs it');
  }
}

/** Where the face comes from. A station speaks for itself only; a system for any, as on the relay. */
async function requireStation(
  { db }: GatewayContext,
  principal: Principal,
  named: string | undefined,
): Promise<string | undefined> {
  if (principal.kind === 'station') {
    if (named === undefined || named === principal.id) return principal.id;
  } else if (named === undefined || (await getPrincipal(db, named))?.kind === 'station') return named;
  throw new ProblemError('unknown-station');
}
