import type { IdcloudAccount } from '@atesto/shared/contracts/idcloud-accounts';
import type { IdcloudOperation } from '@atesto/shared/contracts/idcloud-client';
import type { UnicoOperation } from '@atesto/shared/contracts/idcloud-unico';
import type { TransactionEvent } from '@atesto/shared/domain/transaction';
import { applyEvent, getTransaction, type TransitionPlan } from '@atesto/shared/ledger/transactions';
import type { IdcloudAnswer, IdcloudRequest } from '@atesto/shared/upstreams/idcloud-connection';
import { sealAnswer } from '@atesto/shared/vault/answer-column';
import type { TestGateway } from './gateway.fixture.ts';
import { idcloudAccount, SOMEBODY, startTestGateway } from './gateway.fixture.ts';
import type { GatewayContext } from './gateway-context.ts';
import { pngOf } from './intake/pictures.fixture.ts';

/** A second account, by Client only, with a key for each thing that a key can be for. */
export const bank: IdcloudAccount = {
  ...idcloudAccount,
  name: 'bank',
  unicoUrl: undefined,
  signUrl: undefined,
  keys: (['identity-b', 'documents', 'validation', 'sdk'] as const).map((name) => ({
    name,
    apiKey: `bank-${name}`,
    capabilities:
      name === 'documents'
        ? ['documents']
        : name === 'validation'
          ? ['liveness', 'validation']
          : ['liveness', 'identity'],
    edition: name === 'identity-b' ? 'B' : 'D',
    sdkOnly: name === 'sdk',
  })),
};

export const face = pngOf(640, 480).toString('base64');
/** A create that every key for identities takes. */
export const goodCreate = () => ({ subject: { code: SOMEBODY, name: 'Pessoa Virtual' }, imageBase64: face });

/** An upstream that answers live reads as it is told, and remembers what it was asked. */
class ScriptedIdcloud {
  readonly asked: { of: object; operation: IdcloudOperation | UnicoOperation; request: IdcloudRequest }[] = [];
  answer: (operation: IdcloudOperation | UnicoOperation) => IdcloudAnswer = () => away;

  readonly upstream: GatewayContext['idcloud'] = { client: (of) => this.#caller(of), unico: (of) => this.#caller(of) };

  reset(): void {
    this.answer = () => away;
    this.asked.length = 0;
  }

  #caller(of: object) {
    return {
      send: async (operation: IdcloudOperation | UnicoOperation, request: IdcloudRequest) => {
        const { signal: _, ...rest } = request;
        this.asked.push({ of, operation, request: rest });
        return this.answer(operation);
      },
    };
  }
}

/** A gateway before a scripted IDCloud, which holds nobody for longer than a test has patience. */
export async function startFace(idcloudAccounts: readonly IdcloudAccount[] = []) {
  const upstream = new ScriptedIdcloud();
  const gateway = await startTestGateway({}, { idcloudAccounts, idcloudUpstream: upstream.upstream });
  gateway.context.limits = { ...gateway.context.limits, waitMsMax: 300 };
  return { gateway, upstream };
}

export const json = async (response: Response) => (await response.json()) as Record<string, unknown>;

export const away: IdcloudAnswer = { kind: 'none', began: false, reason: 'connect-refused' };

export function answered(status: number, body: unknown, headers: Record<string, string> = {}): IdcloudAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    kind: 'http',
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(text),
  };
}

interface Work extends TransitionPlan {
  event: TransactionEvent;
  /** Kept sealed. */
  answer?: unknown;
}

/** Works off what is accepted meanwhile as a worker would, with this outcome. */
export async function working<T>({ context }: TestGateway, work: Work | undefined, run: () => Promise<T>): Promise<T> {
  const { enqueue } = context;
  context.enqueue = async ({ id }) => {
    const { db, keyRing } = context;
    const row = await getTransaction(db, id);
    const claimed = row && work && (await applyEvent(db, row, { type: 'claimed' }));
    if (!claimed) return;
    const { event, answer, ...plan } = work;
    const body = JSON.stringify(answer);
    const answerSealed = answer === undefined ? undefined : sealAnswer(keyRing, id, { status: 200, body });
    await applyEvent(db, claimed, event, { ...plan, answerSealed });
  };
  try {
    return await run();
  } finally {
    context.enqueue = enqueue;
  }
}
