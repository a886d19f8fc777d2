import { type IdcloudErrorCode, idcloudErrors } from '@atesto/shared/contracts/idcloud-client';
import type { TransactionRow } from '@atesto/shared/ledger/transactions';
import { openAnswer } from '@atesto/shared/vault/answer-column';
import type { FastifyReply } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { refuse } from './idcloud-error.ts';
import { objectOf } from './idcloud-read.ts';

/** A process as the ledger knows it, in IDCloud's words and under our id, which stays valid when the upstream's is not known yet. */
export function sendProcess(
  { keyRing }: Pick<GatewayContext, 'keyRing'>,
  reply: FastifyReply,
  row: TransactionRow,
): FastifyReply {
  const { id, state, verdict, result, upstreamStatus, answerSealed } = row;
  switch (state) {
    case 'dead': {
      const code = Number(result?.upstreamCode);
      if (Object.hasOwn(idcloudErrors, code)) return refuse(reply, code as IdcloudErrorCode);
      // Without the upstream's own word: a person looks at it. The contract's word for that is 5.
      return reply.code(200).send({ id, status: 5 });
    }
    case 'concluded': {
      if (verdict === 'contingency') return reply.code(200).send({ id, status: 5 });
      if (!answerSealed) return reply.code(200).send({ ...result, id });
      const whole = objectOf(Buffer.from(openAnswer(keyRing, id, answerSealed).body));
      return reply.code(200).send({ ...whole, id });
    }
    case 'awaiting':
      // What was known at first, and the newest word on it.
      return reply.code(200).send({ ...result, id, status: Number(upstreamStatus ?? 1) });
    case 'erased':
      return refuse(reply, 50001);
    default:
      return reply.code(200).send({ id, status: 1 });
  }
}
