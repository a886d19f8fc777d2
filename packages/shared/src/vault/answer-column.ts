import * as z from 'zod';
import type { KeptAnswer } from '../domain/transaction.ts';
import { sealedColumn } from './sealed-column.ts';

const keptAnswer: z.ZodType<KeptAnswer> = z.object({
  status: z.int(),
  contentType: z.string().optional(),
  body: z.string(),
});

/** Of a transaction, by its id. */
export const {
  seal: sealAnswer,
  open: openAnswer,
  reseal: resealAnswer,
} = sealedColumn('transaction.answer', keptAnswer);
