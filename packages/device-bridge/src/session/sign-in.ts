import type { LoginStatus } from '@atesto/shared/contracts/spid-services';
import type { Cpf } from '@atesto/shared/domain/cpf';
import type { GatewayClient } from '../link/gateway-client.ts';
import type { OperatorStore } from '../outbox/operators.ts';

export interface SignIn {
  gateway: Pick<GatewayClient, 'lookupOperator'>;
  operators: Pick<OperatorStore, 'remember' | 'forget' | 'recall'>;
  /** Epoch milliseconds. */
  now: () => number;
  /** How long an operator may log in without the server having been asked. */
  offlineLoginMs: number;
}

export interface SignInAnswer {
  status: LoginStatus;
  message?: string;
}

/** SPID Server's operator status → what Login answers (reference 1.3). */
const meaning: Readonly<Record<string, LoginStatus>> = {
  VERIFIED: 'OPERATOR_OK',
  GOD_MODE: 'OPERATOR_OK',
  PENDING: 'OPERATOR_PENDING',
  ENQUEUED: 'OPERATOR_IN_PROGRESS',
  EXCEPTION: 'OPERATOR_FAILED',
  DELETED: 'OPERATOR_NOT_FOUND',
};

/** Asks the server who the operator is; where it cannot be asked, an operator whom it verified before at this station may work offline. */
export async function signIn(deps: SignIn, cpf: Cpf): Promise<SignInAnswer> {
  const answer = await deps.gateway.lookupOperator(cpf);
  switch (answer.kind) {
    case 'ok':
      return online(deps, cpf, answer.value.status);
    case 'unavailable':
      return offline(deps, cpf);
    case 'refused':
      return { status: 'ERROR', message: `the gateway refused the question (${answer.type ?? answer.status})` };
    default:
      return answer satisfies never;
  }
}

function online(deps: SignIn, cpf: Cpf, word: string | null): SignInAnswer {
  const status = word === null ? 'OPERATOR_NOT_FOUND' : Object.hasOwn(meaning, word) ? meaning[word] : undefined;
  try {
    if (word === null) deps.operators.forget(cpf);
    else deps.operators.remember(cpf, { status: word, at: deps.now() });
  } catch {
    // A full disk does not lock out an operator whom the server knows; it only costs the offline login.
  }
  return status ? { status } : { status: 'ERROR', message: 'the server gave the operator a status that is not known' };
}

function offline(deps: SignIn, cpf: Cpf): SignInAnswer {
  const away = 'the server cannot be reached';
  try {
    const known = deps.operators.recall(cpf);
    const fresh = known?.status === 'VERIFIED' && known.at > deps.now() - deps.offlineLoginMs;
    if (fresh) return { status: 'OPERATOR_OFFLINE_OK' };
  } catch {
    return { status: 'ERROR', message: `${away}, and the local records cannot be read` };
  }
  return {
    status: 'ERROR',
    message: `${away}, and this operator is not known at this station: log in when it is back`,
  };
}
