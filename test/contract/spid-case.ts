import type { SpidServerOperationName } from '@atesto/shared/contracts/spid-server-operations';
import type { SpidInput, SpidValue } from '@atesto/shared/upstreams/spid-calls';
import type { House } from './spid-house.ts';

/** What is tried with one operation. */
export interface SpidCase<Name extends SpidServerOperationName> {
  /** Brings about what the call needs, and is its input. */
  good(house: House): SpidInput<Name> | Promise<SpidInput<Name>>;
  /** What the answer says and what the server holds now. */
  check(value: SpidValue<Name>, house: House): void | Promise<void>;
  /** Inputs that are refused as they are; none only where there is nothing to get wrong. */
  bad: readonly object[];
  /** An input that names nobody; none only where nothing is named. */
  missing?: (house: House) => SpidInput<Name> | Promise<SpidInput<Name>>;
}

export type SpidCases<Names extends SpidServerOperationName> = { [Name in Names]: SpidCase<Name> };
