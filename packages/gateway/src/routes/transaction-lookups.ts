import {
  attentionAnswer,
  cpfQuestion,
  findAnswer,
  findRequest,
  latestAnswer,
  problem,
} from '@atesto/shared/contracts/gateway';
import { findTransactions, latestTransactionOf, listAttention } from '@atesto/shared/ledger/find-transactions';
import { sealCpf } from '@atesto/shared/vault/cpf-column';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { GatewayContext } from '../gateway-context.ts';
import { requireCpf } from '../intake/identify.ts';
import { viewTransaction } from './transaction-view.ts';

/** Finding the caller's own transactions. POST, because a CPF never stands in a URL of ours. */
export const transactionLookupRoutes: FastifyPluginAsyncZod<{ context: GatewayContext }> = async (app, { context }) => {
  app.post(
    '/v1/transactions/lookup',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: "The caller's latest transaction about a person",
        body: cpfQuestion,
        response: { 200: latestAnswer, '4xx': problem },
      },
    },
    async (request) => {
      const cpf = requireCpf(request.body.cpf, '/cpf');
      const { cpfIndex } = sealCpf(context.keyRing, cpf);
      const row = await latestTransactionOf(context.db, request.principal.id, cpfIndex);
      return { transaction: row ? viewTransaction(context, row) : null };
    },
  );

  app.get(
    '/v1/transactions/attention',
    {
      config: { access: ['administrator', 'system', 'station'] },
      schema: {
        summary: 'What people have to look at',
        description:
          'Transactions that stopped, whose outcome is unknown, or that wait with a word which is not one of plain waiting (an exception, an unknown word). Oldest first, at most 100; an administrator sees everybody’s.',
        response: { 200: attentionAnswer, '4xx': problem },
      },
    },
    async ({ principal }) => {
      const owner = principal.kind === 'administrator' ? undefined : principal.id;
      const rows = await listAttention(context.db, owner, 100);
      return { transactions: rows.map((row) => viewTransaction(context, row)) };
    },
  );

  app.post(
    '/v1/transactions/find',
    {
      config: { access: ['system', 'station'] },
      schema: {
        summary: "The caller's transactions among these ids",
        body: findRequest,
        response: { 200: findAnswer, '4xx': problem },
      },
    },
    async (request) => {
      const rows = await findTransactions(context.db, request.principal.id, request.body.ids);
      return { transactions: rows.map((row) => viewTransaction(context, row)) };
    },
  );
};
