import * as z from 'zod';
import { sealedColumn } from './sealed-column.ts';

/** A finger that a person lacks. The reason is free text about somebody's health: it is kept sealed. */
const missingFinger = z.object({ index: z.int(), type: z.string(), reason: z.string() });
export type MissingFinger = z.infer<typeof missingFinger>;

/** Of a transaction, by its id. */
export const {
  seal: sealMissing,
  open: openMissing,
  reseal: resealMissing,
} = sealedColumn('transaction.missing', z.array(missingFinger));
